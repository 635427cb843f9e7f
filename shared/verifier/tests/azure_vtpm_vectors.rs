//! Genuine evidence of Azure's vTPM, each at its own time under rules of its own values, and changes to it.
//!
//! It is outside the repository, in the folder that `SEALNOTE_VECTORS` names, else in `../shared/vectors` from the project's
//! root. Where it is absent every case is listed as ignored, with the reason.

#[path = "sev_snp/own_policy.rs"]
#[allow(dead_code, reason = "the tests of SEV-SNP use the rest")]
mod own_policy;
#[path = "azure_vtpm/own_rules.rs"]
mod own_rules;
#[path = "tdx/own_policy.rs"]
#[allow(dead_code, reason = "the tests of TDX use the rest")]
mod own_tdx_policy;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sealnote_verifier::azure_vtpm::file::EvidenceFile;
use sealnote_verifier::azure_vtpm::{HardwareRoots, Parts, Tee, checks, inspect};
use sealnote_verifier::sev_snp::wire::Endorsements;
use sealnote_verifier::sev_snp::{self, Product};
use sealnote_verifier::{UnixTime, tdx};
use serde_json::{Value, json};
use x509_cert::Certificate;
use x509_cert::der::Encode;

/// What the guests of all vectors had the vTPM put in.
const CHALLENGE: &[u8] = b"challenge";

const YEAR: u64 = 366 * 24 * 3600;

/// Evidence, and its endorsements.
type Load = fn() -> Result<(EvidenceFile, Vec<u8>), Failed>;

/// Evidence on SEV-SNP.
#[derive(Clone, Copy)]
struct Vector {
    name: &'static str,
    load: Load,
    /// A day after the VCEK's first.
    at: u64,
}

const VECTORS: [Vector; 2] = [
    Vector {
        name: "snp-evidence-v1.json",
        load: || {
            let file = EvidenceFile::from_json(&read("azure/snp-evidence-v1.json")?)?;
            let vcek = file.vcek().ok_or("no VCEK")?.to_vec();
            let ask = read("snp/amd-milan-ask.der")?;
            Ok((file, endorsements(&vcek, &ask)))
        },
        at: 1_738_170_000,
    },
    Vector {
        name: "snp-hcl-report.bin, snp-tpm-quote-v1.json, snp-vcek.pem",
        load: || {
            let file = joined("snp-hcl-report.bin", "snp-tpm-quote-v1.json")?;
            let pem = read("azure/snp-vcek.pem")?;
            let [vcek, ask, _ark] = &Certificate::load_pem_chain(&pem)?[..] else {
                return Err("it has another count of certificates".into());
            };
            Ok((file, endorsements(&vcek.to_der()?, &ask.to_der()?)))
        },
        at: 1_683_150_000,
    },
];

type Case = fn(&Loaded) -> Result<(), Failed>;
type Other = fn() -> Result<(), Failed>;

const CASES: &[(&str, Case)] = &[
    ("accepted", accepted),
    (
        "before and after the validity of its VCEK",
        outside_its_validity,
    ),
    ("another challenge", another_challenge),
    ("other rules", other_rules),
    ("flipped bits", flipped_bits),
    ("truncated and padded", other_lengths),
    ("under another vector's HCL report", another_hcl_report),
];

/// Cases of no vector that is accepted.
const OTHERS: &[(&str, Other)] = &[
    ("snp-tpm-quote.msg is of another key", another_key),
    ("tdx-evidence-v1.json can be read", tdx_is_read),
    (
        "tdx-evidence-v1.json without collateral of its platform",
        tdx_is_refused,
    ),
];

fn main() {
    let arguments = Arguments::from_args();
    let of_vectors = VECTORS.iter().flat_map(|vector| {
        CASES.iter().map(move |(name, case)| {
            let name = format!("{}: {name}", vector.name);
            trial(name, move || case(&Loaded::of(vector)?))
        })
    });
    let others = OTHERS.iter();
    let others = others.map(|(name, case)| trial(String::from(*name), case));
    libtest_mimic::run(&arguments, of_vectors.chain(others).collect()).exit();
}

