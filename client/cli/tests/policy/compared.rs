//! What `diff` says.

use serde_json::{Value, json};

use super::added::sev_snp;
use super::{Case, Need, digest, folder, policy, printed, refusal, vectors, write};

pub const CASES: &[Case] = &[
    (
        "two_that_say_the_same_do_not_differ",
        None,
        two_that_say_the_same_do_not_differ,
    ),
    (
        "a_difference_names_the_register_and_what_it_measures",
        None,
        a_difference_names_the_register,
    ),
    (
        "a_default_that_is_written_out_is_no_difference",
        None,
        a_default_that_is_written_out_is_no_difference,
    ),
    (
        "differences_have_a_shape_for_programs",
        None,
        differences_have_a_shape_for_programs,
    ),
    (
        "a_difference_of_sev_snp_is_named",
        None,
        a_difference_of_sev_snp_is_named,
    ),
    (
        "what_orders_or_owns_is_a_difference",
        None,
        what_orders_or_owns_is_a_difference,
    ),
    (
        "a_paravisor_that_has_expired_is_a_warning",
        None,
        a_paravisor_that_has_expired_is_a_warning,
    ),
    (
        "a_document_is_compared_unverified",
        Some(Need::Vectors),
        a_document_is_compared_unverified,
    ),
    (
        "a_debug_enclave_is_named",
        Some(Need::Vectors),
        a_debug_enclave_is_named,
    ),
];

fn example(kind: &str) -> Value {
    let json = match kind {
        "token" => include_str!("../../../../docs/policies/2026-11-token.json"),
        _ => include_str!("../../../../docs/policies/2026-11-azure-vtpm.json"),
    };
    serde_json::from_str(json).unwrap()
}

/// A command line in another order, and sets of two issuers that have changed places.
fn what_orders_or_owns_is_a_difference() {
    let folder = folder();
    let folder = folder.path();
    let differs = |first: &Value, second: &Value| {
        write(folder, "first.json", first.to_string());
        write(folder, "second.json", second.to_string());
        let output = policy(folder, &["diff", "first.json", "second.json"]);
        match output.status.code() {
            Some(0) => false,
            Some(4) => true,
            _ => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        }
    };
    let mut first = example("token");
    let issuers = &mut first["evidence"]["token"]["issuers"];
    let of = |issuers: &Value, profile: &str| {
        let issuers = issuers.as_array().unwrap().iter();
        issuers
            .clone()
            .position(|issuer| issuer["profile"] == profile)
            .unwrap()
    };
    let google = of(issuers, "google");
    issuers[google]["measurements"][0]["container"]["args"] = json!(["x", "--a", "1", "--b", "2"]);
    assert!(!differs(&first, &first.clone()));
    let mut second = first.clone();
    let issuers = &mut second["evidence"]["token"]["issuers"];
    issuers[google]["measurements"][0]["container"]["args"] = json!(["x", "--b", "1", "--a", "2"]);
    let (azure, intel) = (of(issuers, "azure"), of(issuers, "intel"));
    let of_intel = issuers[intel]["measurements"][0].clone();
    assert!(differs(&first, &second));

    let tdx = |set: &Value| set.get("tdx").is_some();
    assert!(tdx(&of_intel));
    let mut renamed = of_intel.clone();
    renamed["label"] = json!("the other");
    renamed["tdx"]["mrtd"] = json!("77".repeat(48));
    let mut first = first.clone();
    let mut both = |first_set: Value, second_set: Value| {
        let issuers = &mut first["evidence"]["token"]["issuers"];
        issuers[azure]["tcb_status"] = json!(["UpToDate"]);
        issuers[azure].as_object_mut().unwrap().remove("least_svn");
        issuers[azure]["measurements"] = json!([first_set]);
        issuers[intel]["measurements"] = json!([second_set]);
        first.clone()
    };
    let one_way = both(of_intel.clone(), renamed.clone());
    let other_way = both(renamed, of_intel);
    assert!(differs(&one_way, &other_way));
}

fn a_paravisor_that_has_expired_is_a_warning() {
    let folder = folder();
    let folder = folder.path();
    let mut json = example("azure-vtpm");
    let sets = json["evidence"]["azure-vtpm"]["sev-snp"]["measurements"]
        .as_array_mut()
        .unwrap();
    for set in sets {
        set["not_after"] = json!("2020-01-01T00:00:00Z");
    }
    write(folder, "expired.json", json.to_string());
    let said = policy(folder, &["check", "expired.json"]);
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
    assert!(
        said.contains("every set of the hardware under azure-vtpm has expired"),
        "{said}"
    );
}

