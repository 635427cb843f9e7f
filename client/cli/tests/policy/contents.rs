//! What `new`, `add` and `remove` write.

use std::os::unix::fs::PermissionsExt;

use sealnote_model::{ModelDigest, Precision};
use sealnote_verifier::UnixTime;

use super::common::image;
use super::{Case, digest, folder, loaded, nitro_cli, policy, printed, refusal, sealnote, write};

pub const CASES: &[Case] = &[
    ("new_takes_every_demand", None, new_takes_every_demand),
    (
        "an_image_and_its_json_make_the_same_policy",
        None,
        an_image_and_its_json_make_the_same_policy,
    ),
    (
        "what_people_add_to_nitro_cli_s_json_is_pinned",
        None,
        what_people_add_to_nitro_cli_s_json_is_pinned,
    ),
    (
        "new_refuses_what_no_policy_can_say",
        None,
        new_refuses_what_no_policy_can_say,
    ),
    (
        "a_rollout_has_both_images_for_a_while",
        None,
        a_rollout_has_both_images_for_a_while,
    ),
    ("add_refuses_what_is_there", None, add_refuses_what_is_there),
    ("add_narrows_nothing", None, add_narrows_nothing),
    (
        "what_is_replaced_keeps_its_mode_and_its_link",
        None,
        what_is_replaced_keeps_its_mode_and_its_link,
    ),
];

/// AWS's example of a role, and its register in AWS's guide.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/Webserver";
const ROLE_PCR3: &str = "78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef4fc1f1a452e315b9e98f9e312e6921e6";