fn trial(name: String, case: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    let absent = ["azure", "snp", "tdx"].map(|name| folder().join(name));
    match absent.into_iter().find(|folder| !folder.is_dir()) {
        None => Trial::test(name, case),
        Some(folder) => Trial::ignorable_test(name, move || {
            let reason = format!("{} is absent", folder.display());
            Ok(Completion::ignored_with(reason))
        }),
    }
}

/// What a check takes.
struct Loaded {
    vector: &'static Vector,
    file: EvidenceFile,
    endorsements: Vec<u8>,
    rules: Value,
}

impl Loaded {
    fn of(vector: &'static Vector) -> Result<Self, Failed> {
        let (file, endorsements) = (vector.load)()?;
        let parts = file.parts();
        let evidence = inspect(&parts)?;
        let report = sev_snp::inspect(evidence.report())?;
        let hardware = own_policy::rules(report.fields(), Product::Milan);
        Ok(Self {
            vector,
            rules: own_rules::rules(Tee::SevSnp, &hardware, evidence.pcrs()),
            file: file.clone(),
            endorsements,
        })
    }

    fn outcome(&self, parts: &Parts<'_>, rules: &Value, challenge: &[u8], at: u64) -> &'static str {
        let now = UnixTime::from_seconds(at);
        let rules = own_rules::load(rules);
        match rules.check_vtpm(parts, &self.endorsements, Some(challenge), roots(), now) {
            Ok(_) => "accepted",
            Err(rejection) => rejection.check().id(),
        }
    }

    fn outcome_of(&self, parts: &Parts<'_>) -> &'static str {
        self.outcome(parts, &self.rules, CHALLENGE, self.vector.at)
    }
}

fn accepted(loaded: &Loaded) -> Result<(), Failed> {
    let now = UnixTime::from_seconds(loaded.vector.at);
    let (parts, rules) = (loaded.file.parts(), own_rules::load(&loaded.rules));
    let vtpm = rules.check_vtpm(&parts, &loaded.endorsements, Some(CHALLENGE), roots(), now)?;
    // There is no revocation list, and none is asked for.
    let of_report = sev_snp::checks::ALL
        .into_iter()
        .filter(|check| ![sev_snp::checks::S10, sev_snp::checks::B1].contains(check));
    let [v1, rest @ ..] = checks::ALL;
    let due = [v1].into_iter().chain(of_report).chain(rest);
    match vtpm.passed().iter().copied().eq(due) && vtpm.pcrs().len() == 24 {
        true => Ok(()),
        false => Err(format!("only {:?} have run", vtpm.passed()).into()),
    }
}

fn outside_its_validity(loaded: &Loaded) -> Result<(), Failed> {
    let at = loaded.vector.at;
    for (at, expected) in [
        (at - 3 * 24 * 3600, "S9"),
        (at + 7 * YEAR - 10 * 24 * 3600, "accepted"),
        (at + 7 * YEAR, "S9"),
        (0, "S9"),
    ] {
        let found = loaded.outcome(&loaded.file.parts(), &loaded.rules, CHALLENGE, at);
        same(found, expected)?;
    }
    Ok(())
}

fn another_challenge(loaded: &Loaded) -> Result<(), Failed> {
    for (challenge, expected) in [
        (&b"challengf"[..], "B1"),
        (b"challenge\0", "V7"),
        (b"challeng", "V7"),
        (b"", "V7"),
    ] {
        let parts = loaded.file.parts();
        let found = loaded.outcome(&parts, &loaded.rules, challenge, loaded.vector.at);
        same(found, expected)?;
    }
    Ok(())
}

fn other_rules(loaded: &Loaded) -> Result<(), Failed> {
    type Edit = fn(&mut Value);
    let edits: [(Edit, &str); 6] = [
        (
            |rules| rules["measurements"][0]["pcrs"]["4"] = json!("11".repeat(32)),
            "V8",
        ),
        (
            |rules| rules["measurements"][0]["pcrs"]["8"] = json!("11".repeat(32)),
            "V8",
        ),
        (
            |rules| rules["measurements"][0]["pcrs"]["9"] = json!("zero"),
            "V8",
        ),
        (
            |rules| {
                let pcrs = rules["measurements"][0]["pcrs"].as_object_mut();
                pcrs.and_then(|pcrs| pcrs.remove("23"));
            },
            "V8",
        ),
        (
            |rules| rules["sev-snp"]["measurements"][0]["measurement"] = json!("11".repeat(48)),
            "S21",
        ),
        (|rules| rules["sev-snp"]["crl"] = json!("required"), "S10"),
    ];
    for (edit, expected) in edits {
        let mut rules = loaded.rules.clone();
        edit(&mut rules);
        let found = loaded.outcome(&loaded.file.parts(), &rules, CHALLENGE, loaded.vector.at);
        same(found, expected)?;
    }
    Ok(())
}

/// One bit of every byte that is signed, hashed or a signature; of the report, which has tests of its own, of every ninth.
fn flipped_bits(loaded: &Loaded) -> Result<(), Failed> {
    let good = loaded.file.parts();
    let report = 32..1216;
    for (at, bit) in (0..good.hcl_report.len()).zip((0..8).cycle()) {
        if report.contains(&at) && at % 9 != 0 {
            continue;
        }
        let flipped = flip(good.hcl_report, at, bit);
        let parts = Parts {
            hcl_report: &flipped,
            ..good
        };
        let expected = ["V1", "S2", "S3", "S4", "S5", "S11", "V2"];
        refused(loaded.outcome_of(&parts), &expected, at)?;
    }
    for (at, bit) in (0..good.quote.len()).zip((0..8).cycle()) {
        let flipped = flip(good.quote, at, bit);
        let parts = Parts {
            quote: &flipped,
            ..good
        };
        refused(loaded.outcome_of(&parts), &["V6"], at)?;
    }
    for (at, bit) in (0..good.signature.len()).zip((0..8).cycle()) {
        let flipped = flip(good.signature, at, bit);
        let parts = Parts {
            signature: &flipped,
            ..good
        };
        refused(loaded.outcome_of(&parts), &["V6"], at)?;
    }
    for (at, bit) in (0..good.pcrs.len()).step_by(7).zip((0..8).cycle()) {
        let flipped = flip(good.pcrs, at, bit);
        let parts = Parts {
            pcrs: &flipped,
            ..good
        };
        refused(loaded.outcome_of(&parts), &["V8"], at)?;
    }
    Ok(())
}

fn flip(bytes: &[u8], at: usize, bit: u32) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[at] ^= 1 << bit;
    flipped
}

fn refused(found: &str, expected: &[&str], at: usize) -> Result<(), Failed> {
    match expected.contains(&found) {
        true => Ok(()),
        false => Err(format!("a bit of byte {at}: {found}").into()),
    }
}

fn other_lengths(loaded: &Loaded) -> Result<(), Failed> {
    let good = loaded.file.parts();
    let [hcl_report, quote, signature, pcrs] =
        [good.hcl_report, good.quote, good.signature, good.pcrs].map(|part| [part, &[1]].concat());
    let shorter = |part: &'static str| match part {
        "HCL" => Parts {
            hcl_report: &good.hcl_report[..2000],
            ..good
        },
        "quote" => Parts {
            quote: &good.quote[..good.quote.len() - 1],
            ..good
        },
        "signature" => Parts {
            signature: &good.signature[1..],
            ..good
        },
        _ => Parts {
            pcrs: &good.pcrs[32..],
            ..good
        },
    };
    let longer = |part: &'static str| match part {
        "HCL" => Parts {
            hcl_report: &hcl_report,
            ..good
        },
        "quote" => Parts {
            quote: &quote,
            ..good
        },
        "signature" => Parts {
            signature: &signature,
            ..good
        },
        _ => Parts {
            pcrs: &pcrs,
            ..good
        },
    };
    for (part, expected) in [
        ("HCL", "V1"),
        ("quote", "V6"),
        ("signature", "V6"),
        ("PCRs", "V8"),
    ] {
        same(loaded.outcome_of(&shorter(part)), expected)?;
        same(loaded.outcome_of(&longer(part)), expected)?;
    }
    Ok(())
}

