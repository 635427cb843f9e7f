//! Deviations, and the check that each fails; or `accepted`.

use p256::ecdsa::SigningKey;
use p256::elliptic_curve::Generate;
use sealnote_software_attester::tdx::{self, *};
use sealnote_verifier::tdx::TrustRoots;
use serde_json::json;
use x509_cert::crl::RevokedCert;
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

use super::fixture::{Attempt, NOW, machine};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

pub type Case = (&'static str, &'static str, Form, fn(&mut Attempt));

use Form::{V4, V5Td10, V5Td15};

#[rustfmt::skip] // A line each, so that they can be read as a table.
pub const CASES: &[Case] = &[
    ("an SGX enclave's, by the TEE type", "T1", V4, |a| a.machine.header[4] = 0),
    ("an unknown TEE type", "T1", V4, |a| a.machine.header[4] = 0x82),
    ("version 3", "T1", V4, |a| a.machine.header[0] = 3),
    ("version 6", "T1", V5Td10, |a| a.machine.header[0] = 6),
    ("a key of P-384", "T1", V4, |a| a.machine.header[2] = 3),
    ("another vendor's quoting enclave", "T1", V4, |a| a.machine.header[12] ^= 1),
    ("an SGX enclave's body", "T1", V5Td10, |a| a.after = |quote| quote[48] = 1),
    ("a body of TDX 1.5ex", "T1", V5Td15, |a| a.after = |quote| quote[48] = 4),
    ("a body of another length", "T1", V5Td15, |a| a.after = |quote| quote[50] ^= 1),
    ("nothing", "T1", V4, |a| a.after = Vec::clear),
    ("one byte less", "T1", V4, |a| a.after = |quote| { quote.pop(); }),
    ("a QE report without a chain", "T1", V4, |a| a.after = |quote| { let at = inner(quote); quote[at] = 3; }),
    ("certification data of another type", "T1", V4, |a| a.after = |quote| quote[632 + 4 + 128] = 5),
    ("signature data that are too long", "T1", V4, |a| a.after = |quote| { quote[632] = quote[632].wrapping_add(1); quote.push(0); }),
    ("a chain that is too short for its place", "T1", V4, |a| a.after = |quote| { let at = inner(quote) + 2; quote[at] = quote[at].wrapping_sub(1); }),
    ("a long padding", "accepted", V4, |a| a.after = |quote| quote.resize(16 * 1024, 0)),
    ("too long a padding", "T1", V4, |a| a.after = |quote| quote.resize(16 * 1024 + 1, 0)),
    ("a byte behind it", "T2", V4, |a| a.after = |quote| quote.push(1)),
    ("a byte behind zeros", "T2", V5Td15, |a| a.after = |quote| { quote.resize(8000, 0); quote.push(7); }),
    ("no development root", "T3", V4, |a| a.roots = TrustRoots::intel()),
    ("no collateral", "T3", V4, |a| a.collateral_after = Some(|_| Vec::new())),
    ("collateral that is too long", "T3", V4, |a| a.collateral_after = Some(|mut json| { json.resize(64 * 1024 + 1, b' '); json })),
    ("collateral as long as it may be", "accepted", V4, |a| a.collateral_after = Some(|mut json| { json.resize(64 * 1024, b' '); json })),
    ("something behind the collateral", "T3", V4, |a| a.collateral_after = Some(|mut json| { json.push(b'1'); json })),
    ("a PCK chain among the collateral", "accepted", V4, |a| a.collateral_edit = |collateral| collateral["pck_certificate_chain"] = json!("not looked at")),
    ("a TCB signer's chain without its root", "T3", V4, |a| a.collateral_edit = |collateral| { let chain = collateral["tcb_info_issuer_chain"].as_str().unwrap(); collateral["tcb_info_issuer_chain"] = json!(first(chain)); }),
    ("a TCB signer of another name", "T3", V4, |a| a.machine.tcb_signer.subject = name("Intel SGX PCK Certificate")),
    ("a TCB signer by another issuer", "T3", V4, |a| a.machine.tcb_signer.issuer = name("Intel SGX PCK Platform CA")),
    ("a TCB signer that another key signed", "T3", V4, |a| a.machine.signers.tcb_signer = key()),
    ("a TCB signer that is a CA", "T3", V4, |a| a.machine.tcb_signer.extensions = ca_extensions(Some(0))),
    ("a TCB signer without extensions", "T3", V4, |a| a.machine.tcb_signer.extensions.clear()),
    ("a TCB signer without key usage", "T3", V4, |a| { a.machine.tcb_signer.extensions.pop(); }),
    ("a TCB signer with a critical extension", "T3", V4, |a| { let mut more = sgx_extension(&Platform::default()); more.critical = true; a.machine.tcb_signer.extensions.push(more); }),
    ("an expired TCB signer", "T3", V4, |a| a.machine.tcb_signer.not_after = system_time(NOW - 1)),
    ("a TCB signer at its last second", "accepted", V4, |a| a.machine.tcb_signer.not_after = system_time(NOW)),
    ("a TCB signer that is not valid yet", "T3", V4, |a| a.machine.tcb_signer.not_before = system_time(NOW + 1)),
    ("TCB info that another key signed", "T3", V4, |a| a.machine.signers.tcb_info = key()),
    ("TCB info that was altered", "T3", V4, |a| a.collateral_edit = |collateral| { let info = collateral["tcb_info"].as_str().unwrap().replace("18", "19"); collateral["tcb_info"] = json!(info); }),
    ("TCB info for SGX", "T3", V4, |a| a.machine.tcb_info["id"] = json!("SGX")),
    ("TCB info of version 2", "T3", V4, |a| a.machine.tcb_info["version"] = json!(2)),
    ("TCB info without levels", "T3", V4, |a| { a.machine.tcb_info.as_object_mut().unwrap().remove("tcbLevels"); }),
    ("TCB info of the future", "T3", V4, |a| a.machine.tcb_info["issueDate"] = json!(date(NOW + 1))),
    ("TCB info that has ended", "T3", V4, |a| a.machine.tcb_info["nextUpdate"] = json!(date(NOW - 1))),
    ("TCB info at its end", "accepted", V4, |a| a.machine.tcb_info["nextUpdate"] = json!(date(NOW))),
    ("TCB info without an end", "T3", V4, |a| a.machine.tcb_info["nextUpdate"] = json!("never")),
    ("a QE signer under another root", "T4", V4, |a| a.collateral_edit = |collateral| collateral["qe_identity_issuer_chain"] = json!(other_root(&collateral["qe_identity_issuer_chain"]))),
    ("a QE signer that another key signed", "T4", V4, |a| a.machine.signers.qe_signer = key()),
    ("a QE signer of another name", "T4", V4, |a| a.machine.qe_signer.subject = name("Intel SGX Signing")),
    ("an expired QE signer", "T4", V4, |a| a.machine.qe_signer.not_after = system_time(NOW - 1)),
    ("a QE signer that is a CA", "T4", V4, |a| a.machine.qe_signer.extensions = ca_extensions(None)),
    ("a QE identity that another key signed", "T4", V4, |a| a.machine.signers.qe_identity = key()),
    ("a QE identity for SGX", "T4", V4, |a| a.machine.qe_identity["id"] = json!("QE")),
    ("a QE identity of version 1", "T4", V4, |a| a.machine.qe_identity["version"] = json!(1)),
    ("a QE identity of the future", "T4", V4, |a| a.machine.qe_identity["issueDate"] = json!(date(NOW + 1))),
    ("a QE identity that has ended", "T4", V4, |a| a.machine.qe_identity["nextUpdate"] = json!(date(NOW - 1))),
    ("a QE identity without a signer", "T4", V4, |a| { a.machine.qe_identity.as_object_mut().unwrap().remove("mrsigner"); }),
    ("a PCK chain under another root", "T5", V4, |a| a.foreign_root = true),
    ("a PCK CA that another key signed", "T5", V4, |a| a.machine.signers.pck_ca = key()),
    ("a PCK CA of another name", "T5", V4, |a| { a.machine.pck_ca.subject = name("Intel SGX PCK CA"); a.machine.pck.issuer = name("Intel SGX PCK CA"); }),
    ("a processor's PCK CA", "accepted", V4, |a| { let processor = || name("Intel SGX PCK Processor CA"); a.machine.pck_ca.subject = processor(); a.machine.pck.issuer = processor(); a.machine.pck_list.issuer = processor(); }),
    ("a PCK CA that is none", "T5", V4, |a| a.machine.pck_ca.extensions = leaf_extensions()),
    ("an expired PCK CA", "T5", V4, |a| a.machine.pck_ca.not_after = system_time(NOW - 1)),
    ("a PCK certificate that another key signed", "T5", V4, |a| a.machine.signers.pck = key()),
    ("a PCK certificate of another name", "T5", V4, |a| a.machine.pck.subject = name("Intel SGX TCB Signing")),
    ("a PCK certificate by another issuer", "T5", V4, |a| a.machine.pck.issuer = name("Intel SGX PCK Processor CA")),
    ("an expired PCK certificate", "T5", V4, |a| a.machine.pck.not_after = system_time(NOW - 1)),
    ("a PCK certificate that is not valid yet", "T5", V4, |a| a.machine.pck.not_before = system_time(NOW + 1)),
    ("a PCK certificate that is a CA", "T5", V4, |a| { let sgx = a.machine.pck.extensions.pop(); a.machine.pck.extensions = ca_extensions(None); a.machine.pck.extensions.extend(sgx); }),
    ("a PCK certificate of no platform", "T5", V4, |a| { a.machine.pck.extensions.pop(); }),
    ("a PCK certificate of two platforms", "T5", V4, |a| a.machine.pck.extensions.push(sgx_extension(&Platform::default()))),
    ("a root's list that the PCK CA signed", "T6", V4, |a| a.machine.signers.root_list = a.machine.signers.pck_list.clone()),
    ("a root's list by another issuer", "T6", V4, |a| a.machine.root_list.issuer = name("Intel SGX PCK Platform CA")),
    ("a root's list that has ended", "T6", V4, |a| a.machine.root_list.next_update = Some(time(NOW))),
    ("a root's list at its last second", "accepted", V4, |a| a.machine.root_list.next_update = Some(time(NOW + 1))),
    ("a root's list of the future", "T6", V4, |a| a.machine.root_list.this_update = time(NOW + 1)),
    ("a root's list without an end", "T6", V4, |a| a.machine.root_list.next_update = None),
    ("a root that is revoked", "T6", V4, |a| a.machine.root_list.revoked_certificates = revoked(1)),
    ("a TCB signer that is revoked", "T6", V4, |a| a.machine.root_list.revoked_certificates = revoked(2)),
    ("a QE signer that is revoked", "T6", V4, |a| a.machine.root_list.revoked_certificates = revoked(3)),
    ("a PCK CA that is revoked", "T6", V4, |a| a.machine.root_list.revoked_certificates = revoked(4)),
    ("a number of another issuer in the root's list", "accepted", V4, |a| a.machine.root_list.revoked_certificates = revoked(5)),
    ("a PCK certificate that is revoked", "T6", V4, |a| a.machine.pck_list.revoked_certificates = revoked(5)),
    ("a number of another issuer in the PCK CA's list", "accepted", V4, |a| a.machine.pck_list.revoked_certificates = revoked(4)),
    ("a PCK CA's list that the root signed", "T6", V4, |a| a.machine.signers.pck_list = a.machine.signers.root_list.clone()),
    ("a PCK CA's list by another issuer", "T6", V4, |a| a.machine.pck_list.issuer = name("Intel SGX PCK Processor CA")),
    ("a PCK CA's list that has ended", "T6", V4, |a| a.machine.pck_list.next_update = Some(time(NOW))),
    ("a PCK CA's list of the future", "T6", V4, |a| a.machine.pck_list.this_update = time(NOW + 1)),
    ("a list with a critical extension", "T6", V4, |a| { for extension in a.machine.pck_list.crl_extensions.iter_mut().flatten() { extension.critical = true; } }),
    ("something behind a list", "T6", V4, |a| a.collateral_edit = |collateral| { let list = format!("{}00", collateral["pck_crl"].as_str().unwrap()); collateral["pck_crl"] = json!(list); }),
    ("no list", "T6", V4, |a| a.collateral_edit = |collateral| collateral["root_ca_crl"] = json!("")),
    ("a QE report that another key signed", "T7", V4, |a| a.machine.signers.qe_report = key()),
    ("a QE report of another attestation key", "T7", V4, |a| a.machine.set_qe(QE_REPORT_DATA, &[1; 32])),
    ("a QE report with something behind the hash", "T7", V4, |a| a.machine.set_qe(QE_REPORT_DATA + 63, &[1])),
    ("other authentication data", "T7", V4, |a| a.machine.qe_auth_data[0] ^= 1),
    ("an attestation key of another quote", "T7", V4, |a| { let other = key(); a.machine.attestation_key = *other.verifying_key(); a.machine.signers.quote = other; }),
    ("a QE of another signer", "T8", V4, |a| a.machine.set_qe(QE_MR_SIGNER + 31, &[0])),
    ("a debug QE", "T8", V4, |a| a.machine.set_qe(QE_ATTRIBUTES, &[0x17])),
    ("another enclave of the QE's signer", "T8", V4, |a| a.machine.set_qe(QE_PROD_ID, &[1])),
    ("a QE with another MISCSELECT", "T8", V4, |a| a.machine.set_qe(QE_MISC_SELECT + 3, &[1])),
    ("a QE with other attributes", "T8", V4, |a| a.machine.set_qe(QE_ATTRIBUTES + 7, &[1])),
    ("a QE with an attribute outside the mask", "accepted", V4, |a| a.machine.set_qe(QE_ATTRIBUTES + 8, &[1])),
    ("an old QE", "T8", V4, |a| a.machine.set_qe(QE_SVN, &[2])),
    ("a quote that another key signed", "T9", V4, |a| a.machine.signers.quote = key()),
    ("a body that was altered", "T9", V5Td15, |a| a.after = |quote| quote[600] ^= 1),
    ("an attestation key that is no point", "T7", V4, |a| a.after = |quote| quote[632 + 4 + 64..632 + 4 + 128].fill(0xff)),
    ("TCB info of another FMSPC", "T10", V4, |a| a.machine.tcb_info["fmspc"] = json!("50806F000000")),
    ("TCB info of another PCE", "T10", V4, |a| a.machine.tcb_info["pceId"] = json!("0001")),
    ("a module that the TCB info does not name", "T12", V4, |a| a.machine.set(TEE_TCB_SVN, &[5, 3])),
    ("a module of version 0", "accepted", V4, |a| { a.machine.set(TEE_TCB_SVN, &[7, 0, 7]); a.machine.tcb_info["tcbLevels"][0]["tcb"]["tdxtcbcomponents"][1]["svn"] = json!(0); }),
    ("a module of version 0, of which the TCB info says nothing", "T12", V4, |a| { a.machine.set(TEE_TCB_SVN, &[7, 0, 7]); a.machine.tcb_info.as_object_mut().unwrap().remove("tdxModule"); }),
    ("a module of another signer", "T12", V4, |a| a.machine.set(MR_SIGNER_SEAM, &[1])),
    ("a module with other attributes", "T12", V4, |a| a.machine.set(SEAM_ATTRIBUTES, &[1])),
    ("a module's attribute outside the mask", "T12", V4, |a| { a.machine.tcb_info["tdxModuleIdentities"][0]["attributesMask"] = json!("FEFFFFFFFFFFFFFF"); a.machine.set(SEAM_ATTRIBUTES, &[1]); }),
    ("a module that the policy does not name", "T12", V4, |a| a.machine.set(MR_SEAM, &[1])),
    ("a module that the policy names second", "accepted", V4, |a| a.rules["measurements"][0]["mr_seam"] = json!(["11".repeat(48), "5e".repeat(48)])),
    ("a guest that may be debugged", "T16", V4, |a| a.machine.set(TD_ATTRIBUTES, &[1])),
    ("a guest that is profiled, by bit 4", "T16", V4, |a| a.machine.set(TD_ATTRIBUTES, &[0x10])),
    ("a guest that is profiled, by bit 6", "T16", V4, |a| a.machine.set(TD_ATTRIBUTES, &[0x40])),
    ("a reserved attribute, bit 7", "T16", V4, |a| a.machine.set(TD_ATTRIBUTES, &[0x80])),
    ("a reserved attribute, bit 40", "T16", V4, |a| a.machine.set(TD_ATTRIBUTES + 5, &[1])),
    ("a guest that may use Key Locker, which is reserved now", "T16", V4, |a| a.machine.set(TD_ATTRIBUTES + 3, &[0x90])),
    ("a provisioning agent for devices", "T16", V4, |a| a.machine.set(TD_ATTRIBUTES + 7, &[0x40])),
    ("a guest that may be migrated", "T16", V4, |a| a.machine.set(TD_ATTRIBUTES + 3, &[0x30])),
    ("a guest that a service TD may extend", "T16", V5Td15, |a| a.machine.set(TD_ATTRIBUTES + 2, &[2])),
    ("a guest without SEPT_VE_DISABLE", "T16", V4, |a| a.machine.set(TD_ATTRIBUTES + 3, &[0])),
    ("a guest with protection keys and counters", "accepted", V4, |a| { a.machine.set(TD_ATTRIBUTES + 3, &[0x50]); a.machine.set(TD_ATTRIBUTES + 7, &[0x80]); }),
    ("a service TD", "T21", V5Td15, |a| a.machine.set(MR_SERVICE_TD + 47, &[1])),
    ("another first half of report_data", "B1", V4, |a| a.machine.set(REPORT_DATA, &[0])),
    ("another second half of report_data", "B1", V5Td15, |a| a.machine.set(REPORT_DATA + 63, &[0])),
    ("a TCB that is out of date", "T11", V4, |a| a.machine.tcb_info["tcbLevels"][0]["tcb"]["pcesvn"] = json!(14)),
    ("a TCB that is out of date, in its time", "accepted", V4, |a| { a.out_of_date(); a.rules["out_of_date_until"] = json!(NOW); }),
    ("a TCB that is out of date, after its time", "T11", V4, |a| { a.out_of_date(); a.rules["out_of_date_until"] = json!(NOW - 1); }),
    ("a TCB that is up to date, after that time", "accepted", V4, |a| { a.rules["accept_status"] = json!(["UpToDate", "OutOfDate"]); a.rules["out_of_date_until"] = json!(NOW - 1); }),
    ("a TCB whose software must be hardened", "T11", V4, |a| a.machine.set(TEE_TCB_SVN + 2, &[5])),
    ("a TCB whose software must be hardened, which is accepted", "accepted", V4, |a| { a.machine.set(TEE_TCB_SVN + 2, &[5]); a.rules["accept_status"] = json!(["SWHardeningNeeded"]); }),
    ("an old module", "T11", V4, |a| a.machine.set(TEE_TCB_SVN, &[4])),
    ("a module older than every one", "T11", V4, |a| a.machine.set(TEE_TCB_SVN, &[2])),
    ("an old QE whose identity names it", "T11", V4, |a| a.machine.set_qe(QE_SVN, &[3])),
    ("a TCB that is revoked", "T11", V4, |a| { a.machine.set(TEE_TCB_SVN + 2, &[4]); a.out_of_date_is_accepted(); }),
    ("a TCB older than every one", "T11", V4, |a| { a.machine.set(TEE_TCB_SVN + 2, &[3]); a.out_of_date_is_accepted(); }),
    ("a guest from before an update", "T11", V5Td15, |a| a.machine.set(TEE_TCB_SVN, &[4])),
    ("a guest from before an update, in its time", "accepted", V5Td15, |a| { a.machine.set(TEE_TCB_SVN, &[4]); a.rules["accept_status"] = json!(["TDRelaunchAdvised"]); a.rules["out_of_date_until"] = json!(NOW); }),
    ("a lower evaluation number of the TCB info", "T13", V4, |a| { a.rules["least_tcb_evaluation_data_number"] = json!(18); a.machine.tcb_info["tcbEvaluationDataNumber"] = json!(17); }),
    ("a lower evaluation number of the QE identity", "T13", V4, |a| { a.rules["least_tcb_evaluation_data_number"] = json!(18); a.machine.qe_identity["tcbEvaluationDataNumber"] = json!(17); }),
    ("the least evaluation number", "accepted", V4, |a| a.rules["least_tcb_evaluation_data_number"] = json!(18)),
    ("collateral as old as the policy allows", "accepted", V4, |a| a.rules["collateral_max_age_seconds"] = json!(10 * DAY)),
    ("collateral older than the policy allows", "T14", V4, |a| a.rules["collateral_max_age_seconds"] = json!(10 * DAY - 1)),
    ("TCB info older than the policy allows", "T14", V4, |a| a.machine.tcb_info["issueDate"] = json!(date(NOW - 31 * DAY))),
    ("a QE identity older than the policy allows", "T14", V4, |a| a.machine.qe_identity["issueDate"] = json!(date(NOW - 31 * DAY))),
    ("a PCK CA's list older than the policy allows", "T14", V4, |a| a.machine.pck_list.this_update = time(NOW - 31 * DAY)),
    ("a root's list of a year", "accepted", V4, |a| a.machine.root_list.this_update = time(NOW - 360 * DAY)),
    ("an advisory that the policy rejects", "T15", V4, |a| a.rules["reject_advisories"] = json!(["INTEL-SA-00009", "INTEL-SA-00002"])),
    ("an advisory that does not apply", "accepted", V4, |a| a.rules["reject_advisories"] = json!(["INTEL-SA-00001"])),
    ("other extended features", "T17", V4, |a| a.machine.set(XFAM, &[0xe5])),
    ("another measurement", "T18", V4, |a| a.machine.set(MRTD, &[0])),
    ("a set at its last moment", "accepted", V4, |a| a.rules["measurements"][0]["not_after"] = json!(NOW)),
    ("a set that has expired", "T18", V4, |a| a.rules["measurements"][0]["not_after"] = json!(NOW - 1)),
    ("another RTMR0", "T19", V4, |a| a.machine.measure(0, [1; 48])),
    ("another RTMR1", "T19", V4, |a| a.machine.measure(1, [1; 48])),
    ("another RTMR2", "T19", V4, |a| a.machine.measure(2, [1; 48])),
    ("another RTMR3", "T19", V4, |a| a.machine.measure(3, [1; 48])),
    ("another configuration id", "T20", V4, |a| a.machine.set(MR_CONFIG_ID, &[0])),
    ("another owner", "T20", V4, |a| a.machine.set(MR_OWNER, &[0])),
    ("another owner's configuration", "T20", V4, |a| a.machine.set(MR_OWNER_CONFIG, &[0])),
    ("no owner", "T20", V4, |a| a.rules["measurements"][0]["mr_owner"] = json!("zero")),
    ("an event log without its last event", "T22", V4, |a| { a.machine.events.pop(); }),
    ("an event log in another order", "T22", V4, |a| a.machine.events.swap(0, 2)),
    ("an event log with events of several registers in another order", "accepted", V4, |a| a.machine.events.swap(0, 1)),
    ("an event log with another digest", "T22", V4, |a| a.machine.events[3].digest[47] ^= 1),
    ("an event of a register that is none", "T22", V4, |a| a.machine.events.push(Event { register: 4, digest: [0; 48] })),
    ("an empty event log", "T22", V4, |a| a.log_after = Vec::clear),
    ("half an event", "T22", V4, |a| a.log_after = |log| log.truncate(log.len() - 1)),
    ("an event log with filler", "accepted", V4, |a| a.log_after = |log| log.resize(4096, 0xff)),
    ("an event log with filler of zeros", "T22", V4, |a| a.log_after = |log| log.resize(4096, 0)),
    ("an event log that is too long", "T22", V4, |a| a.log_after = |log| log.resize(256 * 1024 + 1, 0xff)),
    ("an event log of SHA-256", "T22", V4, |a| a.log_after = |log| log[60] = 0x0b),
    ("an event whose data do not end", "T22", V4, |a| a.log_after = |log| { let at = log.len() - 6; log[at] = 0xff; }),
    ("a platform's kind that the policy does not name", "T23", V4, |a| a.rules["fmspcs"] = json!(["50806f000000"])),
    ("a platform's kind that the policy names", "accepted", V4, |a| a.rules["fmspcs"] = json!(["50806f000000", hex::encode_upper(FMSPC)])),
    ("a platform that the policy does not name", "T23", V4, |a| a.rules["ppids"] = json!(["98".repeat(16)])),
    ("a platform that the policy names", "accepted", V4, |a| a.rules["ppids"] = json!([hex::encode(PPID)])),
];

