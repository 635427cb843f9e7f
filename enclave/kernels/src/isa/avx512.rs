//! AVX-512 with VNNI: Intel from Cascade Lake and Ice Lake, AMD from Zen 4.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::{F32Tile, Int8Tile, Kernel, Simd, Square};
use crate::{LANES, PANEL};

/// Proof that the processor has what `detect` asks for: nothing else makes one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
        fn with_features<K: Kernel>(simd: Avx512, kernel: K) {
            kernel.run(simd);
        }
        // SAFETY: `self` proves that the processor has these features.
        unsafe { with_features(self, kernel) }
    }
}

impl Simd for Avx512 {
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
            match tile.columns {
                16 => f32_columns::<1>(tile),
                32 => f32_columns::<2>(tile),
                48 => f32_columns::<3>(tile),
                _ => f32_columns::<4>(tile),
            }
        }
    }

    #[inline(always)]
    fn transpose(self, square: Square<'_>) {
        // SAFETY: as above.
        unsafe { transpose(square) }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(square: Square<'_>) {
    square.check();
    let (from, to) = (square.from.as_ptr(), square.to.as_mut_ptr());
    let mut rows = [_mm512_setzero_ps(); LANES];
    for (index, row) in rows.iter_mut().enumerate() {
        // SAFETY: `check` found 16 elements in each of 16 rows of `from`.
        *row = unsafe { _mm512_loadu_ps(from.add(index * square.from_stride)) };
    }
    // Each lane of four elements: of two rows, and then of four, what is in the same column.
    let mut pairs = rows;
    for (pair, rows) in pairs.chunks_exact_mut(2).zip(rows.chunks_exact(2)) {
        pair[0] = _mm512_unpacklo_ps(rows[0], rows[1]);
        pair[1] = _mm512_unpackhi_ps(rows[0], rows[1]);
    }
    let mut fours = pairs;
    for (four, pairs) in fours.chunks_exact_mut(4).zip(pairs.chunks_exact(4)) {
        for (place, half) in [pairs[0], pairs[1]]
            .into_iter()
            .zip([pairs[2], pairs[3]])
            .enumerate()
        {
            let (low, high) = (_mm512_castps_pd(half.0), _mm512_castps_pd(half.1));
            four[2 * place] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            four[2 * place + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    }
    // Of a vector the lanes 0 to 3 are the columns `place`, 4 + `place`, 8 + `place` and 12 + `place`.
    let mut columns = fours;
    for place in 0..4 {
        let even = |a, b| _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
        let odd = |a, b| _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b);
        let [a, b, c, d] = [0, 4, 8, 12].map(|first| fours[first + place]);
        let (ab, cd) = ((even(a, b), odd(a, b)), (even(c, d), odd(c, d)));
        columns[place] = even(ab.0, cd.0);
        columns[4 + place] = even(ab.1, cd.1);
        columns[8 + place] = odd(ab.0, cd.0);
        columns[12 + place] = odd(ab.1, cd.1);
    }
    for (index, column) in columns.into_iter().enumerate() {
        // SAFETY: `check` found 16 elements in each of 16 rows of `to`.
        unsafe { _mm512_storeu_ps(to.add(index * square.to_stride), column) };
    }
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx512vnni")]
fn int8_tile<const ROWS: usize>(tile: Int8Tile<'_>) {
    let steps = tile.check();
    assert_eq!(tile.rows, ROWS);
    let (bytes, weights) = (tile.bytes.as_ptr(), tile.weights.as_ptr());
    let places = tile.sums.as_mut_ptr();
    // A cache line is fetched at each step, without asking whether one is wanted still: that would cost more. Where nothing
    // is, they are the tile's own.
    let ahead = match tile.ahead {
        [] => weights,
        ahead => ahead.as_ptr(),
    };
    let mut sums = [[_mm512_setzero_si512(); 4]; ROWS];
    if tile.add {
        for (row, sums) in sums.iter_mut().enumerate() {
            for (vector, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `check` found `ROWS` rows of 64 sums, which are 4 vectors of 16 each.
                *sum = unsafe { _mm512_loadu_si512(places.add(row * PANEL + vector * 16).cast()) };
            }
        }
    }
    for step in 0..steps {
        let mut columns = [_mm512_setzero_si512(); 4];
        for (vector, column) in columns.iter_mut().enumerate() {
            // SAFETY: `check` counted the steps of 256 weights, which are 4 vectors of 64 each.
            *column = unsafe { _mm512_loadu_si512(weights.add(step * 256 + vector * 64).cast()) };
        }
        // Past the end too, now and then: of whatever address, it has an effect on the cache only.
        _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(step * 64));
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `check` found 4 bytes a step in each row, a row every `stride` bytes. The read is
            // unaligned.
            let four = unsafe {
                let place = bytes.add(row * tile.stride + step * 4);
                place.cast::<i32>().read_unaligned()
            };
            let four = _mm512_set1_epi32(four);
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = _mm512_dpbusd_epi32(*sum, four, column);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (vector, sum) in sums.iter().enumerate() {
            // SAFETY: `check` found `ROWS` rows of 64 sums, which are 4 vectors of 16 each.
            unsafe { _mm512_storeu_si512(places.add(row * PANEL + vector * 16).cast(), *sum) };
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn f32_columns<const VECTORS: usize>(tile: F32Tile<'_>) {
    match tile.rows {
        1 => f32_tile::<1, VECTORS>(tile),
        2 => f32_tile::<2, VECTORS>(tile),
        3 => f32_tile::<3, VECTORS>(tile),
        4 => f32_tile::<4, VECTORS>(tile),
        5 => f32_tile::<5, VECTORS>(tile),
        _ => f32_tile::<6, VECTORS>(tile),
    }
}

#[inline(never)]
#[target_feature(enable = "avx512f")]
fn f32_tile<const ROWS: usize, const VECTORS: usize>(tile: F32Tile<'_>) {
    tile.check();
    assert_eq!((tile.rows, tile.columns), (ROWS, VECTORS * 16));
    let (a, b, c) = (tile.a.as_ptr(), tile.b.as_ptr(), tile.c.as_mut_ptr());
    let mut sums = [[_mm512_setzero_ps(); VECTORS]; ROWS];
    if tile.add {
        for (row, sums) in sums.iter_mut().enumerate() {
            for (vector, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `check` found `VECTORS` × 16 elements in each of `ROWS` rows of `c`.
                *sum = unsafe { _mm512_loadu_ps(c.add(row * tile.c_stride + vector * 16)) };
            }
        }
    }
    for step in 0..tile.depth {
        let mut columns = [_mm512_setzero_ps(); VECTORS];
        for (vector, column) in columns.iter_mut().enumerate() {
            // SAFETY: `check` found `VECTORS` × 16 elements in each of `depth` rows of `b`.
            *column = unsafe { _mm512_loadu_ps(b.add(step * tile.b_stride + vector * 16)) };
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `check` found `depth` elements in each of `ROWS` rows of `a`.
            let value = _mm512_set1_ps(unsafe { *a.add(row * tile.a_stride + step) });
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = _mm512_fmadd_ps(value, column, *sum);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (vector, sum) in sums.iter().enumerate() {
            // SAFETY: `check` found `VECTORS` × 16 elements in each of `ROWS` rows of `c`.
            unsafe { _mm512_storeu_ps(c.add(row * tile.c_stride + vector * 16), *sum) };
        }
    }
}
