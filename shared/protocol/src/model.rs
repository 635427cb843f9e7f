//! The digest that names a model: what a policy pins and what the enclave's claims report.

use sha2::{Digest, Sha384};

/// The files of a model folder, in the order in which the digest takes them (that of their names).
pub const MODEL_FILES: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];

/// Length of a [`ModelDigest`] in bytes.
pub const MODEL_DIGEST_LEN: usize = 48;

const LABEL: &[u8] = b"sealnote/1 model files\0";

/// SHA-384 over the exact bytes of a model's files; PROTOCOL.md, "Model digest".
///
/// The labels are part of `config.json`, so the digest covers them too.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelDigest(pub [u8; MODEL_DIGEST_LEN]);

impl ModelDigest {
    /// The digest of the contents of [`MODEL_FILES`], given in that order.
    ///
    /// `SHA-384(label ‖ for each file: u8 length of its name ‖ name ‖ u64 length ‖ SHA-384(bytes))`,
    /// integers big-endian.
    pub fn of_files(contents: [&[u8]; MODEL_FILES.len()]) -> Self {
        let mut whole = Sha384::new_with_prefix(LABEL);
        for (name, bytes) in MODEL_FILES.iter().zip(contents) {
            whole.update([name.len() as u8]);
            whole.update(name);
            whole.update((bytes.len() as u64).to_be_bytes());
            whole.update(Sha384::digest(bytes));
        }
        Self(whole.finalize().into())
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
}
