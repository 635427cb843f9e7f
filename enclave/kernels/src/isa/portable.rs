//! Any processor, in Rust alone: what the others are tested against.
//!
//! Fused multiply-adds are instructions on AArch64; on x86-64 without AVX2 they are calls of the C library, and
//! slow.
#![forbid(unsafe_code)]

use super::{F32Tile, Int8Tile, Simd};
use crate::PANEL;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Portable;

impl Simd for Portable {
    fn int8_tile(self, tile: Int8Tile<'_>) {
        let steps = tile.check();
        let (weights, _) = tile.weights.as_chunks::<{ 4 * PANEL }>();
        let (sums, _) = tile.sums.as_chunks_mut::<PANEL>();
        for (row, sums) in sums[..tile.rows].iter_mut().enumerate() {
            if !tile.add {
                sums.fill(0);
            }
            let (bytes, _) = tile.bytes[row * tile.stride..][..4 * steps].as_chunks::<4>();
            for (bytes, weights) in bytes.iter().zip(weights) {
                let values = bytes.map(i32::from);
                for (sum, weights) in sums.iter_mut().zip(weights.as_chunks::<4>().0) {
                    for (value, &weight) in values.iter().zip(weights) {
                        *sum += value * i32::from(weight);
                    }
                }
            }
        }
    }

    fn f32_tile(self, tile: F32Tile<'_>) {
        tile.check();
        for row in 0..tile.rows {
            let a = &tile.a[row * tile.a_stride..][..tile.depth];
            for first in (0..tile.columns).step_by(16) {
                let c = &mut tile.c[row * tile.c_stride + first..][..16];
                let mut sums = [0.0; 16];
                if tile.add {
                    sums.copy_from_slice(c);
                }
                for (a, b) in a.iter().zip(tile.b[first..].chunks(tile.b_stride)) {
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum = a.mul_add(*b, *sum);
                    }
                }
                c.copy_from_slice(&sums);
            }
        }
    }
}
