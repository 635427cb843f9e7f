//! The arithmetic of a BERT encoder on CPUs: int8 and f32 products, attention, layer norm.
//!
//! Everything is written once, over the two inner products of [`isa`], and compiled once for each
//! instruction set; which one runs is decided by an [`Isa`], which is found at run time. `unsafe` is in
//! the files of the instruction sets and nowhere else.
//!
//! Nothing here starts a thread or allocates while it computes. Rows are independent: a caller splits
//! work by handing each thread its own rows.
//!
//! # What is the same everywhere
//!
//! A row's result depends on no other row, and so neither on the batch nor on how it was split. The
//! integer sums of [`int8`] and what is made of them without an activation are the same to the bit on
//! every instruction set. Functions of f32 differ between instruction sets by rounding: where there is a
//! fused multiply-add it is used.
//!
//! # Values that are not finite
//!
//! A NaN or an infinity in a row makes that row's results NaN or infinite, or is lost where IEEE
//! arithmetic loses it; it never panics and never reaches another row.

mod activation;
mod aligned;
pub mod attention;
pub mod dense;
pub mod int8;
mod isa;
mod math;
mod norm;
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
/// Columns are padded to a multiple of this wherever a tile works on something other than a panel.
const LANES: usize = 16;
