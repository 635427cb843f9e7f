//! The same on TDX: a TD quote of the software machine, and an HCL report with a TDREPORT in it.

use std::sync::LazyLock;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_software_attester::tdx::{
    Form, MRTD, Machine, Platform, REPORT_DATA, TD_ATTRIBUTES, system_time,
};
use sealnote_verifier::azure_vtpm::{
    Hardware, HardwareRoots, Rejection, Tee, VerifiedVtpm, checks,
};
use sealnote_verifier::tdx;
use sealnote_verifier::{Check, UnixTime};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fixture::{Attempt, DATA, Gathered};
use super::sev_snp_fixture::NOW;
use super::{own_rules, own_tdx_policy};

static MACHINE: LazyLock<Machine> = LazyLock::new(|| {
    let rng = &mut UnwrapErr(SysRng);
    let machine = Machine::new(Form::V4, &Platform::default(), system_time(NOW), rng);
    let mut machine = machine.expect("a machine");
    machine.set(MRTD, &[0xd7; 48]);
    // As Azure starts its paravisor: without SEPT_VE_DISABLE.
    machine.set(TD_ATTRIBUTES, &[0; 8]);
    machine
});

/// A guest on TDX, and the rules that accept it.
struct OnTdx {
    vtpm: Attempt,
    machine: Machine,
    rules: Value,
    roots: tdx::TrustRoots,
}

impl OnTdx {
    fn new() -> Self {
        let vtpm = Attempt::new();
        let mut machine = MACHINE.clone();
        machine.set(REPORT_DATA, &[0; 64]);
        machine.set(REPORT_DATA, &Sha256::digest(&vtpm.var_data));
        let quote = machine.quote().expect("a quote");
        let fields = tdx::inspect(&quote).expect("a quote");
        let hardware = own_tdx_policy::rules(fields.fields());
        let mut rules = vtpm.rules.clone();
        rules["measurements"][0]["tee"] = json!("tdx");
        rules.as_object_mut().expect("an object").remove("sev-snp");
        rules["tdx"] = hardware;
        let mut roots = tdx::TrustRoots::intel();
        let added = roots.danger_add_software_root(&machine.root_pem().expect("PEM"));
        added.expect("a root");
        Self {
            vtpm,
            machine,
            rules,
            roots,
        }
    }

    fn gathered(&mut self) -> Gathered {
        let mut gathered = self.vtpm.gathered();
        gathered.set_hcl(DATA + 8, 4);
        gathered.hcl_report[32..32 + 1024].fill(0x7d);
        gathered.hcl_report[32 + 1024..DATA].fill(0);
        gathered.td_quote = self.machine.quote().expect("a quote");
        gathered
    }

    fn collateral(&self) -> String {
        self.machine.collateral().expect("collateral").to_string()
    }

    fn check_gathered(&self, gathered: &Gathered) -> Result<VerifiedVtpm, Rejection> {
        let roots = HardwareRoots {
            tdx: &self.roots,
            ..self.vtpm.roots()
        };
        own_rules::load(&self.rules).check_vtpm(
            &gathered.parts(),
            self.collateral().as_bytes(),
            self.vtpm.due.as_deref(),
            roots,
            UnixTime::from_seconds(NOW),
        )
    }

    fn check(&mut self) -> Result<VerifiedVtpm, Rejection> {
        let gathered = self.gathered();
        self.check_gathered(&gathered)
    }

    fn failed(&mut self) -> &'static str {
        self.check().expect_err("it must not pass").check().id()
    }
}

