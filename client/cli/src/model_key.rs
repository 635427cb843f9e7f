//! A file with a model's key: 64 hex digits and a newline, for its owner's eyes alone.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use sealnote_encrypted_model::{KEY_LEN, ModelKey};
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::files::{self, malformed, shown, unwritten};

/// Hex digits of a key.
const DIGITS: usize = 2 * KEY_LEN;

/// Reads a key; warns if others can read it, too.
pub(crate) fn read(path: &Path) -> Result<ModelKey, Failure> {
    let text = Zeroizing::new(files::read(path, "the model's key", DIGITS + 1)?);
    let digits = text.strip_suffix(b"\n").unwrap_or(&text);
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    if hex::decode_to_slice(digits, &mut bytes[..]).is_err() {
        let form = "not a model's key, which is 64 hex digits and a newline: `sealnote model new-key` makes one";
        return Err(malformed(path, &form));
    }
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0) {
        say!(
            "warning: {} can be read by others: chmod 600, and make a new key if they may have done so",
            shown(path)
        );
    }
    ModelKey::from_bytes(&bytes[..]).map_err(|error| malformed(path, &error))
}

/// Writes a new file, which only its owner can read.
pub(crate) fn write_new(path: &Path, key: &ModelKey) -> Result<(), Failure> {
    let mut text = Zeroizing::new([b'\n'; DIGITS + 1]);
    let Ok(()) = hex::encode_to_slice(key.as_bytes(), &mut text[..DIGITS]) else {
        unreachable!("two digits a byte");
    };
    let write = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(&text[..])?;
        file.sync_all()
    };
    write().map_err(|error| unwritten(path, &error))
}
