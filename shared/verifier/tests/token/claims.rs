//! Claims of each issuer, in the genuine shape.

use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

use super::fixture::{BINDING, Base, NOW};

pub fn hex(byte: &str, len: usize) -> String {
    byte.repeat(len)
}

pub fn sha256_of_binding() -> String {
    hex::encode(Sha256::digest(BINDING))
}

pub fn sha512_of_binding() -> String {
    hex::encode(Sha512::digest(BINDING))
}

pub fn claims(base: Base) -> Value {
    let mut claims = match base {
        Base::Google => google(),
        Base::AzureSevSnp => azure_sev_snp(),
        Base::AzureTdx => azure_tdx(),
        Base::IntelV1 => intel(),
        Base::Intel => intel_v2(),
    };
    claims["iss"] = base.issuer().into();
    claims["iat"] = (NOW - 60).into();
    claims["nbf"] = (NOW - 60).into();
    claims["exp"] = (NOW + 3600).into();
    claims
}

fn google() -> Value {
    json!({
        "aud": "sealnote",
        "sub": "https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i",
        "eat_nonce": sha256_of_binding(),
        "secboot": true,
        "oemid": 11129,
        "hwmodel": "GCP_INTEL_TDX",
        "swname": "CONFIDENTIAL_SPACE",
        "swversion": ["250800"],
        "attester_tcb": ["INTEL"],
        "dbgstat": "disabled-since-boot",
        "submods": {
            "confidential_space": {"support_attributes": ["LATEST", "STABLE", "USABLE"]},
            "container": {
                "image_digest": format!("sha256:{}", hex("a1", 32)),
                "restart_policy": "Never",
                "env": {"HOSTNAME": "one-of-many", "PATH": "/usr/bin"},
                "args": ["/usr/bin/sealnote-enclave"],
            },
        },
        "tdx": {"gcp_attester_tcb_status": "UpToDate"},
    })
}

fn azure_sev_snp() -> Value {
    json!({
        "x-ms-attestation-type": "sevsnpvm",
        "x-ms-compliance-status": "azure-compliant-uvm",
        "x-ms-policy-hash": "wm9mHlvTU82e8UqoOy1Yj1FBRSNkfe99-69IYDq9eWs",
        "x-ms-sevsnpvm-authorkeydigest": hex("00", 48),
        "x-ms-sevsnpvm-bootloader-svn": 4,
        "x-ms-sevsnpvm-hostdata": hex("b2", 32),
        "x-ms-sevsnpvm-idkeydigest": hex("b3", 48),
        "x-ms-sevsnpvm-is-debuggable": false,
        "x-ms-sevsnpvm-launchmeasurement": hex("b1", 48),
        "x-ms-sevsnpvm-microcode-svn": 219,
        "x-ms-sevsnpvm-migration-allowed": false,
        "x-ms-sevsnpvm-reportdata": hex::encode(BINDING),
        "x-ms-sevsnpvm-smt-allowed": true,
        "x-ms-sevsnpvm-snpfw-svn": 24,
        "x-ms-sevsnpvm-tee-svn": 0,
        "x-ms-sevsnpvm-vmpl": 0,
        "x-ms-ver": "1.0",
    })
}

fn azure_tdx() -> Value {
    let mut claims = tdx();
    claims["x-ms-attestation-type"] = "tdxvm".into();
    claims["x-ms-policy-hash"] = "wm9mHlvTU82e8UqoOy1Yj1FBRSNkfe99-69IYDq9eWs".into();
    claims
}

fn intel() -> Value {
    let mut claims = tdx();
    claims["ver"] = "1.0.0".into();
    claims["attester_type"] = "TDX".into();
    claims["tdx_is_debuggable"] = false.into();
    claims["policy_ids_matched"] = json!([
        {"id": "d970fa2b-34bc-476d-ad8f-7a1b78f2885e", "version": "v1", "hash": "one"},
        {"id": "4f1c1c5a-8f6c-4f9e-9a55-7a1b78f2885e", "version": "v1", "hash": "RHdQVDZw"},
    ]);
    claims
}

fn intel_v2() -> Value {
    let mut domain = intel();
    let members = domain.as_object_mut().expect("an object");
    let matched = members.remove("policy_ids_matched");
    members.remove("ver");
    json!({"ver": "2.0.0", "policy_ids_matched": matched, "tdx": domain})
}

fn tdx() -> Value {
    json!({
        "attester_tcb_status": "UpToDate",
        "dbgstat": "disabled",
        "tdx_mrconfigid": hex("00", 48),
        "tdx_mrowner": hex("00", 48),
        "tdx_mrownerconfig": hex("c6", 48),
        "tdx_mrseam": hex("c7", 48),
        "tdx_mrtd": hex("c1", 48),
        "tdx_report_data": hex::encode(BINDING),
        "tdx_rtmr0": hex("d0", 48),
        "tdx_rtmr1": hex("d1", 48),
        "tdx_rtmr2": hex("d2", 48),
        "tdx_rtmr3": hex("d3", 48),
        "tdx_td_attributes": "0000001000000000",
        "tdx_td_attributes_debug": false,
        "tdx_xfam": "e718060000000000",
    })
}

pub fn issuer_rules(base: Base) -> Value {
    let mut rules = json!({
        "profile": base.profile(),
        "issuer": base.issuer(),
        "measurements": [{"label": "one", "least_suite": 2}],
    });
    match base {
        Base::Google => rules["audience"] = "sealnote".into(),
        Base::AzureSevSnp | Base::AzureTdx => {
            rules["policy_hash"] = "wm9mHlvTU82e8UqoOy1Yj1FBRSNkfe99-69IYDq9eWs".into();
        }
        Base::IntelV1 | Base::Intel => rules["policy_hash"] = "RHdQVDZw".into(),
    }
    match base {
        Base::AzureSevSnp => {
            rules["least_svn"] = json!({"bootloader": 4, "tee": 0, "snp": 24, "microcode": 219});
        }
        _ => rules["tcb_status"] = json!(["UpToDate"]),
    }
    let set = &mut rules["measurements"][0];
    match base {
        Base::Google => {
            set["container"] = json!({
                "image_digest": format!("sha256:{}", hex("a1", 32)),
                "args": ["/usr/bin/sealnote-enclave"],
                "env": {"PATH": "/usr/bin"},
            });
        }
        Base::AzureSevSnp => {
            set["sev_snp"] = json!({
                "measurement": hex("b1", 48),
                "host_data": hex("b2", 32),
                "id_key_digest": hex("b3", 48),
                "author_key_digest": "zero",
                "smt_allowed": true,
            });
        }
        Base::AzureTdx | Base::IntelV1 | Base::Intel => {
            set["tdx"] = json!({
                "mrtd": hex("c1", 48),
                "rtmr0": hex("d0", 48),
                "rtmr1": hex("d1", 48),
                "rtmr2": hex("d2", 48),
                "rtmr3": hex("d3", 48),
                "mr_config_id": "zero",
                "mr_owner": "zero",
                "mr_owner_config": hex("c6", 48),
                "td_attributes": "0000001000000000",
                "xfam": "e718060000000000",
            });
        }
    }
    rules
}
