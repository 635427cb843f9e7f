//! A file's own key, and what shows that it is the right one.

use aead_stream::{NewStream, Nonce, StreamBE32};
use aes_gcm::Aes256Gcm;
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::header::Header;
use crate::key::ModelKey;

const LABEL: &[u8] = b"sealnote model file\0";
const FILE_KEY_LEN: usize = 32;
pub(crate) const COMMITMENT_LEN: usize = 32;

/// The key of one encryption of one file: no other has the same salt, so its nonces begin at zero.
pub(crate) struct FileKey(Box<Zeroizing<[u8; FILE_KEY_LEN + COMMITMENT_LEN]>>);

impl FileKey {
    /// HKDF-SHA256 with the header's salt, and its digest as info.
    pub(crate) fn derive(key: &ModelKey, header: &Header) -> Self {
        let mut derived = Self(Box::new(Zeroizing::new([0; _])));
        let info = [LABEL, &header.digest()].concat();
        let prk = Hkdf::<Sha256>::new(Some(&header.salt), key.as_bytes());
        match prk.expand(&info, &mut derived.0[..]) {
            Ok(()) => derived,
            Err(_) => unreachable!("64 bytes are within HKDF's 255 blocks"),
        }
    }

    /// Stands after the header. AES-GCM by itself does not commit to its key: a file could be made that decrypts
    /// under two. And it tells a wrong key from a changed chunk.
    pub(crate) fn commitment(&self) -> &[u8] {
        &self.0[FILE_KEY_LEN..]
    }

    pub(crate) fn is_committed_to(&self, commitment: &[u8; COMMITMENT_LEN]) -> bool {
        self.commitment().ct_eq(commitment).into()
    }

    /// What encrypts and decrypts the chunks, by their numbers. On the heap: a cipher that is moved leaves its key
    /// behind.
    pub(crate) fn stream(&self) -> Box<StreamBE32<Aes256Gcm>> {
        let Some(key) = self.0.first_chunk::<FILE_KEY_LEN>() else {
            unreachable!("there are 64 bytes");
        };
        let nonce_prefix = Nonce::<Aes256Gcm, StreamBE32<Aes256Gcm>>::default();
        Box::new(StreamBE32::new(key.into(), &nonce_prefix))
    }
}
