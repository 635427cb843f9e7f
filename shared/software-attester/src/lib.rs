//! Signs attestation documents in the Nitro shape under a development root.
