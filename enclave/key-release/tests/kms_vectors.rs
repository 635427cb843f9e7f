//! Genuine answers of AWS KMS, whose keys nobody has: each parses.
//!
//! Four are in the package of crate `cms`, where Cargo unpacks it. Another, and a text of the same shape that is no BER, are
//! outside the repository: in the folder that `SEALNOTE_VECTORS` names, else in `../shared/vectors` from the project's.

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use sealnote_key_release::aws_kms::{CmsError, Envelope};

fn main() {
    let arguments = Arguments::from_args();
    let cms = unpacked("cms-0.3.0-rc.0").map(|package| package.join("tests/examples"));
    let shared = vectors().join("kms");
    let mut trials = Vec::new();
    for number in 1..=4 {
        let name = format!("kms_ciphertext_for_recipient_{number}.ber");
        trials.push(trial(cms.as_deref(), &name, Ok(())));
    }
    let shared = shared.is_dir().then_some(shared.as_path());
    trials.push(trial(shared, "awssdkc-input_ber.ber", Ok(())));
    let broken = Err(CmsError::Encoding);
    trials.push(trial(shared, "awssdkc-input_ber_w_ctx.ber", broken));
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(folder: Option<&Path>, name: &str, expected: Result<(), CmsError>) -> Trial {
    match folder.map(|folder| folder.join(name)) {
        Some(file) => Trial::test(name, move || {
            let ber = std::fs::read(&file)?;
            let parsed = Envelope::parse(&ber).map(|_| ());
            match parsed == expected {
                true => Ok(()),
                false => Err(Failed::from(format!("{parsed:?} and not {expected:?}"))),
            }
        }),
        None => {
            Trial::test(format!("{name} (its folder is absent)"), || Ok(())).with_ignored_flag(true)
        }
    }
}

fn vectors() -> PathBuf {
    match std::env::var_os("SEALNOTE_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
    }
}

/// Where Cargo has unpacked a package; "Cargo Home" in the Cargo book.
fn unpacked(package: &str) -> Option<PathBuf> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir()?.join(".cargo"),
    };
    let registries = std::fs::read_dir(home.join("registry/src")).ok()?;
    registries
        .filter_map(Result::ok)
        .map(|registry| registry.path().join(package))
        .find(|folder| folder.is_dir())
}
