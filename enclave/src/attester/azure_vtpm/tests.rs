//! A guest with a stand-in for its vTPM, which does wrong in one way at a time; and what a vTPM in software once answered.

use sealnote_model::ModelDigest;

use super::double::{CHIP, Double, SIGNATURE, Wrong};
use super::*;

const MODEL: ModelDigest = ModelDigest([7; 48]);

fn layout() -> Layout {
    Layout::default()
}

fn start(wrong: Wrong) -> Result<AzureVtpmAttester<Double>, AzureVtpmError> {
    AzureVtpm::with(Double::new(wrong), layout())?.extend_model(&MODEL)
}

fn binding() -> Binding {
    Binding {
        challenge: [1; 32],
        claims: [2; 48],
        public_key: Some(vec![3; 30]),
    }
}

#[test]
fn evidence_is_the_report_and_a_quote_of_the_binding_and_the_model() {
    let guest = AzureVtpm::with(Double::new(Wrong::Nothing), layout()).unwrap();
    let chip = format!("{CHIP:02x}").repeat(64);
    let due = (&chip[..], "0102030405060708");
    assert_eq!(
        (&guest.machine().chip[..], &guest.machine().reported_tcb[..]),
        due
    );
    let attester = guest.extend_model(&MODEL).unwrap();
    assert_eq!(attester.kind(), EvidenceKind(4));
    assert_eq!(attester.endorsed_as(), Some("azure-vtpm"));

    let bytes = attester.attest(&binding()).unwrap();
    let evidence = Evidence::decode(&bytes, 16 * 1024).unwrap();
    assert_eq!(evidence.public_key, binding().public_key.as_deref());
    assert_eq!((evidence.report, evidence.event_log), (&[][..], None));
    let parts = map::read(evidence.vtpm.unwrap(), 16 * 1024).unwrap();
    let [(1, report), (2, message), (3, signature), (4, pcrs)] = parts[..] else {
        panic!("{parts:?}");
    };
    let vtpm = attester.vtpm.lock().unwrap();
    assert_eq!(report, vtpm.tpm.report());
    assert_eq!(signature, SIGNATURE);
    let registers = [0, 1, 2, 3, 4, 5, 7, 8, 9, 11];
    assert_eq!(
        pcrs,
        registers.map(|register| vtpm.tpm.pcrs[register]).concat()
    );
    let event = Sha256::digest(MODEL.extension());
    let model = Sha256::new_with_prefix([0; 32])
        .chain_update(event)
        .finalize();
    assert_eq!(pcrs[9 * 32..], model[..]);

    let bound = sealnote_evidence::Binding {
        protocol: "sealnote/2",
        challenge: [1; 32],
        claims: [2; 48],
    };
    let data = bound.report_data(4, evidence.public_key);
    let body = Body::of(message).unwrap();
    assert_eq!(body.qualifying_data, Sha256::digest(data).as_slice());
    assert_eq!(body.digest, Sha256::digest(pcrs).as_slice());
    assert_eq!(body.registers, layout().quoted());
}

/// Of a guest that is not as it should be nothing is extended, and no model is loaded.
#[test]
fn a_guest_that_is_unfit_is_refused_before_the_model_is_loaded() {
    for (wrong, expected) in [
        (Wrong::Fails, "device fails"),
        (
            Wrong::NoReport,
            "no HCL report at NV index 0x01400001, so this is no confidential VM",
        ),
        (Wrong::ReportTooShort, "NV index 0x01400001 has 1236 bytes"),
        (Wrong::ReportTooLong, "NV index 0x01400001 has 4097 bytes"),
        (Wrong::NoHclReport, "has no HCL report in it"),
        (Wrong::OnTdx, "Use a confidential VM of Azure on SEV-SNP"),
        (Wrong::OnOtherHardware, "is of hardware 3"),
        (Wrong::VarDataTooLong, "has no HCL report in it"),
        (Wrong::VarDataIsNoJson, "has no HCL report in it"),
        (Wrong::OtherVarData, "is not about the keys beside it"),
        (Wrong::MoreReportData, "is not about the keys beside it"),
        (
            Wrong::NamesOtherKey,
            "does not name the vTPM's attestation key",
        ),
        (
            Wrong::NamesTwoKeys,
            "does not name the vTPM's attestation key",
        ),
        (Wrong::NoKey, "no attestation key at 0x81000003"),
        (Wrong::UnrestrictedKey, "is not Azure's attestation key"),
        (Wrong::KeyOf3072Bits, "is not Azure's attestation key"),
        (Wrong::KeyForPss, "is not Azure's attestation key"),
        (Wrong::NotZero, "register 11 is not zero"),
        (Wrong::NoBank, "response to TPM2_PCR_Read is not"),
        (Wrong::ReadsOthers, "response to TPM2_PCR_Read is not"),
        (
            Wrong::LongerThanItSays,
            "response to TPM2_NV_ReadPublic is not",
        ),
        (Wrong::OtherAuthorisation, "response to TPM2_NV_Read is not"),
    ] {
        match AzureVtpm::with(Double::new(wrong), layout()) {
            Ok(_) => panic!("{wrong:?}: it is taken"),
            Err(error) => assert!(error.to_string().contains(expected), "{wrong:?}: {error}"),
        }
    }
}

