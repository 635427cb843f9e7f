//! The Sealnote client: verifies the enclave, seals notes to it, opens its answers.
