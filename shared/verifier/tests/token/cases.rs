//! Deviations, and the check that each fails; or `accepted`.

use serde_json::{Value, json};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};

use super::claims::{hex, sha256_of_binding, sha512_of_binding};
use super::fixture::{Attempt, BINDING, Base, DAY, KID, NOW, Seal, critical, time};

pub type Case = (&'static str, &'static str, Base, fn(&mut Attempt<'_>));

use Base::{AzureSevSnp, AzureTdx, Google, Intel, IntelV1};

const LEAF: usize = 0;
const CA: usize = 1;
const ROOT: usize = 2;

#[rustfmt::skip] // A line each, so that they can be read as a table.
pub const CASES: &[Case] = &[
    ("one byte more", "J1", Intel, |a| a.after = |token| token.push(b'\n')),
    ("padding", "J1", Intel, |a| a.after = |token| token.push(b'=')),
    ("a fourth part", "J1", Intel, |a| a.after = |token| token.extend(b".AA")),
    ("two parts", "J1", Intel, |a| a.after = |token| { let dot = token.iter().position(|byte| *byte == b'.'); token.drain(..=dot.unwrap()); }),
    ("nothing", "J1", Intel, |a| a.after = Vec::clear),
    ("a byte of base64 proper", "J1", Google, |a| a.after = |token| token[3] = b'+'),
    ("longer than is read", "J1", Google, |a| a.claims["x"] = hex("x", 20_000).into()),
    ("as long as is read", "accepted", Google, |a| a.claims["x"] = hex("x", 8_000).into()),
    ("no JSON", "J1", Google, |a| a.json = |json| json + " x"),
    ("a list", "J1", Google, |a| a.json = |json| format!("[{json}]")),
    ("an algorithm twice", "J1", Intel, |a| a.json = |json| json.replacen("\"alg\":", "\"alg\":\"none\",\"alg\":", 1)),
    ("an issuer twice", "J1", Intel, |a| a.json = |json| json.replacen("\"iss\":", "\"iss\":\"x\",\"iss\":", 1)),
    ("a measurement twice, deeper", "J1", Google, |a| a.json = |json| json.replacen("\"args\":", "\"args\":[],\"args\":", 1)),

    ("no issuer", "J7", Google, |a| a.remove("iss")),
    ("another issuer", "J7", Google, |a| a.claims["iss"] = "https://portal.trustauthority.intel.com".into()),
    ("an issuer with a slash", "J7", Intel, |a| a.claims["iss"] = "https://portal.trustauthority.intel.com/".into()),
    ("an issuer in capitals", "J7", Intel, |a| a.claims["iss"] = "HTTPS://portal.trustauthority.intel.com".into()),
    ("a list of issuers", "J7", Intel, |a| a.claims["iss"] = json!([a.claims["iss"]])),

    ("no algorithm", "J2", Google, |a| a.header["alg"] = Value::Null),
    ("alg none", "J2", Google, |a| (a.header["alg"], a.seal) = ("none".into(), Seal::None)),
    ("alg None", "J2", Intel, |a| (a.header["alg"], a.seal) = ("None".into(), Seal::None)),
    ("HS256 with the public key", "J2", Google, |a| (a.header["alg"], a.seal) = ("HS256".into(), Seal::Hs256)),
    ("HS256 with the key set", "J2", Intel, |a| (a.header["alg"], a.seal) = ("HS256".into(), Seal::Hs256)),
    ("ES256", "J2", Intel, |a| a.header["alg"] = "ES256".into()),
    ("an algorithm of another issuer", "J2", AzureTdx, |a| (a.header["alg"], a.seal) = ("PS384".into(), Seal::Ps384)),
    ("an algorithm in lower case", "J2", Google, |a| a.header["alg"] = "rs256".into()),
    ("critical extensions", "J2", Google, |a| a.header["crit"] = json!(["b64"])),
    ("no type", "accepted", Google, |a| a.header["typ"] = Value::Null),

    ("jku elsewhere", "J3", AzureTdx, |a| a.header["jku"] = "https://sharedweu.weu.attest.azure.net.example.com/certs".into()),
    ("jku of another issuer", "J3", Intel, |a| a.header["jku"] = "https://sharedweu.weu.attest.azure.net/certs".into()),
    ("jku that is no text", "J3", Intel, |a| a.header["jku"] = Value::Null),
    ("jku where there is none", "J3", Google, |a| a.header["jku"] = "https://confidentialcomputing.googleapis.com/certs".into()),
    ("no jku", "accepted", Intel, |a| { a.header.as_object_mut().unwrap().remove("jku"); }),
    ("jwk", "J3", Intel, |a| a.header["jwk"] = a.fixture.other_jwk()),
    ("jwk that signed", "J3", AzureTdx, |a| (a.header["jwk"], a.seal) = (a.fixture.other_jwk(), Seal::Other)),
    ("x5u", "J3", Google, |a| a.header["x5u"] = "https://example.com/certificate".into()),

    ("another key set", "J4", AzureTdx, |a| a.pin = Some(hex("11", 32))),
    ("no key set", "J4", Intel, |a| a.keys.clear()),
    ("a key set with a key twice", "J4", Intel, |a| a.keys = br#"{"keys": [], "keys": []}"#.to_vec()),
    ("a key without a name", "J4", Intel, |a| a.set_keys(json!([{"kty": "RSA"}, a.fixture.jwk()]))),
    ("two keys of the token's name", "J4", AzureTdx, |a| a.set_keys(json!([a.fixture.jwk(), a.fixture.jwk()]))),
    ("two other keys of one name", "J4", Intel, |a| a.set_keys(json!([a.fixture.other_jwk(), a.fixture.jwk(), a.fixture.other_jwk()]))),
    ("an unknown name", "J4", Intel, |a| a.header["kid"] = "a third".into()),
    ("no name", "J4", AzureTdx, |a| a.header["kid"] = Value::Null),
    ("a key for encryption", "J4", Intel, |a| { let mut key = a.fixture.jwk(); key["use"] = "enc".into(); a.set_keys(json!([key])) }),
    ("a key for another algorithm", "J4", Intel, |a| { let mut key = a.fixture.jwk(); key["alg"] = "RS256".into(); a.set_keys(json!([key])) }),
    ("a key for this algorithm", "accepted", Intel, |a| { let mut key = a.fixture.jwk(); key["alg"] = "PS384".into(); a.set_keys(json!([key])) }),
    ("a key of another type", "J4", Intel, |a| { let mut key = a.fixture.jwk(); key["kty"] = "oct".into(); a.set_keys(json!([key])) }),
    ("exponent 3", "J4", Intel, |a| { let mut key = a.fixture.jwk(); key["e"] = "Aw".into(); a.set_keys(json!([key])) }),
    ("a short modulus", "J4", Intel, |a| { let mut key = a.fixture.jwk(); key["n"] = (hex("A", 100) + &hex("x", 71)).into(); a.set_keys(json!([key])) }),
    ("another kind of key in the set", "accepted", Intel, |a| a.set_keys(json!([{"kty": "EC", "kid": "a curve"}, a.fixture.jwk()]))),
    ("a key by certificate, as Azure's", "accepted", AzureTdx, |a| a.set_keys(json!([{"kty": "RSA", "kid": KID, "x5c": a.fixture.chain(|_, _| ())}]))),
    ("certificates in the header beside a key set", "J6", Intel, |a| (a.header["x5c"], a.seal) = (a.fixture.chain(|_, _| ()), Seal::Other)),

    ("a key set of Google's", "accepted", Google, |a| { a.set_keys(json!([a.fixture.jwk()])); a.pin_set() }),
    ("certificates, where a key set is pinned", "J4", Google, |a| a.pin_set()),

    ("another root", "J5", Google, |a| a.pin = Some(hex("11", 32))),
    ("no root", "J5", Google, |a| a.keys.clear()),
    ("a root longer than is read", "J5", Google, |a| a.keys.extend([b'\n'; 65536])),
    ("no certificates", "J5", Google, |a| a.header["x5c"] = Value::Null),
    ("the root alone", "J5", Google, |a| a.header["x5c"] = json!([a.header["x5c"][ROOT]])),
    ("no root in the header", "J5", Google, |a| { a.header["x5c"].as_array_mut().unwrap().pop(); }),
    ("no intermediate", "J5", Google, |a| { a.header["x5c"].as_array_mut().unwrap().remove(CA); }),
    ("one certificate too many", "J5", Google, |a| { let chain = a.header["x5c"].as_array_mut().unwrap(); chain.insert(CA, chain[CA].clone()); }),
    ("in another order", "J5", Google, |a| a.header["x5c"].as_array_mut().unwrap().swap(LEAF, CA)),
    ("not base64", "J5", Google, |a| a.header["x5c"][LEAF] = "-_".into()),
    ("not DER", "J5", Google, |a| a.header["x5c"][CA] = "AAAA".into()),
    ("a root of the same name and key", "J5", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == ROOT { spec.not_after = time(NOW + DAY) })),
    ("a leaf of another issuer", "J5", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == LEAF { spec.issuer = spec.subject.clone() })),
    ("a leaf that has ended", "J5", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == LEAF { spec.not_after = time(NOW - 1) })),
    ("a leaf that has not started", "J5", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == LEAF { spec.not_before = time(NOW + 1) })),
    ("a leaf that is a CA", "J5", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == LEAF { spec.extensions = vec![critical(&BasicConstraints { ca: true, path_len_constraint: None })] })),
    ("a CA that has ended", "J5", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == CA { spec.not_after = time(NOW - 1) })),
    ("a CA that is none", "J5", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == CA { spec.extensions.remove(0); })),
    ("a CA that may not sign", "J5", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == CA { spec.extensions.remove(1); })),
    ("a leaf for TLS servers", "J5", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == LEAF { spec.extensions.push(purpose("1.3.6.1.5.5.7.3.1")) })),
    ("a leaf for endorsement keys, as its CA", "J5", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == LEAF { spec.extensions.push(purpose("2.23.133.8.1")) })),
    ("a leaf that may not sign", "J5", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == LEAF { spec.extensions.push(usage(KeyUsages::KeyEncipherment)) })),
    ("a leaf that may sign", "accepted", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == LEAF { spec.extensions.push(usage(KeyUsages::DigitalSignature)) })),
    ("a CA for endorsement keys, as the genuine one", "accepted", Google, |a| a.header["x5c"] = a.fixture.chain(|at, spec| if at == CA { spec.extensions.push(purpose("2.23.133.8.1")) })),
    ("a root that has ended", "J5", Google, |a| { a.header["x5c"] = a.fixture.chain(|at, spec| if at == ROOT { spec.not_after = time(NOW - 1) }); a.pin_root() }),
    ("another root that is pinned", "accepted", Google, |a| { a.header["x5c"] = a.fixture.chain(|at, spec| if at == ROOT { spec.not_after = time(NOW + 1) }); a.pin_root() }),

    ("signed by another key", "J6", Google, |a| a.seal = Seal::Other),
    ("signed by another key of the set", "J6", AzureTdx, |a| a.seal = Seal::Other),
    ("not signed", "J6", Intel, |a| a.seal = Seal::None),
    ("PS384 that says RS256", "J6", Intel, |a| a.header["alg"] = "RS256".into()),
    ("RS256 that says PS384", "J6", IntelV1, |a| a.header["alg"] = "PS384".into()),
    ("RS256 of Intel's", "accepted", Intel, |a| (a.header["alg"], a.seal) = ("RS256".into(), Seal::Rs256)),

    ("no audience", "J8", Google, |a| a.remove("aud")),
    ("another audience", "J8", Google, |a| a.claims["aud"] = "https://sts.googleapis.com".into()),
    ("a list of audiences", "J8", Google, |a| a.claims["aud"] = json!(["sealnote"])),
    ("an audience that is not due", "J8", Intel, |a| a.claims["aud"] = "sealnote".into()),
    ("an audience that is due", "accepted", Intel, |a| { a.claims["aud"] = "sealnote".into(); a.rule()["audience"] = "sealnote".into() }),

    ("no end", "J9", Google, |a| a.remove("exp")),
    ("no start", "J9", AzureTdx, |a| a.remove("nbf")),
    ("no time of issue", "J9", Intel, |a| a.remove("iat")),
    ("a time as text", "J9", Intel, |a| a.claims["exp"] = (NOW + 60).to_string().into()),
    ("a time with a fraction", "J9", Intel, |a| a.claims["exp"] = 1.9e9.into()),
    ("a negative time", "J9", Intel, |a| a.claims["nbf"] = (-1).into()),
    ("expired", "J9", Google, |a| a.at = NOW + 3601),
    ("at its end", "J9", Google, |a| a.at = NOW + 3600),
    ("before its end", "accepted", Google, |a| a.at = NOW + 3599),
    ("starts later", "J9", Intel, |a| a.claims["nbf"] = (NOW + 1).into()),
    ("issued later", "J9", Intel, |a| a.claims["iat"] = (NOW + 1).into()),
    ("issued now", "accepted", Intel, |a| (a.claims["iat"], a.claims["nbf"]) = (NOW.into(), NOW.into())),

    ("no nonce", "J10", Google, |a| a.remove("eat_nonce")),
    ("two nonces", "J10", Google, |a| a.claims["eat_nonce"] = json!([sha256_of_binding(), "another nonce"])),
    ("a list of one nonce", "J10", Google, |a| a.claims["eat_nonce"] = json!([sha256_of_binding()])),
    ("a longer nonce", "J10", Google, |a| a.claims["eat_nonce"] = (sha256_of_binding() + "00").into()),
    ("a nonce that the service repeats", "J10", AzureSevSnp, |a| { a.remove("x-ms-sevsnpvm-reportdata"); a.claims["nonce"] = hex::encode(BINDING).into() }),
    ("held data that nothing hashes", "J10", IntelV1, |a| { a.remove("tdx_report_data"); a.claims["attester_held_data"] = hex::encode(BINDING).into() }),
    ("report_data at the top, not the domain's", "J10", Intel, |a| { let data = a.claims["tdx"].as_object_mut().unwrap().remove("tdx_report_data"); a.claims["tdx_report_data"] = data.unwrap() }),
    ("half of report_data", "J10", AzureTdx, |a| a.claims["tdx_report_data"] = hex("5a", 32).into()),
    ("a paravisor's report", "J10", AzureSevSnp, |a| a.claims["x-ms-attestation-type"] = "azurevm".into()),
    ("no type of evidence", "J10", AzureSevSnp, |a| a.remove("x-ms-attestation-type")),
    ("an unknown version", "J10", Intel, |a| a.claims["ver"] = "3.0.0".into()),

    ("another nonce", "B1", Google, |a| a.claims["eat_nonce"] = hex("5a", 32).into()),
    ("another session", "B1", Google, |a| a.binding = Some([0x5b; 64])),
    ("another session of Azure", "B1", AzureSevSnp, |a| a.binding = Some([0x5b; 64])),
    ("another session of Intel", "B1", Intel, |a| a.binding = Some([0x5b; 64])),
    ("runtime data, by its hash", "accepted", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-reportdata"] = (sha256_of_binding() + &hex("00", 32)).into()),
    ("runtime data of TDX, by its hash", "accepted", AzureTdx, |a| a.claims["tdx_report_data"] = (sha256_of_binding() + &hex("00", 32)).into()),
    ("a hash with something behind", "B1", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-reportdata"] = (sha256_of_binding() + &hex("01", 32)).into()),
    ("Intel's hash at Azure", "B1", AzureTdx, |a| a.claims["tdx_report_data"] = sha512_of_binding().into()),
    ("user data, by its hash", "accepted", Intel, |a| a.claims["tdx"]["tdx_report_data"] = sha512_of_binding().into()),
    ("Azure's hash at Intel", "B1", IntelV1, |a| a.claims["tdx_report_data"] = (sha256_of_binding() + &hex("00", 32)).into()),
    ("a nonce beside another session's report", "B1", AzureSevSnp, |a| { a.claims["nonce"] = hex::encode(BINDING).into(); a.claims["x-ms-sevsnpvm-reportdata"] = hex("77", 64).into() }),
    ("held data beside another session's quote", "B1", IntelV1, |a| { a.claims["attester_held_data"] = hex::encode(BINDING).into(); a.claims["tdx_report_data"] = hex("77", 64).into() }),

    ("a debug image", "J11", Google, |a| a.claims["dbgstat"] = "enabled".into()),
    ("another operating system", "J11", Google, |a| a.claims["swname"] = "GCE".into()),
    ("no secure boot", "J11", Google, |a| a.claims["secboot"] = false.into()),
    ("secure boot not said", "J11", Google, |a| a.remove("secboot")),
    ("a debuggable guest", "J11", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-is-debuggable"] = true.into()),
    ("a guest of which it is not said", "J11", AzureSevSnp, |a| a.remove("x-ms-sevsnpvm-is-debuggable")),
    ("a migratable guest", "J11", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-migration-allowed"] = true.into()),
    ("debugging of TDX", "J11", AzureTdx, |a| a.claims["tdx_td_attributes_debug"] = true.into()),
    ("debug status", "J11", AzureTdx, |a| a.claims["dbgstat"] = "enabled".into()),
    ("profiling in the attributes", "J11", AzureTdx, |a| a.claims["tdx_td_attributes"] = "1000001000000000".into()),
    ("migration in the attributes", "J11", AzureTdx, |a| a.claims["tdx_td_attributes"] = "0000003000000000".into()),
    ("a service TD in the attributes", "J11", AzureTdx, |a| put_attributes(a, "0000021000000000")),
    ("a reserved bit in the attributes", "J11", AzureTdx, |a| put_attributes(a, "0001001000000000")),
    ("a reserved bit in the attributes of Intel's", "J11", IntelV1, |a| put_attributes(a, "0000001000000020")),
    ("harmless bits that no set has", "J12", AzureTdx, |a| put_attributes(a, "0000015800000080")),
    ("Intel says debuggable", "J11", IntelV1, |a| a.claims["tdx_is_debuggable"] = true.into()),
    ("Intel says nothing", "J11", Intel, |a| { a.claims["tdx"].as_object_mut().unwrap().remove("tdx_is_debuggable"); }),

    ("another policy at Azure", "J14", AzureSevSnp, |a| a.claims["x-ms-policy-hash"] = "wm9mHlvTU82e8UqoOy1Yj1FBRSNkfe99-69IYDq9eWt".into()),
    ("no policy at Azure", "J14", AzureTdx, |a| a.remove("x-ms-policy-hash")),
    ("another policy at Intel", "J14", Intel, |a| a.claims["policy_ids_matched"] = json!([{"id": "x", "hash": "another"}])),
    ("a policy that did not match", "J14", IntelV1, |a| { a.claims["policy_ids_unmatched"] = a.claims["policy_ids_matched"].clone(); a.remove("policy_ids_matched") }),
    ("no policy asked for", "accepted", Intel, |a| { a.rule()["policy_hash"] = "none".into(); a.remove("policy_ids_matched") }),

    ("TCB out of date", "J13", Google, |a| a.claims["tdx"]["gcp_attester_tcb_status"] = "OutOfDate".into()),
    ("no TCB", "J13", Google, |a| a.remove("tdx")),
    ("SEV without SNP", "J13", Google, |a| a.claims["hwmodel"] = "GCP_AMD_SEV".into()),
    ("no confidential machine", "J13", Google, |a| a.claims["hwmodel"] = "GCP_SHIELDED_VM".into()),
    ("evidence of a virtual TPM", "J13", Google, |a| a.claims["attester_tcb"] = json!(["GOOGLE"])),
    ("an image no longer supported", "J13", Google, |a| a.claims["submods"]["confidential_space"]["support_attributes"] = json!(["USABLE"])),
    ("TCB out of date at Intel", "J13", Intel, |a| a.claims["tdx"]["attester_tcb_status"] = "OutOfDate".into()),
    ("no TCB at Azure", "J13", AzureTdx, |a| a.remove("attester_tcb_status")),
    ("a TCB that the policy names", "accepted", AzureTdx, |a| { a.claims["attester_tcb_status"] = "SWHardeningNeeded".into(); a.rule()["tcb_status"] = json!(["UpToDate", "SWHardeningNeeded"]) }),
    ("a late TCB, for a time", "accepted", Google, |a| { a.claims["tdx"]["gcp_attester_tcb_status"] = "OutOfDate".into(); late(a, NOW) }),
    ("a late TCB, after that", "J13", Google, |a| { a.claims["tdx"]["gcp_attester_tcb_status"] = "OutOfDate".into(); late(a, NOW - 1) }),
    ("a late TCB at Intel, after that", "J13", IntelV1, |a| { a.claims["attester_tcb_status"] = "OutOfDate".into(); late(a, NOW - 1) }),
    ("a TCB that is not late, after that", "accepted", AzureTdx, |a| late(a, NOW - 1)),
    ("a TCB that is revoked", "J13", AzureTdx, |a| { a.claims["attester_tcb_status"] = "Revoked".into(); late(a, NOW) }),
    ("a TCB that has no meaning", "J13", AzureTdx, |a| a.claims["attester_tcb_status"] = "uptodate".into()),
    ("old boot loader", "J13", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-bootloader-svn"] = 3.into()),
    ("old SNP firmware", "J13", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-snpfw-svn"] = 23.into()),
    ("old microcode", "J13", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-microcode-svn"] = 218.into()),
    ("old operating system", "J13", AzureSevSnp, |a| a.rule()["least_svn"]["tee"] = 1.into()),
    ("newer microcode", "accepted", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-microcode-svn"] = 220.into()),
    ("no microcode", "J13", AzureSevSnp, |a| a.remove("x-ms-sevsnpvm-microcode-svn")),

    ("another image", "J12", Google, |a| a.claims["submods"]["container"]["image_digest"] = format!("sha256:{}", hex("a2", 32)).into()),
    ("an image by name", "J12", Google, |a| a.claims["submods"]["container"]["image_digest"] = "sealnote:latest".into()),
    ("other arguments", "J12", Google, |a| a.claims["submods"]["container"]["args"] = json!(["/bin/sh"])),
    ("more arguments", "J12", Google, |a| a.claims["submods"]["container"]["args"] = json!(["/usr/bin/sealnote-enclave", "-v"])),
    ("another variable", "J12", Google, |a| a.claims["submods"]["container"]["env"]["LD_PRELOAD"] = "/x.so".into()),
    ("another host's name", "accepted", Google, |a| a.claims["submods"]["container"]["env"]["HOSTNAME"] = "another".into()),
    ("no container", "J12", Google, |a| { a.claims["submods"].as_object_mut().unwrap().remove("container"); }),
    ("another measurement", "J12", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-launchmeasurement"] = hex("b0", 48).into()),
    ("other host data", "J12", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-hostdata"] = hex("b0", 32).into()),
    ("another id key", "J12", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-idkeydigest"] = hex("b0", 48).into()),
    ("an author key", "J12", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-authorkeydigest"] = hex("b0", 48).into()),
    ("without SMT", "J12", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-smt-allowed"] = false.into()),
    ("another privilege level", "J12", AzureSevSnp, |a| a.claims["x-ms-sevsnpvm-vmpl"] = 1.into()),
    ("another MRTD", "J12", AzureTdx, |a| a.claims["tdx_mrtd"] = hex("c0", 48).into()),
    ("another RTMR0", "J12", AzureTdx, |a| a.claims["tdx_rtmr0"] = hex("c0", 48).into()),
    ("another RTMR1", "J12", IntelV1, |a| a.claims["tdx_rtmr1"] = hex("c0", 48).into()),
    ("another RTMR2", "J12", AzureTdx, |a| a.claims["tdx_rtmr2"] = hex("c0", 48).into()),
    ("another RTMR3", "J12", Intel, |a| a.claims["tdx"]["tdx_rtmr3"] = hex("c0", 48).into()),
    ("an untouched RTMR3", "accepted", AzureTdx, |a| { a.claims["tdx_rtmr3"] = hex("00", 48).into(); a.set()["tdx"]["rtmr3"] = "zero".into() }),
    ("an RTMR3 that is to be untouched", "J12", AzureTdx, |a| a.set()["tdx"]["rtmr3"] = "zero".into()),
    ("another MRCONFIGID", "J12", AzureTdx, |a| a.claims["tdx_mrconfigid"] = hex("c0", 48).into()),
    ("another MROWNER", "J12", AzureTdx, |a| a.claims["tdx_mrowner"] = hex("c0", 48).into()),
    ("another MROWNERCONFIG", "J12", AzureTdx, |a| a.claims["tdx_mrownerconfig"] = hex("c0", 48).into()),
    ("SEPT_VE_DISABLE clear", "J12", AzureTdx, |a| a.claims["tdx_td_attributes"] = "0000000000000000".into()),
    ("other features", "J12", AzureTdx, |a| a.claims["tdx_xfam"] = "ffffffffffffffff".into()),
    ("no TDX", "J12", Intel, |a| a.claims["tdx"]["attester_type"] = "SGX".into()),
    ("a set that has expired", "J12", Google, |a| a.set()["not_after"] = (NOW - 1).into()),
    ("a set's last moment", "accepted", Google, |a| a.set()["not_after"] = NOW.into()),
];

fn purpose(oid: &str) -> x509_cert::ext::Extension {
    critical(&ExtendedKeyUsage(vec![ObjectIdentifier::new_unwrap(oid)]))
}

fn usage(bit: KeyUsages) -> x509_cert::ext::Extension {
    critical(&KeyUsage(bit.into()))
}

fn put_attributes(attempt: &mut Attempt<'_>, attributes: &str) {
    attempt.claims["tdx_td_attributes"] = attributes.into();
}

/// Accepts what lacks an update, until then.
fn late(attempt: &mut Attempt<'_>, until: u64) {
    attempt.rule()["tcb_status"] = json!(["UpToDate", "OutOfDate"]);
    attempt.rule()["out_of_date_until"] = until.into();
}
