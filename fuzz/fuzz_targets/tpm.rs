//! What a TPM answers to the enclave: one response to each of its commands. What is read of it is what it is laid out as: a
//! second writer comes to the same bytes. None is asked for more often than there are registers.
//!
//! Input: a response.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|response: &[u8]| attester::azure_vtpm::check(response));

/// The enclave's own files, and no more of it: the whole of it has an engine within, which takes minutes to compile.
#[path = "../../enclave/src/attester"]
mod attester {
    #[allow(dead_code)]
    pub mod azure_vtpm {
        mod command;
        mod quote;
        mod registers;
        mod tpm;
        mod wire;

        use std::io;

        use sealnote_fuzz::within;

        use command::Signed;
        use quote::Body;
        use registers::Registers;
        use tpm::Tpm;
        use wire::TpmError;

        /// An index, and the length of the part of it that is read.
        const INDEX: u32 = 0x0140_0001;
        const PART_LEN: usize = 14;
        /// Which registers a response to TPM2_PCR_Read is of.
        const SELECTION: std::ops::Range<usize> = 21..24;

        const MODULUS_LEN: usize = 256;

        /// Gives this response, again and again.
        struct Always<'a> {
            response: &'a [u8],
            commands: usize,
        }

        impl Tpm for Always<'_> {
            fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
                self.commands += 1;
                assert!(self.commands <= 24, "asked for ever");
                assert_eq!(command[2..6], (command.len() as u32).to_be_bytes());
                Ok(self.response.to_vec())
            }
        }

        pub fn check(response: &[u8]) {
            nv_len(response);
            nv_read(response);
            attestation_key(response);
            pcr_read(response);
            pcr_extend(response);
            quote(response);
        }

        /// What the command reads, within memory for a few responses; a code only of a response that has no more.
        fn answered<'a, T>(
            response: &'a [u8],
            command: impl FnOnce(&mut Always<'a>) -> Result<T, TpmError>,
        ) -> Option<T> {
            let mut tpm = Always {
                response,
                commands: 0,
            };
            match within(16 * 1024 + 4 * response.len(), || command(&mut tpm)) {
                Ok(read) => Some(read),
                Err(TpmError::Refused { code, .. }) => {
                    let refusal = [&[0x80, 1, 0, 0, 0, 10], &code.to_be_bytes()[..]].concat();
                    assert!(code != 0 && response == refusal);
                    None
                }
                Err(_) => None,
            }
        }

        fn nv_len(response: &[u8]) {
            let read = answered(response, |tpm| command::nv_len(tpm, INDEX));
            let Some(len) = read else { return };
            let (public, name) = first_sized(&response[10..]);
            let (name, nothing) = first_sized(name);
            assert!(nothing.is_empty());
            assert!(public.starts_with(&INDEX.to_be_bytes()));
            assert!(public.ends_with(&len.to_be_bytes()));
            assert_eq!(response, plain(&[sized(public), sized(name)].concat()));
        }

        fn nv_read(response: &[u8]) {
            let Some(len) = response.get(PART_LEN..).and_then(<[u8]>::first_chunk) else {
                return;
            };
            let len = u16::from_be_bytes(*len).min(command::READ_LEN);
            let read = answered(response, |tpm| command::nv_read(tpm, INDEX, len));
            let Some(data) = read.filter(|_| len > 0) else {
                return;
            };
            assert_eq!(data.len(), usize::from(len));
            assert_authorised(response, &sized(&data));
        }

        fn attestation_key(response: &[u8]) {
            let read = answered(response, |tpm| command::attestation_key(tpm, 0x8100_0003));
            let Some(Some(modulus)) = read else { return };
            let (public, names) = first_sized(&response[10..]);
            let (kind, rest) = public.split_at(8);
            assert_eq!(kind[..2], [0, 1]);
            // Restricted, and it signs, and does not decrypt.
            assert_eq!(kind[5] & 7, 5);
            let (policy, _) = first_sized(rest);
            let key = [0, 0x10, 0, 0x14, 0, 0x0b, 8, 0, 0, 0, 0, 0];
            let due = [kind, &sized(policy), &key, &sized(&modulus)].concat();
            assert_eq!(public, due);
            assert_eq!(response, plain(&[&sized(public), names].concat()));
        }

        fn pcr_read(response: &[u8]) {
            let Some(mask) = response.get(SELECTION) else {
                return;
            };
            let numbers = (0..24).filter(|at| mask[at / 8] & 1 << (at % 8) != 0);
            let numbers: Vec<String> = numbers.map(|at| at.to_string()).collect();
            // Of a response that has none, another was asked for.
            let registers: Registers = numbers.join(",").parse().unwrap_or(Registers::one(12));
            let read = answered(response, |tpm| command::pcr_read(tpm, registers));
            let Some(values) = read else { return };
            let found: Vec<String> = values.keys().map(ToString::to_string).collect();
            assert_eq!(found, numbers);
            let counter = &response[10..14];
            let mut due = [counter, &[0, 0, 0, 1, 0, 0x0b, 3], mask].concat();
            due.extend((values.len() as u32).to_be_bytes());
            values.values().for_each(|value| due.extend(sized(value)));
            assert_eq!(response, plain(&due));
        }

        fn pcr_extend(response: &[u8]) {
            let read = answered(response, |tpm| command::pcr_extend(tpm, 12, &[7; 32]));
            if read.is_some() {
                assert_authorised(response, &[]);
            }
        }

        fn quote(response: &[u8]) {
            let registers = Registers::one(12);
            let read = answered(response, |tpm| {
                command::quote(tpm, 0x8100_0003, &[1; 32], registers)
            });
            let Some(Signed { message, signature }) = read else {
                return;
            };
            assert_eq!(signature.len(), MODULUS_LEN);
            let scheme = &[0, 0x14, 0, 0x0b][..];
            let due = [&sized(&message), scheme, &sized(&signature)].concat();
            assert_authorised(response, &due);
            if let Some(body) = Body::of(&message) {
                check_body(&message, &body);
            }
        }

        fn check_body(message: &[u8], body: &Body<'_>) {
            let (signer, rest) = first_sized(&message[6..]);
            let (_, rest) = first_sized(rest);
            let due = [
                b"\xffTCG\x80\x18",
                &sized(signer)[..],
                &sized(body.qualifying_data),
                &rest[..25],
                &body.registers.select(),
                &sized(body.digest),
            ];
            assert_eq!(message, due.concat());
        }

        fn assert_authorised(response: &[u8], parameters: &[u8]) {
            let len = (parameters.len() as u32).to_be_bytes();
            let mut due = message(2, &[&len, parameters, &[0; 5]].concat());
            // The session's attributes.
            let attributes = due.len() - 3;
            due[attributes] = response[attributes];
            assert_eq!(response, due);
        }

        fn plain(parameters: &[u8]) -> Vec<u8> {
            message(1, parameters)
        }

        /// A response that is none of refusal.
        fn message(tag: u8, rest: &[u8]) -> Vec<u8> {
            let len = (10 + rest.len() as u32).to_be_bytes();
            [&[0x80, tag], &len[..], &[0; 4], rest].concat()
        }

        fn sized(bytes: &[u8]) -> Vec<u8> {
            [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
        }

        /// A TPM2B, and what follows it.
        fn first_sized(bytes: &[u8]) -> (&[u8], &[u8]) {
            let (len, rest) = bytes.split_at(2);
            rest.split_at(usize::from(u16::from_be_bytes([len[0], len[1]])))
        }
    }
}
