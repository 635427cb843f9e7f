//! What all commands and responses have in common (TCG, "TPM 2.0 Library", part 1, section 18; all numbers big-endian).
//!
//! | command | response |
//! |---|---|
//! | tag (u16), length (u32), code of the command (u32) | tag (u16), length (u32), code of the response (u32) |
//! | handles | |
//! | where one must be authorised: length of that area (u32), the area | length of the parameters (u32) |
//! | parameters | parameters |
//! | | where one was authorised: an area for it |
//!
//! Whatever needs authorisation here has an empty password.

use std::fmt;
use std::io;

use thiserror::Error;

use super::tpm::{MAX_MESSAGE, Tpm};

/// Part 2, table "TPM_ST": with and without an area for authorisation.
const NO_SESSIONS: u16 = 0x8001;
const SESSIONS: u16 = 0x8002;

/// An empty password: TPM_RS_PW, no nonce, attributes, no value (part 2, TPMS_AUTH_COMMAND).
const PASSWORD: [u8; 9] = [0x40, 0, 0, 9, 0, 0, 0, 0, 0];

const HEADER: usize = 10;

/// A command that is used here, with its number (part 2, table "TPM_CC").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Part 3, section 31.13.
    NvRead = 0x14e,
    /// Part 3, section 18.4.
    Quote = 0x158,
    /// Part 3, section 31.6.
    NvReadPublic = 0x169,
    /// Part 3, section 12.4.
    ReadPublic = 0x173,
    /// Part 3, section 22.4.
    PcrRead = 0x17e,
    /// Part 3, section 22.2.
    PcrExtend = 0x182,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NvRead => "TPM2_NV_Read",
            Self::Quote => "TPM2_Quote",
            Self::NvReadPublic => "TPM2_NV_ReadPublic",
            Self::ReadPublic => "TPM2_ReadPublic",
            Self::PcrRead => "TPM2_PCR_Read",
            Self::PcrExtend => "TPM2_PCR_Extend",
        })
    }
}

/// Why a command has no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TpmError {
    /// The kernel.
    #[error("the vTPM's device fails: {0}")]
    Device(#[from] io::Error),
    /// The TPM.
    #[error("the vTPM refuses {command} with code {code:#05x} (TPM 2.0 Library, part 2, TPM_RC)")]
    Refused {
        /// The command.
        command: Code,
        /// Its answer.
        code: u32,
    },
    /// Not a response to this command.
    #[error("the vTPM's response to {command} is not what the TPM 2.0 Library says it is")]
    Response {
        /// The command.
        command: Code,
    },
}

impl TpmError {
    /// Whether what a handle names is not there: TPM_RC_HANDLE, of whichever handle.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code & 0xff == 0x8b)
    }
}

/// A command in the making.
pub(super) struct Command {
    code: Code,
    handles: Vec<u8>,
    is_authorised: bool,
    parameters: Vec<u8>,
}

impl Command {
    pub(super) fn new(code: Code, handles: &[u32]) -> Self {
        Self {
            code,
            handles: handles
                .iter()
                .flat_map(|handle| handle.to_be_bytes())
                .collect(),
            is_authorised: false,
            parameters: Vec::new(),
        }
    }

    /// With an empty password for its first handle, the only one that needs it in any command here.
    pub(super) fn authorised(mut self) -> Self {
        self.is_authorised = true;
        self
    }

    pub(super) fn with(mut self, parameter: impl AsRef<[u8]>) -> Self {
        self.parameters.extend_from_slice(parameter.as_ref());
        self
    }

    fn encode(&self) -> Vec<u8> {
        let (tag, authorisation) = match self.is_authorised {
            true => (SESSIONS, &PASSWORD[..]),
            false => (NO_SESSIONS, &[][..]),
        };
        let mut rest = self.handles.clone();
        if self.is_authorised {
            rest.extend((PASSWORD.len() as u32).to_be_bytes());
        }
        rest.extend(authorisation);
        rest.extend(&self.parameters);
        // Of some dozen bytes.
        let len = (HEADER + rest.len()) as u32;
        let mut command = tag.to_be_bytes().to_vec();
        command.extend([len, self.code as u32].map(u32::to_be_bytes).concat());
        command.extend(rest);
        command
    }

    /// Sends it. `read` must take every byte of the response's parameters.
    ///
    /// # Errors
    /// When the TPM refuses the command, or does not answer it as it should.
    pub(super) fn send<T>(
        self,
        tpm: &mut impl Tpm,
        read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
    ) -> Result<T, TpmError> {
        let command = self.code;
        let response = tpm.transmit(&self.encode())?;
        let malformed = TpmError::Response { command };
        let Some((tag, code, rest)) = header(&response) else {
            return Err(malformed);
        };
        match (tag, code, rest) {
            (NO_SESSIONS, 1.., []) => return Err(TpmError::Refused { command, code }),
            (SESSIONS, 0, _) if self.is_authorised => {}
            (NO_SESSIONS, 0, _) if !self.is_authorised => {}
            _ => return Err(malformed),
        }
        let parameters = match self.is_authorised {
            true => authorised_parameters(rest),
            false => Some(rest),
        };
        let result = parameters.and_then(|parameters| {
            let mut reader = Reader(parameters);
            let result = read(&mut reader)?;
            reader.0.is_empty().then_some(result)
        });
        result.ok_or(malformed)
    }
}

