//! AVX2 with FMA: Intel from Haswell, AMD from Zen.
#![allow(unsafe_code)]

use core::arch::x86_64::*;
use core::mem::MaybeUninit;

use super::{F32Tile, Int8Tile, Kernel, Simd};
use crate::PANEL;

/// Steps of 4 inputs whose bytes are widened at once: as many as the greatest pieces have.
const STEPS: usize = 96;

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
    #[inline(always)]
    fn int8_tile(self, tile: Int8Tile<'_>) {
        // SAFETY: `self` proves that the processor has the features that these functions need.
        unsafe {
            match tile.rows {
                1 => int8_tile::<1>(tile),
                2 => int8_tile::<2>(tile),
                3 => int8_tile::<3>(tile),
                4 => int8_tile::<4>(tile),
                5 => int8_tile::<5>(tile),
                _ => int8_tile::<6>(tile),
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

/// Bytes are multiplied in 16 bits, since `vpmaddubsw`, which multiplies bytes, saturates.
#[inline(never)]
#[target_feature(enable = "avx2")]
fn int8_tile<const ROWS: usize>(tile: Int8Tile<'_>) {
    let steps = tile.check();
    assert_eq!(tile.rows, ROWS);
    // Once without steps too: sums are then what they were, or zeros.
    for first in (0..steps.max(1)).step_by(STEPS) {
        let count = (steps - first).min(STEPS);
        int8_steps::<ROWS>(Int8Tile {
            add: tile.add || first > 0,
            ahead: if first == 0 { tile.ahead } else { &[] },
            bytes: &tile.bytes[4 * first..],
            weights: &tile.weights[4 * PANEL * first..][..4 * PANEL * count],
            sums: &mut *tile.sums,
            ..tile
        });
    }
}

/// Of at most [`STEPS`] steps. Of 8 columns at a time there are two sums each, of even and of odd pairs of inputs.
#[inline]
#[target_feature(enable = "avx2")]
fn int8_steps<const ROWS: usize>(tile: Int8Tile<'_>) {
    let steps = tile.check();
    assert!(tile.rows == ROWS && steps <= STEPS);
    // The rows in 16 bits: widened once for all columns.
    let mut wide = [[const { MaybeUninit::<i16>::uninit() }; 4 * STEPS]; ROWS];
    for (row, wide) in wide.iter_mut().enumerate() {
        let bytes = &tile.bytes[row * tile.stride..][..4 * steps];
        for (value, byte) in wide.iter_mut().zip(bytes) {
            value.write(i16::from(*byte));
        }
    }
    let (values, weights) = (wide.as_ptr(), tile.weights.as_ptr());
    let places = tile.sums.as_mut_ptr();
    // Cache lines to fetch with each 8 columns.
    let lines = tile.ahead.len().div_ceil(64 * (PANEL / 8));
    for first in (0..PANEL).step_by(8) {
        for line in first / 8 * lines..(first / 8 + 1) * lines {
            // Past the end too, now and then: of whatever address, it has an effect on the cache only.
            _mm_prefetch::<_MM_HINT_T0>(tile.ahead.as_ptr().wrapping_add(line * 64));
        }
        let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
        for step in 0..steps {
            let mut columns = [_mm256_setzero_si256(); 2];
            for (vector, column) in columns.iter_mut().enumerate() {
                let place = (step * PANEL + first + vector * 4) * 4;
                // SAFETY: `check` counted the steps of 64 × 4 weights; `first` + 8 is at most 64.
                let four = unsafe { _mm_loadu_si128(weights.add(place).cast()) };
                *column = _mm256_cvtepi8_epi16(four);
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: of each of `ROWS` rows there are 4 values a step, and they were written. The read is
                // unaligned.
                let four = unsafe { values.add(row).cast::<i64>().add(step).read_unaligned() };
                let four = _mm256_set1_epi64x(four);
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(four, column));
                }
            }
        }
        for (row, [low, high]) in sums.iter().enumerate() {
            // Of columns 0, 1, 4 and 5, and of 2, 3, 6 and 7.
            let halves = _mm256_hadd_epi32(*low, *high);
            let mut whole = _mm256_permute4x64_epi64::<0b11_01_10_00>(halves);
            // SAFETY: `check` found `ROWS` rows of 64 sums; `first` + 8 is at most 64.
            unsafe {
                let place = places.add(row * PANEL + first).cast();
                if tile.add {
                    whole = _mm256_add_epi32(whole, _mm256_loadu_si256(place));
                }
                _mm256_storeu_si256(place, whole);
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
    // Cache lines to fetch with each 16 columns.
    let lines = tile.ahead.len().div_ceil(16 * (tile.columns / 16));
    for first in (0..tile.columns).step_by(16) {
        for line in first / 16 * lines..(first / 16 + 1) * lines {
            // Past the end too, now and then: of whatever address, it has an effect on the cache only.
            _mm_prefetch::<_MM_HINT_T0>(tile.ahead.as_ptr().wrapping_add(line * 16).cast());
        }
        let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
        if tile.add {
            for (row, sums) in sums.iter_mut().enumerate() {
                for (vector, sum) in sums.iter_mut().enumerate() {
                    let place = row * tile.c_stride + first + vector * 8;
                    // SAFETY: `check` found `columns` elements in each of `ROWS` rows of `c`; `first` +
                    // 16 is at most as many.
                    *sum = unsafe { _mm256_loadu_ps(c.add(place)) };
                }
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
                // SAFETY: `check` found `columns` elements in each of `ROWS` rows of `c`; `first` + 16 is
                // at most as many.
                unsafe { _mm256_storeu_ps(c.add(place), *sum) };
            }
        }
    }
}
