//! gzip and zstd, by content, as a stream.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::BUFFER;
use super::zstd::Zstd;

/// How an input is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// By the first bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            // A frame to be skipped, as those of pzstd begin.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// What was compressed, of all members or frames. Its errors say what is wrong with the stream.
    pub(super) fn reader(
        self,
        compressed: impl BufRead + Send + 'static,
    ) -> Box<dyn BufRead + Send> {
        let decoder: Box<dyn Read + Send> = match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(compressed)),
            Self::Zstd => Box::new(Zstd::new(compressed)),
        };
        let reader = Explained {
            decoder,
            compression: self,
        };
        Box::new(BufReader::with_capacity(BUFFER, reader))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn explain(self, error: io::Error) -> io::Error {
        // Not of the decoder, but of the disk below it.
        if error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Interrupted {
            return error;
        }
        let name = self.name();
        match error.kind() {
            kind @ io::ErrorKind::UnexpectedEof => {
                let said = format!("its {name} stream is cut short: the end is missing");
                io::Error::new(kind, said)
            }
            kind @ io::ErrorKind::OutOfMemory => {
                let said = format!(
                    "its {name} stream needs a window of more than 100 MiB; compress it anew without --long"
                );
                io::Error::new(kind, said)
            }
            _ => io::Error::new(
                io::ErrorKind::InvalidData,
                format!("its {name} stream is corrupt"),
            ),
        }
    }
}

/// A decoder whose errors are ours.
struct Explained {
    decoder: Box<dyn Read + Send>,
    compression: Compression,
}

impl Read for Explained {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decoder
            .read(buffer)
            .map_err(|error| self.compression.explain(error))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use super::*;

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
        use ruzstd::encoding::{CompressionLevel, compress_to_vec};
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    fn read(compressed: &[u8]) -> (Vec<u8>, Option<String>) {
        let compression = Compression::of(compressed).unwrap();
        let mut reader = compression.reader(io::Cursor::new(compressed.to_vec()));
        let mut out = Vec::new();
        let error = reader.read_to_end(&mut out).err();
        (out, error.map(|error| error.to_string()))
    }

    #[test]
    fn all_members_and_frames_are_read() {
        for compress in [gzip, zstd] {
            let two = [compress(b"one "), compress(b""), compress(b"two")].concat();
            assert_eq!(read(&two), (b"one two".to_vec(), None));
        }
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9], &zstd(b"a")[..]].concat();
        assert_eq!(read(&skippable), (b"a".to_vec(), None));
    }

    #[test]
    fn what_is_cut_short_or_corrupt_says_so_after_what_was_good() {
        let text: Vec<u8> = (0..1_000_000u32)
            .flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes())
            .collect();
        for compress in [gzip, zstd] {
            let whole = compress(&text);
            let (out, error) = read(&whole[..whole.len() - 3]);
            // A zstd decoder holds back a window.
            assert!(
                out.len() > 1_000_000 && text.starts_with(&out),
                "{}",
                out.len()
            );
            assert!(error.unwrap().contains("cut short"));
            let (_, error) = read(&[&whole[..], b"CANARY CANARY CANARY"].concat());
            let error = error.unwrap();
            assert!(error.contains("corrupt") && !error.contains("CANARY"));
            let mut bad = whole.clone();
            let at = bad.len() - 6;
            bad[at] ^= 1;
            assert!(read(&bad).1.unwrap().contains("corrupt"));
        }
    }

    #[test]
    fn what_the_program_zstd_wrote_is_read() {
        // Lines of {"id":N,"text":"a cough"} for N from 0 to 39, by `zstd -19`.
        let stream = b"\x28\xb5\x2f\xfd\x04\x68\x1d\x03\x00\x12\x44\x0d\x13\x90\xaf\x1c\x8b\xcc\x38\x1d\xde\xdd\xe1\x83\x37\
            \x91\x0a\x64\xf5\x4f\x01\x0e\x6d\xdb\xb6\x2d\x49\x92\x24\xf9\xff\xff\x09\x72\x18\x05\x51\x0e\x5c\x83\
            \x1e\x4a\x62\x82\x65\xca\xa6\xca\x99\x26\x0c\xca\x9a\x68\x56\x28\xa8\x11\xf0\xeb\x7f\x07\x80\xa3\xe2\
            \x03\x11\x38\x04\xff\x0c\x61\x9e\x1f\x27\x61\x1f\x21\x84\x1f\xec\xe0\x06\x19\xbc\xa0\x82\x13\x44\x70\
            \x91\x52\xf5\x32\x6c\x20\xaa\x01\xfc\xaf\xa0\xb6";
        let lines = (0..40).map(|n| format!("{{\"id\":{n},\"text\":\"a cough\"}}\n"));
        assert_eq!(read(stream), (lines.collect::<String>().into_bytes(), None));
    }

    #[test]
    fn a_zstd_stream_may_not_ask_for_all_memory() {
        // A window of 256 MiB, and a block of one byte.
        let (_, error) = read(b"\x28\xb5\x2f\xfd\x00\x90\x09\0\0a");
        assert!(error.unwrap().contains("100 MiB"));
    }
}
