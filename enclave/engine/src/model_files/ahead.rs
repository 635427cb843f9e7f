//! Reads on a thread of its own, a few buffers ahead of who takes what is read.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use zeroize::Zeroizing;

/// Erased when it is dropped; until then it goes round.
type Buffer = Zeroizing<Vec<u8>>;

/// So many go round: one that is filled, one that is emptied, and two that wait.
const BUFFERS: usize = 4;
/// Bytes of each. Waking the other thread costs time, in a virtual machine above all: larger ones, fewer times.
const BUFFER_LEN: usize = 256 * 1024;
/// Of the thread, which decrypts within a buffer.
const STACK: usize = 256 * 1024;

/// Hands out what a reader yields, which is decrypted meanwhile: whoever reads hashes and converts, and would wait for
/// it otherwise.
pub(super) struct Ahead {
    buffer: Buffer,
    at: usize,
    /// Whether the buffer is the last one.
    ended: bool,
    /// Taken together when it is dropped, whereupon the thread ends.
    ends: Option<Ends>,
    thread: Option<JoinHandle<()>>,
}

/// The reader's ends of the two channels.
struct Ends {
    filled: Receiver<io::Result<Buffer>>,
    emptied: Sender<Buffer>,
}

impl Ahead {
    /// Begins to read.
    pub(super) fn of(mut reader: impl Read + Send + 'static) -> io::Result<Self> {
        let (emptied, to_fill) = channel::<Buffer>();
        let (to_empty, filled) = channel();
        for _ in 1..BUFFERS {
            let buffer = Zeroizing::new(Vec::with_capacity(BUFFER_LEN));
            // The other end is here still.
            let _ = emptied.send(buffer);
        }
        let work = move || {
            // Until the last buffer, an error, or nobody who takes one.
            for mut buffer in to_fill {
                let filled = fill(&mut reader, &mut buffer).map(|()| buffer);
                let goes_on = matches!(&filled, Ok(buffer) if buffer.len() == BUFFER_LEN);
                if to_empty.send(filled).is_err() || !goes_on {
                    break;
                }
            }
        };
        let thread = thread::Builder::new()
            .name("decrypt".into())
            .stack_size(STACK)
            .spawn(work)?;
        Ok(Self {
            buffer: Zeroizing::new(Vec::with_capacity(BUFFER_LEN)),
            at: 0,
            ended: false,
            ends: Some(Ends { filled, emptied }),
            thread: Some(thread),
        })
    }

    /// Takes the next buffer, and gives the one that was emptied back.
    fn next(&mut self) -> io::Result<()> {
        let over = || io::Error::other("what decrypts it has stopped");
        let ends = self.ends.as_ref().ok_or_else(over)?;
        let emptied = core::mem::take(&mut self.buffer);
        self.at = 0;
        // The thread is gone if it has read to the end.
        let _ = ends.emptied.send(emptied);
        match ends.filled.recv() {
            Ok(Ok(buffer)) => self.buffer = buffer,
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(over()),
        }
        self.ended = self.buffer.len() < BUFFER_LEN;
        Ok(())
    }
}

impl Read for Ahead {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at == self.buffer.len() && !self.ended {
            self.next()?;
        }
        let left = &self.buffer[self.at..];
        let len = left.len().min(buf.len());
        buf[..len].copy_from_slice(&left[..len]);
        self.at += len;
        Ok(len)
    }
}

/// The thread has the file's key: it is gone before whoever loads the model goes on.
impl Drop for Ahead {
    fn drop(&mut self) {
        self.ends = None;
        if let Some(thread) = self.thread.take() {
            // It has said what failed, or nobody asks.
            let _ = thread.join();
        }
    }
}

/// Fills the buffer; less only where the reader ends.
fn fill(reader: &mut impl Read, buffer: &mut Buffer) -> io::Result<()> {
    buffer.clear();
    reader
        .take(BUFFER_LEN as u64)
        .read_to_end(buffer)
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at / 257 + at) as u8).collect()
    }

    /// Yields bytes, and then fails.
    struct Failing(io::Cursor<Vec<u8>>);

    impl Read for Failing {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buf)? {
                0 => Err(io::Error::other("said by the reader")),
                len => Ok(len),
            }
        }
    }

    struct Panicking;

    impl Read for Panicking {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            // As a panic, without its message.
            std::panic::resume_unwind(Box::new(()))
        }
    }

    /// Yields zeros for ever, and counts how many of them are read and whether it is there still.
    struct Endless(Arc<AtomicUsize>);

    impl Read for Endless {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.fetch_add(buf.len(), Ordering::SeqCst);
            buf.fill(0);
            Ok(buf.len())
        }
    }

    #[test]
    fn it_hands_out_what_the_reader_yields() {
        for len in [
            0,
            1,
            BUFFER_LEN - 1,
            BUFFER_LEN,
            BUFFER_LEN + 1,
            9 * BUFFER_LEN,
            9 * BUFFER_LEN + 5,
        ] {
            let mut ahead = Ahead::of(io::Cursor::new(bytes(len))).unwrap();
            let mut read = Vec::new();
            ahead.read_to_end(&mut read).unwrap();
            assert!(read == bytes(len), "{len}");
            assert_eq!(ahead.read(&mut [0; 9]).unwrap(), 0);
        }
    }

    #[test]
    fn an_error_comes_after_what_was_read_before_it() {
        let len = 7 * BUFFER_LEN + 3;
        let mut ahead = Ahead::of(Failing(io::Cursor::new(bytes(len)))).unwrap();
        let mut read = Vec::new();
        let error = ahead.read_to_end(&mut read).unwrap_err();
        assert_eq!(error.to_string(), "said by the reader");
        assert!(read == bytes(len)[..7 * BUFFER_LEN]);
        // And nothing after it.
        assert!(ahead.read(&mut [0; 9]).is_err());
    }

    #[test]
    fn a_panic_is_an_error() {
        let mut ahead = Ahead::of(Panicking).unwrap();
        let error = ahead.read(&mut [0; 9]).unwrap_err();
        assert_eq!(error.to_string(), "what decrypts it has stopped");
    }

    #[test]
    fn it_reads_a_few_buffers_ahead_and_ends_with_who_takes_them() {
        let count = Arc::new(AtomicUsize::new(0));
        let mut ahead = Ahead::of(Endless(count.clone())).unwrap();
        ahead.read_exact(&mut [0; 3 * BUFFER_LEN]).unwrap();
        drop(ahead);
        // The reader was dropped with its thread.
        assert_eq!(Arc::strong_count(&count), 1);
        let read = count.load(Ordering::SeqCst);
        assert!(read <= (3 + BUFFERS) * BUFFER_LEN, "{read}");
    }
}
