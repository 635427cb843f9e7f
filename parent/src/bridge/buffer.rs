//! Buffers that are held while bytes are under way, and at no other time.

use std::{
    cell::RefCell,
    io,
    ops::{Deref, DerefMut},
};

use memmap2::MmapMut;

/// How much is held of a connection, each way, beside the kernel's own buffers, and only while its
/// receiver does not take it.
pub const BUFFER_BYTES: usize = 64 * 1024;

/// [`BUFFER_BYTES`] of memory: from the thread's free list, to which it goes back when dropped, on whichever thread.
///
/// It is mapped, not allocated: once unmapped it is the system's again. The allocator would keep most of what thousands of
/// stalled connections held. What an earlier holder left is still in it: nobody sends more than was read.
#[derive(Debug)]
pub(super) struct Buffer(
    /// `None` only when it is dropped.
    Option<MmapMut>,
);

impl Buffer {
    /// Fails when the system has no memory left.
    pub(super) fn take() -> io::Result<Self> {
        let memory = match FREE.with_borrow_mut(Vec::pop) {
            Some(free) => free,
            None => MmapMut::map_anon(BUFFER_BYTES)?,
        };
        Ok(Buffer(Some(memory)))
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.as_deref_mut().unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let memory = self.0.take();
        // At the end of a thread its list may be gone before its last buffer.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < MAX_FREE {
                free.extend(memory);
            }
        });
    }
}

/// A thread works on one connection at a time, and so takes a second buffer only where a receiver keeps the first.
const MAX_FREE: usize = 8;

thread_local! {
    static FREE: RefCell<Vec<MmapMut>> = const { RefCell::new(Vec::new()) };
}

/// How many wait to be taken.
#[cfg(test)]
pub(super) fn free() -> usize {
    FREE.with_borrow(Vec::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_and_no_more_are_kept_than_are_worth_it() {
        let first = Buffer::take().unwrap();
        let address = first.as_ptr();
        let second = Buffer::take().unwrap();
        assert_ne!(second.as_ptr(), address);
        drop(first);
        assert_eq!(Buffer::take().unwrap().as_ptr(), address);

        let many: Vec<Buffer> = (0..3 * MAX_FREE).map(|_| Buffer::take().unwrap()).collect();
        drop(many);
        assert_eq!(free(), MAX_FREE);
        assert_eq!(second.len(), BUFFER_BYTES);
    }
}