/// Tag, code and what follows.
fn header(response: &[u8]) -> Option<(u16, u32, &[u8])> {
    let mut reader = Reader(response);
    let (tag, len, code) = (reader.u16()?, reader.u32()?, reader.u32()?);
    let is_whole = response.len() <= MAX_MESSAGE && len as usize == response.len();
    is_whole.then_some((tag, code, reader.0))
}

/// The parameters, before what answers an empty password: no nonce, attributes, no value (part 2, TPMS_AUTH_RESPONSE).
fn authorised_parameters(rest: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(rest);
    let len = reader.u32()?;
    let parameters = reader.bytes(len as usize)?;
    matches!(reader.0, [0, 0, _, 0, 0]).then_some(parameters)
}

/// What is left of a message.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A TPM2B: its length, and as many bytes.
    pub(super) fn sized(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.bytes(usize::from(len))
    }
}

/// A TPM2B of bytes that were never longer than some dozen.
pub(super) fn sized(bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len() as u16;
    [&len.to_be_bytes(), bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives this response to whatever comes, which it keeps.
    struct Answers<'a> {
        response: &'a [u8],
        command: Vec<u8>,
    }

    impl Tpm for Answers<'_> {
        fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
            self.command = command.to_vec();
            Ok(self.response.to_vec())
        }
    }

    fn send(command: Command, response: &[u8]) -> (Vec<u8>, Result<u16, TpmError>) {
        let mut tpm = Answers {
            response,
            command: Vec::new(),
        };
        let result = command.send(&mut tpm, |response| response.u16());
        (tpm.command, result)
    }

    fn plain() -> Command {
        Command::new(Code::PcrRead, &[]).with([7, 8])
    }

    fn authorised() -> Command {
        Command::new(Code::NvRead, &[0x4000_0001, 0x0140_0001]).authorised()
    }

    const PLAIN: [u8; 12] = [0x80, 1, 0, 0, 0, 12, 0, 0, 0, 0, 0xab, 0xcd];
    #[rustfmt::skip]
    const AUTHORISED: [u8; 21] = [
        0x80, 2, 0, 0, 0, 21, 0, 0, 0, 0, 0, 0, 0, 2, 0xab, 0xcd, 0, 0, 1, 0, 0,
    ];

    #[test]
    fn commands_are_written_and_responses_read() {
        let (command, result) = send(plain(), &PLAIN);
        assert_eq!(command, [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7e, 7, 8]);
        assert_eq!(result.unwrap(), 0xabcd);
        let (command, result) = send(authorised().with([5]), &AUTHORISED);
        #[rustfmt::skip]
        assert_eq!(command, [
            0x80, 2, 0, 0, 0, 32, 0, 0, 1, 0x4e, 0x40, 0, 0, 1, 0x01, 0x40, 0, 1,
            0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0, 5,
        ]);
        assert_eq!(result.unwrap(), 0xabcd);
    }

    #[test]
    fn a_refusal_has_its_code_and_nothing_else() {
        let refusal = [0x80, 1, 0, 0, 0, 10, 0, 0, 0x01, 0x8b];
        for command in [plain(), authorised()] {
            let (_, result) = send(command, &refusal);
            let error = result.unwrap_err();
            assert!(error.is_absent(), "{error}");
            assert!(
                error
                    .to_string()
                    .ends_with("with code 0x18b (TPM 2.0 Library, part 2, TPM_RC)")
            );
        }
        // A handle of a session, and a parameter: TPM_RC_VALUE.
        for (code, is_absent) in [
            (0x98b, true),
            (0x1c4, false),
            (0x184, false),
            (0x922, false),
        ] {
            let error = TpmError::Refused {
                command: Code::Quote,
                code,
            };
            assert_eq!(error.is_absent(), is_absent, "{code:#x}");
        }
    }

    /// But for the two bytes that are read, and the attributes of the session.
    #[test]
    fn a_response_that_is_cut_longer_or_different_is_none() {
        for is_authorised in [false, true] {
            let (response, read) = match is_authorised {
                true => (&AUTHORISED[..], &[14, 15, 18][..]),
                false => (&PLAIN[..], &[10, 11][..]),
            };
            let command = || if is_authorised { authorised() } else { plain() };
            let is_refused = |response: &[u8]| match send(command(), response).1 {
                Ok(_) => false,
                Err(error) => matches!(error, TpmError::Response { .. } | TpmError::Refused { .. }),
            };
            for len in 0..response.len() {
                assert!(is_refused(&response[..len]), "{len} bytes");
                let mut cut = response[..len].to_vec();
                if let Some(declared) = cut.get_mut(5) {
                    *declared = len as u8;
                }
                assert!(is_refused(&cut), "{len} bytes, and says so");
            }
            let mut longer = [response, &[0]].concat();
            assert!(is_refused(&longer));
            longer[5] += 1;
            assert!(is_refused(&longer));
            for (at, bit) in (0..response.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                let mut flipped = response.to_vec();
                flipped[at] ^= 1 << bit;
                assert_eq!(
                    is_refused(&flipped),
                    !read.contains(&at),
                    "bit {bit} of byte {at}"
                );
            }
        }
        // What neither kind of command is answered with.
        assert!(send(plain(), &AUTHORISED).1.is_err());
        assert!(send(authorised(), &PLAIN).1.is_err());
        let too_long = vec![0; MAX_MESSAGE + 1];
        assert!(send(plain(), &too_long).1.is_err());
    }
}
