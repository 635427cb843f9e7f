//! The verifier beside verifiers that others wrote: what it accepts, they must accept too; and where it is the stricter
//! one, the reason is known.
//!
//! - SEV-SNP: the `sev` crate, which parses a report and verifies its signature and the chain. It has no policy, no time
//!   and no revocation. It computes with an older stack of RustCrypto, or with OpenSSL (`--no-default-features
//!   --features openssl`). Where both read a report, they must read the same.
//! - Intel TDX: none. The verifier's own engine is dcap-qvl, which would judge itself.
//!
//! `make test-oracles` runs it. The genuine reports are outside the repository, in the folder that `SEALNOTE_VECTORS`
//! names, else in `../shared/vectors` from the project's root; where it is absent, only reports of the software attester
//! are compared, and the exit code is 77.

mod fields;
mod genuine;
mod made;
mod oracle;
mod tally;

// The verifier's own fixtures: its tests use more of them.
#[path = "../../../shared/verifier/tests/sev_snp/cases.rs"]
mod cases;
#[allow(dead_code)]
#[path = "../../../shared/verifier/tests/sev_snp/fixture.rs"]
mod fixture;
#[path = "../../../shared/verifier/tests/sev_snp/own_policy.rs"]
mod own_policy;

use std::process::ExitCode;

use tally::Tally;

fn main() -> anyhow::Result<ExitCode> {
    let mut tally = Tally::default();
    made::compare(&mut tally)?;
    let folder = genuine::folder();
    let is_there = folder.is_dir();
    if is_there {
        genuine::compare(&folder, &mut tally)?;
    }
    print!("{tally}");
    if !is_there {
        println!("skipped: genuine reports; {} is absent", folder.display());
    }
    Ok(match (tally.faults().is_empty(), is_there) {
        (false, _) => ExitCode::FAILURE,
        (true, false) => ExitCode::from(77),
        (true, true) => ExitCode::SUCCESS,
    })
}