fn new_takes_every_demand() {
    let folder = folder();
    let folder = folder.path();
    let (model, pcr4) = (ModelDigest([0xab; 48]), format!("pcr4={}", digest(4)));
    let arguments = [
        "new",
        "old.json",
        "-o",
        "policy.json",
        "--label",
        "2026-11",
        "--not-after",
        "2027-03-01T00:00:00Z",
        "--model-digest",
        &model.to_string(),
        "--pin-role",
        ROLE,
        "--pin-instance",
        "i-1234567890abcdef0",
        "--pin",
        &pcr4,
        "--precision",
        "int8",
        "--least-suite",
        "1",
        "--max-age",
        "60",
    ];
    let said = printed(&policy(folder, &arguments), 0);
    assert!(said.starts_with("policy.json: written, serial 1, accepts \"2026-11\"\n"));
    let policy = loaded(folder, "policy.json");
    assert_eq!(policy.serial(), Some(1));
    let rules = policy.nitro().unwrap();
    let [set] = rules.measurement_sets() else {
        panic!("one set")
    };
    assert_eq!(set.label(), "2026-11");
    assert_eq!(set.not_after(), Some(UnixTime::from_seconds(1_803_859_200)));
    assert_eq!(set.register(2).unwrap().to_string(), digest(3));
    let pins = |register| {
        let pins = rules.pin(register).iter();
        pins.map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(pins(3), [ROLE_PCR3]);
    assert_eq!(pins(4).len(), 2);
    assert_eq!(pins(4)[1], digest(4));
    assert_eq!(pins(16), [hex::encode(model.register())]);
    assert_eq!(rules.max_age_seconds(), 60);
    assert_eq!(policy.session().model_digests(), Some(&[model][..]));
    assert_eq!(policy.session().precision(), Some(Precision::Int8));
    assert_eq!(policy.session().least_suite(), Some(1));
}

fn an_image_and_its_json_make_the_same_policy() {
    let folder = folder();
    let folder = folder.path();
    write(folder, "app.eif", image(b"application"));
    for arguments in [
        &["policy", "new", "app.eif", "-o", "new-policy.json"][..],
        &["measure", "app.eif", "-o", "measured.json"],
    ] {
        printed(&sealnote(folder, arguments), 0);
    }
    let written = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(written("new-policy.json"), written("measured.json"));
    let policy_ = loaded(folder, "new-policy.json");
    let set = &policy_.nitro().unwrap().measurement_sets()[0];
    let register = |index| set.register(index).unwrap().to_string();
    let json = nitro_cli([0; 3], "")
        .replace(
            &format!("\"PCR0\": \"{}", digest(0)),
            &format!("\"PCR0\": \"{}", register(0)),
        )
        .replace(
            &format!("\"PCR1\": \"{}", digest(0)),
            &format!("\"PCR1\": \"{}", register(1)),
        )
        .replace(
            &format!("\"PCR2\": \"{}", digest(0)),
            &format!("\"PCR2\": \"{}", register(2)),
        );
    write(folder, "app.json", json);
    let arguments = [
        "new",
        "app.json",
        "-o",
        "of-json.json",
        "--label",
        "app.eif",
    ];
    printed(&policy(folder, &arguments), 0);
    assert_eq!(written("of-json.json"), written("new-policy.json"));
    // Without a label, it is the file's name.
    printed(&policy(folder, &["new", "app.json", "-o", "named.json"]), 0);
    assert!(written("named.json").contains(r#""label": "app.json""#));
}

fn what_people_add_to_nitro_cli_s_json_is_pinned() {
    let folder = folder();
    let folder = folder.path();
    let more = format!(
        r#", "PCR3": "{}", "PCR8": "{}""#,
        digest(0xAB).to_uppercase(),
        digest(8)
    );
    write(folder, "more.json", nitro_cli([1, 2, 3], &more));
    let arguments = ["new", "more.json", "-o", "policy.json", "--pin-role", ROLE];
    printed(&policy(folder, &arguments), 0);
    let policy = loaded(folder, "policy.json");
    let rules = policy.nitro().unwrap();
    let pins: Vec<String> = rules.pin(3).iter().map(ToString::to_string).collect();
    assert_eq!(pins, [digest(0xab), ROLE_PCR3.to_owned()]);
    assert_eq!(
        rules.measurement_sets()[0].register(8).unwrap().to_string(),
        digest(8)
    );
}

fn new_refuses_what_no_policy_can_say() {
    let folder = folder();
    let folder = folder.path();
    write(folder, "text.json", "{}");
    write(folder, "debug.json", nitro_cli([0; 3], ""));
    write(folder, "cut.eif", &image(b"application")[..600]);
    write(folder, "there.json", "mine");
    for (source, more, code, says) in [
        (
            "text.json",
            &[][..],
            2,
            "text.json: this is neither an enclave image",
        ),
        ("debug.json", &[], 2, "is all zero"),
        ("cut.eif", &[], 3, "cut.eif: the file ends after 600 bytes"),
        ("none.json", &[], 2, "none.json cannot be read"),
        ("old.json", &["--label", " "], 2, "empty label"),
        ("old.json", &["--least-suite", "9"], 2, "suite"),
        (
            "old.json",
            &["--pin", &format!("pcr3={}", digest(0))],
            2,
            "all zero",
        ),
    ] {
        let arguments = [&["new", source, "-o", "policy.json"], more].concat();
        let error = refusal(&policy(folder, &arguments), code);
        assert!(error.contains(says), "{error}");
        assert!(!folder.join("policy.json").exists());
    }
    let error = refusal(&policy(folder, &["new", "old.json", "-o", "there.json"]), 5);
    assert!(error.contains("it is there already"), "{error}");
    assert_eq!(std::fs::read(folder.join("there.json")).unwrap(), b"mine");
    for wrong in [
        &["--pin-role", "Webserver"][..],
        &["--pin-instance", "1234"],
        &["--pin", "pcr0=00"],
        &["--precision", "f16"],
        &["--max-age", "0"],
        &["--not-after", "tomorrow"],
    ] {
        let arguments = [&["new", "old.json", "-o", "policy.json"], wrong].concat();
        assert_eq!(
            policy(folder, &arguments).status.code(),
            Some(2),
            "{wrong:?}"
        );
    }
}

fn a_rollout_has_both_images_for_a_while() {
    let folder = folder();
    let folder = folder.path();
    printed(
        &policy(
            folder,
            &["new", "old.json", "-o", "p.json", "--label", "old"],
        ),
        0,
    );
    let add = [
        "add",
        "p.json",
        "new.json",
        "--label",
        "new",
        "--least-suite",
        "2",
        "--not-after",
        "1803859200",
    ];
    let said = printed(&policy(folder, &add), 0);
    assert_eq!(said, "p.json: written, serial 2, accepts \"new\" too\n");
    let both = loaded(folder, "p.json");
    let sets = both.nitro().unwrap().measurement_sets();
    assert_eq!(
        sets.iter().map(|set| set.label()).collect::<Vec<_>>(),
        ["old", "new"]
    );
    assert_eq!(sets[1].least_suite(), Some(2));
    assert_eq!(
        sets[1].not_after(),
        Some(UnixTime::from_seconds(1_803_859_200))
    );
    let said = printed(&policy(folder, &["remove", "p.json", "old"]), 0);
    assert_eq!(
        said,
        "p.json: written, serial 3, no longer accepts \"old\"\n"
    );
    let after = loaded(folder, "p.json");
    assert_eq!(after.nitro().unwrap().measurement_sets(), &sets[1..]);
    assert_eq!(after.serial(), Some(3));
    // Nothing else is left behind.
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 3);
}

fn add_refuses_what_is_there() {
    let folder = folder();
    let folder = folder.path();
    printed(
        &policy(
            folder,
            &["new", "old.json", "-o", "p.json", "--label", "old"],
        ),
        0,
    );
    let before = std::fs::read(folder.join("p.json")).unwrap();
    write(
        folder,
        "upper.json",
        nitro_cli([1, 2, 3], "").replace("0a", "0A"),
    );
    for (arguments, says) in [
        (
            &["add", "p.json", "new.json", "--label", "old"][..],
            "p.json has a set \"old\" already",
        ),
        (
            &["add", "p.json", "old.json"],
            "accepts this image already, as \"old\"",
        ),
        (
            &["add", "p.json", "upper.json"],
            "accepts this image already, as \"old\"",
        ),
        (
            &["add", "old.json", "new.json"],
            "old.json is what nitro-cli printed",
        ),
        (&["remove", "p.json", "old"], "it would accept nothing"),
        (
            &["remove", "p.json", "new"],
            "p.json has no set \"new\"; it has \"old\"",
        ),
    ] {
        let error = refusal(&policy(folder, arguments), 2);
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(std::fs::read(folder.join("p.json")).unwrap(), before);
    // One register apart is another image.
    write(folder, "apart.json", nitro_cli([1, 2, 4], ""));
    printed(&policy(folder, &["add", "p.json", "apart.json"]), 0);
}

fn add_narrows_nothing() {
    let folder = folder();
    let folder = folder.path();
    let (first, second) = (digest(0xa), digest(0xb));
    printed(&policy(folder, &["new", "old.json", "-o", "open.json"]), 0);
    for more in [&["--model-digest", &second][..], &["--pin-role", ROLE]] {
        let add = [&["add", "open.json", "new.json"], more].concat();
        let error = refusal(&policy(folder, &add), 2);
        assert!(error.contains("the policy pins no "), "{error}");
    }
    let new = [
        "new",
        "old.json",
        "-o",
        "p.json",
        "--model-digest",
        &first,
        "--pin-role",
        ROLE,
    ];
    printed(&policy(folder, &new), 0);
    let role = "arn:aws:iam::123456789012:role/other/Webserver";
    let add = [
        "add",
        "p.json",
        "new.json",
        "--model-digest",
        &second,
        "--pin-role",
        role,
    ];
    printed(&policy(folder, &add), 0);
    let both = loaded(folder, "p.json");
    let models = [ModelDigest([0xa; 48]), ModelDigest([0xb; 48])];
    assert_eq!(both.session().model_digests(), Some(&models[..]));
    let registers = models.map(|model| model.register().into());
    assert_eq!(both.nitro().unwrap().pin(16), registers);
    assert_eq!(both.nitro().unwrap().pin(3).len(), 2);
    // A value that is there is not listed twice.
    write(folder, "third.json", nitro_cli([7, 2, 7], ""));
    let add = ["add", "p.json", "third.json", "--pin-role", role];
    printed(&policy(folder, &add), 0);
    let rules = loaded(folder, "p.json");
    assert_eq!(rules.nitro().unwrap().pin(3).len(), 2);
}

fn what_is_replaced_keeps_its_mode_and_its_link() {
    let folder = folder();
    let folder = folder.path();
    printed(&policy(folder, &["new", "old.json", "-o", "p.json"]), 0);
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(folder.join("p.json"), mode).unwrap();
    std::os::unix::fs::symlink("p.json", folder.join("link.json")).unwrap();
    printed(&policy(folder, &["add", "link.json", "new.json"]), 0);
    let file = folder.join("p.json").metadata().unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o640);
    assert!(folder.join("link.json").is_symlink());
    assert_eq!(loaded(folder, "p.json").serial(), Some(2));
}
