//! gzip and zstd, by content, as a stream.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::BUFFER;

/// Windows that a zstd stream may ask for, as a power of two: 128 MiB, the most that `zstd` itself reads unasked.
const WINDOW_LOG: u32 = 27;

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
    ) -> io::Result<Box<dyn BufRead + Send>> {
        let decoder: Box<dyn Read + Send> = match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(compressed)),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(compressed)?;
                decoder.window_log_max(WINDOW_LOG)?;
                Box::new(decoder)
            }
        };
        let reader = Explained {
            decoder,
            compression: self,
        };
        Ok(Box::new(BufReader::with_capacity(BUFFER, reader)))
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
        if error.kind() == io::ErrorKind::UnexpectedEof {
            let said = format!("its {name} stream is cut short: the end is missing");
            return io::Error::new(io::ErrorKind::UnexpectedEof, said);
        }
        let said = if error.to_string().contains("requires too much memory") {
            format!(
                "its {name} stream needs a window of more than {} MiB; compress it anew without --long or --ultra",
                (1u32 << WINDOW_LOG) >> 20
            )
        } else {
            format!("its {name} stream is corrupt")
        };
        io::Error::new(io::ErrorKind::InvalidData, said)
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
        let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
        // As the program `zstd` does.
        encoder.include_checksum(true).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(compressed: &[u8]) -> (Vec<u8>, Option<String>) {
        let compression = Compression::of(compressed).unwrap();
        let mut reader = compression
            .reader(io::Cursor::new(compressed.to_vec()))
            .unwrap();
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
        let text: Vec<u8> = (0..200_000u32)
            .flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes())
            .collect();
        for compress in [gzip, zstd] {
            let whole = compress(&text);
            let (out, error) = read(&whole[..whole.len() - 3]);
            assert!(
                out.len() > 700_000 && text.starts_with(&out),
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
    fn a_zstd_stream_may_not_ask_for_all_memory() {
        let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(28).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(b"a").unwrap();
        let (_, error) = read(&encoder.finish().unwrap());
        assert!(error.unwrap().contains("128 MiB"));
    }
}
