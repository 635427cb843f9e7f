//! A genuine token of Confidential Space, at its own time under a policy of its own values, and changes to it.
//!
//! It is outside the repository, in the folder that `SEALNOTE_VECTORS` names, else in `../shared/vectors` from the
//! project's root. Where it is absent every case is listed as ignored, with the reason.

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use sealnote_verifier::UnixTime;
use sealnote_verifier::token::{Rules, checks, inspect};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// When it was issued, and when it ends.
const ISSUED: u64 = 1_757_060_250;
const EXPIRES: u64 = 1_757_063_850;

fn main() {
    let arguments = Arguments::from_args();
    let is_there = folder().is_dir();
    let trials = CASES.iter().map(|(name, case)| {
        let name = format!("confidential-space.jwt: {name}");
        match is_there {
            true => Trial::test(name, || case(&Loaded::read()?)),
            false => Trial::ignorable_test(name, || {
                let reason = format!("{} is absent", folder().display());
                Ok(Completion::ignored_with(reason))
            }),
        }
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

type Case = fn(&Loaded) -> Result<(), Failed>;

const CASES: &[(&str, Case)] = &[
    ("accepted", accepted),
    ("before and after its validity", outside_its_validity),
    ("of another session", another_binding),
    ("stricter policies", stricter_policies),
    ("every signed byte and some of the signature", flipped_bytes),
    ("truncated and padded", other_lengths),
    ("other roots", other_roots),
];

/// What a check takes.
struct Loaded {
    token: Vec<u8>,
    root: Vec<u8>,
    rules: Value,
}

impl Loaded {
    fn read() -> Result<Self, Failed> {
        let token = std::fs::read(folder().join("confidential-space.jwt"))?;
        let root = std::fs::read(folder().join("confidential-space-root.pem"))?;
        let claims: Value = serde_json::from_str(&inspect(&token)?.claims())?;
        let container = &claims["submods"]["container"];
        let mut env = container["env"].clone();
        env.as_object_mut()
            .ok_or("no environment")?
            .remove("HOSTNAME");
        let rules = json!({"issuers": [{
            "profile": "google",
            "issuer": claims["iss"],
            "audience": claims["aud"],
            "keys": {"root": [hex::encode(Sha256::digest(&root))]},
            "tcb_status": ["UpToDate"],
            "measurements": [{
                "label": "genuine",
                "container": {
                    "image_digest": container["image_digest"],
                    "args": container["args"],
                    "env": env,
                },
            }],
        }]});
        Ok(Self { token, root, rules })
    }

    fn outcome(&self, token: &[u8], rules: &Value, at: u64) -> Result<&'static str, Failed> {
        let rules = Rules::load(serde_json::from_value(rules.clone())?)?;
        let now = UnixTime::from_seconds(at);
        Ok(match rules.check_token(token, &self.root, None, now) {
            Ok(_) => "accepted",
            Err(rejection) => rejection.check().id(),
        })
    }
}

fn accepted(loaded: &Loaded) -> Result<(), Failed> {
    let rules = Rules::load(serde_json::from_value(loaded.rules.clone())?)?;
    let now = UnixTime::from_seconds(ISSUED + 1);
    let token = rules.check_token(&loaded.token, &loaded.root, None, now)?;
    let skipped = [checks::J4, checks::J10, checks::B1, checks::J14];
    let due = checks::ALL
        .into_iter()
        .filter(|check| !skipped.contains(check));
    assert_eq!(token.passed(), due.collect::<Vec<_>>());
    assert_eq!(token.measurement_set(), "genuine");
    assert_eq!(token.expires(), UnixTime::from_seconds(EXPIRES));
    Ok(())
}

fn outside_its_validity(loaded: &Loaded) -> Result<(), Failed> {
    for (at, expected) in [
        (ISSUED - 1, "J9"),
        (ISSUED, "accepted"),
        (EXPIRES - 1, "accepted"),
        (EXPIRES, "J9"),
        // The leaf's last day is 2025-11-03.
        (1_762_200_000, "J5"),
        (0, "J5"),
    ] {
        same(loaded.outcome(&loaded.token, &loaded.rules, at)?, expected)?;
    }
    Ok(())
}

fn another_binding(loaded: &Loaded) -> Result<(), Failed> {
    let rules = Rules::load(serde_json::from_value(loaded.rules.clone())?)?;
    let now = UnixTime::from_seconds(ISSUED);
    let checked = rules.check_token(&loaded.token, &loaded.root, Some(&[7; 64]), now);
    same(checked.expect_err("another session's").check().id(), "B1")
}

fn stricter_policies(loaded: &Loaded) -> Result<(), Failed> {
    let with = |path: &str, value: Value, expected: &str| -> Result<(), Failed> {
        let mut rules = loaded.rules.clone();
        *rules
            .pointer_mut(&format!("/issuers/0/{path}"))
            .ok_or("no field")? = value;
        same(loaded.outcome(&loaded.token, &rules, ISSUED)?, expected)
    };
    with(
        "issuer",
        json!("https://confidentialcomputing.googleapis.com/"),
        "J7",
    )?;
    with("keys", json!({"root": ["11".repeat(32)]}), "J5")?;
    with(
        "keys",
        json!({"jwks": [hex::encode(Sha256::digest(&loaded.root))]}),
        "J4",
    )?;
    with("audience", json!("https://sts.googleapis.com"), "J8")?;
    with("tcb_status", json!(["SWHardeningNeeded"]), "J13")?;
    let set = "measurements/0/container";
    let digest = format!("sha256:{}", "11".repeat(32));
    with(&format!("{set}/image_digest"), json!(digest), "J12")?;
    with(
        &format!("{set}/args"),
        json!(["/usr/local/bin/ctf_sha2", "-v"]),
        "J12",
    )?;
    with(&format!("{set}/env"), json!({}), "J12")?;
    with(&format!("{set}/env/PATH"), json!("/bin"), "J12")
}

/// A flipped bit is found by the form, by what is looked at before the signature, or by the signature.
fn flipped_bytes(loaded: &Loaded) -> Result<(), Failed> {
    same(
        loaded.outcome(&loaded.token, &loaded.rules, ISSUED)?,
        "accepted",
    )?;
    let signed = loaded
        .token
        .iter()
        .rposition(|byte| *byte == b'.')
        .ok_or("no dot")?;
    for (at, bit) in (0..loaded.token.len()).zip((0..8).cycle()) {
        if at > signed && at % 5 != 0 {
            continue;
        }
        let mut token = loaded.token.clone();
        token[at] ^= 1 << bit;
        let found = loaded.outcome(&token, &loaded.rules, ISSUED)?;
        if !matches!(found, "J1" | "J7" | "J2" | "J3" | "J5" | "J6") {
            return Err(format!("bit {bit} of byte {at}: {found}").into());
        }
    }
    Ok(())
}

fn other_lengths(loaded: &Loaded) -> Result<(), Failed> {
    let token = &loaded.token;
    let with = |suffix: &[u8]| [token, suffix].concat();
    for other in [
        with(b"\n"),
        with(b"="),
        with(b"."),
        with(b".eyJ9"),
        token[1..].to_vec(),
        Vec::new(),
    ] {
        same(loaded.outcome(&other, &loaded.rules, ISSUED)?, "J1")?;
    }
    // Its last character has bits that belong to no byte; without it another stands there.
    let cut = loaded.outcome(&token[..token.len() - 1], &loaded.rules, ISSUED)?;
    match cut {
        "J1" | "J6" => Ok(()),
        found => Err(format!("cut: {found}").into()),
    }
}

fn other_roots(loaded: &Loaded) -> Result<(), Failed> {
    let rules = Rules::load(serde_json::from_value(loaded.rules.clone())?)?;
    let now = UnixTime::from_seconds(ISSUED);
    let with_newline = [&loaded.root[..], b"\n"].concat();
    for root in [&b""[..], &loaded.root[1..], &with_newline] {
        let checked = rules.check_token(&loaded.token, root, None, now);
        same(checked.expect_err("another root").check().id(), "J5")?;
    }
    Ok(())
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
    root.join("tokens")
}