#[test]
fn without_the_model_in_its_register_there_is_no_attester() {
    for (wrong, expected) in [
        (
            Wrong::RefusesToExtend,
            "the vTPM refuses TPM2_PCR_Extend with code 0x907",
        ),
        (
            Wrong::ExtendsNot,
            "register 11 is not what this model extends it to",
        ),
        (
            Wrong::ExtendedTwice,
            "register 11 is not what this model extends it to",
        ),
    ] {
        match start(wrong) {
            Ok(_) => panic!("{wrong:?}: there is an attester"),
            Err(error) => assert!(error.to_string().contains(expected), "{wrong:?}: {error}"),
        }
    }
}

#[test]
fn what_extends_the_register_while_the_model_is_loaded_is_noticed() {
    let mut guest = AzureVtpm::with(Double::new(Wrong::Nothing), layout()).unwrap();
    guest.vtpm.tpm.extend(11, &[9; 32]);
    let error = guest.extend_model(&MODEL).map(|_| ()).unwrap_err();
    assert!(
        matches!(error, AzureVtpmError::ExtendedBefore(11)),
        "{error}"
    );
}

#[test]
fn what_extends_the_register_later_ends_the_evidence_and_others_do_not() {
    let attester = start(Wrong::Nothing).unwrap();
    attester.vtpm.lock().unwrap().tpm.extend(7, &[9; 32]);
    attester.attest(&binding()).unwrap();
    attester.vtpm.lock().unwrap().tpm.extend(11, &[9; 32]);
    let error = attester.attest(&binding()).unwrap_err();
    let since = AttestError::AzureVtpm(AzureVtpmError::ExtendedSince(11));
    assert_eq!(error.to_string(), since.to_string());
    assert_eq!(attester.vtpm.lock().unwrap().tpm.quotes, 1);
}

#[test]
fn a_quote_of_something_else_is_no_evidence() {
    for (wrong, expected) in [
        (Wrong::QuotesOtherData, "of other data or other registers"),
        (
            Wrong::QuotesOtherRegisters,
            "of other data or other registers",
        ),
        (Wrong::QuotesNothing, "is no quote of registers"),
        (Wrong::SignsOtherwise, "response to TPM2_Quote is not"),
    ] {
        let error = start(wrong).unwrap().attest(&binding()).unwrap_err();
        assert!(error.to_string().contains(expected), "{wrong:?}: {error}");
    }
}

#[test]
fn a_register_that_changes_meanwhile_is_read_again_and_not_for_ever() {
    for (times, quotes) in [(0, 1), (1, 2), (2, 3)] {
        let attester = start(Wrong::Changes(times)).unwrap();
        let bytes = attester.attest(&binding()).unwrap();
        let evidence = Evidence::decode(&bytes, 16 * 1024).unwrap();
        let parts = map::read(evidence.vtpm.unwrap(), 16 * 1024).unwrap();
        let body = Body::of(parts[1].1).unwrap();
        assert_eq!(body.digest, Sha256::digest(parts[3].1).as_slice());
        assert_eq!(attester.vtpm.lock().unwrap().tpm.quotes, quotes);
    }
    let attester = start(Wrong::Changes(3)).unwrap();
    let error = attester.attest(&binding()).unwrap_err();
    let changing = AttestError::AzureVtpm(AzureVtpmError::Changing);
    assert_eq!(error.to_string(), changing.to_string());
}

