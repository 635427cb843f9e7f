//! The result of an appraisal as an EAR, the IETF's format for it (draft-ietf-rats-ear-04), for other relying parties
//! and for records. Written only: nothing here reads one, and no decision of ours rests on one.
//!
//! It is the claims set in JSON, without a signature: who ran the check holds the file, and no key of ours says more than
//! that. Who passes it on can sign these bytes as the payload of a JWT.
//!
//! The trustworthiness vector (draft-ietf-rats-ar4si) says only what was checked:
//!
//! - accepted: genuine hardware (2), or such with known vulnerabilities (32) where the policy tolerates a TCB that is not up to
//!   date; an approved configuration (2) and boot-time executables (3), which a measurement of AWS's firmware does not show; and
//!   memory that is encrypted (2), which no Nitro document says of itself. The status is `affirming` only if the evidence was
//!   bound to what the caller gave and has no such vulnerability, and else `warning`;
//! - accepted under a development root: hardware that is not recognised (97), and nothing else, so the status is
//!   `contraindicated`;
//! - rejected: no vector at all, for what comes after the failed check was not looked at. The status is
//!   `contraindicated`, and the check stands beside it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::azure_vtpm::Hardware;
use crate::check::Check;
use crate::kinds::{Facts, Kind};
use crate::tdx::{TcbStatus, VerifiedQuote};
use crate::time::UnixTime;

/// The profile that the claims follow.
pub const PROFILE: &str = "tag:ietf.org,2026:rats/ear#04";

/// Values of draft-ietf-rats-ar4si, section 2.3.4.
const GENUINE_HARDWARE: i8 = 2;
const VULNERABLE_HARDWARE: i8 = 32;
const UNRECOGNISED_HARDWARE: i8 = 97;
const APPROVED_CONFIGURATION: i8 = 2;
const APPROVED_BOOT: i8 = 3;
const ENCRYPTED_MEMORY: i8 = 2;

/// An appraisal that was made.
#[derive(Clone, Copy, Debug)]
pub struct Appraisal<'a> {
    /// Of what.
    pub kind: Kind,
    /// By which policy: the bytes of its file.
    pub policy: &'a [u8],
    /// The challenge that the evidence answers, if it was drawn for this appraisal.
    pub challenge: Option<&'a [u8; 32]>,
    /// The time that was checked at.
    pub at: UnixTime,
    /// When that was done.
    pub made: UnixTime,
    /// How it ended.
    pub outcome: Outcome<'a>,
}

/// How an appraisal ended.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// Every check has passed.
    Accepted {
        /// The label of the measurement set that matches.
        measurement_set: &'a str,
        /// The checks, in the order in which they passed.
        passed: &'a [Check],
        /// What that makes of the machine.
        standing: Standing,
    },
    /// A check has failed.
    Rejected {
        /// Which.
        check: Check,
        /// Why, as the rejection displays it.
        reason: &'a str,
    },
}

/// What accepted evidence makes of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// It is software under a development root.
    pub is_development: bool,
    /// The policy tolerates a TCB that is not up to date, or advisories that apply.
    pub is_vulnerable: bool,
    /// What was measured is the workload, and not the firmware alone.
    pub shows_workload: bool,
}

impl Standing {
    /// Of verified evidence.
    pub fn of(facts: &Facts) -> Self {
        let is_behind = |quote: &VerifiedQuote| {
            quote.tcb_status() != TcbStatus::UpToDate || !quote.advisory_ids().is_empty()
        };
        let is_vulnerable = match facts {
            Facts::Tdx(quote) => is_behind(quote),
            Facts::AzureVtpm(quote) => match quote.hardware() {
                Hardware::Tdx(quote) => is_behind(quote),
                Hardware::SevSnp(_) => false,
            },
            Facts::Nitro(_) | Facts::SevSnp(_) | Facts::Token(_) => false,
        };
        let shows_workload = match facts {
            Facts::SevSnp(report) => !report.shows_firmware_alone(),
            _ => true,
        };
        Self {
            is_development: facts.is_development(),
            is_vulnerable,
            shows_workload,
        }
    }
}