/// Each is genuine, and not the other's.
fn another_hcl_report(loaded: &Loaded) -> Result<(), Failed> {
    for other in VECTORS
        .iter()
        .filter(|other| other.name != loaded.vector.name)
    {
        let other = Loaded::of(other)?;
        let parts = Parts {
            hcl_report: other.file.parts().hcl_report,
            ..loaded.file.parts()
        };
        let mut rules = other.rules.clone();
        rules["measurements"] = loaded.rules["measurements"].clone();
        let found = other.outcome(&parts, &rules, CHALLENGE, other.vector.at);
        same(found, "V6")?;
    }
    Ok(())
}

/// It is genuine as far as can be seen, and its key is in no HCL report here.
fn another_key() -> Result<(), Failed> {
    let [quote, signature] = ["azure/snp-tpm-quote.msg", "azure/snp-tpm-quote.sig"].map(read);
    let (quote, signature) = (quote?, signature?);
    for vector in &VECTORS {
        let loaded = Loaded::of(vector)?;
        let parts = Parts {
            quote: &quote,
            signature: &signature,
            ..loaded.file.parts()
        };
        same(loaded.outcome_of(&parts), "V6")?;
    }
    Ok(())
}

fn tdx_is_read() -> Result<(), Failed> {
    let file = EvidenceFile::from_json(&read("azure/tdx-evidence-v1.json")?)?;
    let parts = file.parts();
    let evidence = inspect(&parts)?;
    match evidence.tee() == Tee::Tdx
        && evidence.report() == read("azure/tdx-td-quote.bin")?
        && evidence.qualifying_data() == CHALLENGE
        && evidence.pcrs().len() == 24
    {
        true => Ok(()),
        false => Err("it has other parts".into()),
    }
}

