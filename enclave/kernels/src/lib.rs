//! The arithmetic of a BERT encoder on CPUs: int8 and f32 products, attention, layer norm.
//!
//! Everything is written once, over the two inner products of [`isa`], and compiled once for each
//! instruction set; which one runs is decided by an [`Isa`], which is found at run time. `unsafe` is in
//! the files of the instruction sets and nowhere else.
//!
//! Nothing here starts a thread, and what is kept for use again allocates only to grow. Rows are independent:
//! a caller splits work by handing each thread its own rows.
//!
//! # What is the same everywhere
//!
//! A row's result depends on no other row, and so neither on the batch nor on how it was split. It is the
//! same to the bit on every instruction set: integer sums are exact, sums of f32 have one order, and what is
//! fused on one is fused on all. That matters: a difference in the last bit of a value that is rounded to
//! 8 bits becomes one of the noise's size within a few layers.
//!
//! # Values that are not finite
//!
//! A NaN or an infinity in a row makes that row's results NaN or infinite, or is lost where IEEE
//! arithmetic loses it; it never panics and never reaches another row.
//!
//! # How it is tested
//!
//! Every test runs on all instruction sets that the processor has, against the definition and against each
//! other. The vectorised inner products check their slices before they touch them, and are tested on slices of
//! just the size that they need: `make test-sanitized` has AddressSanitizer watch them. `make test-aarch64`
//! runs all of it on emulated AArch64 processors with and without what the tiles use, `make test-avx512` on one
//! with AVX-512 VNNI.

mod activation;
mod aligned;
pub mod attention;
pub mod dense;
pub mod int8;
mod isa;
mod math;
#[cfg(test)]
mod misuse;
mod norm;
#[cfg(test)]
mod packing;
#[cfg(test)]
mod random;

pub use activation::{Activation, tanh};
pub use aligned::Aligned;
pub use isa::Isa;
pub use norm::LayerNorm;

/// Columns of a panel of packed weights: what the widest tile computes at once.
const PANEL: usize = 64;
/// Rows of a tile: with 64 columns, 24 of AVX-512's 32 registers hold sums.
const TILE_ROWS: usize = 6;
/// Rows that share one pass over a panel: a whole number of tiles, and few enough that their sums of one
/// panel (12 KiB) stay in the first-level cache beside a piece of the panel.
const GROUP: usize = 48;
/// Rows that go through each pass over a row together: while one's pass ends in what takes long (a sum of lanes, a
/// quotient), the next one's is computed.
const TOGETHER: usize = 4;
/// Columns are padded to a multiple of this wherever a tile works on something other than a panel.
const LANES: usize = 16;

/// Outputs of whole panels; the greatest number there is where they are too many to count.
fn padded(outputs: usize) -> usize {
    outputs
        .checked_next_multiple_of(PANEL)
        .unwrap_or(usize::MAX)
}

/// A part for each of `tiles` to fetch while it computes, of the `piece` weights that come next in `after`.
#[inline(always)]
fn ahead<T>(after: &[T], piece: usize, tiles: usize) -> core::slice::Chunks<'_, T> {
    after[..after.len().min(piece)].chunks(piece.div_ceil(tiles))
}

/// Where to put a panel's columns of which `rest` of a row is left: there, or in `padded` where the panel is
/// wider than that; then its caller copies them.
#[inline(always)]
fn columns<'a>(rest: &'a mut [f32], padded: &'a mut [f32; PANEL]) -> &'a mut [f32; PANEL] {
    match rest.first_chunk_mut() {
        Some(columns) => columns,
        None => padded,
    }
}
