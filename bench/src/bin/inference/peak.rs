//! How many operations a core can do at all: nothing but the multiplications, in registers.
//!
//! Figures are billions of operations a second of one core, a multiplication and an addition each counted;
//! `None` where the processor has not the instructions. They are means over the time that is given, not the
//! best moment of it: what slows the engines measured beside it slows this too.
#![allow(unsafe_code, reason = "intrinsics")]

use std::time::{Duration, Instant};

/// Of int8, by `vpdpbusd` on 512 bits; or, exact as well, by `vpmaddwd` and `vpaddd` on 256.
pub fn int8(least: Duration) -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni") {
            // SAFETY: the processor has the features, as was just asked.
            return Some(rate(least, x86::SUMS * 64, || unsafe {
                x86::int8_products_512();
            }));
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has the feature, as was just asked.
            return Some(rate(least, x86::FEWER_SUMS * 16, || unsafe {
                x86::int8_products_256();
            }));
        }
    }
    let _ = least;
    None
}

/// Of f32, by fused multiplications and additions on 512 bits, or on 256.
pub fn f32(least: Duration) -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the feature, as was just asked.
            return Some(rate(least, x86::SUMS * 16, || unsafe {
                x86::f32_products_512();
            }));
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features, as was just asked.
            return Some(rate(least, x86::FEWER_SUMS * 8, || unsafe {
                x86::f32_products_256();
            }));
        }
    }
    let _ = least;
    None
}

/// Times that the products are repeated between two looks at the clock: some tens of microseconds.
#[cfg(target_arch = "x86_64")]
const TIMES: usize = 10_000;

/// `products` are as many multiplications as `run` does [`TIMES`] over.
#[cfg(target_arch = "x86_64")]
fn rate(least: Duration, products: usize, run: impl Fn()) -> f64 {
    run();
    let (start, mut runs) = (Instant::now(), 0);
    while start.elapsed() < least {
        run();
        runs += 1;
    }
    (runs * TIMES * products * 2) as f64 / start.elapsed().as_secs_f64() / 1e9
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::asm;
    use std::arch::x86_64::*;
    use std::hint::black_box;

    use super::TIMES;

    /// Independent sums, so many that no instruction waits for another; all in registers, of which there
    /// are 32.
    pub(super) const SUMS: usize = 24;
    /// The same, with 16 registers.
    pub(super) const FEWER_SUMS: usize = 12;

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) fn int8_products_512() {
        let mut sums = [_mm512_setzero_si512(); SUMS];
        let (mut bytes, weights) = (_mm512_set1_epi8(1), _mm512_set1_epi8(2));
        for _ in 0..TIMES {
            // So that the compiler does not find out that it is always the same product.
            bytes = black_box(bytes);
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, bytes, weights);
            }
        }
        let whole = sums.into_iter().reduce(|a, b| _mm512_add_epi32(a, b));
        black_box(whole);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn int8_products_256() {
        let mut sums = [_mm256_setzero_si256(); FEWER_SUMS];
        let (mut values, weights) = black_box((_mm256_set1_epi16(1), _mm256_set1_epi16(2)));
        for _ in 0..TIMES {
            for sum in &mut sums {
                // So that it is another product each time, as far as the compiler knows; in a register.
                // SAFETY: there is no instruction in it.
                unsafe {
                    asm!("# {0}", inout(ymm_reg) values, options(nomem, nostack, preserves_flags));
                }
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(values, weights));
            }
        }
        let whole = sums.into_iter().reduce(|a, b| _mm256_add_epi32(a, b));
        black_box(whole);
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn f32_products_512() {
        let mut sums = [_mm512_setzero_ps(); SUMS];
        let (mut values, weights) = (_mm512_set1_ps(1.0), _mm512_set1_ps(0.5));
        for _ in 0..TIMES {
            values = black_box(values);
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(values, weights, *sum);
            }
        }
        let whole = sums.into_iter().reduce(|a, b| _mm512_add_ps(a, b));
        black_box(whole);
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn f32_products_256() {
        let mut sums = [_mm256_setzero_ps(); FEWER_SUMS];
        // Known to nobody; not once a round, as above, for that would take longer than so few products.
        let (values, weights) = black_box((_mm256_set1_ps(1.0), _mm256_set1_ps(0.5)));
        for _ in 0..TIMES {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(values, weights, *sum);
            }
        }
        let whole = sums.into_iter().reduce(|a, b| _mm256_add_ps(a, b));
        black_box(whole);
    }
}