/// It passes what comes before the collateral's platform; and T16, which it would fail by itself, comes behind that.
fn tdx_is_refused() -> Result<(), Failed> {
    let file = EvidenceFile::from_json(&read("azure/tdx-evidence-v1.json")?)?;
    let parts = file.parts();
    let evidence = inspect(&parts)?;
    let quote = tdx::inspect(evidence.report())?;
    let hardware = own_tdx_policy::rules(quote.fields());
    let rules = own_rules::load(&own_rules::rules(Tee::Tdx, &hardware, evidence.pcrs()));
    let check = |parts: &Parts<'_>, collateral: &[u8], at| {
        let now = UnixTime::from_seconds(at);
        let checked = rules.check_vtpm(parts, collateral, Some(CHALLENGE), roots(), now);
        checked.map_or_else(|rejection| rejection.check().id(), |_| "accepted")
    };
    // Of another platform; in date in March 2026.
    let other = read("tdx/coco-tdx_quote_5_collateral.built.json")?;
    same(check(&parts, &other, 1_774_500_000), "T10")?;
    same(check(&parts, b"{}", 1_774_500_000), "T3")?;
    let without = Parts {
        td_quote: &[],
        ..parts
    };
    same(check(&without, &other, 1_774_500_000), "V1")?;
    let flipped = flip(parts.td_quote, 48 + 520, 0);
    let changed = Parts {
        td_quote: &flipped,
        ..parts
    };
    same(check(&changed, &other, 1_774_500_000), "T9")
}

/// An HCL report and a quote that are in files of their own.
fn joined(hcl_report: &str, quote: &str) -> Result<EvidenceFile, Failed> {
    let quote: Value = serde_json::from_slice(&read(&format!("azure/{quote}"))?)?;
    let hcl_report = URL_SAFE.encode(read(&format!("azure/{hcl_report}"))?);
    let json = json!({"version": 1, "hcl_report": hcl_report, "tpm_quote": quote});
    Ok(EvidenceFile::from_json(json.to_string().as_bytes())?)
}

fn endorsements(vcek: &[u8], ask: &[u8]) -> Vec<u8> {
    let endorsements = Endorsements {
        leaf: vcek,
        intermediate: ask,
        crl: None,
    };
    endorsements.encode()
}

/// The vendors' alone.
fn roots() -> HardwareRoots<'static> {
    static AMD: LazyLock<sev_snp::TrustRoots> = LazyLock::new(sev_snp::TrustRoots::amd);
    static INTEL: LazyLock<tdx::TrustRoots> = LazyLock::new(tdx::TrustRoots::intel);
    HardwareRoots {
        sev_snp: &AMD,
        tdx: &INTEL,
    }
}

fn same(found: &str, expected: &str) -> Result<(), Failed> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("expected {expected}, found {found}").into()),
    }
}

fn folder() -> PathBuf {
    match std::env::var_os("SEALNOTE_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
    }
}

fn read(name: &str) -> Result<Vec<u8>, Failed> {
    Ok(std::fs::read(folder().join(name))?)
}
