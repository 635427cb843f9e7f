//! Genuine reports under AMD's roots, and changes to them and to their chains, which no longer fit the signatures.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sealnote_verifier::sev_snp::wire::Endorsements;
use sealnote_verifier::sev_snp::{Product, inspect};
use sealnote_verifier::{Policy, Rejection, TrustRoots, UnixTime};
use serde_json::json;
use x509_cert::Certificate;
use x509_cert::der::{DecodePem, Encode};

use crate::oracle::Oracle;
use crate::own_policy;
use crate::tally::Tally;

/// Report, leaf, intermediate, generation, a time at which the leaf is valid, what the verifier says.
type Vector = (
    &'static str,
    &'static str,
    &'static str,
    Product,
    u64,
    &'static str,
);

#[rustfmt::skip] // A line each, so that they can be read as a table.
const VECTORS: [Vector; 7] = [
    ("ms-milan-report.bin", "ms-milan-vcek.pem", "ms-milan-ask.pem", Product::Milan, 1_770_340_000, "accepted"),
    ("ms-genoa-report.bin", "ms-genoa-vcek.pem", "ms-genoa-ask.pem", Product::Genoa, 1_770_340_000, "accepted"),
    ("ms-turin-report.bin", "ms-turin-vcek.pem", "ms-turin-ask.pem", Product::Turin, 1_770_340_000, "accepted"),
    ("coco-test-report.bin", "coco-test-vcek.der", "amd-milan-ask.der", Product::Milan, 1_674_670_000, "accepted"),
    ("coco-test-vlek-report.bin", "coco-test-vlek.der", "amd-milan-asvk.der", Product::Milan, 1_733_960_000, "accepted"),
    // Of a guest that may be debugged.
    ("gosev-attestation.bin", "gosev-vcek.der", "amd-milan-ask.der", Product::Milan, 1_664_070_000, "S18"),
    ("virtee-milan-report.hex", "virtee-milan-vcek.der", "amd-milan-ask.der", Product::Milan, 1_680_640_000, "accepted"),
];

/// Leaves that are of none of these reports; the last two are of no ASK at all.
const OTHER_LEAVES: [&str; 3] = [
    "lunal-genoa-vcek.der",
    "coco-test-vcek-invalid-legacy.der",
    "coco-test-vcek-invalid-new.der",
];

const INTERMEDIATES: [&str; 6] = [
    "amd-milan-ask.der",
    "amd-milan-asvk.der",
    "amd-genoa-ask.der",
    "amd-genoa-asvk.der",
    "amd-turin-ask.der",
    "amd-turin-asvk.der",
];

/// Every so many bytes a bit is flipped: a prime, so that it is another bit and another place of a word each time.
const REPORT_STEP: usize = 3;
const CERTIFICATE_STEP: usize = 7;
const LENGTH_STEP: usize = 31;

const CENTURY: u64 = 100 * 366 * 24 * 3600;

/// Where the reports are.
pub fn folder() -> PathBuf {
    let root = match std::env::var_os("SEALNOTE_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
    };
    root.join("snp")
}

/// Compares all that can be made of each report.
pub fn compare(folder: &Path, tally: &mut Tally) -> Result<()> {
    let oracle = Oracle::amd()?;
    let read = |name: &str| read(folder, name);
    let leaves = VECTORS.iter().map(|(_, leaf, ..)| *leaf);
    let leaves: Vec<_> = leaves
        .chain(OTHER_LEAVES)
        .map(read)
        .collect::<Result<_>>()?;
    let intermediates: Vec<_> = INTERMEDIATES.into_iter().map(read).collect::<Result<_>>()?;
    for (name, leaf, intermediate, product, at, outcome) in VECTORS {
        let genuine = Genuine {
            name,
            report: read(name)?,
            leaf: read(leaf)?,
            intermediate: read(intermediate)?,
            product,
            at,
            outcome,
        };
        let mut comparison = Comparison {
            policy: genuine.policy("none")?,
            genuine: &genuine,
            oracle: &oracle,
            tally,
        };
        comparison.as_it_is()?;
        comparison.reports();
        comparison.certificates();
        comparison.swaps(&leaves, &intermediates);
    }
    Ok(())
}

/// A report with its chain.
struct Genuine {
    name: &'static str,
    report: Vec<u8>,
    leaf: Vec<u8>,
    intermediate: Vec<u8>,
    product: Product,
    at: u64,
    outcome: &'static str,
}

impl Genuine {
    /// One that asks for what this report says.
    fn policy(&self, crl: &str) -> Result<Policy> {
        let mut rules = own_policy::rules(inspect(&self.report)?.fields(), self.product);
        rules["crl"] = json!(crl);
        Ok(Policy::from_json(own_policy::policy(&rules))?)
    }
}

/// One report's comparisons.
struct Comparison<'c> {
    genuine: &'c Genuine,
    policy: Policy,
    oracle: &'c Oracle,
    tally: &'c mut Tally,
}

