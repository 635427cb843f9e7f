//! The numbered steps of verification.

use std::fmt;

/// One step of the checklist that PROTOCOL.md's section on verification follows.
///
/// `A` steps are those of AWS's own description
/// (aws-nitro-enclaves-nsm-api, `docs/attestation_process.md`); `X` steps are additional.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The document is a COSE_Sign1 array of four, tagged 18 or untagged.
    A1,
    /// The protected header is exactly `{1: -35}` (ES384).
    A2,
    /// The unprotected header is empty.
    A3,
    /// The payload is a byte string of 1 to 16384 bytes.
    A4,
    /// The signature is a byte string of 96 bytes.
    A5,
    /// Every mandatory field is present.
    A6,
    /// Only the three optional fields may be null.
    A7,
    /// `module_id` is a text that is not empty.
    A8,
    /// `digest` is the text `SHA384`.
    A9,
    /// `timestamp` is a positive integer.
    A10,
    /// `pcrs` has 1 to 32 entries, keys 0 to 31, values of 48 bytes.
    A11,
    /// `cabundle` is a list of certificates of 1 to 1024 bytes, and not empty.
    A12,
    /// `certificate` is a certificate of 1 to 1024 bytes.
    A13,
    /// The optional fields are at most 1024 bytes long.
    A14,
    /// The bundle is in order, each certificate issued by the one before it.
    A15,
    /// Every certificate, the root included, is valid at the time of the check.
    A16,
    /// Basic constraints: critical CAs, path lengths respected, the leaf not a CA.
    A17,
    /// Key usage: CAs may sign certificates, the leaf may sign.
    A18,
    /// Revocation lists are not consulted; see [`crate::chain`].
    A19,
    /// Every certificate is signed by the one before it, back to the pinned root.
    A20,
    /// The document is signed by the leaf's key.
    A21,
    /// The first certificate of the bundle is a pinned root, byte for byte.
    X1,
    /// Exactly one CBOR item in the envelope and in the payload, the envelope in definite lengths.
    X2,
    /// No duplicate keys, no unknown keys, no text where bytes are due.
    X3,
    /// P-384 and ecdsa-with-SHA384 at every link.
    X4,
    /// The measurements are those of the policy.
    X5,
    /// The enclave does not run in debug mode.
    X6,
    /// The document answers this session's challenge.
    X7,
    /// The document is bound to this session's key and claims.
    X8,
    /// The document is fresh.
    X9,
    /// The document is an enclave's, not a NitroTPM's.
    X11,
    /// The document is within the limits on size (32 KiB) and nesting (8).
    X12,
}

impl Check {
    /// Every step, in the order of the checklist (not that in which they run).
    pub const ALL: [Self; 32] = [
        Self::A1,
        Self::A2,
        Self::A3,
        Self::A4,
        Self::A5,
        Self::A6,
        Self::A7,
        Self::A8,
        Self::A9,
        Self::A10,
        Self::A11,
        Self::A12,
        Self::A13,
        Self::A14,
        Self::A15,
        Self::A16,
        Self::A17,
        Self::A18,
        Self::A19,
        Self::A20,
        Self::A21,
        Self::X1,
        Self::X2,
        Self::X3,
        Self::X4,
        Self::X5,
        Self::X6,
        Self::X7,
        Self::X8,
        Self::X9,
        Self::X11,
        Self::X12,
    ];

    /// The identifier as the checklist writes it, such as `"A5"`.
    pub const fn id(self) -> &'static str {
        self.entry().0
    }

    /// What holds when the step has passed, in a few words, for display.
    pub const fn title(self) -> &'static str {
        self.entry().1
    }

    const fn entry(self) -> (&'static str, &'static str) {
        match self {
            Self::A1 => ("A1", "COSE_Sign1 envelope"),
            Self::A2 => ("A2", "protected header is ES384 alone"),
            Self::A3 => ("A3", "unprotected header is empty"),
            Self::A4 => ("A4", "payload is 1 to 16384 bytes"),
            Self::A5 => ("A5", "signature is 96 bytes"),
            Self::A6 => ("A6", "mandatory fields present"),
            Self::A7 => ("A7", "no mandatory field is null"),
            Self::A8 => ("A8", "module id well-formed"),
            Self::A9 => ("A9", "digest is SHA384"),
            Self::A10 => ("A10", "timestamp well-formed"),
            Self::A11 => ("A11", "PCRs well-formed"),
            Self::A12 => ("A12", "CA bundle well-formed"),
            Self::A13 => ("A13", "certificate well-formed"),
            Self::A14 => ("A14", "optional fields within their limits"),
            Self::A15 => ("A15", "CA bundle in order"),
            Self::A16 => ("A16", "certificates valid at this time"),
            Self::A17 => ("A17", "basic constraints"),
            Self::A18 => ("A18", "key usage"),
            Self::A19 => ("A19", "revocation lists (not consulted)"),
            Self::A20 => ("A20", "chain signed back to the root"),
            Self::A21 => ("A21", "document signed by the enclave's certificate"),
            Self::X1 => ("X1", "chain starts at a pinned root"),
            Self::X2 => ("X2", "one CBOR item, strictly encoded"),
            Self::X3 => ("X3", "known keys, once each"),
            Self::X4 => ("X4", "P-384 and SHA-384 throughout"),
            Self::X5 => ("X5", "measurements accepted by the policy"),
            Self::X6 => ("X6", "not a debug enclave"),
            Self::X7 => ("X7", "nonce is ours"),
            Self::X8 => ("X8", "bound to this session"),
            Self::X9 => ("X9", "fresh"),
            Self::X11 => ("X11", "an enclave's document"),
            Self::X12 => ("X12", "within the size limits"),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}