#[test]
fn what_the_fixture_makes_passes_every_check() {
    let vtpm = OnTdx::new().check();
    let vtpm = vtpm.unwrap_or_else(|error| panic!("{}: {error}", error.check()));
    // There is no event log, and the quote's binding is V2 here.
    let of_quote = tdx::checks::ALL.into_iter();
    let of_quote = of_quote.filter(|check| ![tdx::checks::B1, tdx::checks::T22].contains(check));
    let [v1, rest @ ..] = checks::ALL;
    let due: Vec<Check> = [v1].into_iter().chain(of_quote).chain(rest).collect();
    assert_eq!(vtpm.passed(), due);
    assert_eq!(
        (vtpm.measurement_set(), vtpm.paravisor()),
        ("guest", "fixture")
    );
    let Hardware::Tdx(quote) = vtpm.hardware() else {
        panic!("it is TDX's");
    };
    assert_eq!(quote.fields().mrtd, [0xd7; 48]);
}

#[test]
fn each_deviation_fails_exactly_its_check() {
    type Case = (&'static str, fn(&mut OnTdx));
    #[rustfmt::skip] // A line each, so that they can be read as a table.
    let cases: &[Case] = &[
        ("V1", |t| t.vtpm.after = |g| g.hcl_report.truncate(2000)),
        ("T16", |t| t.machine.set(TD_ATTRIBUTES, &[1])),
        ("T11", |t| t.machine.tcb_info["tcbLevels"][0]["tcb"]["pcesvn"] = json!(14)),
        ("T11", |t| t.machine.tcb_info["tcbLevels"][0]["tcbStatus"] = json!("ConfigurationNeeded")),
        ("T11", |t| t.machine.tcb_info["tcbLevels"][0]["tcbStatus"] = json!("Revoked")),
        ("T11", |t| t.machine.tcb_info["tcbLevels"].as_array_mut().unwrap().clear()),
        ("T11", |t| t.machine.tcb_info["tdxModuleIdentities"][0]["tcbLevels"][0]["tcbStatus"] = json!("OutOfDate")),
        ("T11", |t| t.machine.qe_identity["tcbLevels"][0]["tcbStatus"] = json!("OutOfDate")),
        // Refused by dcap-qvl alone, which has this status for guests and not for platforms.
        ("T11", |t| {
            t.machine.tcb_info["tcbLevels"][0]["tcbStatus"] = json!("TDRelaunchAdvised");
            t.rules["tdx"]["accept_status"] = json!(["UpToDate", "TDRelaunchAdvised"]);
            t.rules["tdx"]["out_of_date_until"] = json!(NOW);
        }),
        ("T13", |t| t.rules["tdx"]["least_tcb_evaluation_data_number"] = json!(99)),
        ("T15", |t| advise(t, 0)),
        ("T15", |t| advise(t, 1)),
        ("T15", |t| advise(t, 2)),
        ("T18", |t| t.machine.set(MRTD, &[1])),
        ("T3", |t| t.roots = tdx::TrustRoots::intel()),
        ("V2", |t| t.machine.set(REPORT_DATA, &[1])),
        ("V2", |t| t.machine.set(REPORT_DATA + 63, &[1])),
        ("V2", |t| t.vtpm.var_data.push(b' ')),
        ("V6", |t| t.vtpm.after = |g| g.signature[0] ^= 1),
        ("V7", |t| t.vtpm.due = Some(vec![0xb1; 31])),
        ("B1", |t| t.vtpm.due = Some(vec![0xb2; 32])),
        ("V8", |t| t.vtpm.quote(|pcrs| { pcrs.insert(4, [1; 32]); })),
    ];
    for (index, (expected, edit)) in cases.iter().enumerate() {
        let mut attempt = OnTdx::new();
        edit(&mut attempt);
        assert_eq!(attempt.failed(), *expected, "case {index}");
    }
}

/// An advisory of the platform, of the TDX module, or of the quoting enclave, which the rules reject.
fn advise(attempt: &mut OnTdx, of: usize) {
    let machine = &mut attempt.machine;
    let level = match of {
        0 => &mut machine.tcb_info["tcbLevels"][0],
        1 => &mut machine.tcb_info["tdxModuleIdentities"][0]["tcbLevels"][0],
        _ => &mut machine.qe_identity["tcbLevels"][0],
    };
    level["advisoryIDs"] = json!(["INTEL-SA-09999"]);
    attempt.rules["tdx"]["reject_advisories"] = json!(["INTEL-SA-09999"]);
}

/// What is beside the quote in the HCL report, and what is there on the other hardware.
#[test]
fn a_guest_is_of_the_hardware_that_it_says() {
    let mut attempt = OnTdx::new();
    let good = attempt.gathered();
    let outcome = |attempt: &OnTdx, edit: fn(&mut Gathered)| {
        let mut gathered = good.clone();
        edit(&mut gathered);
        let checked = attempt.check_gathered(&gathered);
        checked.map_or_else(|rejection| rejection.check().id(), |_| "accepted")
    };
    assert_eq!(outcome(&attempt, |_| ()), "accepted");
    // Only the machine that made the TDREPORT could check it; the TD quote stands for it.
    assert_eq!(outcome(&attempt, |g| g.hcl_report[40] ^= 1), "accepted");
    assert_eq!(outcome(&attempt, |g| g.hcl_report[32 + 1024] = 1), "V1");
    assert_eq!(outcome(&attempt, |g| g.td_quote.clear()), "V1");
    assert_eq!(outcome(&attempt, |g| g.td_quote.push(1)), "T2");
    assert_eq!(outcome(&attempt, |g| g.td_quote.truncate(40)), "T1");
    assert_eq!(outcome(&attempt, |g| g.set_hcl(DATA + 8, 2)), "V1");
    // The registers are those of a guest on SEV-SNP.
    let both = &attempt.vtpm.rules["sev-snp"];
    attempt.rules["sev-snp"] = both.clone();
    let mut other = attempt.rules["measurements"][0].clone();
    (other["tee"], other["label"]) = (json!(Tee::SevSnp.name()), json!("other"));
    attempt.rules["measurements"][0]["pcrs"]["4"] = json!("11".repeat(32));
    attempt.rules["measurements"]
        .as_array_mut()
        .expect("a list")
        .push(other);
    assert_eq!(outcome(&attempt, |_| ()), "V8");
    // And there are no rules for this hardware.
    attempt.rules = attempt.vtpm.rules.clone();
    assert_eq!(outcome(&attempt, |_| ()), "V3");
}

/// A Linux guest needs it; see the tests of TDX.
#[test]
fn a_paravisor_may_have_the_attribute_of_a_guest() {
    let mut attempt = OnTdx::new();
    attempt.machine.set(TD_ATTRIBUTES, &[0, 0, 0, 0x10]);
    attempt.check().expect("it may have it");
}

#[test]
fn the_rules_of_tdx_are_read_as_tdx_reads_them() {
    let good = OnTdx::new().rules;
    let load = |rules: &Value| {
        let file = serde_json::from_value(rules.clone()).map_err(|error| error.to_string())?;
        let rules = sealnote_verifier::azure_vtpm::Rules::load(file);
        rules.map_err(|error| error.to_string())
    };
    let rules = load(&good).expect("rules that load");
    assert!(rules.tdx().is_some() && rules.sev_snp().is_none());
    for (expected, edit) in [
        (
            "azure-vtpm: tdx: ",
            (|r| r["tdx"]["measurements"] = json!([])) as fn(&mut Value),
        ),
        ("null", |r| r["tdx"] = json!(null)),
        ("unknown field `anything`", |r| {
            r["tdx"]["anything"] = json!(1)
        }),
        ("no rules for it", |r| {
            r.as_object_mut().expect("an object").remove("tdx");
        }),
        ("no measurement set is of it", |r| {
            let of_snp = Attempt::new().rules;
            r["sev-snp"] = of_snp["sev-snp"].clone();
        }),
    ] {
        let mut rules = good.clone();
        edit(&mut rules);
        let error = load(&rules).expect_err(expected);
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
    }
}
