//! A report's bytes, written anew from the fields of its JSON as crate `sev` does: what a verifier checks the signature over.

use p384::ecdsa::signature::Verifier;
use p384::ecdsa::{Signature, VerifyingKey};
use serde_json::Value;

/// Whether the fields of a report are what this key signed.
pub fn is_signed_by(report: &Value, key: &VerifyingKey) -> bool {
    let scalar = |name: &str| {
        let mut scalar = bytes(&report["signature"][name]);
        assert!(scalar.split_off(48).iter().all(|byte| *byte == 0));
        scalar.reverse();
        scalar
    };
    let signature = [scalar("r"), scalar("s")].concat();
    let signature = Signature::from_slice(&signature).unwrap();
    key.verify(&signed_part(report), &signature).is_ok()
}

fn signed_part(report: &Value) -> Vec<u8> {
    let mut signed = Vec::new();
    let number = |name: &str, len: usize| {
        let number = report[name].as_u64().unwrap().to_le_bytes();
        number[..len].to_vec()
    };
    let all = |name: &str| bytes(&report[name]);
    let tcb = |name: &str| {
        let part = |part: &str| report[name][part].as_u64().map(|part| part as u8);
        let [bl, tee, snp, ucode] =
            ["bootloader", "tee", "snp", "microcode"].map(|name| part(name).unwrap());
        match part("fmc") {
            Some(fmc) => vec![fmc, bl, tee, snp, 0, 0, 0, ucode],
            None => vec![bl, tee, 0, 0, 0, 0, snp, ucode],
        }
    };
    let firmware = |name: &str| {
        ["build", "minor", "major"].map(|part| report[name][part].as_u64().unwrap() as u8)
    };
    for (name, len) in [("version", 4), ("guest_svn", 4), ("policy", 8)] {
        signed.extend(number(name, len));
    }
    signed.extend([all("family_id"), all("image_id")].concat());
    signed.extend([number("vmpl", 4), number("sig_algo", 4)].concat());
    signed.extend(tcb("current_tcb"));
    signed.extend([number("plat_info", 8), number("key_info", 4), vec![0; 4]].concat());
    for name in [
        "report_data",
        "measurement",
        "host_data",
        "id_key_digest",
        "author_key_digest",
        "report_id",
        "report_id_ma",
    ] {
        signed.extend(all(name));
    }
    signed.extend(tcb("reported_tcb"));
    for name in ["cpuid_fam_id", "cpuid_mod_id", "cpuid_step"] {
        signed.extend(number(name, 1));
    }
    signed.extend([0; 21]);
    signed.extend([all("chip_id"), tcb("committed_tcb")].concat());
    signed.extend(firmware("current"));
    signed.push(0);
    signed.extend(firmware("committed"));
    signed.push(0);
    signed.extend(tcb("launch_tcb"));
    for name in ["launch_mit_vector", "current_mit_vector"] {
        match report[name].is_null() {
            true => assert!(report["version"].as_u64() < Some(5)),
            false => signed.extend(number(name, 8)),
        }
    }
    signed.resize(0x2a0, 0);
    signed
}

fn bytes(array: &Value) -> Vec<u8> {
    let bytes = array.as_array().unwrap().iter();
    bytes.map(|byte| byte.as_u64().unwrap() as u8).collect()
}