// What those of the attester make of what is well-formed.

fn name(common: &str) -> Name {
    tdx::name(common).expect("a name")
}

fn time(seconds: u64) -> Time {
    tdx::time(seconds).expect("a time")
}

fn date(seconds: u64) -> String {
    tdx::date(seconds).expect("a time")
}

fn ca_extensions(path_len: Option<u8>) -> Vec<Extension> {
    tdx::ca_extensions(path_len).expect("extensions")
}

fn leaf_extensions() -> Vec<Extension> {
    tdx::leaf_extensions().expect("extensions")
}

fn sgx_extension(platform: &Platform) -> Extension {
    tdx::sgx_extension(platform).expect("an extension")
}

fn key() -> SigningKey {
    SigningKey::generate_from_rng(&mut UnwrapErr(SysRng))
}

/// Where the inner certification data start, of a quote of version 4.
fn inner(quote: &[u8]) -> usize {
    let auth_data = 632 + 4 + 128 + 6 + 384 + 64;
    auth_data + 2 + usize::from(quote[auth_data])
}

/// The first certificate of a chain.
fn first(chain: &str) -> String {
    let end = "-----END CERTIFICATE-----\n";
    let (first, _) = chain.split_once(end).expect("a certificate");
    format!("{first}{end}")
}

/// The same chain with a root of another machine.
fn other_root(chain: &serde_json::Value) -> String {
    first(chain.as_str().expect("a chain")) + &machine(V4).root_pem().expect("PEM")
}

fn revoked(serial: u8) -> Option<Vec<RevokedCert>> {
    Some(vec![RevokedCert {
        serial_number: SerialNumber::new(&[serial]).expect("a number"),
        revocation_date: time(NOW - DAY),
        crl_entry_extensions: None,
    }])
}
