//! AVX2 with FMA: Intel from Haswell, AMD from Zen.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::{F32Tile, Int8Tile, Kernel, Simd};
use crate::PANEL;

/// Proof that the processor has what `detect` asks for: nothing else makes one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) {
        #[target_feature(enable = "avx2,fma")]
        fn with_features<K: Kernel>(simd: Avx2, kernel: K) {
            kernel.run(simd);
        }
        // SAFETY: `self` proves that the processor has these features.
        unsafe { with_features(self, kernel) }
    }
}

impl Simd for Avx2 {
    const FMA: bool = true;
    const BYTES_AS_THEY_ARE: bool = false;

    /// By three rows, since with six the sums would not leave enough of the 16 registers.
    #[inline(always)]
    fn int8_tile(self, tile: Int8Tile<'_>) {
        tile.check();
        let Int8Tile {
            rows,
            bytes,
            stride,
            weights,
            sums,
        } = tile;
        for first in (0..rows).step_by(3) {
            let part = Int8Tile {
                rows: (rows - first).min(3),
                bytes: &bytes[first * stride..],
                stride,
                weights,
                sums: &mut sums[first * PANEL..],
            };
            // SAFETY: `self` proves that the processor has the features that these functions need.
            unsafe {
                match part.rows {
                    1 => int8_tile::<1>(part),
                    2 => int8_tile::<2>(part),
                    _ => int8_tile::<3>(part),
                }
            }
        }
    }

    #[inline(always)]
    fn f32_tile(self, tile: F32Tile<'_>) {
        // SAFETY: as above.
        unsafe {
            match tile.rows {
                1 => f32_tile::<1>(tile),
                2 => f32_tile::<2>(tile),
                3 => f32_tile::<3>(tile),
                4 => f32_tile::<4>(tile),
                5 => f32_tile::<5>(tile),
                _ => f32_tile::<6>(tile),
            }
        }
    }
}

/// `vpmaddubsw` adds pairs of products in 16 bits, and saturates: with bytes of up to 255 it would lose
/// bits. Here the signs are moved from the values to the weights, and the products are at most
/// 127 × 127, two of which fit.
#[inline(never)]
#[target_feature(enable = "avx2")]
fn int8_tile<const ROWS: usize>(tile: Int8Tile<'_>) {
    let steps = tile.check();
    assert_eq!(tile.rows, ROWS);
    let (bytes, weights) = (tile.bytes.as_ptr(), tile.weights.as_ptr());
    let places = tile.sums.as_mut_ptr();
    let (ones, offset) = (_mm256_set1_epi16(1), _mm256_set1_epi8(i8::MIN));
    for first in (0..PANEL).step_by(16) {
        let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
        for (row, sums) in sums.iter_mut().enumerate() {
            for (vector, sum) in sums.iter_mut().enumerate() {
                let place = row * PANEL + first + vector * 8;
                // SAFETY: `check` found `ROWS` rows of 64 sums; `first` + 16 is at most 64.
                *sum = unsafe { _mm256_loadu_si256(places.add(place).cast()) };
            }
        }
        for step in 0..steps {
            let mut columns = [_mm256_setzero_si256(); 2];
            for (vector, column) in columns.iter_mut().enumerate() {
                let place = step * 4 * PANEL + first * 4 + vector * 32;
                // SAFETY: `check` counted the steps of 64 × 4 weights; `first` + 16 is at most 64.
                *column = unsafe { _mm256_loadu_si256(weights.add(place).cast()) };
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `check` found 4 bytes a step in each row, a row every `stride` bytes. The read
                // is unaligned.
                let four = unsafe {
                    let place = bytes.add(row * tile.stride + step * 4);
                    place.cast::<i32>().read_unaligned()
                };
                let values = _mm256_xor_si256(_mm256_set1_epi32(four), offset);
                let sizes = _mm256_abs_epi8(values);
                for (sum, column) in sums.iter_mut().zip(columns) {
                    let signed = _mm256_sign_epi8(column, values);
                    let pairs = _mm256_maddubs_epi16(sizes, signed);
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (vector, sum) in sums.iter().enumerate() {
                let place = row * PANEL + first + vector * 8;
                // SAFETY: as the loads of the same places.
                unsafe { _mm256_storeu_si256(places.add(place).cast(), *sum) };
            }
        }
    }
}

#[inline(never)]
#[target_feature(enable = "avx2,fma")]
fn f32_tile<const ROWS: usize>(tile: F32Tile<'_>) {
    tile.check();
    assert_eq!(tile.rows, ROWS);
    let (a, b, c) = (tile.a.as_ptr(), tile.b.as_ptr(), tile.c.as_mut_ptr());
    for first in (0..tile.columns).step_by(16) {
        let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
        for (row, sums) in sums.iter_mut().enumerate() {
            for (vector, sum) in sums.iter_mut().enumerate() {
                let place = row * tile.c_stride + first + vector * 8;
                // SAFETY: `check` found `columns` elements in each of `ROWS` rows of `c`, and `columns`
                // is a multiple of 16.
                *sum = unsafe { _mm256_loadu_ps(c.add(place)) };
            }
        }
        for step in 0..tile.depth {
            let mut columns = [_mm256_setzero_ps(); 2];
            for (vector, column) in columns.iter_mut().enumerate() {
                let place = step * tile.b_stride + first + vector * 8;
                // SAFETY: `check` found `columns` elements in each of `depth` rows of `b`.
                *column = unsafe { _mm256_loadu_ps(b.add(place)) };
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `check` found `depth` elements in each of `ROWS` rows of `a`.
                let value = _mm256_set1_ps(unsafe { *a.add(row * tile.a_stride + step) });
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm256_fmadd_ps(value, column, *sum);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (vector, sum) in sums.iter().enumerate() {
                let place = row * tile.c_stride + first + vector * 8;
                // SAFETY: as the loads of the same places.
                unsafe { _mm256_storeu_ps(c.add(place), *sum) };
            }
        }
    }
}
