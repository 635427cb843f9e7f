//! The six commands that an attester needs (TCG, "TPM 2.0 Library", part 3; structures of part 2).

use super::registers::{Registers, SHA256, Value, Values};
use super::tpm::Tpm;
use super::wire::{Code, Command, Reader, TpmError, sized};

/// TPM_RH_OWNER, whose authorisation is empty (part 2, table "TPM_RH").
const OWNER: u32 = 0x4000_0001;

/// TPM_ALG_RSA, TPM_ALG_NULL, TPM_ALG_RSASSA (part 2, table "TPM_ALG_ID").
const RSA: u16 = 0x0001;
const NULL: u16 = 0x0010;
const RSASSA: u16 = 0x0014;

/// Of the attestation key.
const MODULUS_BITS: u16 = 2048;
const MODULUS_LEN: usize = 256;

/// 65537 is written as 0 (part 2, TPMS_RSA_PARMS).
const DEFAULT_EXPONENT: u32 = 0;

/// TPMA_OBJECT (part 2): the key may only be used as a type of key says, and signs.
const RESTRICTED: u32 = 1 << 16;
const DECRYPTS: u32 = 1 << 17;
const SIGNS: u32 = 1 << 18;

/// Bytes that are read at once: as much as an Azure vTPM gives (`MAX_NV_BUFFER_SIZE` of its implementation).
pub(super) const READ_LEN: u16 = 1024;

/// What TPM2_Quote gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    /// TPMS_ATTEST.
    pub(super) message: Vec<u8>,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub(super) signature: Vec<u8>,
}

/// TPM2_NV_ReadPublic: how long an index is, in bytes.
pub(super) fn nv_len(tpm: &mut impl Tpm, index: u32) -> Result<u16, TpmError> {
    Command::new(Code::NvReadPublic, &[index]).send(tpm, |response| {
        let public = response.sized()?;
        let _name = response.sized()?;
        let mut public = Reader(public);
        let of = public.u32()?;
        let (_name_alg, _attributes, _policy) = (public.u16()?, public.u32()?, public.sized()?);
        let len = public.u16()?;
        (of == index && public.0.is_empty()).then_some(len)
    })
}

/// TPM2_NV_Read: all of an index of this length, from its beginning on.
pub(super) fn nv_read(tpm: &mut impl Tpm, index: u32, len: u16) -> Result<Vec<u8>, TpmError> {
    let mut data = Vec::with_capacity(usize::from(len));
    for offset in (0..len).step_by(usize::from(READ_LEN)) {
        let due = READ_LEN.min(len - offset);
        let command = Command::new(Code::NvRead, &[OWNER, index])
            .authorised()
            .with(due.to_be_bytes())
            .with(offset.to_be_bytes());
        let part = command.send(tpm, |response| {
            let part = response.sized()?;
            (part.len() == usize::from(due)).then(|| part.to_vec())
        })?;
        data.extend(part);
    }
    Ok(data)
}

/// TPM2_ReadPublic: the modulus of an RSA key of 2,048 bits that signs what the TPM itself has made, and nothing else;
/// `None` if it is another key.
pub(super) fn attestation_key(
    tpm: &mut impl Tpm,
    handle: u32,
) -> Result<Option<[u8; MODULUS_LEN]>, TpmError> {
    Command::new(Code::ReadPublic, &[handle]).send(tpm, |response| {
        let public = response.sized()?;
        let (_name, _qualified_name) = (response.sized()?, response.sized()?);
        Some(modulus(public))
    })
}

/// TPM2_PCR_Read: the registers' values. Others may change them while they are read.
pub(super) fn pcr_read(tpm: &mut impl Tpm, registers: Registers) -> Result<Values, TpmError> {
    let (mut values, mut due) = (Values::new(), registers);
    // A TPM gives some at a time, eight mostly, and says which.
    while !due.is_empty() {
        let command = Command::new(Code::PcrRead, &[]).with(due.select());
        let (read, rest) = command.send(tpm, |response| {
            let _update_counter = response.u32()?;
            let selected = Registers::selected(response)?;
            let rest = due.without(selected).filter(|_| !selected.is_empty())?;
            let count = response.u32()? as usize;
            let values = selected.numbers().map(|register| {
                let value: &Value = response.sized()?.try_into().ok()?;
                Some((register, *value))
            });
            let values: Values = values.collect::<Option<_>>()?;
            (count == values.len()).then_some((values, rest))
        })?;
        values.extend(read);
        due = rest;
    }
    Ok(values)
}

/// TPM2_PCR_Extend, of the SHA-256 bank alone.
pub(super) fn pcr_extend(tpm: &mut impl Tpm, register: u8, event: &Value) -> Result<(), TpmError> {
    // A register's number is its handle; then TPML_DIGEST_VALUES.
    Command::new(Code::PcrExtend, &[u32::from(register)])
        .authorised()
        .with(1_u32.to_be_bytes())
        .with(SHA256.to_be_bytes())
        .with(event)
        .send(tpm, |_| Some(()))
}

/// TPM2_Quote, by the one scheme that the verifier takes.
pub(super) fn quote(
    tpm: &mut impl Tpm,
    key: u32,
    qualifying_data: &[u8; 32],
    registers: Registers,
) -> Result<Signed, TpmError> {
    let scheme = [RSASSA, SHA256].map(u16::to_be_bytes).concat();
    let command = Command::new(Code::Quote, &[key])
        .authorised()
        .with(sized(qualifying_data))
        .with(scheme)
        .with(registers.select());
    command.send(tpm, |response| {
        let message = response.sized()?;
        let scheme = (response.u16()?, response.u16()?);
        let signature = response.sized()?;
        let is_due = scheme == (RSASSA, SHA256) && signature.len() == MODULUS_LEN;
        is_due.then(|| Signed {
            message: message.to_vec(),
            signature: signature.to_vec(),
        })
    })
}

/// Of a TPMT_PUBLIC.
fn modulus(public: &[u8]) -> Option<[u8; MODULUS_LEN]> {
    let mut public = Reader(public);
    let (kind, _name_alg, attributes) = (public.u16()?, public.u16()?, public.u32()?);
    let _policy = public.sized()?;
    let (symmetric, scheme, hash) = (public.u16()?, public.u16()?, public.u16()?);
    let (bits, exponent) = (public.u16()?, public.u32()?);
    let modulus = public.sized()?.try_into().ok()?;
    let attests = attributes & (RESTRICTED | DECRYPTS | SIGNS) == RESTRICTED | SIGNS;
    let is_due = attests
        && (kind, symmetric, scheme, hash) == (RSA, NULL, RSASSA, SHA256)
        && (bits, exponent) == (MODULUS_BITS, DEFAULT_EXPONENT);
    (is_due && public.0.is_empty()).then_some(modulus)
}
