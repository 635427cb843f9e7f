//! zstd: frames one after the other, by a decoder in Rust.

use std::error::Error;
use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// What was compressed, of all frames. A window of more than 100 MiB is refused.
pub(super) struct Zstd<R> {
    compressed: R,
    decoder: FrameDecoder,
    /// Whether a frame is being read.
    open: bool,
}

/// The header of a frame of no bytes.
const EMPTY_FRAME: &[u8] = b"\x28\xb5\x2f\xfd\x20\x00";

impl<R: BufRead> Zstd<R> {
    pub(super) fn new(compressed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        // The crate compares the window with its limit only where a frame follows another, so one goes before.
        let header = decoder.init(EMPTY_FRAME);
        debug_assert!(header.is_ok(), "the header is whole");
        Self {
            compressed,
            decoder,
            open: false,
        }
    }

    /// Begins the next frame, or passes over one that is to be skipped.
    fn begin(&mut self) -> io::Result<()> {
        match self.decoder.reset(&mut self.compressed) {
            Ok(()) => self.open = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                let mut skipped = (&mut self.compressed).take(length);
                if io::copy(&mut skipped, &mut io::sink())? < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(FrameDecoderError::WindowSizeTooBig { .. }) => {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            Err(error) => return Err(kind(&error)),
        }
        Ok(())
    }

    /// The frame is at its end. Not every frame has a checksum.
    fn end(&mut self) -> io::Result<()> {
        self.open = false;
        let wanted = self.decoder.get_checksum_from_data();
        match self.decoder.get_calculated_checksum() {
            calculated if wanted.is_some() && calculated != wanted => {
                Err(io::ErrorKind::InvalidData.into())
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.open {
                if self.compressed.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.begin()?;
            } else if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            } else if self.decoder.is_finished() {
                self.end()?;
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder
                    .decode_blocks(&mut self.compressed, one)
                    .map_err(|error| kind(&error))?;
            }
        }
    }
}

/// What failed: reading, if that is what the decoder met, or else the decoding.
fn kind(error: &FrameDecoderError) -> io::Error {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => error.kind().into(),
            };
        }
        cause = error.source();
    }
    io::ErrorKind::InvalidData.into()
}
