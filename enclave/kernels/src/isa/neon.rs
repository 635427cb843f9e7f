//! NEON with dot products: AWS Graviton2; with those of unsigned by signed bytes too (i8mm), Graviton3 and later.
#![allow(unsafe_code)]

use core::arch::aarch64::*;
use core::arch::asm;
use std::arch::is_aarch64_feature_detected;

use super::{F32Tile, Int8Tile, Kernel, Simd};
use crate::PANEL;

/// Columns whose sums are in registers at once: of six rows they are 24 of the 32, in vectors of four.
const COLUMNS: usize = 16;

/// Proof that the processor has what `detect` asks for: nothing else makes one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Neon<const I8MM: bool>(());

impl<const I8MM: bool> Neon<I8MM> {
    pub(super) fn detect() -> Option<Self> {
        let has = cfg!(target_endian = "little")
            && is_aarch64_feature_detected!("neon")
            && is_aarch64_feature_detected!("dotprod")
            && (!I8MM || is_aarch64_feature_detected!("i8mm"));
        has.then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) {
        #[target_feature(enable = "neon,dotprod")]
        fn with_features<K: Kernel, const I8MM: bool>(simd: Neon<I8MM>, kernel: K) {
            kernel.run(simd);
        }
        // SAFETY: `self` proves that the processor has these features.
        unsafe { with_features(self, kernel) }
    }
}

impl<const I8MM: bool> Simd for Neon<I8MM> {
    #[inline(always)]
    fn int8_tile(self, tile: Int8Tile<'_>) {
        // SAFETY: `self` proves that the processor has dot products, and i8mm if `I8MM` says so.
        unsafe {
            match tile.rows {
                1 => int8_tile::<1, I8MM>(tile),
                2 => int8_tile::<2, I8MM>(tile),
                3 => int8_tile::<3, I8MM>(tile),
                4 => int8_tile::<4, I8MM>(tile),
                5 => int8_tile::<5, I8MM>(tile),
                _ => int8_tile::<6, I8MM>(tile),
            }
        }
    }

