//! What `show` and `check` say.

use serde_json::{Value, json};

use super::added::sev_snp;
use super::{Case, Need, digest, folder, policy, printed, refusal, vectors, write};

pub const CASES: &[Case] = &[
    (
        "show_names_what_each_register_measures",
        None,
        show_names_what_each_register_measures,
    ),
    (
        "show_has_a_shape_for_programs",
        None,
        show_has_a_shape_for_programs,
    ),
    ("show_knows_sev_snp", None, show_knows_sev_snp),
    (
        "check_warns_of_what_is_open_and_what_ends",
        None,
        check_warns_of_what_is_open_and_what_ends,
    ),
    (
        "what_is_no_policy_is_refused_in_plain_words",
        None,
        what_is_no_policy_is_refused_in_plain_words,
    ),
    (
        "check_appraises_a_document",
        Some(Need::Vectors),
        check_appraises_a_document,
    ),
];

/// A genuine document, its time, PCR0, PCR1 and PCR2.
const DOCUMENT: &str = "20230921T230957-anjuna-security.cbor";
const AT: &str = "2023-09-21T23:09:57Z";

/// A policy without a warning, until 2027.
const CLOSED: [&str; 8] = [
    "new",
    "old.json",
    "-o",
    "p.json",
    "--label",
    "2026-11",
    "--not-after",
    "2027-03-01T00:00:00Z",
];

fn closed() -> Vec<String> {
    let pins = [
        "--model-digest".into(),
        digest(7),
        "--pin-instance".into(),
        "i-12345678".into(),
    ];
    CLOSED.iter().map(ToString::to_string).chain(pins).collect()
}

fn closed_policy(folder: &std::path::Path) {
    let arguments = closed();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    printed(&policy(folder, &arguments), 0);
}

