//! The numbered steps of the appraisal of an SEV-SNP report, in the order in which they run; B1 runs after S16.

use crate::check::Check;

macro_rules! steps {
    ($($(#[$doc:meta])* $id:ident: $title:literal),* $(,)?) => {
        $($(#[$doc])* pub const $id: Check = Check::new("sev-snp", stringify!($id), $title);)*

        /// Every step, in the order in which they run.
        pub const ALL: [Check; 26] = [$($id),*];
    };
}

steps! {
    /// The report is 1,184 bytes; evidence of a session is a strict CBOR map around it.
    S1: "report is 1184 bytes",
    /// The report's version is 2, 3, 4 or 5.
    S2: "report version known",
    /// Every reserved byte and bit is zero, and so are the upper bytes of r and s.
    S3: "reserved bytes are zero",
    /// The signature's algorithm is 1, ECDSA on P-384 with SHA-384.
    S4: "signed with ECDSA P-384 and SHA-384",
    /// The key that signed is of the kind that the policy names, and is not masked.
    S5: "signed by the kind of key that the policy names",
    /// The intermediate certificate names a pinned ARK as its issuer.
    S6: "chain starts at a pinned root",
    /// ARK, ASK or ASVK, leaf: each signed by the one before it, RSA-PSS with SHA-384.
    S7: "chain signed back to the root",
    /// The names are AMD's for this generation and this kind of key.
    S8: "names of the certificates",
    /// Every certificate, the root included, is valid at the time of the check.
    S9: "certificates valid at this time",
    /// The ARK's revocation list is in date, young enough, and revokes neither root nor intermediate.
    S10: "not revoked",
    /// The leaf's P-384 key signed the report's bytes.
    S11: "report signed by the leaf's key",
    /// The leaf's product, the CPU's family and model, and the chain agree, and the policy names that product.
    S12: "product accepted by the policy",
    /// The leaf was made for the reported TCB, component by component.
    S13: "leaf is of the reported TCB",
    /// A VCEK is of the report's chip; a VLEK is of a cloud that the policy names.
    S14: "leaf is of this chip or cloud",
    /// Reported TCB ≤ committed TCB ≤ current TCB, component by component.
    S15: "TCB versions in order",
    /// The firmware is committed, and not older than the policy allows.
    S16: "firmware accepted by the policy",
    /// All 64 bytes of `report_data` are the ones that are due.
    B1: "bound to the session",
    /// Reported and launch TCB and both mitigation vectors reach the policy's floors.
    S17: "TCB and mitigations accepted by the policy",
    /// No debugging, no migration, no unknown guest policy.
    S18: "not a debug or migratable guest",
    /// The guest policy is the one that the rules name, bit for bit.
    S19: "guest policy accepted by the policy",
    /// The report is of the privilege level that the policy names.
    S20: "privilege level accepted by the policy",
    /// The launch measurement is that of a set that has not expired.
    S21: "measurement accepted by the policy",
    /// The host data are those of the set.
    S22: "host data accepted by the policy",
    /// The digests of id key and author key are those of the set.
    S23: "id and author keys accepted by the policy",
    /// Every platform bit that the policy names is set.
    S24: "platform accepted by the policy",
    /// The chip is one that the policy names.
    S25: "chip accepted by the policy",
}
