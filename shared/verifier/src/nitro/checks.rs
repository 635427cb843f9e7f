//! The numbered steps of the appraisal of a Nitro document, as PROTOCOL.md's section on verification has them.
//!
//! `A` steps are those of AWS's own description (aws-nitro-enclaves-nsm-api, `docs/attestation_process.md`);
//! `X` steps are additional.

use crate::check::Check;

macro_rules! steps {
    ($($(#[$doc:meta])* $id:ident: $title:literal),* $(,)?) => {
        $($(#[$doc])* pub const $id: Check = Check::new("nitro", stringify!($id), $title);)*

        /// Every step, in the order of the checklist (not that in which they run).
        pub const ALL: [Check; 32] = [$($id),*];
    };
}

steps! {
    /// The document is a COSE_Sign1 array of four, tagged 18 or untagged.
    A1: "COSE_Sign1 envelope",
    /// The protected header is exactly `{1: -35}` (ES384).
    A2: "protected header is ES384 alone",
    /// The unprotected header is empty.
    A3: "unprotected header is empty",
    /// The payload is a byte string of 1 to 16384 bytes.
    A4: "payload is 1 to 16384 bytes",
    /// The signature is a byte string of 96 bytes.
    A5: "signature is 96 bytes",
    /// Every mandatory field is present.
    A6: "mandatory fields present",
    /// Only the three optional fields may be null.
    A7: "no mandatory field is null",
    /// `module_id` is a text that is not empty.
    A8: "module id well-formed",
    /// `digest` is the text `SHA384`.
    A9: "digest is SHA384",
    /// `timestamp` is a positive integer.
    A10: "timestamp well-formed",
    /// `pcrs` has 1 to 32 entries, keys 0 to 31, values of 48 bytes.
    A11: "PCRs well-formed",
    /// `cabundle` is a list of certificates of 1 to 1024 bytes, and not empty.
    A12: "CA bundle well-formed",
    /// `certificate` is a certificate of 1 to 1024 bytes.
    A13: "certificate well-formed",
    /// The optional fields are at most 1024 bytes long.
    A14: "optional fields within their limits",
    /// The bundle is in order, each certificate issued by the one before it.
    A15: "CA bundle in order",
    /// Every certificate, the root included, is valid at the time of the check.
    A16: "certificates valid at this time",
    /// Basic constraints: critical CAs, path lengths respected, the leaf not a CA.
    A17: "basic constraints",
    /// Key usage: CAs may sign certificates, the leaf may sign.
    A18: "key usage",
    /// Revocation lists are not consulted; see [`super::chain`].
    A19: "revocation lists (not consulted)",
    /// Every certificate is signed by the one before it, back to the pinned root.
    A20: "chain signed back to the root",
    /// The document is signed by the leaf's key.
    A21: "document signed by the enclave's certificate",
    /// The first certificate of the bundle is a pinned root, byte for byte.
    X1: "chain starts at a pinned root",
    /// Exactly one CBOR item in the envelope and in the payload, the envelope in definite lengths.
    X2: "one CBOR item, strictly encoded",
    /// No duplicate keys, no unknown keys, no text where bytes are due.
    X3: "known keys, once each",
    /// P-384 and ecdsa-with-SHA384 at every link.
    X4: "P-384 and SHA-384 throughout",
    /// The measurements are those of the policy.
    X5: "measurements accepted by the policy",
    /// The enclave does not run in debug mode.
    X6: "not a debug enclave",
    /// The document answers this session's challenge.
    X7: "nonce is ours",
    /// The document carries the digest of the claims that came with it.
    X8: "bound to the claims",
    /// The document is fresh.
    X9: "fresh",
    /// The document is an enclave's, not a NitroTPM's.
    X11: "an enclave's document",
    /// The document is within the limits on size (32 KiB) and nesting (8).
    X12: "within the size limits",
}
