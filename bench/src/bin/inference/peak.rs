//! How many operations a core can do at all: nothing but the multiplications, in registers.
#![allow(unsafe_code, reason = "intrinsics")]

use std::time::Instant;

/// Billions of int8 operations (a multiplication and an addition each count) a second of one core, by
/// `vpdpbusd`; `None` without it.
#[cfg(target_arch = "x86_64")]
pub fn int8() -> Option<f64> {
    use std::arch::x86_64::*;

    /// Independent sums: more than the instruction's latency.
    const SUMS: usize = 24;

    #[target_feature(enable = "avx512f,avx512vnni")]
    fn multiply(times: usize) -> i32 {
        let mut sums = [_mm512_setzero_si512(); SUMS];
        let (mut bytes, weights) = (_mm512_set1_epi8(1), _mm512_set1_epi8(2));
        for _ in 0..times {
            // So that the compiler does not find out that it is always the same product.
            bytes = std::hint::black_box(bytes);
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, bytes, weights);
            }
        }
        let whole = sums.into_iter().reduce(|a, b| _mm512_add_epi32(a, b));
        whole.map_or(0, |whole| _mm512_reduce_add_epi32(whole))
    }

    if !(is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni")) {
        return None;
    }
    const TIMES: usize = 100_000;
    let rate = || {
        let start = Instant::now();
        // SAFETY: the processor has the features, as was just asked.
        std::hint::black_box(unsafe { multiply(TIMES) });
        (TIMES * SUMS * 64 * 2) as f64 / start.elapsed().as_secs_f64() / 1e9
    };
    (0..20).map(|_| rate()).reduce(f64::max)
}

/// As above.
#[cfg(not(target_arch = "x86_64"))]
pub fn int8() -> Option<f64> {
    None
}