fn two_that_say_the_same_do_not_differ() {
    let folder = folder();
    let folder = folder.path();
    printed(
        &policy(folder, &["new", "old.json", "-o", "a.json", "--label", "x"]),
        0,
    );
    let a = std::fs::read_to_string(folder.join("a.json")).unwrap();
    // Other spaces, other case, other order of keys.
    let session = "\n  \"session\": {\n    \"least_suite\": 2\n  }";
    assert!(a.contains(session));
    let b = a
        .replace(&format!(",{session}"), "")
        .replace("{\n  \"version\"", &format!("{{{session},\"version\""));
    write(
        folder,
        "b.json",
        b.replace(&digest(3), &digest(3).to_uppercase()),
    );
    assert_eq!(
        printed(&policy(folder, &["diff", "a.json", "b.json"]), 0),
        ""
    );
    let same = printed(&policy(folder, &["diff", "a.json", "b.json", "--json"]), 0);
    let same: Value = serde_json::from_str(&same).unwrap();
    assert_eq!(same, json!({ "same": true, "differences": [] }));
}

fn a_difference_names_the_register() {
    let folder = folder();
    let folder = folder.path();
    let (first, second) = (digest(0xa), digest(0xb));
    let a = [
        "new",
        "old.json",
        "-o",
        "a.json",
        "--label",
        "x",
        "--model-digest",
        &first,
    ];
    let b = [
        "new",
        "new.json",
        "-o",
        "b.json",
        "--label",
        "x",
        "--model-digest",
        &second,
    ];
    printed(&policy(folder, &a), 0);
    printed(&policy(folder, &b), 0);
    let said = policy(folder, &["diff", "a.json", "b.json"]);
    let error = String::from_utf8(said.stderr.clone()).unwrap();
    assert_eq!(error, "sealnote: the policies differ\n");
    let said = printed(&said, 4);
    let expected = "\
~ nitro set \"x\": PCR0, the whole image
    - 0101010101010101…
    + 0909090909090909…
~ nitro set \"x\": PCR2, the application
    - 0303030303030303…
    + 0808080808080808…
~ nitro evidence: PCR16, the model that the enclave loaded
";
    assert!(said.starts_with(expected), "{said}");
    let model = "~ session: model_digests, the models that are accepted\n    - 0a0a0a0a0a0a0a0a…\n    + 0b0b0b0b0b0b0b0b…\n";
    assert!(said.ends_with(model), "{said}");
    let full = printed(&policy(folder, &["diff", "a.json", "b.json", "--full"]), 4);
    assert!(full.contains(&format!("    + {}\n", digest(8))));
    // A set that only one has, and a list of which one value is new.
    printed(
        &policy(
            folder,
            &[
                "add",
                "a.json",
                "new.json",
                "--label",
                "y",
                "--model-digest",
                &second,
            ],
        ),
        0,
    );
    printed(
        &policy(
            folder,
            &[
                "new",
                "old.json",
                "-o",
                "c.json",
                "--label",
                "x",
                "--model-digest",
                &first,
            ],
        ),
        0,
    );
    let said = printed(&policy(folder, &["diff", "c.json", "a.json"]), 4);
    for lines in [
        "~ serial: the number of this version of the policy\n    - 1\n    + 2\n",
        "~ session: model_digests, the models that are accepted\n    + 0b0b0b0b0b0b0b0b…\n",
        "+ nitro set \"y\"\n    + PCR0, the whole image: 0909090909090909…\n",
    ] {
        assert!(said.contains(lines), "{said}");
    }
    let said = printed(&policy(folder, &["diff", "a.json", "c.json"]), 4);
    assert!(said.contains("- nitro set \"y\"\n    - PCR0"), "{said}");
}

fn a_default_that_is_written_out_is_no_difference() {
    let folder = folder();
    let folder = folder.path();
    let new = ["new", "old.json", "--label", "x", "-o"];
    printed(&policy(folder, &[&new[..], &["a.json"]].concat()), 0);
    printed(
        &policy(
            folder,
            &[&new[..], &["b.json", "--max-age", "300"]].concat(),
        ),
        0,
    );
    printed(
        &policy(folder, &[&new[..], &["c.json", "--max-age", "60"]].concat()),
        0,
    );
    printed(&policy(folder, &["diff", "a.json", "b.json"]), 0);
    let said = printed(&policy(folder, &["diff", "a.json", "c.json"]), 4);
    assert_eq!(
        said,
        "~ nitro evidence: max_age_seconds, the greatest age of a document\n    - 300\n    + 60\n"
    );
    write(folder, "d.json", sev_snp(""));
    write(
        folder,
        "e.json",
        sev_snp(r#", "vmpl": 0, "crl": "required", "crl_max_age_seconds": 7776000"#),
    );
    printed(&policy(folder, &["diff", "d.json", "e.json"]), 0);
}

fn differences_have_a_shape_for_programs() {
    let folder = folder();
    let folder = folder.path();
    printed(
        &policy(folder, &["new", "old.json", "-o", "a.json", "--label", "x"]),
        0,
    );
    printed(
        &policy(
            folder,
            &[
                "new",
                "new.json",
                "-o",
                "b.json",
                "--label",
                "x",
                "--precision",
                "f32",
            ],
        ),
        0,
    );
    let json = printed(&policy(folder, &["diff", "a.json", "b.json", "--json"]), 4);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["same"], false);
    let pcr2 = json!({
        "part": "set", "kind": "nitro", "label": "x", "change": "accepts", "name": "PCR2",
        "means": "the application", "first": [digest(3)], "second": [digest(8)],
    });
    assert_eq!(json["differences"][1], pcr2);
    let precision = json!({
        "part": "session", "kind": null, "label": null, "change": "accepts", "name": "precision",
        "means": "the precision that the model computes in", "first": null, "second": ["f32"],
    });
    assert_eq!(json["differences"][2], precision);
}