    #[inline(always)]
    fn f32_tile(self, tile: F32Tile<'_>) {
        // SAFETY: `self` proves that the processor has NEON.
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

/// Without i8mm both factors are unsigned: weights are taken with 128 more, and 128 × the bytes' sum off again.
///
/// # Safety
/// The processor has i8mm if `I8MM` says so.
#[inline(never)]
#[target_feature(enable = "neon,dotprod")]
unsafe fn int8_tile<const ROWS: usize, const I8MM: bool>(tile: Int8Tile<'_>) {
    let steps = tile.check();
    assert_eq!(tile.rows, ROWS);
    let (bytes, weights) = (tile.bytes.as_ptr(), tile.weights.as_ptr());
    let places = tile.sums.as_mut_ptr();
    let mut surplus = [0; ROWS];
    if !I8MM {
        for (row, surplus) in surplus.iter_mut().enumerate() {
            let sum = sum_of(&tile.bytes[row * tile.stride..][..4 * steps]);
            *surplus = sum.wrapping_mul(128);
        }
    }
    for first in (0..PANEL).step_by(COLUMNS) {
        let mut sums = [[vdupq_n_s32(0); COLUMNS / 4]; ROWS];
        if tile.add {
            for (row, sums) in sums.iter_mut().enumerate() {
                for (vector, sum) in sums.iter_mut().enumerate() {
                    let place = row * PANEL + first + vector * 4;
                    // SAFETY: `check` found `ROWS` rows of 64 sums; `first` + 16 is at most 64.
                    *sum = unsafe { vld1q_s32(places.add(place)) };
                }
            }
        }
        for step in 0..steps {
            let mut columns = [vdupq_n_s8(0); COLUMNS / 4];
            for (vector, column) in columns.iter_mut().enumerate() {
                let place = (step * PANEL + first + vector * 4) * 4;
                // SAFETY: `check` counted the steps of 64 × 4 weights; `first` + 16 is at most 64.
                *column = unsafe { vld1q_s8(weights.add(place)) };
                if !I8MM {
                    *column = veorq_s8(*column, vdupq_n_s8(i8::MIN));
                }
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `check` found 4 bytes a step in each row, a row every `stride` bytes. The read is
                // unaligned.
                let four = unsafe {
                    let place = bytes.add(row * tile.stride + step * 4);
                    place.cast::<u32>().read_unaligned()
                };
                let four = vreinterpretq_u8_u32(vdupq_n_u32(four));
                for (sum, &column) in sums.iter_mut().zip(&columns) {
                    *sum = if I8MM {
                        // SAFETY: the caller's promise.
                        unsafe { usdot(*sum, four, column) }
                    } else {
                        udot(*sum, four, vreinterpretq_u8_s8(column))
                    };
                }
            }
        }
        for (row, (sums, &surplus)) in sums.iter().zip(&surplus).enumerate() {
            for (vector, &sum) in sums.iter().enumerate() {
                let sum = vsubq_s32(sum, vdupq_n_s32(surplus));
                // SAFETY: `check` found `ROWS` rows of 64 sums; `first` + 16 is at most 64.
                unsafe { vst1q_s32(places.add(row * PANEL + first + vector * 4), sum) };
            }
        }
    }
}

/// Modulo 2³².
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sum_of(bytes: &[u8]) -> i32 {
    let (vectors, rest) = bytes.as_chunks::<16>();
    let mut sums = vdupq_n_s32(0);
    for vector in vectors {
        // SAFETY: a vector is 16 bytes.
        let vector = unsafe { vld1q_u8(vector.as_ptr()) };
        sums = udot(sums, vector, vdupq_n_u8(1));
    }
    let rest = rest.iter().map(|&byte| i32::from(byte)).sum();
    vaddvq_s32(sums).wrapping_add(rest)
}

/// Adds to each lane the products of its four pairs. `vdotq_u32` by another name, for that is not in the least
/// Rust that we ask for.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn udot(mut sums: int32x4_t, a: uint8x16_t, b: uint8x16_t) -> int32x4_t {
    // SAFETY: the instruction is there, for the feature is; it reads and writes these registers alone.
    unsafe {
        asm!(
            "udot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

/// Adds to each lane the products of its four pairs. `vusdotq_s32` by another name, which is unstable.
///
/// # Safety
/// The processor has i8mm. The function does not ask for it, so as to be inlined where `I8MM` is known and the
/// feature is not.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn usdot(mut sums: int32x4_t, bytes: uint8x16_t, weights: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction is there, as the caller promises; it reads and writes these registers alone.
    unsafe {
        asm!(
            ".arch_extension i8mm",
            "usdot {sums:v}.4s, {bytes:v}.16b, {weights:v}.16b",
            sums = inout(vreg) sums, bytes = in(vreg) bytes, weights = in(vreg) weights,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

#[inline(never)]
#[target_feature(enable = "neon")]
fn f32_tile<const ROWS: usize>(tile: F32Tile<'_>) {
    tile.check();
    assert_eq!(tile.rows, ROWS);
    let (a, b, c) = (tile.a.as_ptr(), tile.b.as_ptr(), tile.c.as_mut_ptr());
    for first in (0..tile.columns).step_by(COLUMNS) {
        let mut sums = [[vdupq_n_f32(0.0); COLUMNS / 4]; ROWS];
        if tile.add {
            for (row, sums) in sums.iter_mut().enumerate() {
                for (vector, sum) in sums.iter_mut().enumerate() {
                    let place = row * tile.c_stride + first + vector * 4;
                    // SAFETY: `check` found `columns` elements in each of `ROWS` rows of `c`; `first` + 16
                    // is at most as many.
                    *sum = unsafe { vld1q_f32(c.add(place)) };
                }
            }
        }
        for step in 0..tile.depth {
            let mut columns = [vdupq_n_f32(0.0); COLUMNS / 4];
            for (vector, column) in columns.iter_mut().enumerate() {
                let place = step * tile.b_stride + first + vector * 4;
                // SAFETY: `check` found `columns` elements in each of `depth` rows of `b`.
                *column = unsafe { vld1q_f32(b.add(place)) };
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `check` found `depth` elements in each of `ROWS` rows of `a`.
                let value = unsafe { *a.add(row * tile.a_stride + step) };
                for (sum, &column) in sums.iter_mut().zip(&columns) {
                    *sum = vfmaq_n_f32(*sum, column, value);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (vector, sum) in sums.iter().enumerate() {
                let place = row * tile.c_stride + first + vector * 4;
                // SAFETY: `check` found `columns` elements in each of `ROWS` rows of `c`; `first` + 16 is at
                // most as many.
                unsafe { vst1q_f32(c.add(place), *sum) };
            }
        }
    }
}
