//! What the paravisor writes at boot: the hardware's report, and the keys that it is about.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};

/// Where var_data start.
const VAR_DATA: usize = 1236;

/// How long NV index 0x01400001 is, with zeros behind the report.
const NV_LEN: usize = 2600;

/// One of the vTPM's keys.
pub fn jwk(kid: &str, key: &impl PublicKeyParts) -> Value {
    json!({
        "kid": kid,
        "key_ops": ["sign"],
        "kty": "RSA",
        "e": "AQAB",
        "n": URL_SAFE_NO_PAD.encode(key.n_bytes()),
    })
}

/// As the paravisor writes it. The hardware's report is about its hash.
pub fn var_data(keys: &[Value]) -> Vec<u8> {
    let read = json!({
        "keys": keys,
        "vm-configuration": {"console-enabled": true, "secure-boot": true, "tpm-enabled": true},
        "user-data": "00".repeat(64),
    });
    read.to_string().into_bytes()
}

/// The HCL report around a report of SEV-SNP.
pub fn hcl_report(report: &[u8], var_data: &[u8]) -> Vec<u8> {
    // Of some hundred bytes.
    let len = |len: usize| (len as u32).to_le_bytes();
    let number = u32::to_le_bytes;
    let mut hcl = Vec::new();
    hcl.extend(b"HCLA");
    hcl.extend([number(2), len(VAR_DATA + var_data.len()), number(2)].concat());
    hcl.extend([0; 16]);
    hcl.extend(report);
    hcl.extend([len(20 + var_data.len()), number(1), number(2), number(1)].concat());
    hcl.extend(len(var_data.len()));
    hcl.extend(var_data);
    hcl.resize(hcl.len().max(NV_LEN), 0);
    hcl
}