/// The steps that hold evidence to what the caller gave.
const BINDINGS: [&str; 3] = ["B1", "X7", "X8"];

impl Outcome<'_> {
    fn is_bound(&self) -> bool {
        match self {
            Self::Accepted { passed, .. } => {
                passed.iter().any(|check| BINDINGS.contains(&check.id()))
            }
            Self::Rejected { .. } => false,
        }
    }
}

impl Appraisal<'_> {
    /// The claims set, as JSON.
    pub fn to_json(&self) -> String {
        let mut appraisal = Map::new();
        let mut put = |claim: &str, value: Value| appraisal.insert(claim.to_owned(), value);
        put("ear_status", self.status().into());
        if let Some(vector) = self.vector() {
            put("ear_trustworthiness_vector", vector);
        }
        put("ear_appraisal_policy_ids", json!([policy_id(self.policy)]));
        put("ear_verifier_claims", self.verifier_claims());

        let mut claims = json!({
            "eat_profile": PROFILE,
            "iat": self.made.as_seconds(),
            "ear_verifier_id": {
                "developer": "Sealnote",
                "build": concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")),
            },
            "submods": { self.kind.name(): appraisal },
        });
        if let Some(challenge) = self.challenge {
            claims["eat_nonce"] = URL_SAFE_NO_PAD.encode(challenge).into();
        }
        claims.to_string()
    }

    fn status(&self) -> &'static str {
        match self.outcome {
            Outcome::Rejected { .. } => "contraindicated",
            Outcome::Accepted { standing, .. } if standing.is_development => "contraindicated",
            Outcome::Accepted { standing, .. }
                if standing.is_vulnerable
                    || !standing.shows_workload
                    || !self.outcome.is_bound() =>
            {
                "warning"
            }
            Outcome::Accepted { .. } => "affirming",
        }
    }

    fn vector(&self) -> Option<Value> {
        let Outcome::Accepted { standing, .. } = self.outcome else {
            return None;
        };
        if standing.is_development {
            return Some(json!({ "hardware": UNRECOGNISED_HARDWARE }));
        }
        let mut vector = json!({
            "hardware": match standing.is_vulnerable {
                true => VULNERABLE_HARDWARE,
                false => GENUINE_HARDWARE,
            },
            "configuration": APPROVED_CONFIGURATION,
        });
        if standing.shows_workload {
            vector["executables"] = APPROVED_BOOT.into();
        }
        if self.kind != Kind::Nitro {
            vector["runtime-opaque"] = ENCRYPTED_MEMORY.into();
        }
        Some(vector)
    }

    /// What the format has no claims for.
    fn verifier_claims(&self) -> Value {
        match self.outcome {
            Outcome::Accepted {
                measurement_set,
                passed,
                ..
            } => {
                let passed: Vec<&str> = passed.iter().map(|check| check.id()).collect();
                json!({
                    "measurement_set": measurement_set,
                    "passed": passed,
                    "bound": self.outcome.is_bound(),
                    "at": self.at.to_string(),
                })
            }
            Outcome::Rejected { check, reason } => {
                json!({ "failed": check.id(), "reason": reason })
            }
        }
    }
}

