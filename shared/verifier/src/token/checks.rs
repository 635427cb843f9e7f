//! The numbered steps of the appraisal of a token, in the order in which they run.

use crate::check::Check;

macro_rules! steps {
    ($($(#[$doc:meta])* $id:ident: $title:literal),* $(,)?) => {
        $($(#[$doc])* pub const $id: Check = Check::new("token", stringify!($id), $title);)*

        /// Every step, in the order in which they run.
        pub const ALL: [Check; 15] = [$($id),*];
    };
}

steps! {
    /// At most 24 KiB, three parts in strict base64url, JSON objects in which no key stands twice.
    J1: "token is well-formed",
    /// The issuer is one that the policy names, to the letter; its profile and its keys are due from here on.
    J7: "issuer accepted by the policy",
    /// The algorithm is one with which this issuer signs, and the header demands nothing else.
    J2: "algorithm is the issuer's",
    /// The header brings no key along and sends nobody for one.
    J3: "no keys by the header's word",
    /// The key set is one that the policy pins, no two of its keys share a name, and one has the token's.
    J4: "key is in the pinned set",
    /// The header's certificates lead to a root that the policy pins, and are valid at the time of the check.
    J5: "certificates lead to the pinned root",
    /// That key signed the token.
    J6: "token signed by the key",
    /// The audience is the one that the policy names; where it names none, the token has none.
    J8: "audience accepted by the policy",
    /// Issued and valid at the time of the check.
    J9: "token valid at this time",
    /// What carries the binding is a claim about the machine's own evidence, in the issuer's profile's form.
    J10: "binding carried as the issuer's profile says",
    /// The binding in it is the one that is due.
    B1: "bound to the session",
    /// The issuer found no debugging, and the machine cannot be migrated.
    J11: "not a debug or migratable machine",
    /// The issuer appraised by the policy that ours names.
    J14: "issuer's own policy accepted by the policy",
    /// The TCB is one that the policy accepts.
    J13: "TCB accepted by the policy",
    /// What was measured is that of a set that has not expired.
    J12: "measurement accepted by the policy",
}
