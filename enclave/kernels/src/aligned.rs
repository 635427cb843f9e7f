//! Buffers that start at a cache line.
#![forbid(unsafe_code)]

use core::ops::{Deref, DerefMut};

use crate::{GROUP, PANEL};

const LINE: usize = 64;

/// A buffer of a fixed length whose first element is at a cache line, so that no vector of a row straddles
/// two. Only speed depends on it.
///
/// Not `Debug`, nor is what holds one or points to one's values: they may be made of a note.
#[derive(Default)]
pub struct Aligned<T> {
    values: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy + Default> Aligned<T> {
    /// `len` zeros.
    pub fn zeroed(len: usize) -> Self {
        let spare = LINE / size_of::<T>();
        let values = vec![T::default(); len + spare];
        // `align_offset` may decline (`usize::MAX`).
        let start = values.as_ptr().align_offset(LINE).min(spare);
        Self { values, start, len }
    }

    /// Makes the buffer `len` long, if it is shorter. Its values are then zeros.
    pub fn grow(&mut self, len: usize) {
        if self.len < len {
            *self = Self::default();
            *self = Self::zeroed(len);
        }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.values[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[self.start..self.start + self.len]
    }
}

/// A group's sums of a panel, on the stack.
#[repr(align(64))]
pub(crate) struct Sums<T>(pub(crate) [T; GROUP * PANEL]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_start_at_a_line_and_grow() {
        let mut buffer = Aligned::<f32>::default();
        assert!(buffer.is_empty());
        for len in [1, 5, 100, 1000, 3] {
            buffer.grow(len);
            assert!(buffer.len() >= len && buffer.iter().all(|&value| value == 0.0));
            assert_eq!(buffer.as_ptr() as usize % LINE, 0);
        }
        assert_eq!(Aligned::<u8>::zeroed(7).as_ptr() as usize % LINE, 0);
    }
}
