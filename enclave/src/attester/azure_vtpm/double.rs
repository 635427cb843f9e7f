//! A vTPM with what Azure's paravisor puts into it, which does wrong in one way at a time. It takes the commands apart by
//! itself, byte by byte.

use std::io;

use sha2::{Digest, Sha256};

use super::Tpm;
use super::registers::Value;

/// How it differs from Azure's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wrong {
    Nothing,
    /// Its device gives errors.
    Fails,
    NoReport,
    ReportTooShort,
    ReportTooLong,
    NoHclReport,
    OnTdx,
    OnOtherHardware,
    /// The last key's bytes reach beyond the index.
    VarDataTooLong,
    VarDataIsNoJson,
    /// The report is about other keys.
    OtherVarData,
    /// `report_data` goes on behind the digest.
    MoreReportData,
    NamesOtherKey,
    NamesTwoKeys,
    NoKey,
    /// It may sign anything.
    UnrestrictedKey,
    KeyOf3072Bits,
    KeyForPss,
    /// Something was measured into the model's register.
    NotZero,
    RefusesToExtend,
    ExtendsNot,
    /// Somebody else extends it too.
    ExtendedTwice,
    /// Somebody extends a register between reading and quoting, so many times.
    Changes(usize),
    QuotesOtherData,
    QuotesOtherRegisters,
    QuotesNothing,
    /// It signs with another scheme.
    SignsOtherwise,
    /// The registers' bank is not there.
    NoBank,
    /// It says that it read registers that were not asked for.
    ReadsOthers,
    /// The response's length is another than it says.
    LongerThanItSays,
    /// The answer to the empty password is not one.
    OtherAuthorisation,
}

/// Of the attestation key.
const MODULUS: [u8; 256] = [0xc5; 256];
/// In place of one: the attester does not verify.
pub(super) const SIGNATURE: [u8; 256] = [0x51; 256];
/// Each byte of the chip's id in the hardware's report.
pub(super) const CHIP: u8 = 0xc1;

pub(super) struct Double {
    pub(super) wrong: Wrong,
    pub(super) pcrs: [Value; 24],
    report: Vec<u8>,
    /// How often the registers were quoted.
    pub(super) quotes: usize,
    /// The codes of the commands that came, the last one last.
    pub(super) codes: Vec<u32>,
}

impl Double {
    pub(super) fn new(wrong: Wrong) -> Self {
        let mut pcrs = [[0; 32]; 24];
        for register in [0, 1, 2, 3, 4, 5, 7] {
            pcrs[register] = [0xa0 + register as u8; 32];
        }
        if wrong == Wrong::NotZero {
            pcrs[11][31] = 1;
        }
        Self {
            wrong,
            pcrs,
            report: hcl_report(wrong),
            quotes: 0,
            codes: Vec::new(),
        }
    }

    pub(super) fn report(&self) -> &[u8] {
        &self.report
    }

    /// As TPM2_PCR_Extend does.
    pub(super) fn extend(&mut self, register: usize, event: &[u8]) {
        let value = Sha256::new_with_prefix(self.pcrs[register]).chain_update(event);
        self.pcrs[register] = value.finalize().into();
    }

