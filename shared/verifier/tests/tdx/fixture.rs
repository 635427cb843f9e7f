//! Everything that a check takes, of a machine in software whose guest asks for no more than it is.

use std::sync::LazyLock;

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use sealnote_software_attester::tdx::{
    self, Form, MR_CONFIG_ID, MR_OWNER, MR_OWNER_CONFIG, MRTD, Machine, Platform,
};
use sealnote_verifier::UnixTime;
use sealnote_verifier::tdx::{Rejection, TrustRoots, VerifiedQuote, inspect};
use serde_json::{Value, json};

use super::own_policy;

pub const NOW: u64 = 1_795_000_000;
const REPORT_DATA: [u8; 64] = [0x5a; 64];

/// Everything that a check takes.
pub struct Attempt {
    pub machine: Machine,
    pub rules: Value,
    pub report_data: Option<[u8; 64]>,
    pub has_log: bool,
    pub roots: TrustRoots,
    /// The platform's chain ends at another root than the collateral's.
    pub foreign_root: bool,
    /// What is changed of the signed quote.
    pub after: fn(&mut Vec<u8>),
    pub collateral_edit: fn(&mut Value),
    pub collateral_after: Option<fn(Vec<u8>) -> Vec<u8>>,
    pub log_after: fn(&mut Vec<u8>),
}

/// One of each form, made once.
static MACHINES: LazyLock<[Machine; 3]> = LazyLock::new(|| Form::ALL.map(machine));

/// One whose collateral is in date, with something in every field of the guest's that may have something.
pub fn machine(form: Form) -> Machine {
    let rng = &mut UnwrapErr(SysRng);
    let machine = Machine::new(form, &Platform::default(), tdx::system_time(NOW), rng);
    let mut machine = machine.expect("a machine");
    machine.set(MRTD, &[0xd7; 48]);
    machine.set(MR_CONFIG_ID, &[0xc1; 48]);
    machine.set(MR_OWNER, &[0xc2; 48]);
    machine.set(MR_OWNER_CONFIG, &[0xc3; 48]);
    machine.set(tdx::REPORT_DATA, &REPORT_DATA);
    for (register, digest) in [(0, 0xa0), (1, 0xa1), (0, 0xa2), (2, 0xa3), (3, 0xa4)] {
        machine.measure(register, [digest; 48]);
    }
    machine
}

impl Attempt {
    /// What passes every check.
    pub fn new(form: Form) -> Self {
        let machine = MACHINES[form as usize].clone();
        let inspected = inspect(&machine.quote().expect("a quote")).expect("a quote");
        let mut roots = TrustRoots::intel();
        roots
            .danger_add_software_root(&machine.root_pem().expect("PEM"))
            .expect("a root");
        Self {
            rules: own_policy::rules(inspected.fields()),
            machine,
            report_data: Some(REPORT_DATA),
            has_log: true,
            roots,
            foreign_root: false,
            after: |_| (),
            collateral_edit: |_| (),
            collateral_after: None,
            log_after: |_| (),
        }
    }

    pub fn quote(&self) -> Vec<u8> {
        let quote = match self.foreign_root {
            false => self.machine.quote(),
            true => Machine {
                root: machine(Form::V4).root,
                ..self.machine.clone()
            }
            .quote(),
        };
        let mut quote = quote.expect("a quote");
        (self.after)(&mut quote);
        quote
    }

    pub fn collateral(&self) -> Vec<u8> {
        let mut collateral = self.machine.collateral().expect("collateral");
        (self.collateral_edit)(&mut collateral);
        let json = collateral.to_string().into_bytes();
        match self.collateral_after {
            None => json,
            Some(edit) => edit(json),
        }
    }

    pub fn check(&self) -> Result<VerifiedQuote, Rejection> {
        let rules = own_policy::load(&self.rules).expect("the case's rules load");
        let mut log = self.machine.event_log();
        (self.log_after)(&mut log);
        rules.check_quote(
            &self.quote(),
            &self.collateral(),
            self.has_log.then_some(&log),
            self.report_data.as_ref(),
            &self.roots,
            UnixTime::from_seconds(NOW),
        )
    }

    /// The platform lacks an update, which the rules accept.
    pub fn out_of_date(&mut self) {
        self.machine.tcb_info["tcbLevels"][0]["tcb"]["pcesvn"] = json!(14);
        self.out_of_date_is_accepted();
    }

    pub fn out_of_date_is_accepted(&mut self) {
        self.rules["accept_status"] = json!(["UpToDate", "OutOfDate", "SWHardeningNeeded"]);
        self.rules["out_of_date_until"] = json!(NOW);
    }
}
