//! Signatures of OpenSSH's ssh-keygen here, and ours there.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::signed::{signed, verify};
use super::{Case, Need, policy, printed, refusal, write};

pub const CASES: &[Case] = &[
    (
        "ssh_keygen_checks_what_is_signed_here",
        Some(Need::SshKeygen),
        ssh_keygen_checks_what_is_signed_here,
    ),
    (
        "what_ssh_keygen_signs_is_checked_here",
        Some(Need::SshKeygen),
        what_ssh_keygen_signs_is_checked_here,
    ),
    (
        "an_encrypted_key_is_left_to_ssh_keygen",
        Some(Need::SshKeygen),
        an_encrypted_key_is_left_to_ssh_keygen,
    ),
];

/// Runs ssh-keygen, with a file on its standard input.
fn ssh_keygen(folder: &Path, arguments: &[&str], input: Option<&str>) -> Output {
    let input = match input {
        Some(name) => Stdio::from(std::fs::File::open(folder.join(name)).unwrap()),
        None => Stdio::null(),
    };
    let mut command = Command::new("ssh-keygen");
    command.current_dir(folder).args(arguments).stdin(input);
    command.output().unwrap()
}

/// Makes a key of each kind, without a passphrase.
fn keys(folder: &Path) -> Vec<&'static str> {
    let kinds = [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384")];
    let names = ["ed25519", "p256", "p384"];
    for ((kind, bits), name) in kinds.into_iter().zip(names) {
        let made = ssh_keygen(
            folder,
            &[
                "-q", "-t", kind, "-b", bits, "-N", "", "-C", "x", "-f", name,
            ],
            None,
        );
        printed(&made, 0);
    }
    names.into()
}

fn ssh_keygen_checks_what_is_signed_here() {
    let folder = signed();
    let folder = folder.path();
    for name in keys(folder) {
        printed(&policy(folder, &["sign", "p.json", "--key", name]), 0);
        let public = std::fs::read_to_string(folder.join(format!("{name}.pub"))).unwrap();
        write(folder, "allowed", format!("jo@hospital {public}"));
        let verify = [
            "-Y",
            "verify",
            "-f",
            "allowed",
            "-I",
            "jo@hospital",
            "-n",
            "sealnote-policy",
            "-s",
            "p.json.sig",
        ];
        let said = printed(&ssh_keygen(folder, &verify, Some("p.json")), 0);
        assert!(
            said.starts_with("Good \"sealnote-policy\" signature for jo@hospital"),
            "{said}"
        );
        // It fails where it must.
        assert_ne!(
            ssh_keygen(folder, &verify, Some("old.json")).status.code(),
            Some(0)
        );
    }
}

fn what_ssh_keygen_signs_is_checked_here() {
    let folder = signed();
    let folder = folder.path();
    for name in keys(folder) {
        for hash in ["sha512", "sha256"] {
            std::fs::remove_file(folder.join("p.json.sig")).unwrap();
            let option = format!("hashalg={hash}");
            let sign = [
                "-Y",
                "sign",
                "-f",
                name,
                "-n",
                "sealnote-policy",
                "-O",
                &option,
                "p.json",
            ];
            printed(&ssh_keygen(folder, &sign, None), 0);
            printed(&verify(folder, &format!("{name}.pub")), 0);
            assert!(refusal(&verify(folder, "other.pub"), 3).contains("it is signed by"));
        }
    }
    // A kind that is not supported says so.
    let made = ["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", "rsa"];
    printed(&ssh_keygen(folder, &made, None), 0);
    std::fs::remove_file(folder.join("p.json.sig")).unwrap();
    let error = refusal(&policy(folder, &["sign", "p.json", "--key", "rsa"]), 2);
    assert!(error.contains("ed25519 and ECDSA"), "{error}");
    let sign = ["-Y", "sign", "-f", "rsa", "-n", "sealnote-policy", "p.json"];
    printed(&ssh_keygen(folder, &sign, None), 0);
    let error = refusal(&verify(folder, "rsa.pub"), 3);
    assert!(error.contains("ed25519 and ECDSA"), "{error}");
}

fn an_encrypted_key_is_left_to_ssh_keygen() {
    let folder = signed();
    let folder = folder.path();
    let made = ["-q", "-t", "ed25519", "-N", "passphrase", "-f", "my key"];
    printed(&ssh_keygen(folder, &made, None), 0);
    let error = refusal(&policy(folder, &["sign", "p.json", "--key", "my key"]), 2);
    let says = "my key is encrypted, and no passphrase is asked for here; sign with: ssh-keygen -Y sign -f 'my key' \
                -n sealnote-policy p.json";
    assert!(error.contains(says), "{error}");
}
