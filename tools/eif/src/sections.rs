//! What an image is made of, to see in what two images differ.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use aws_nitro_enclaves_image_format::defs::{EifHeader, EifSectionHeader, EifSectionType};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The image cannot be listed.
#[derive(Debug, Error)]
#[allow(missing_docs)]
pub enum SectionsError {
    #[error("{path}: {error}")]
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("{0}: not an enclave image (EIF)")]
    NotAnImage(PathBuf),
}

/// A line for the header and for each section: name, length in bytes, SHA-256.
///
/// # Errors
/// [`SectionsError`].
pub fn list(image: &Path) -> Result<String, SectionsError> {
    let bytes = fs::read(image).map_err(|error| SectionsError::Unreadable {
        path: image.into(),
        error,
    })?;
    lines(&bytes).ok_or_else(|| SectionsError::NotAnImage(image.into()))
}

fn lines(mut bytes: &[u8]) -> Option<String> {
    let header = bytes.split_off(..EifHeader::size())?;
    if !header.starts_with(b".eif") {
        return None;
    }
    let mut lines = line("header", header);
    let mut ramdisks = 0;
    while !bytes.is_empty() {
        let header = bytes.split_off(..EifSectionHeader::size())?;
        let header = EifSectionHeader::from_be_bytes(header).ok()?;
        let data = bytes.split_off(..usize::try_from(header.section_size).ok()?)?;
        let name = match header.section_type {
            EifSectionType::EifSectionKernel => "kernel".into(),
            EifSectionType::EifSectionCmdline => "cmdline".into(),
            EifSectionType::EifSectionMetadata => "metadata".into(),
            EifSectionType::EifSectionSignature => "signature".into(),
            EifSectionType::EifSectionRamdisk => {
                ramdisks += 1;
                format!("ramdisk-{ramdisks}")
            }
            EifSectionType::EifSectionInvalid => return None,
        };
        lines += &line(&name, data);
    }
    Some(lines)
}

fn line(name: &str, data: &[u8]) -> String {
    let mut line = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        line,
        "{name:<10} {:>10} {}",
        data.len(),
        hex::encode(Sha256::digest(data))
    );
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{contents, image};

    #[test]
    fn sections_are_listed_and_a_change_shows_in_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let contents = contents::read(&contents::tests::inputs(folder.path())).unwrap();
        let out = folder.path().join("image.eif");
        image::build(&contents, &out).unwrap();
        let before = list(&out).unwrap();
        let names: Vec<_> = before
            .lines()
            .map(|line| line.split(' ').next().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "header",
                "kernel",
                "cmdline",
                "metadata",
                "ramdisk-1",
                "ramdisk-2"
            ]
        );

        let mut bytes = fs::read(&out).unwrap();
        // The last byte is the last ramdisk's.
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&out, &bytes).unwrap();
        let after = list(&out).unwrap();
        let changed: Vec<_> = names
            .iter()
            .zip(before.lines().zip(after.lines()))
            .filter(|(_, (before, after))| before != after)
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(changed, ["ramdisk-2"]);

        for cut in [0, 100, bytes.len() - 1] {
            fs::write(&out, &bytes[..cut]).unwrap();
            assert!(matches!(list(&out), Err(SectionsError::NotAnImage(_))));
        }
    }
}