fn show_names_what_each_register_measures() {
    let folder = folder();
    let folder = folder.path();
    closed_policy(folder);
    let at = ["show", "p.json", "--at", "2026-11-29T00:00:00Z"];
    let said = printed(&policy(folder, &at), 0);
    for line in [
        "p.json: serial 1, accepts 1 image",
        "nitro set \"2026-11\"",
        "    holds until 2027-03-01T00:00:00Z, 92 days more",
        "    PCR0  0101010101010101…  (the whole image)",
        "    PCR1  0202020202020202…  (kernel, command line and boot ramdisk)",
        "    PCR2  0303030303030303…  (the application)",
        "    PCR3             anything  (the IAM role of the parent instance)",
        "    model_digests  0707070707070707…  (the models that are accepted)",
        "    least_suite    2 (X-Wing)  (the weakest suite of a session)",
    ] {
        assert!(said.lines().any(|found| found == line), "{line}\n{said}");
    }
    assert!(!said.contains("warning"), "{said}");
    let full = printed(&policy(folder, &[&at[..], &["--full"]].concat()), 0);
    assert!(full.contains(&digest(3)));
    // What a file says does not reach the terminal as it is.
    printed(
        &policy(folder, &["add", "p.json", "new.json", "--label", "\x1b[2J"]),
        0,
    );
    let said = printed(&policy(folder, &at), 0);
    assert!(said.contains(r#"nitro set "\u{1b}[2J""#), "{said}");
}

fn show_has_a_shape_for_programs() {
    let folder = folder();
    let folder = folder.path();
    printed(
        &policy(folder, &[&CLOSED[..], &["--least-suite", "1"]].concat()),
        0,
    );
    let arguments = ["show", "p.json", "--json", "--at", "2027-02-01T00:00:00Z"];
    let shown: Value = serde_json::from_str(&printed(&policy(folder, &arguments), 0)).unwrap();
    assert_eq!(shown["serial"], 1);
    let set = &shown["sets"][0];
    assert_eq!(set["kind"], "nitro");
    assert_eq!(set["not_after"], "2027-03-01T00:00:00Z");
    assert_eq!(
        set["demands"][2],
        json!({ "name": "PCR2", "means": "the application", "accepted": [digest(3)] })
    );
    assert_eq!(shown["evidence"][0]["demands"][0]["accepted"], Value::Null);
    assert_eq!(shown["session"][2]["accepted"], json!(["1 (RSA-OAEP)"]));
    let warnings = shown["warnings"].as_array().unwrap();
    let codes: Vec<&str> = warnings
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        ["expires_soon", "any_model", "any_machine", "weak_suite"]
    );
    assert_eq!(warnings[0]["set"], "2026-11");
}

fn show_knows_sev_snp() {
    let folder = folder();
    let folder = folder.path();
    write(folder, "p.json", sev_snp(""));
    let said = printed(&policy(folder, &["show", "p.json"]), 0);
    for line in [
        "sev-snp set \"guest 1\"",
        "    measurement        0101010101010101…  (the guest as it was launched)",
        "    host_data          zero  (what the host put in at launch)",
    ] {
        assert!(said.lines().any(|found| found == line), "{line}\n{said}");
    }
    for (name, value) in [
        ("products.genoa.least_tcb.microcode", "84"),
        ("crl", "required"),
        ("crl_max_age_seconds", "7776000"),
        ("guest_policy.smt_allowed", "true"),
        ("platform_bits", "alias_check_complete, ecc"),
        ("chip_ids", "any"),
    ] {
        let shown = format!("{value}  (");
        let is_line =
            |line: &str| line.trim_start().split(' ').next() == Some(name) && line.contains(&shown);
        assert!(said.lines().any(is_line), "{name} {value}\n{said}");
    }
    assert!(said.contains("warning: no chip is pinned"), "{said}");
    write(folder, "p.json", sev_snp(r#", "crl": "none""#));
    let said = printed(&policy(folder, &["check", "p.json"]), 0);
    assert!(said.contains("warning: crl is \"none\""), "{said}");
}

fn check_warns_of_what_is_open_and_what_ends() {
    let folder = folder();
    let folder = folder.path();
    closed_policy(folder);
    let check = |more: &[&str], code| {
        printed(
            &policy(folder, &[&["check", "p.json"], more].concat()),
            code,
        )
    };
    let fine = "p.json: it can be used, and leaves nothing open\n";
    assert_eq!(
        check(&["--at", "2026-11-29T00:00:00Z", "--strict"], 0),
        fine
    );
    let end = ["--at", "2027-03-01T00:00:00Z"];
    assert_eq!(
        check(&[&end[..], &["--soon", "0"]].concat(), 0)
            .lines()
            .count(),
        2
    );
    for (at, soon, says) in [
        (
            "2027-01-30T00:00:00Z",
            "30",
            "holds until 2027-03-01T00:00:00Z, 30 days more",
        ),
        (
            "2027-02-28T23:00:00Z",
            "1",
            "holds until 2027-03-01T00:00:00Z, 1 hour more",
        ),
        (
            "2027-03-03T00:00:00Z",
            "0",
            "has EXPIRED: it held until 2027-03-01T00:00:00Z, 2 days ago",
        ),
    ] {
        let said = check(&["--at", at, "--soon", soon], 0);
        assert!(said.contains(says), "{said}");
        check(&["--at", at, "--soon", soon, "--strict"], 3);
    }
    assert_eq!(check(&["--at", "2027-01-29T00:00:00Z"], 0), fine);
    let expired = check(&["--at", "2027-03-03T00:00:00Z"], 0);
    assert!(expired.contains("every set has expired: the policy accepts nothing"));
    // One that still holds.
    printed(&policy(folder, &["add", "p.json", "new.json"]), 0);
    let one = check(&["--at", "2027-03-03T00:00:00Z"], 0);
    assert!(
        one.contains("EXPIRED") && !one.contains("every set"),
        "{one}"
    );
}

fn what_is_no_policy_is_refused_in_plain_words() {
    let folder = folder();
    let folder = folder.path();
    closed_policy(folder);
    let good = std::fs::read_to_string(folder.join("p.json")).unwrap();
    for (contents, says) in [
        (String::new(), "the file is empty"),
        (
            good.replace("\"version\"", "// two\n\"version\""),
            "JSON has no comments; take out the one at line 2 column 3",
        ),
        (
            good.replace("\"serial\": 1,", "\"serial\": 1,,"),
            "line 3 column 15",
        ),
        (
            good.replace("\"serial\": 1", "\"serial\": -1"),
            "at serial: invalid value: integer `-1`",
        ),
        (
            good.replace("\"session\"", "\"sessions\""),
            "unknown field `sessions`",
        ),
        (
            "[]".into(),
            "a list stands where an object in braces is due",
        ),
    ] {
        write(folder, "bad.json", contents);
        for command in [
            &["show", "bad.json"][..],
            &["check", "bad.json"],
            &["diff", "bad.json", "p.json"],
        ] {
            let error = refusal(&policy(folder, command), 2);
            assert!(
                error.starts_with("sealnote: bad.json: the policy cannot be read: "),
                "{error}"
            );
            assert!(error.contains(says), "{error}");
            assert!(!error.contains("struct"), "{error}");
        }
    }
    write(folder, "marked.json", format!("\u{feff}{good}"));
    printed(&policy(folder, &["diff", "marked.json", "p.json"]), 0);
}

fn check_appraises_a_document() {
    let folder = folder();
    let folder = folder.path();
    let document = vectors().join(DOCUMENT);
    let document = document.to_str().unwrap();
    let bytes = std::fs::read(document).unwrap();
    let found = sealnote_verifier::nitro::inspect(&bytes).unwrap();
    let register = |index: u8| found.pcrs()[&index].to_string();
    let json = format!(
        r#"{{"Measurements": {{"PCR0": "{}", "PCR1": "{}", "PCR2": "{}"}}}}"#,
        register(0),
        register(1),
        register(2)
    );
    write(folder, "right.json", json);
    let instance = found.module_id().split("-enc").next().unwrap();
    printed(
        &policy(
            folder,
            &[
                "new",
                "right.json",
                "-o",
                "p.json",
                "--pin-instance",
                instance,
            ],
        ),
        0,
    );
    let check = ["check", "p.json", "--document", document, "--at", AT];
    let said = printed(&policy(folder, &check), 0);
    assert!(
        said.contains(
            "the document is accepted at 2023-09-21T23:09:57Z, measured as \"right.json\""
        ),
        "{said}"
    );
    let json = printed(&policy(folder, &[&check[..], &["--json"]].concat()), 0);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["document"]["set"], "right.json");
    // Later it has expired; and another policy does not list it.
    let late = policy(folder, &check[..4]);
    assert_eq!(late.status.code(), Some(3));
    closed_policy_as(folder, "other.json");
    let other = policy(
        folder,
        &[
            "check",
            "other.json",
            "--document",
            document,
            "--at",
            AT,
            "--json",
        ],
    );
    let json: Value = serde_json::from_str(&printed(&other, 3)).unwrap();
    assert_eq!(
        (&json["document"]["accepted"], &json["document"]["check"]),
        (&json!(false), &json!("X5"))
    );
}

fn closed_policy_as(folder: &std::path::Path, name: &str) {
    printed(&policy(folder, &["new", "old.json", "-o", name]), 0);
}
