//! The digest that names a model: what a policy pins and what the enclave's claims report.

use sha2::{Digest, Sha384};

/// The files of a model folder, in the order in which the digest takes them (that of their names).
pub const MODEL_FILES: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];

/// Length of a SHA-384 digest in bytes, and so of a [`ModelDigest`] and of a platform configuration
/// register.
pub const SHA384_LEN: usize = 48;

const FILES_LABEL: &[u8] = b"sealnote/1 model files\0";
const REGISTER_LABEL: &[u8] = b"sealnote/1 model\0";

/// SHA-384 over the exact bytes of a model's files; PROTOCOL.md, "Model digest".
///
/// The labels are part of `config.json`, so the digest covers them too.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelDigest(pub [u8; SHA384_LEN]);

impl ModelDigest {
    /// The digest of the contents of [`MODEL_FILES`], given in that order.
    ///
    /// `SHA-384(label ‖ for each file: u8 length of its name ‖ name ‖ u64 length ‖ SHA-384(bytes))`,
    /// integers big-endian.
    pub fn of_files(contents: [&[u8]; MODEL_FILES.len()]) -> Self {
        Self::of_digests(contents.map(|bytes| FileDigest {
            len: bytes.len() as u64,
            sha384: Sha384::digest(bytes).into(),
        }))
    }

    /// The same, of files that were hashed where they were read, in the order of [`MODEL_FILES`].
    pub fn of_digests(files: [FileDigest; MODEL_FILES.len()]) -> Self {
        let mut whole = Sha384::new_with_prefix(FILES_LABEL);
        for (name, file) in MODEL_FILES.iter().zip(files) {
            whole.update([name.len() as u8]);
            whole.update(name);
            whole.update(file.len.to_be_bytes());
            whole.update(file.sha384);
        }
        Self(whole.finalize().into())
    }

    /// What an enclave extends a register with (under Nitro PCR16): `SHA-384(label ‖ digest)`, 48 bytes; PROTOCOL.md, "Model
    /// digest".
    ///
    /// Not the digest itself, so that no value of another meaning can stand in the register.
    pub fn extension(&self) -> [u8; SHA384_LEN] {
        Sha384::new_with_prefix(REGISTER_LABEL)
            .chain_update(self.0)
            .finalize()
            .into()
    }

    /// The value of the register after that, where nothing was measured into it before.
    pub fn register(&self) -> [u8; SHA384_LEN] {
        extended([0; SHA384_LEN], &self.extension())
    }
}

/// A register after a measurement: `SHA-384(register ‖ measurement)`, as the Nitro Security Module's
/// `ExtendPCR` leaves it.
pub fn extended(register: [u8; SHA384_LEN], measurement: &[u8; SHA384_LEN]) -> [u8; SHA384_LEN] {
    Sha384::new_with_prefix(register)
        .chain_update(measurement)
        .finalize()
        .into()
}

/// One file's part in a [`ModelDigest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// Its length in bytes.
    pub len: u64,
    /// SHA-384 over its bytes.
    pub sha384: [u8; SHA384_LEN],
}

/// The text is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a model's digest is 96 hex digits, as `sealnote model-digest` prints them")]
pub struct NoDigest;

impl core::str::FromStr for ModelDigest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let digits = text.as_bytes();
        if digits.len() != 2 * SHA384_LEN || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(NoDigest);
        }
        let mut digest = [0; SHA384_LEN];
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = core::str::from_utf8(pair).map_err(|_| NoDigest)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NoDigest)?;
        }
        Ok(Self(digest))
    }
}

impl core::fmt::Display for ModelDigest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl core::fmt::Debug for ModelDigest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ModelDigest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_and_its_place_counts() {
        let digest = ModelDigest::of_files([b"a", b"b", b"c"]);
        assert_ne!(digest, ModelDigest::of_files([b"b", b"a", b"c"]));
        assert_ne!(digest, ModelDigest::of_files([b"a", b"b", b""]));
        assert_eq!(digest, ModelDigest::of_files([b"a", b"b", b"c"]));
    }

    #[test]
    fn a_digest_is_read_as_it_is_printed() {
        let digest = ModelDigest(core::array::from_fn(|index| 5 * index as u8));
        let text = digest.to_string();
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(text.to_uppercase().parse(), Ok(digest));
        let long = format!("{text}00");
        let signed = format!("+1{}", &text[2..]);
        for wrong in ["", &text[2..], &long, &signed, &text.replace('0', "g")] {
            assert_eq!(wrong.parse::<ModelDigest>(), Err(NoDigest), "{wrong}");
        }
    }

    /// Python: `e = sha384(b"sealnote/1 model\0" + bytes(range(48))).digest()`, then
    /// `sha384(bytes(48) + e)`.
    #[test]
    fn register_16_has_the_value_that_another_implementation_computes() {
        let digest = ModelDigest(core::array::from_fn(|index| index as u8));
        let hex = |bytes: [u8; SHA384_LEN]| ModelDigest(bytes).to_string();
        assert_eq!(
            hex(digest.extension()),
            "3e3db43e964b521311911318fce58492a8e18b04002596d2ea3135609249bcc1882297fca56388671ac518a672af3034"
        );
        assert_eq!(
            hex(digest.register()),
            "ab66185b45dcabd5e0208ac9b0d2ac643b606254302b6b21dfb12f8769dd362e44c0932298e9eab7c4c5cd334967b081"
        );
    }
}