fn a_difference_of_sev_snp_is_named() {
    let folder = folder();
    let folder = folder.path();
    write(folder, "a.json", sev_snp(""));
    write(
        folder,
        "b.json",
        sev_snp("").replace("\"microcode\": 84", "\"microcode\": 85"),
    );
    let said = printed(&policy(folder, &["diff", "a.json", "b.json"]), 4);
    let expected = "~ sev-snp evidence: products.genoa.least_tcb.microcode, the least version of a generation's firmware\n    - 84\n    + 85\n";
    assert_eq!(said, expected);
}

fn document(name: &str) -> String {
    vectors().join(name).to_str().unwrap().to_owned()
}

fn a_document_is_compared_unverified() {
    let folder = folder();
    let folder = folder.path();
    let document = document("20230921T230957-anjuna-security.cbor");
    let bytes = std::fs::read(&document).unwrap();
    let found = sealnote_verifier::nitro::inspect(&bytes).unwrap();
    let register = |index: u8| found.pcrs()[&index].to_string();
    // PCR0 and PCR1 are the document's.
    let json = format!(
        r#"{{"Measurements": {{"PCR0": "{}", "PCR1": "{}", "PCR2": "{}"}}}}"#,
        register(0),
        register(1),
        digest(2)
    );
    write(folder, "near.json", &json);
    printed(
        &policy(
            folder,
            &[
                "new",
                "near.json",
                "-o",
                "p.json",
                "--label",
                "near",
                "--pin-instance",
                "i-12345678",
            ],
        ),
        0,
    );
    let diff = ["diff", "p.json", "--document", &document];
    let said = printed(&policy(folder, &diff), 4);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("UNVERIFIED: "), "{said}");
    assert_eq!(lines[1], "set \"near\" differs in PCR2");
    assert_eq!(lines[2], "    PCR2, the application");
    assert_eq!(lines[3], "        policy    0202020202020202…");
    assert_eq!(
        lines[4],
        format!("        document  {}…", &register(2)[..16])
    );
    assert_eq!(lines[5], "pins differ in PCR4");
    let full = printed(&policy(folder, &[&diff[..], &["--full"]].concat()), 4);
    assert!(full.contains(&register(2)));
    let shape = printed(&policy(folder, &[&diff[..], &["--json"]].concat()), 4);
    let shape: Value = serde_json::from_str(&shape).unwrap();
    assert_eq!(
        (&shape["same"], &shape["verified"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(shape["sets"][0]["differs"][0]["document"], register(2));
    // A set that fits is not enough while a pin does not hold.
    write(folder, "right.json", json.replace(&digest(2), &register(2)));
    let pin = [
        "new",
        "right.json",
        "-o",
        "pinned.json",
        "--pin-instance",
        "i-12345678",
    ];
    printed(&policy(folder, &pin), 0);
    let pinned = ["diff", "pinned.json", "--document", &document];
    let said = printed(&policy(folder, &pinned), 4);
    assert_eq!(said.lines().nth(2), Some("pins differ in PCR4"), "{said}");
    // One set that fits is enough, and the pin of the document's own instance holds.
    let instance = found.module_id().split("-enc").next().unwrap();
    let add = [
        "add",
        "p.json",
        "right.json",
        "--label",
        "right",
        "--pin-instance",
        instance,
    ];
    printed(&policy(folder, &add), 0);
    let said = printed(&policy(folder, &diff), 0);
    assert_eq!(
        said.lines().nth(1),
        Some("the document has the registers of set \"right\"")
    );
    // What is no document.
    write(folder, "none.cbor", "none");
    let error = refusal(
        &policy(folder, &["diff", "p.json", "--document", "none.cbor"]),
        3,
    );
    assert!(error.contains("malformed"), "{error}");
}

fn a_debug_enclave_is_named() {
    let folder = folder();
    let folder = folder.path();
    printed(&policy(folder, &["new", "old.json", "-o", "p.json"]), 0);
    let document = document("20251225T082046-dstack-tee-debug.cbor");
    let said = printed(
        &policy(folder, &["diff", "p.json", "--document", &document]),
        4,
    );
    assert!(said.contains("the enclave runs in debug mode"), "{said}");
    assert!(said.contains("        document  all zero"), "{said}");
}