    /// The parameters of the response, or a code.
    fn run(&mut self, code: u32, body: &[u8]) -> Result<Vec<u8>, u32> {
        const HANDLE: u32 = 0x18b;
        match (code, body) {
            (0x169, [0x01, 0x40, 0, 0x01]) => match self.wrong {
                Wrong::NoReport => Err(HANDLE),
                _ => {
                    let mut public = body.to_vec();
                    public.extend([0, 0x0b, 0x62, 0x06, 0, 0x06, 0, 0]);
                    public.extend((self.report.len() as u16).to_be_bytes());
                    Ok([sized(&public), sized(&[0, 0x0b, 1, 2])].concat())
                }
            },
            (0x14e, [0x40, 0, 0, 0x01, 0x01, 0x40, 0, 0x01, rest @ ..]) => {
                let [len @ .., offset_high, offset_low] = authorised(rest) else {
                    panic!("parameters");
                };
                let len = usize::from(u16::from_be_bytes(len.try_into().unwrap()));
                let offset = usize::from(u16::from_be_bytes([*offset_high, *offset_low]));
                assert!(len <= 1024, "TPM_RC_VALUE of an Azure vTPM");
                Ok(sized(&self.report[offset..offset + len]))
            }
            (0x173, [0x81, 0, 0, 0x03]) => match self.wrong {
                Wrong::NoKey => Err(HANDLE),
                wrong => Ok([sized(&public(wrong)), sized(&[1]), sized(&[2])].concat()),
            },
            (0x17e, [0, 0, 0, 1, 0, 0x0b, 3, mask @ ..]) => Ok(self.read(mask)),
            (0x182, [0, 0, 0, register, rest @ ..]) => {
                let [0, 0, 0, 1, 0, 0x0b, event @ ..] = authorised(rest) else {
                    panic!("one digest");
                };
                assert_eq!(event.len(), 32);
                let times = match self.wrong {
                    Wrong::RefusesToExtend => return Err(0x907),
                    Wrong::ExtendsNot => 0,
                    Wrong::ExtendedTwice => 2,
                    _ => 1,
                };
                (0..times).for_each(|_| self.extend(usize::from(*register), event));
                Ok(Vec::new())
            }
            (0x158, [0x81, 0, 0, 0x03, rest @ ..]) => {
                let [0, 32, rest @ ..] = authorised(rest) else {
                    panic!("qualifying data");
                };
                let (data, rest) = rest.split_at(32);
                let [0, 0x14, 0, 0x0b, 0, 0, 0, 1, 0, 0x0b, 3, mask @ ..] = rest else {
                    panic!("scheme and selection");
                };
                Ok(self.quote(data, mask))
            }
            _ => panic!("an unknown command"),
        }
    }

    /// The eight lowest.
    fn read(&self, mask: &[u8]) -> Vec<u8> {
        let mut due = selected(mask);
        due.truncate(8);
        match self.wrong {
            Wrong::NoBank => due.clear(),
            Wrong::ReadsOthers => due[0] = 22,
            _ => {}
        }
        let mut response = vec![0, 0, 0, 9];
        response.extend([0, 0, 0, 1, 0, 0x0b, 3]);
        response.extend(mask_of(&due));
        response.extend((due.len() as u32).to_be_bytes());
        due.sort();
        due.iter()
            .for_each(|register| response.extend(sized(&self.pcrs[*register])));
        response
    }

    fn quote(&mut self, data: &[u8], mask: &[u8]) -> Vec<u8> {
        self.quotes += 1;
        if matches!(self.wrong, Wrong::Changes(times) if self.quotes <= times) {
            self.extend(7, &[1; 32]);
        }
        let (mut data, mut registers) = (data.to_vec(), selected(mask));
        match self.wrong {
            Wrong::QuotesOtherData => data[31] ^= 1,
            Wrong::QuotesOtherRegisters => registers.push(23),
            _ => {}
        }
        let mut message = b"\xffTCG\x80\x18".to_vec();
        if self.wrong == Wrong::QuotesNothing {
            // Of type TPM_ST_ATTEST_TIME.
            message[5] = 0x19;
        }
        message.extend([sized(&[0, 0x0b, 7, 7]), sized(&data)].concat());
        message.extend([9; 17 + 8]);
        message.extend([0, 0, 0, 1, 0, 0x0b, 3]);
        message.extend(mask_of(&registers));
        let mut digest = Sha256::new();
        registers
            .iter()
            .for_each(|register| digest.update(self.pcrs[*register]));
        message.extend(sized(&digest.finalize()));
        let scheme: &[u8] = match self.wrong {
            Wrong::SignsOtherwise => &[0, 0x16, 0, 0x0b],
            _ => &[0, 0x14, 0, 0x0b],
        };
        [&sized(&message), scheme, &sized(&SIGNATURE)].concat()
    }
}

impl Tpm for Double {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        if self.wrong == Wrong::Fails {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let (header, body) = command.split_at(10);
        assert_eq!(u32_of(&header[2..6]) as usize, command.len());
        let (tag, code) = (&header[..2], u32_of(&header[6..]));
        let is_authorised = [0x14e, 0x158, 0x182].contains(&code);
        assert_eq!(tag, [0x80, if is_authorised { 2 } else { 1 }]);
        self.codes.push(code);
        let mut response = match self.run(code, body) {
            Err(code) => [&[0x80, 1, 0, 0, 0, 10], &code.to_be_bytes()[..]].concat(),
            Ok(parameters) if is_authorised => {
                let mut response = vec![0x80, 2, 0, 0, 0, 0, 0, 0, 0, 0];
                response.extend((parameters.len() as u32).to_be_bytes());
                response.extend(parameters);
                let last = u8::from(self.wrong == Wrong::OtherAuthorisation);
                response.extend([0, 0, 1, 0, last]);
                response
            }
            Ok(parameters) => [&[0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0], &parameters[..]].concat(),
        };
        let len = (response.len() as u32).to_be_bytes();
        response[2..6].copy_from_slice(&len);
        if self.wrong == Wrong::LongerThanItSays {
            response.push(0);
        }
        Ok(response)
    }
}

