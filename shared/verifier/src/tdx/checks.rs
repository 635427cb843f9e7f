//! The numbered steps of the appraisal of a TDX quote, in the order in which they run: what holds whatever the policy says
//! comes before what the policy asks.

use crate::check::Check;

macro_rules! steps {
    ($($(#[$doc:meta])* $id:ident: $title:literal),* $(,)?) => {
        $($(#[$doc])* pub const $id: Check = Check::new("tdx", stringify!($id), $title);)*

        /// Every step, in the order in which they run.
        pub const ALL: [Check; 24] = [$($id),*];
    };
}

steps! {
    /// A TDX quote of version 4 or 5, of TDX 1.0 or 1.5, signed with ECDSA P-256, with its PCK chain; evidence of a
    /// session is a strict CBOR map around it.
    T1: "quote is a TDX quote of a known form",
    /// Nothing but zeros behind the quote.
    T2: "nothing but zeros behind the quote",
    /// The TCB info is Intel's, for TDX, and in date.
    T3: "TCB info signed back to a pinned root and in date",
    /// The quoting enclave's identity is Intel's, for TDX, and in date.
    T4: "QE identity signed back to a pinned root and in date",
    /// Root, PCK CA, PCK certificate: each signed by the one before it, named as Intel names them, and in date.
    T5: "PCK chain signed back to the root",
    /// Both revocation lists are signed and in date, and revoke none of the certificates.
    T6: "not revoked",
    /// The PCK certificate's key signed the quoting enclave's report, which holds the attestation key.
    T7: "quoting enclave signed by the platform's key",
    /// The quoting enclave is the one that the QE identity describes.
    T8: "quoting enclave is Intel's",
    /// The attestation key signed the quote.
    T9: "quote signed by the attestation key",
    /// The TCB info is of the PCK certificate's platform.
    T10: "TCB info is of this platform",
    /// The TDX module is one that the TCB info names, and its measurement one that the policy names.
    T12: "TDX module accepted",
    /// No debugging, profiling or migration, no unknown attribute, and SEPT_VE_DISABLE.
    T16: "not a debug, profiled or migratable guest",
    /// No service TD is bound to the guest.
    T21: "no service TD",
    /// All 64 bytes of `report_data` are the ones that are due.
    B1: "bound to the session",
    /// The platform's TCB has a status that the policy accepts; never Revoked.
    T11: "TCB status accepted by the policy",
    /// The collateral's evaluation data number is at least the policy's.
    T13: "TCB evaluation data number accepted by the policy",
    /// The collateral is no older than the policy allows.
    T14: "collateral young enough",
    /// No advisory that the policy rejects applies.
    T15: "no advisory that the policy rejects",
    /// XFAM is the set's.
    T17: "extended features accepted by the policy",
    /// MRTD is that of a set that has not expired.
    T18: "measurement accepted by the policy",
    /// The four runtime measurements are the set's.
    T19: "runtime measurements accepted by the policy",
    /// MRCONFIGID, MROWNER and MROWNERCONFIG are the set's.
    T20: "configuration and owner accepted by the policy",
    /// The event log, where there is one, replays to the runtime measurements.
    T22: "event log replays to the runtime measurements",
    /// The platform is one that the policy names.
    T23: "platform accepted by the policy",
}
