//! One direction of a connection.

use std::{
    mem,
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
};

use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::buffer::Buffer;

/// What one direction is about, and what it has done since somebody asked.
#[derive(Debug, Default)]
pub(super) struct Way {
    state: State,
    /// Bytes that the receiver has taken.
    written: u64,
    /// Whether bytes moved, be it only into a buffer.
    moved: bool,
}

/// Why a direction cannot go on.
#[derive(Debug)]
pub(super) enum Fault {
    Source,
    Sink,
    /// There is a byte more than was allowed.
    Allowance,
}

impl Way {
    /// Reads once, and writes that, or what is left of the last; shuts the sink down if the source had ended before. `Pending`
    /// if that takes waiting, and for ever once this direction has ended.
    ///
    /// It reads no further than it has written: a sink that does not take bytes stops the source.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut (impl AsyncRead + Unpin),
        sink: &mut (impl AsyncWrite + Unpin),
        allowance: &mut u64,
    ) -> Poll<Result<(), Fault>> {
        if let State::Reading = self.state {
            // One byte more than is allowed tells the end from too much.
            let most = usize::try_from(allowance.saturating_add(1)).unwrap_or(usize::MAX);
            match ready!(read(cx, source, most)) {
                Err(()) => return Poll::Ready(Err(Fault::Source)),
                Ok(None) => {
                    self.state = State::Ending;
                    return Poll::Ready(Ok(()));
                }
                Ok(Some(held)) => {
                    let Some(left) = allowance.checked_sub(held.rest.len() as u64) else {
                        return Poll::Ready(Err(Fault::Allowance));
                    };
                    *allowance = left;
                    self.moved = true;
                    self.state = State::Writing(held);
                }
            }
        }
        match &mut self.state {
            State::Reading => {}
            State::Writing(held) => {
                match ready!(Pin::new(sink).poll_write(cx, &held.buffer[held.rest.clone()])) {
                    Ok(0) | Err(_) => return Poll::Ready(Err(Fault::Sink)),
                    Ok(written) => {
                        held.rest.start += written;
                        self.written += written as u64;
                        self.moved = true;
                        if held.rest.is_empty() {
                            self.state = State::Reading;
                        }
                    }
                }
            }
            State::Discarding => match ready!(read(cx, source, usize::MAX)) {
                Ok(Some(_)) => self.moved = true,
                Ok(None) | Err(()) => self.state = State::Ended,
            },
            State::Ending => match ready!(Pin::new(sink).poll_shutdown(cx)) {
                Ok(()) => self.state = State::Ended,
                Err(_) => return Poll::Ready(Err(Fault::Sink)),
            },
            State::Ended => return Poll::Pending,
        }
        Poll::Ready(Ok(()))
    }

    /// Reads no more, and tells the receiver so.
    pub(super) fn end(&mut self) {
        self.state = State::Ending;
    }

    /// Writes no more, but reads on to the end.
    pub(super) fn discard(&mut self) {
        if !self.has_ended() {
            self.state = State::Discarding;
        }
    }

    /// Whether its receiver has not taken all that was read.
    pub(super) fn is_writing(&self) -> bool {
        matches!(self.state, State::Writing(_))
    }

    /// Whether only its receiver is to be told of the end still, if that.
    pub(super) fn has_read_all(&self) -> bool {
        matches!(self.state, State::Ending | State::Ended)
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Counts what was written since the last time, and says whether anything has moved.
    pub(super) fn carried(&mut self, counter: &Counter) -> bool {
        if self.written > 0 {
            counter.inc_by(mem::take(&mut self.written));
        }
        mem::take(&mut self.moved)
    }
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Reading,
    Writing(Held),
    Discarding,
    Ending,
    Ended,
}

/// Bytes under way: `rest` of the buffer is to be written still.
#[derive(Debug)]
struct Held {
    buffer: Buffer,
    rest: Range<usize>,
}

/// What is there, `most` bytes of it at the most; `None` at the end.
fn read(
    cx: &mut Context<'_>,
    source: &mut (impl AsyncRead + Unpin),
    most: usize,
) -> Poll<Result<Option<Held>, ()>> {
    let mut buffer = Buffer::take().map_err(drop)?;
    let room = buffer.len().min(most);
    let mut read = ReadBuf::new(&mut buffer[..room]);
    let outcome = ready!(Pin::new(source).poll_read(cx, &mut read));
    let length = read.filled().len();
    Poll::Ready(match outcome {
        Err(_) => Err(()),
        Ok(()) if length == 0 => Ok(None),
        Ok(()) => Ok(Some(Held {
            buffer,
            rest: 0..length,
        })),
    })
}