/// What is behind an empty password.
fn authorised(rest: &[u8]) -> &[u8] {
    match rest {
        [0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0, rest @ ..] => rest,
        _ => panic!("no empty password"),
    }
}

/// TPMT_PUBLIC.
fn public(wrong: Wrong) -> Vec<u8> {
    let mut public = vec![0, 1, 0, 0x0b, 0, 5, 0x04, 0x72, 0, 0];
    public.extend([0, 0x10, 0, 0x14, 0, 0x0b, 8, 0, 0, 0, 0, 0]);
    let mut modulus = MODULUS.to_vec();
    match wrong {
        Wrong::UnrestrictedKey => public[5] = 4,
        Wrong::KeyForPss => public[13] = 0x16,
        Wrong::KeyOf3072Bits => {
            public[16] = 12;
            modulus.resize(384, 1);
        }
        _ => {}
    }
    [public, sized(&modulus)].concat()
}

fn hcl_report(wrong: Wrong) -> Vec<u8> {
    let key = |kid: &str, modulus: &str| format!(r#"{{"kid":"{kid}","n":"{modulus}"}}"#);
    // 0xc5 in base64url: three bytes are "xcXF", and the last one of 256 is "xQ".
    let modulus = "xcXF".repeat(85) + "xQ";
    let ak = key("HCLAkPub", &modulus);
    let keys = match wrong {
        Wrong::NamesOtherKey => key("HCLAkPub", &"AAAA".repeat(85)),
        Wrong::NamesTwoKeys => format!("{ak},{ak}"),
        _ => format!("{},{ak}", key("HCLEkPub", "AAAA")),
    };
    let var_data = match wrong {
        Wrong::VarDataIsNoJson => format!(r#"{{"keys":[{keys}"#),
        _ => format!(r#"{{"keys":[{keys}],"user-data":"00"}}"#),
    };
    let mut report = [0; 1184];
    report[0x50..0x70].copy_from_slice(&Sha256::digest(&var_data));
    match wrong {
        Wrong::OtherVarData => report[0x50] ^= 1,
        Wrong::MoreReportData => report[0x70] = 1,
        _ => {}
    }
    report[0x180..0x188].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
    report[0x1a0..0x1e0].fill(CHIP);
    let kind = match wrong {
        Wrong::OnTdx => 4,
        Wrong::OnOtherHardware => 3,
        _ => 2,
    };
    let var_len = var_data.len() as u32
        + match wrong {
            Wrong::VarDataTooLong => 2000,
            _ => 0,
        };
    let mut hcl = b"HCLA".to_vec();
    hcl.extend([2, 1236 + var_len, 2].map(u32::to_le_bytes).concat());
    hcl.extend([0; 16]);
    hcl.extend(report);
    let data = [20 + var_len, 1, kind, 1, var_len];
    hcl.extend(data.map(u32::to_le_bytes).concat());
    hcl.extend(var_data.as_bytes());
    hcl.resize(2600, 0);
    match wrong {
        Wrong::ReportTooShort => hcl.truncate(1236),
        Wrong::ReportTooLong => hcl.resize(4097, 0),
        Wrong::NoHclReport => hcl[..4].copy_from_slice(b"ALCH"),
        _ => {}
    }
    hcl
}

fn selected(mask: &[u8]) -> Vec<usize> {
    assert_eq!(mask.len(), 3);
    (0..24)
        .filter(|register| mask[register / 8] & 1 << (register % 8) != 0)
        .collect()
}

fn mask_of(registers: &[usize]) -> [u8; 3] {
    let mut mask = [0; 3];
    registers
        .iter()
        .for_each(|register| mask[register / 8] |= 1 << (register % 8));
    mask
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn u32_of(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().unwrap())
}