/// The name of these bytes as a URI (RFC 6920).
fn policy_id(policy: &[u8]) -> String {
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(policy));
    format!("ni:///sha-256;{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::P1;
    use crate::sev_snp::checks::{B1, S1, S7};

    fn ear(kind: Kind, outcome: Outcome<'_>) -> Value {
        let appraisal = Appraisal {
            kind,
            policy: b"Hello World!",
            challenge: Some(&[0; 32]),
            at: UnixTime::from_seconds(1_794_000_000),
            made: UnixTime::from_seconds(1_795_000_000),
            outcome,
        };
        serde_json::from_str(&appraisal.to_json()).expect("JSON")
    }

    fn accepted(is_development: bool) -> Outcome<'static> {
        Outcome::Accepted {
            measurement_set: "one",
            passed: &[P1, S1, B1],
            standing: Standing {
                is_development,
                is_vulnerable: false,
                shows_workload: true,
            },
        }
    }

    #[test]
    fn what_is_tolerated_or_bound_to_nothing_is_a_warning() {
        let standing = Standing {
            is_development: false,
            is_vulnerable: false,
            shows_workload: true,
        };
        let vulnerable = Standing {
            is_vulnerable: true,
            ..standing
        };
        let firmware = Standing {
            shows_workload: false,
            ..standing
        };
        let bound = &[P1, S1, B1][..];
        for (standing, passed, hardware, executables) in [
            (vulnerable, bound, 32, json!(3)),
            (firmware, bound, 2, Value::Null),
            (standing, &[P1, S1], 2, json!(3)),
        ] {
            let claims = ear(
                Kind::SevSnp,
                Outcome::Accepted {
                    measurement_set: "one",
                    passed,
                    standing,
                },
            );
            let appraisal = &claims["submods"]["sev-snp"];
            assert_eq!(appraisal["ear_status"], "warning");
            let vector = &appraisal["ear_trustworthiness_vector"];
            assert_eq!(vector["hardware"], hardware);
            assert_eq!(vector["executables"], executables);
        }
    }

    #[test]
    fn what_was_accepted_is_affirmed() {
        let expected = json!({
            "eat_profile": "tag:ietf.org,2026:rats/ear#04",
            "iat": 1_795_000_000,
            "eat_nonce": "A".repeat(43),
            "ear_verifier_id": {
                "developer": "Sealnote",
                "build": format!("sealnote-verifier {}", env!("CARGO_PKG_VERSION")),
            },
            "submods": {
                "sev-snp": {
                    "ear_status": "affirming",
                    "ear_trustworthiness_vector": {
                        "hardware": 2,
                        "configuration": 2,
                        "executables": 3,
                        "runtime-opaque": 2,
                    },
                    // The example of RFC 6920, section 8.1.
                    "ear_appraisal_policy_ids":
                        ["ni:///sha-256;f4OxZX_x_FO5LcGBSKHWXfwtSx-j1ncoSt3SABJtkGk"],
                    "ear_verifier_claims": {
                        "measurement_set": "one",
                        "passed": ["P1", "S1", "B1"],
                        "bound": true,
                        "at": "2026-11-06T21:20:00Z",
                    },
                },
            },
        });
        assert_eq!(ear(Kind::SevSnp, accepted(false)), expected);
    }

    #[test]
    fn a_nitro_document_does_not_say_that_memory_is_encrypted() {
        let claims = ear(Kind::Nitro, accepted(false));
        let vector = &claims["submods"]["nitro"]["ear_trustworthiness_vector"];
        let expected = json!({"hardware": 2, "configuration": 2, "executables": 3});
        assert_eq!(*vector, expected);
    }

    #[test]
    fn software_is_not_affirmed() {
        let claims = ear(Kind::SevSnp, accepted(true));
        let appraisal = &claims["submods"]["sev-snp"];
        assert_eq!(appraisal["ear_status"], "contraindicated");
        let vector = &appraisal["ear_trustworthiness_vector"];
        assert_eq!(*vector, json!({"hardware": 97}));
    }

    #[test]
    fn a_rejection_claims_nothing_but_itself() {
        let outcome = Outcome::Rejected {
            check: S7,
            reason: "why",
        };
        let claims = ear(Kind::SevSnp, outcome);
        let appraisal = &claims["submods"]["sev-snp"];
        assert_eq!(appraisal["ear_status"], "contraindicated");
        assert_eq!(appraisal.get("ear_trustworthiness_vector"), None);
        let expected = json!({"failed": "S7", "reason": "why"});
        assert_eq!(appraisal["ear_verifier_claims"], expected);
    }
}
