//! Evidence in a file of JSON.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use sealnote_verifier::azure_vtpm::file::{EvidenceFile, FileError};
use serde_json::{Value, json};

use super::fixture::Attempt;

fn read(json: &Value) -> Result<EvidenceFile, FileError> {
    EvidenceFile::from_json(json.to_string().as_bytes())
}

fn file(attempt: &mut Attempt) -> Value {
    let gathered = attempt.gathered();
    let pcrs: Vec<String> = gathered.pcrs.chunks(32).map(hex::encode).collect();
    json!({
        "version": 1,
        "hcl_report": URL_SAFE.encode(&gathered.hcl_report),
        "tpm_quote": {
            "message": hex::encode(&gathered.quote),
            "signature": hex::encode(&gathered.signature),
            "pcrs": pcrs,
        },
    })
}

#[test]
fn a_file_has_the_parts_of_evidence() {
    let mut attempt = Attempt::new();
    let gathered = attempt.gathered();
    let mut json = file(&mut attempt);
    json["hcl_report"] = json!(URL_SAFE.encode(&gathered.hcl_report));
    let of_snp = read(&json).expect("a file");
    assert_eq!(of_snp.parts().hcl_report, gathered.hcl_report);
    assert_eq!(of_snp.parts().quote, gathered.quote);
    assert_eq!(of_snp.parts().pcrs, gathered.pcrs);
    assert_eq!((of_snp.parts().td_quote, of_snp.vcek()), (&b""[..], None));
    json["vcek"] = json!(URL_SAFE.encode([0xfb; 4]));
    json["td_quote"] = json!(URL_SAFE.encode([0xfe; 5]));
    let both = read(&json).expect("a file");
    assert_eq!(
        (both.parts().td_quote, both.vcek()),
        (&[0xfe; 5][..], Some(&[0xfb; 4][..]))
    );
}

#[test]
fn other_forms_are_refused() {
    let good = file(&mut Attempt::new());
    type Case = (&'static str, fn(&mut Value));
    #[rustfmt::skip] // A line each, so that they can be read as a table.
    let cases: &[Case] = &[
        ("version 2", |f| f["version"] = json!(2)),
        ("missing field `version`", |f| { f.as_object_mut().unwrap().remove("version"); }),
        ("missing field `hcl_report`", |f| { f.as_object_mut().unwrap().remove("hcl_report"); }),
        ("unknown field `nonce`", |f| f["nonce"] = json!("")),
        ("unknown field `nonce`", |f| f["tpm_quote"]["nonce"] = json!("")),
        ("null", |f| f["td_quote"] = json!(null)),
        ("a list stands where an object", |f| f["tpm_quote"] = json!(["", "", []])),
        ("hcl_report is not in padded base64url", |f| f["hcl_report"] = json!("SENM+/==")),
        ("hcl_report is not in padded base64url", |f| f["hcl_report"] = json!("SENMQQ")),
        ("hcl_report is not in padded base64url", |f| f["hcl_report"] = json!("SENMQR==")),
        ("td_quote is not in padded base64url", |f| f["td_quote"] = json!("!")),
        ("vcek is not in padded base64url", |f| f["vcek"] = json!("\n")),
        ("tpm_quote.message is not in hex", |f| f["tpm_quote"]["message"] = json!("ff5")),
        ("tpm_quote.signature is not in hex", |f| f["tpm_quote"]["signature"] = json!("0x00")),
        ("tpm_quote.pcrs is not in hex", |f| f["tpm_quote"]["pcrs"][0] = json!("xx".repeat(32))),
        ("tpm_quote.pcrs are not 1 to 24", |f| f["tpm_quote"]["pcrs"] = json!([])),
        ("tpm_quote.pcrs are not 1 to 24", |f| f["tpm_quote"]["pcrs"] = json!(vec!["11".repeat(32); 25])),
        ("tpm_quote.pcrs are not 1 to 24", |f| { f["tpm_quote"]["pcrs"][0] = json!("11".repeat(31)); f["tpm_quote"]["pcrs"][1] = json!("11".repeat(33)); }),
        ("at most 65536", |f| f["hcl_report"] = json!("A".repeat(65536))),
    ];
    for (expected, edit) in cases {
        let mut json = good.clone();
        edit(&mut json);
        let error = read(&json).expect_err(expected).to_string();
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
    }
}