/// The paravisor may write a new report between two commands.
#[test]
fn a_report_of_which_the_parts_do_not_fit_is_read_again_and_not_for_ever() {
    let reads = |wrong| {
        let mut double = Double::new(wrong);
        let result = HclReport::read(&mut double, 2600).map(|_| ());
        (double.codes.len(), result)
    };
    let (count, result) = reads(Wrong::Nothing);
    assert_eq!(count, 3);
    result.unwrap();
    let (count, result) = reads(Wrong::OtherVarData);
    assert_eq!(count, 9);
    let error = result.unwrap_err();
    assert!(
        matches!(error, AzureVtpmError::Report(HclError::VarData)),
        "{error}"
    );
}

/// What swtpm answered (`make test-vtpm-quote` with `SEALNOTE_BLESS=1` records it), with one response changed perhaps.
struct Replay {
    messages: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
}

impl Tpm for Replay {
    fn transmit(&mut self, command: &[u8]) -> std::io::Result<Vec<u8>> {
        let Some((due, response)) = self.messages.next() else {
            // A changed response made it ask again.
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        };
        match command == due {
            true => Ok(response),
            false => Err(std::io::ErrorKind::InvalidInput.into()),
        }
    }
}

fn recorded() -> Vec<(Vec<u8>, Vec<u8>)> {
    let lines: Vec<Vec<u8>> = include_str!("swtpm.txt").lines().map(from_hex).collect();
    let (pairs, []) = lines.as_chunks() else {
        panic!("a command without a response");
    };
    pairs
        .iter()
        .map(|[command, response]| (command.clone(), response.clone()))
        .collect()
}

fn from_hex(line: &str) -> Vec<u8> {
    let digits = line.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The evidence, with what was not asked for in the end.
fn replay(messages: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(Vec<u8>, usize), AttestError> {
    let tpm = Replay {
        messages: messages.into_iter(),
    };
    let layout = Layout::new("0,1,2,3,4,5,7,9,12,15".parse().unwrap(), 12).unwrap();
    let attester = AzureVtpm::with(tpm, layout)?.extend_model(&MODEL)?;
    let binding = Binding {
        public_key: None,
        ..binding()
    };
    let evidence = attester.attest(&binding)?;
    let left = attester.vtpm.lock().unwrap().tpm.messages.len();
    Ok((evidence, left))
}

#[test]
fn what_swtpm_answered_makes_evidence() {
    let messages = recorded();
    let (_, quoted) = messages.last().unwrap().clone();
    let (evidence, left) = replay(messages).unwrap();
    assert_eq!(left, 0);
    let evidence = Evidence::decode(&evidence, 16 * 1024).unwrap();
    let parts = map::read(evidence.vtpm.unwrap(), 16 * 1024).unwrap();
    let (message, signature) = (parts[1].1, parts[2].1);
    assert_eq!(quoted[16..][..message.len()], *message);
    assert_eq!(quoted[quoted.len() - 5 - 256..][..256], *signature);
    assert_eq!(parts[3].1.len(), 10 * 32);
}

#[test]
fn an_answer_of_swtpm_that_is_cut_makes_none_and_one_with_a_flipped_bit_never_another() {
    let messages = recorded();
    let (genuine, _) = replay(messages.clone()).unwrap();
    for index in 0..messages.len() {
        let response = &messages[index].1;
        let with = |response: Vec<u8>| {
            let mut changed = messages.clone();
            changed[index].1 = response;
            replay(changed)
        };
        for len in 0..response.len() {
            assert!(with(response[..len].to_vec()).is_err(), "{len} of {index}");
        }
        let mut unread = 0;
        for (at, bit) in (0..response.len()).zip((0..8).cycle()) {
            let mut flipped = response.clone();
            flipped[at] ^= 1 << bit;
            match with(flipped) {
                Ok((evidence, _)) if evidence == genuine => unread += 1,
                // Of the hardware's report, the quote and its signature, which the clients check.
                Ok((evidence, _)) => assert_eq!(evidence.len(), genuine.len()),
                Err(_) => {}
            }
        }
        let due = match messages[index].0[6..10] {
            // Attributes, names.
            [0, 0, 0x01, 0x69] => 40,
            [0, 0, 0x01, 0x73] => 73,
            // A counter of updates.
            [0, 0, 0x01, 0x7e] => 4,
            // At the start little of the HCL report is looked at.
            [0, 0, 0x01, 0x4e] if index < 4 => unread,
            // Attributes of the password's session.
            _ => 1,
        };
        assert_eq!(unread, due, "response {index}");
    }
}
