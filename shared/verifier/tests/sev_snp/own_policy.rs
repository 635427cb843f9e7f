//! A policy that asks for exactly what one report says.

use sealnote_verifier::sev_snp::report::{SigningKey, Tcb};
use sealnote_verifier::sev_snp::{Product, ReportFields};
use serde_json::{Value, json};

const PLATFORM_BITS: [&str; 8] = [
    "smt",
    "tsme",
    "ecc",
    "rapl_disabled",
    "ciphertext_hiding",
    "alias_check_complete",
    "iommu_write_safe",
    "tio",
];

/// The value of `evidence.sev-snp`, without a revocation list.
pub fn rules(fields: &ReportFields, product: Product) -> Value {
    let bit = |bit: u32| fields.policy & (1 << bit) != 0;
    let mut floors = serde_json::Map::new();
    floors.insert(
        product.name().to_lowercase(),
        json!({
            "least_tcb": tcb(&fields.reported_tcb),
            "least_firmware": fields.current_firmware.to_string(),
            "least_mitigations": fields.mitigations.map_or(0, |both| both.launch & both.current),
        }),
    );
    let platform: Vec<&str> = (1..8)
        .filter(|bit| fields.platform_info & (1 << bit) != 0)
        .map(|bit| PLATFORM_BITS[bit])
        .collect();
    let mut rules = json!({
        "measurements": [{
            "label": "fixture",
            "measurement": hex::encode(fields.measurement),
            "host_data": hex_or_zero(&fields.host_data),
            "id_key_digest": hex_or_zero(&fields.id_key_digest),
            "author_key_digest": hex_or_zero(&fields.author_key_digest),
        }],
        "products": floors,
        "endorsement": "vcek",
        "crl": "none",
        "guest_policy": {
            "abi": format!("{}.{}", (fields.policy >> 8) as u8, fields.policy as u8),
            "smt_allowed": bit(16),
            "single_socket": bit(20),
            "cxl_allowed": bit(21),
            "aes_256_xts": bit(22),
            "rapl_disabled": bit(23),
            "ciphertext_hiding": bit(24),
            "page_swap_disabled": bit(25),
        },
        "vmpl": fields.vmpl & 3,
        "platform_bits": platform,
        "chip_ids": [hex::encode(fields.chip_id)],
    });
    if platform_is_empty(&rules) {
        rules["platform_bits"] = json!("none");
    }
    if fields.signing_key == SigningKey::Vlek {
        rules["endorsement"] = json!("vlek");
        rules["csp_ids"] = json!(["CN=cc-us-east-2.amazonaws.com"]);
        rules["chip_ids"] = json!("any");
    }
    rules
}

/// A whole policy around it.
pub fn policy(rules: &Value) -> String {
    json!({"version": 2, "evidence": {"sev-snp": rules}}).to_string()
}

fn platform_is_empty(rules: &Value) -> bool {
    rules["platform_bits"].as_array().is_some_and(Vec::is_empty)
}

fn tcb(tcb: &Tcb) -> Value {
    let mut read = json!({
        "bootloader": tcb.bootloader,
        "tee": tcb.tee,
        "snp": tcb.snp,
        "microcode": tcb.microcode,
    });
    if let Some(fmc) = tcb.fmc {
        read["fmc"] = json!(fmc);
    }
    read
}

fn hex_or_zero(bytes: &[u8]) -> String {
    match bytes.iter().all(|byte| *byte == 0) {
        true => String::from("zero"),
        false => hex::encode(bytes),
    }
}
