//! Genuine SEV-SNP reports, each at its own time under a policy of its own values, and changes to them.
//!
//! They are outside the repository, in the folder that `SEALNOTE_VECTORS` names, else in `../shared/vectors` from the
//! project's root. Where it is absent every case is listed as ignored, with the reason.

#[path = "sev_snp/own_policy.rs"]
mod own_policy;

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sealnote_verifier::sev_snp::wire::Endorsements;
use sealnote_verifier::sev_snp::{Product, RootKind, checks, inspect};
use sealnote_verifier::{Policy, Rejection, TrustRoots, UnixTime};
use serde_json::{Value, json};
use x509_cert::Certificate;
use x509_cert::der::{DecodePem, Encode};

const YEAR: u64 = 366 * 24 * 3600;

/// A report with its endorsements.
#[derive(Clone, Copy)]
struct Vector {
    report: &'static str,
    leaf: &'static str,
    intermediate: &'static str,
    product: Product,
    /// A day after the leaf's first.
    at: u64,
    /// Years for which the leaf is valid.
    years: u64,
    /// `accepted`, or the check that it fails under a policy of its own values.
    outcome: &'static str,
}

const VECTORS: [Vector; 11] = [
    Vector {
        report: "ms-milan-report.bin",
        leaf: "ms-milan-vcek.pem",
        intermediate: "ms-milan-ask.pem",
        product: Product::Milan,
        at: 1_770_340_000,
        years: 7,
        outcome: "accepted",
    },
    Vector {
        report: "ms-genoa-report.bin",
        leaf: "ms-genoa-vcek.pem",
        intermediate: "ms-genoa-ask.pem",
        product: Product::Genoa,
        at: 1_770_340_000,
        years: 7,
        outcome: "accepted",
    },
    Vector {
        report: "ms-turin-report.bin",
        leaf: "ms-turin-vcek.pem",
        intermediate: "ms-turin-ask.pem",
        product: Product::Turin,
        at: 1_770_340_000,
        years: 7,
        outcome: "accepted",
    },
    Vector {
        report: "coco-test-report.bin",
        leaf: "coco-test-vcek.der",
        intermediate: "amd-milan-ask.der",
        product: Product::Milan,
        at: 1_674_670_000,
        years: 7,
        outcome: "accepted",
    },
    Vector {
        report: "coco-test-vlek-report.bin",
        leaf: "coco-test-vlek.der",
        intermediate: "amd-milan-asvk.der",
        product: Product::Milan,
        at: 1_733_960_000,
        years: 1,
        outcome: "accepted",
    },
    Vector {
        report: "gosev-attestation.bin",
        leaf: "gosev-vcek.der",
        intermediate: "amd-milan-ask.der",
        product: Product::Milan,
        at: 1_664_070_000,
        years: 7,
        outcome: "S18",
    },
    Vector {
        report: "virtee-milan-report.hex",
        leaf: "virtee-milan-vcek.der",
        intermediate: "amd-milan-ask.der",
        product: Product::Milan,
        at: 1_680_640_000,
        years: 7,
        outcome: "accepted",
    },
    // Not issued by any ASK.
    Vector {
        report: "coco-test-report.bin",
        leaf: "coco-test-vcek-invalid-legacy.der",
        intermediate: "amd-milan-ask.der",
        product: Product::Milan,
        at: 1_674_670_000,
        years: 7,
        outcome: "S7",
    },
    Vector {
        report: "coco-test-report.bin",
        leaf: "coco-test-vcek-invalid-new.der",
        intermediate: "amd-milan-ask.der",
        product: Product::Milan,
        at: 1_674_670_000,
        years: 7,
        outcome: "S7",
    },
    // Of another generation: under the report's own ASK, and with its own.
    Vector {
        report: "ms-milan-report.bin",
        leaf: "ms-genoa-vcek.pem",
        intermediate: "ms-milan-ask.pem",
        product: Product::Milan,
        at: 1_770_340_000,
        years: 7,
        outcome: "S7",
    },
    Vector {
        report: "ms-milan-report.bin",
        leaf: "ms-genoa-vcek.pem",
        intermediate: "ms-genoa-ask.pem",
        product: Product::Milan,
        at: 1_770_340_000,
        years: 7,
        outcome: "S11",
    },
];