impl Comparison<'_> {
    /// Unchanged; and at times and under a policy that mean nothing to the oracle.
    fn as_it_is(&mut self) -> Result<()> {
        let Genuine {
            name,
            report,
            leaf,
            intermediate,
            at,
            outcome,
            ..
        } = self.genuine;
        let found = match ours(&self.policy, report, [leaf, intermediate], *at) {
            Ok(()) => "accepted",
            Err(rejection) => rejection.check().id(),
        };
        let theirs = self.oracle.accepts(report, leaf, intermediate);
        if found != *outcome || !theirs {
            self.tally.fault(format!(
                "{name} as it is: {found}, and the oracle says {theirs}"
            ));
        }
        self.add("genuine: as it is", "", report, [leaf, intermediate]);
        let listed = self.genuine.policy("required")?;
        for (case, policy, at) in [
            ("in 1970", &self.policy, 0),
            ("in a century", &self.policy, at + CENTURY),
            ("without the list that is required", &listed, *at),
        ] {
            let ours = ours(policy, report, [leaf, intermediate], at);
            self.tally.add(
                "genuine: another time, another policy",
                format_args!("{name}: {case}"),
                report,
                &ours,
                theirs,
            );
        }
        Ok(())
    }

    fn reports(&mut self) {
        let Genuine {
            report,
            leaf,
            intermediate,
            ..
        } = self.genuine;
        for (at, flipped) in flips(report, REPORT_STEP) {
            self.add(
                "genuine: flipped bits of the report",
                format_args!("byte {at:#x}"),
                &flipped,
                [leaf, intermediate],
            );
        }
        for other in lengths(report) {
            self.add(
                "genuine: the report's length",
                other.len(),
                &other,
                [leaf, intermediate],
            );
        }
    }

    fn certificates(&mut self) {
        let Genuine {
            report,
            leaf,
            intermediate,
            ..
        } = self.genuine;
        for (at, flipped) in flips(leaf, CERTIFICATE_STEP) {
            self.add(
                "genuine: flipped bits of the leaf",
                format_args!("byte {at}"),
                report,
                [&flipped, intermediate],
            );
        }
        for (at, flipped) in flips(intermediate, CERTIFICATE_STEP) {
            self.add(
                "genuine: flipped bits of the intermediate",
                format_args!("byte {at}"),
                report,
                [leaf, &flipped],
            );
        }
        for other in lengths(leaf) {
            self.add(
                "genuine: the leaf's length",
                other.len(),
                report,
                [&other, intermediate],
            );
        }
        for other in lengths(intermediate) {
            self.add(
                "genuine: the intermediate's length",
                other.len(),
                report,
                [leaf, &other],
            );
        }
    }

    fn swaps(&mut self, leaves: &[Vec<u8>], intermediates: &[Vec<u8>]) {
        for (i, leaf) in leaves.iter().enumerate() {
            for (j, intermediate) in intermediates.iter().enumerate() {
                self.add(
                    "genuine: every leaf and intermediate",
                    format_args!("leaf {i}, {}", INTERMEDIATES[j]),
                    &self.genuine.report,
                    [leaf, intermediate],
                );
            }
        }
    }

    fn add(
        &mut self,
        group: &'static str,
        case: impl std::fmt::Display,
        report: &[u8],
        chain: [&[u8]; 2],
    ) {
        let ours = ours(&self.policy, report, chain, self.genuine.at);
        let theirs = self.oracle.accepts(report, chain[0], chain[1]);
        self.tally.add(
            group,
            format_args!("{}: {case}", self.genuine.name),
            report,
            &ours,
            theirs,
        );
    }
}

fn ours(
    policy: &Policy,
    report: &[u8],
    [leaf, intermediate]: [&[u8]; 2],
    at: u64,
) -> Result<(), Rejection> {
    let endorsements = Endorsements {
        leaf,
        intermediate,
        crl: None,
    };
    policy
        .check_report(
            report,
            &endorsements.encode(),
            None,
            &TrustRoots::vendors(),
            UnixTime::from_seconds(at),
        )
        .map(|_| ())
}

/// With one bit flipped, and where.
fn flips(bytes: &[u8], step: usize) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..bytes.len())
        .step_by(step)
        .zip((0..8).cycle())
        .map(move |(at, bit)| {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            (at, flipped)
        })
}

/// Cut, padded at either end.
fn lengths(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cut = (0..bytes.len())
        .step_by(LENGTH_STEP)
        .map(|len| bytes[..len].to_vec());
    let around = [
        [&[0], bytes].concat(),
        [bytes, &[0]].concat(),
        bytes[1..].to_vec(),
        bytes[..bytes.len() - 1].to_vec(),
    ];
    cut.chain(around)
}

/// A file as DER or as raw bytes.
fn read(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let bytes = std::fs::read(folder.join(name)).with_context(|| String::from(name))?;
    Ok(match name.rsplit('.').next() {
        Some("pem") => Certificate::from_pem(&bytes)?.to_der()?,
        Some("hex") => hex::decode(bytes.trim_ascii())?,
        _ => bytes,
    })
}
