//! What an encrypted file says of itself, before its first chunk.

use std::io::Read;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use sealnote_model::{ModelDigest, SHA384_LEN};
use sha2::{Digest, Sha256};

use crate::chunk::{ChunkLen, Layout};
use crate::error::{DecryptError, reading};
use crate::identity::{FileIdentity, model_file};
use crate::wrapped_key::WrappedKey;

/// The version of the format.
pub const VERSION: u8 = 1;
/// What every encrypted file begins with; the version follows.
const MAGIC: &[u8; 15] = b"sealnote model\0";
/// The magic bytes, the version, and the length (u16, big-endian) of the CBOR that follows.
const PREFIX_LEN: usize = MAGIC.len() + 3;

pub(crate) const SALT_LEN: usize = 32;

/// What an encrypted file says of itself; it tells nobody what is encrypted, but for its length.
///
/// All of it goes into the file's key, so a file whose header was changed does not decrypt. Until it has decrypted, a
/// header is a claim of whoever wrote the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub(crate) identity: FileIdentity,
    pub(crate) layout: Layout,
    pub(crate) salt: [u8; SALT_LEN],
    pub(crate) wrapped_key: Option<WrappedKey>,
}

impl Header {
    /// Reads a header, and no byte beyond it.
    ///
    /// # Errors
    /// [`DecryptError`] where there is none, or not its one encoding.
    pub fn read(reader: &mut impl Read) -> Result<Self, DecryptError> {
        let mut prefix = [0; PREFIX_LEN];
        reader.read_exact(&mut prefix).map_err(reading)?;
        let (magic, [version, len @ ..]) = split(&prefix);
        if magic != MAGIC {
            return Err(DecryptError::NotEncrypted);
        }
        if *version != VERSION {
            return Err(DecryptError::Version { found: *version });
        }
        let len = usize::from(u16::from_be_bytes(*len));
        let mut cbor = vec![0; len];
        reader.read_exact(&mut cbor).map_err(reading)?;
        let header = minicbor::decode::<Wire>(&cbor)
            .ok()
            .and_then(Wire::read)
            .ok_or(DecryptError::Header)?;
        // Deterministic: whatever the decoder overlooks is not there after encoding.
        match header.cbor() == cbor {
            true => Ok(header),
            false => Err(DecryptError::Header),
        }
    }

    /// Which file of which model it is.
    pub fn identity(&self) -> &FileIdentity {
        &self.identity
    }

    /// Length of what is encrypted, in bytes.
    pub fn plain_len(&self) -> u64 {
        self.layout.len()
    }

    /// Length of the whole file, in bytes.
    pub fn encrypted_len(&self) -> u64 {
        let before = self.encode().len() + crate::file_key::COMMITMENT_LEN;
        before as u64 + self.layout.encrypted_len()
    }

    /// How it is cut into chunks.
    pub fn chunk_len(&self) -> ChunkLen {
        self.layout.chunk_len()
    }

    /// The model's key, as a key service encrypted it.
    pub fn wrapped_key(&self) -> Option<&WrappedKey> {
        self.wrapped_key.as_ref()
    }

    /// As it stands in the file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let cbor = self.cbor();
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        bytes.extend_from_slice(&(cbor.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&cbor);
        bytes
    }

    /// What the file's key depends on.
    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.encode()).into()
    }

    fn cbor(&self) -> Vec<u8> {
        let wire = Wire {
            file: self.identity.file,
            key_id: self.identity.key_id.as_str(),
            model: self.identity.model.0,
            len: self.layout.len(),
            chunk_len: self.layout.chunk_len().get(),
            salt: self.salt,
            wrapped_key: self
                .wrapped_key
                .as_ref()
                .map(|key| key.as_bytes().to_vec().into()),
        };
        let mut cbor = Vec::new();
        // Writing to a Vec cannot fail, and neither can the derived encoders.
        match minicbor::encode(&wire, &mut cbor) {
            Ok(()) => cbor,
            Err(error) => unreachable!("encoding to memory: {error}"),
        }
    }
}

/// The CBOR.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Wire<'b> {
    #[b(0)]
    file: &'b str,
    #[b(1)]
    key_id: &'b str,
    #[cbor(n(2), with = "minicbor::bytes")]
    model: [u8; SHA384_LEN],
    #[n(3)]
    len: u64,
    #[n(4)]
    chunk_len: u32,
    #[cbor(n(5), with = "minicbor::bytes")]
    salt: [u8; SALT_LEN],
    #[n(6)]
    wrapped_key: Option<ByteVec>,
}

impl Wire<'_> {
    /// `None` where a value is none that a header has.
    fn read(self) -> Option<Header> {
        let wrapped_key = match self.wrapped_key {
            Some(bytes) => Some(WrappedKey::new(bytes.into()).ok()?),
            None => None,
        };
        Some(Header {
            identity: FileIdentity {
                file: model_file(self.file)?,
                key_id: self.key_id.parse().ok()?,
                model: ModelDigest(self.model),
            },
            layout: Layout::new(self.len, ChunkLen::new(self.chunk_len)?)?,
            salt: self.salt,
            wrapped_key,
        })
    }
}

fn split(prefix: &[u8; PREFIX_LEN]) -> (&[u8], &[u8; 3]) {
    let Some((magic, rest)) = prefix.split_last_chunk() else {
        unreachable!("the prefix is longer than 3 bytes");
    };
    (magic, rest)
}