fn main() {
    let arguments = Arguments::from_args();
    let is_there = folder().is_dir();
    let trials = VECTORS.iter().flat_map(|vector| {
        cases(vector).iter().map(move |(name, case)| {
            let names = [vector.report, vector.leaf, vector.intermediate].join(", ");
            let name = format!("{names}: {name}");
            match is_there {
                true => Trial::test(name, || case(&Loaded::of(vector)?)),
                false => Trial::ignorable_test(name, || {
                    let reason = format!("{} is absent", folder().display());
                    Ok(Completion::ignored_with(reason))
                }),
            }
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

type Case = fn(&Loaded) -> Result<(), Failed>;

fn cases(vector: &Vector) -> &'static [(&'static str, Case)] {
    match vector.outcome {
        "accepted" => ACCEPTED,
        _ => &[("rejected", as_stated)],
    }
}

const ACCEPTED: &[(&str, Case)] = &[
    ("accepted", as_stated),
    ("before and after its validity", outside_its_validity),
    ("without a revocation list that is required", without_a_crl),
    ("another report_data", another_report_data),
    ("stricter policies", stricter_policies),
    ("flipped bits", flipped_bits),
    ("truncated and padded", other_lengths),
    ("the other kind of key", the_other_kind_of_key),
];

/// What a check takes.
struct Loaded {
    vector: &'static Vector,
    report: Vec<u8>,
    endorsements: Vec<u8>,
    rules: Value,
}

impl Loaded {
    fn of(vector: &'static Vector) -> Result<Self, Failed> {
        let report = read(vector.report)?;
        let (leaf, intermediate) = (read(vector.leaf)?, read(vector.intermediate)?);
        let endorsements = Endorsements {
            leaf: &leaf,
            intermediate: &intermediate,
            crl: None,
        };
        Ok(Self {
            vector,
            endorsements: endorsements.encode(),
            rules: own_policy::rules(inspect(&report)?.fields(), vector.product),
            report,
        })
    }

    fn outcome(&self, report: &[u8], rules: &Value, at: u64) -> Result<String, Failed> {
        let policy = Policy::from_json(own_policy::policy(rules))?;
        let now = UnixTime::from_seconds(at);
        let roots = TrustRoots::vendors();
        Ok(
            match policy.check_report(report, &self.endorsements, None, &roots, now) {
                Ok(_) => String::from("accepted"),
                Err(rejection) => rejection.check().id().to_owned(),
            },
        )
    }

    fn expect(&self, rules: &Value, expected: &str) -> Result<(), Failed> {
        same(
            &self.outcome(&self.report, rules, self.vector.at)?,
            expected,
        )
    }
}

fn as_stated(loaded: &Loaded) -> Result<(), Failed> {
    let policy = Policy::from_json(own_policy::policy(&loaded.rules))?;
    let report_data = inspect(&loaded.report)?.fields().report_data;
    let checked = policy.check_report(
        &loaded.report,
        &loaded.endorsements,
        Some(&report_data),
        &TrustRoots::vendors(),
        UnixTime::from_seconds(loaded.vector.at),
    );
    match checked {
        Ok(report) => {
            same("accepted", loaded.vector.outcome)?;
            // There is no list, and none is asked for.
            let expected = checks::ALL
                .into_iter()
                .filter(|check| *check != checks::S10);
            match report.passed().iter().copied().eq(expected)
                && report.root() == RootKind::Amd
                && report.product() == loaded.vector.product
                && report.measurement_set() == "fixture"
            {
                true => Ok(()),
                false => Err(format!("only {:?} have run", report.passed()).into()),
            }
        }
        Err(rejection) => same(rejection.check().id(), loaded.vector.outcome)
            .map_err(|_| rejection.to_string().into()),
    }
}

fn outside_its_validity(loaded: &Loaded) -> Result<(), Failed> {
    let at = loaded.vector.at;
    for (at, expected) in [
        (at - 3 * 24 * 3600, "S9"),
        (at + loaded.vector.years * YEAR - 10 * 24 * 3600, "accepted"),
        (at + loaded.vector.years * YEAR, "S9"),
        (0, "S9"),
    ] {
        same(
            &loaded.outcome(&loaded.report, &loaded.rules, at)?,
            expected,
        )?;
    }
    Ok(())
}

fn without_a_crl(loaded: &Loaded) -> Result<(), Failed> {
    let mut rules = loaded.rules.clone();
    rules["crl"] = json!("required");
    loaded.expect(&rules, "S10")?;
    rules.as_object_mut().ok_or("no object")?.remove("crl");
    loaded.expect(&rules, "S10")
}

fn another_report_data(loaded: &Loaded) -> Result<(), Failed> {
    let policy = Policy::from_json(own_policy::policy(&loaded.rules))?;
    let now = UnixTime::from_seconds(loaded.vector.at);
    for at in [0, 31, 32, 63] {
        let mut report_data = inspect(&loaded.report)?.fields().report_data;
        report_data[at] ^= 1;
        let checked = policy.check_report(
            &loaded.report,
            &loaded.endorsements,
            Some(&report_data),
            &TrustRoots::vendors(),
            now,
        );
        same(outcome(&checked.map(|_| ())), "B1")?;
    }
    Ok(())
}

fn stricter_policies(loaded: &Loaded) -> Result<(), Failed> {
    let product = loaded.vector.product.name().to_lowercase();
    let with = |edit: &dyn Fn(&mut Value), expected| {
        let mut rules = loaded.rules.clone();
        edit(&mut rules);
        loaded.expect(&rules, expected)
    };
    with(
        &|rules| {
            let floor = &mut rules["products"][&product]["least_tcb"]["microcode"];
            *floor = json!(floor.as_u64().unwrap_or(0) + 1);
        },
        "S17",
    )?;
    with(
        &|rules| rules["products"][&product]["least_mitigations"] = json!(1_u64 << 40),
        "S17",
    )?;
    with(
        &|rules| rules["products"][&product]["least_firmware"] = json!("1.255.0"),
        "S16",
    )?;
    with(
        &|rules| {
            let other = if product == "milan" { "genoa" } else { "milan" };
            let mut floors = rules["products"][&product].clone();
            if let Some(tcb) = floors["least_tcb"].as_object_mut() {
                tcb.remove("fmc");
            }
            rules["products"] = json!({other: floors});
        },
        "S12",
    )?;
    with(
        &|rules| rules["guest_policy"]["single_socket"] = json!(true),
        "S19",
    )?;
    with(&|rules| rules["vmpl"] = json!(3), "S20")?;
    with(
        &|rules| rules["measurements"][0]["measurement"] = json!("11".repeat(48)),
        "S21",
    )?;
    with(
        &|rules| rules["measurements"][0]["host_data"] = json!("11".repeat(32)),
        "S22",
    )?;
    with(
        &|rules| rules["measurements"][0]["id_key_digest"] = json!("11".repeat(48)),
        "S23",
    )?;
    with(&|rules| rules["platform_bits"] = json!(["tio"]), "S24")?;
    with(&|rules| rules["chip_ids"] = json!(["11".repeat(64)]), "S25")
}

/// Most fail at the signature, some before it.
fn flipped_bits(loaded: &Loaded) -> Result<(), Failed> {
    for (at, bit) in (0..0x4a0).step_by(5).zip((0..8).cycle()) {
        let mut report = loaded.report.clone();
        report[at] ^= 1 << bit;
        let found = loaded.outcome(&report, &loaded.rules, loaded.vector.at)?;
        if !matches!(found.as_str(), "S2" | "S3" | "S4" | "S5" | "S11") {
            return Err(format!("bit {bit} of byte {at}: {found}").into());
        }
    }
    Ok(())
}

fn other_lengths(loaded: &Loaded) -> Result<(), Failed> {
    let mut padded = loaded.report.clone();
    padded.push(0);
    let truncated = &loaded.report[..loaded.report.len() - 1];
    for report in [&padded[..], truncated, &padded[1..1184], &[]] {
        same(
            &loaded.outcome(report, &loaded.rules, loaded.vector.at)?,
            "S1",
        )?;
    }
    Ok(())
}

fn the_other_kind_of_key(loaded: &Loaded) -> Result<(), Failed> {
    let mut rules = loaded.rules.clone();
    match rules["endorsement"] == json!("vcek") {
        true => {
            rules["endorsement"] = json!("vlek");
            rules["csp_ids"] = json!(["CN=cc-us-east-2.amazonaws.com"]);
        }
        false => {
            rules["endorsement"] = json!("vcek");
            rules.as_object_mut().ok_or("no object")?.remove("csp_ids");
        }
    }
    loaded.expect(&rules, "S5")
}

fn outcome(checked: &Result<(), Rejection>) -> &'static str {
    match checked {
        Ok(()) => "accepted",
        Err(rejection) => rejection.check().id(),
    }
}

fn same(found: &str, expected: &str) -> Result<(), Failed> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("expected {expected}, found {found}").into()),
    }
}

fn folder() -> PathBuf {
    let root = match std::env::var_os("SEALNOTE_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
    };
    root.join("snp")
}

/// A file as DER or as raw bytes.
fn read(name: &str) -> Result<Vec<u8>, Failed> {
    let bytes = std::fs::read(folder().join(name))?;
    match name.rsplit('.').next() {
        Some("pem") => Ok(Certificate::from_pem(&bytes)?.to_der()?),
        Some("hex") => Ok(hex::decode(bytes.trim_ascii())?),
        _ => Ok(bytes),
    }
}
