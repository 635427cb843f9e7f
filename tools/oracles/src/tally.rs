//! Verdicts side by side, counted, and what must not be among them.

use std::fmt;

use sealnote_verifier::Rejection;
use sealnote_verifier::sev_snp::checks;

use crate::fields;

/// Checks that refuse what the oracle accepts, with the reason. S1 and S11 are not among them: a length and a signature
/// are the same to both.
#[rustfmt::skip] // A line each, so that they can be read as a table.
const REASONS: &[(&str, &str)] = &[
    ("S2", "sev reads any version above 5 as 5"),
    ("S3", "sev ignores what is above and after r and s, and unknown bits of PLATFORM_INFO and KEY_INFO"),
    ("S4", "sev does not look at the algorithm's number"),
    ("S5", "sev does not look at what the report says of its key"),
    ("S6", "sev does not look at names, and takes the root that it is given; OpenSSL ignores what is behind a certificate"),
    ("S7", "sev does not look at the parameters of RSA-PSS, at a signature's unused bits and at extensions; OpenSSL as in S6"),
    ("S8", "sev does not look at names and extensions"),
    ("S9", "sev has no clock"),
    ("S10", "sev has no revocation"),
    ("S12", "sev does not compare products"),
    ("S13", "sev does not compare the leaf's TCB"),
    ("S14", "sev does not compare the leaf's chip or cloud"),
    ("S15", "sev does not compare TCB versions"),
    ("S16", "sev has no policy"),
    ("B1", "sev does not look at report_data"),
    ("S17", "sev has no policy"),
    ("S18", "sev has no policy: debugging and migration are the caller's to look at"),
    ("S19", "sev has no policy"),
    ("S20", "sev has no policy"),
    ("S21", "sev has no policy"),
    ("S22", "sev has no policy"),
    ("S23", "sev has no policy"),
    ("S24", "sev has no policy"),
    ("S25", "sev has no policy"),
];

/// What both said of everything that was compared.
#[derive(Default)]
pub struct Tally {
    groups: Vec<(&'static str, Counts)>,
    /// The checks that refused what the oracle accepted.
    stricter: Vec<&'static str>,
    /// Reports that both read.
    read_by_both: usize,
    faults: Vec<String>,
}

#[derive(Default)]
struct Counts {
    both_accept: usize,
    both_refuse: usize,
    only_oracle: usize,
    only_ours: usize,
}

impl Tally {
    /// Counts one case of a group, and returns whether both accepted.
    pub fn add<T>(
        &mut self,
        group: &'static str,
        case: impl fmt::Display,
        report: &[u8],
        ours: &Result<T, Rejection>,
        oracle: bool,
    ) -> bool {
        if let Some(different) = fields::different(report) {
            self.read_by_both += 1;
            if !different.is_empty() {
                let fault = format!("{group}: {case}: read otherwise: {}", different.join(", "));
                self.faults.push(fault);
            }
        }
        let at = match self.groups.iter().position(|(name, _)| *name == group) {
            Some(at) => at,
            None => {
                self.groups.push((group, Counts::default()));
                self.groups.len() - 1
            }
        };
        let counts = &mut self.groups[at].1;
        let counter = match (ours, oracle) {
            (Ok(_), true) => &mut counts.both_accept,
            (Err(_), false) => &mut counts.both_refuse,
            (Ok(_), false) => {
                let fault =
                    format!("{group}: {case}: the oracle refuses what the verifier accepts");
                self.faults.push(fault);
                &mut counts.only_ours
            }
            (Err(rejection), true) => {
                let check = rejection.check().id();
                if reason(check).is_none() {
                    let fault = format!(
                        "{group}: {case}: the oracle accepts, and no reason is known: {rejection}"
                    );
                    self.faults.push(fault);
                }
                self.stricter.push(check);
                &mut counts.only_oracle
            }
        };
        *counter += 1;
        ours.is_ok() && oracle
    }

    /// Notes that a comparison was not what it must be.
    pub fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// What must not be.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = [
            "cases",
            "both accept",
            "both refuse",
            "only oracle",
            "only ours",
        ];
        writeln!(
            f,
            "{:44}{}",
            "accepted by",
            heads.map(|head| format!("{head:>13}")).concat()
        )?;
        for (group, counts) in &self.groups {
            let columns = [
                counts.both_accept,
                counts.both_refuse,
                counts.only_oracle,
                counts.only_ours,
            ];
            let cases: usize = columns.iter().sum();
            write!(f, "{group:44}{cases:13}")?;
            for column in columns {
                write!(f, "{column:13}")?;
            }
            writeln!(f)?;
        }
        writeln!(f, "\nread by both: {} reports", self.read_by_both)?;
        writeln!(f, "\naccepted by the oracle, refused by")?;
        for check in checks::ALL {
            let count = self.stricter.iter().filter(|id| **id == check.id()).count();
            if count > 0 {
                let reason = reason(check.id()).unwrap_or("NO REASON IS KNOWN");
                writeln!(f, "{:4}{count:6}  {}: {reason}", check.id(), check.title())?;
            }
        }
        for fault in &self.faults {
            writeln!(f, "WRONG: {fault}")?;
        }
        Ok(())
    }
}

fn reason(check: &str) -> Option<&'static str> {
    REASONS
        .iter()
        .find(|(id, _)| *id == check)
        .map(|(_, reason)| *reason)
}
