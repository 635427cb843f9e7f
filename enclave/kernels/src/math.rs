//! Functions of one number without a branch, so that loops over them are vectorised.
//!
//! Multiplications and additions are fused where it says so and nowhere else, hence the same bits everywhere.
#![forbid(unsafe_code)]

use crate::LANES;

/// Added to a number of less than 2²² and taken away again, it leaves the nearest whole number; the sum's
/// lowest bits are that number in two's complement.
pub(crate) const ROUND: f32 = 12_582_912.0; // 1.5 × 2²³

/// 2ˣ for x of at most 127, within a relative error of 3e-7; of x below −125 it is some 2e-38. NaN of NaN.
#[inline(always)]
pub(crate) fn exp2(x: f32) -> f32 {
    // Comparisons are written so that NaN fails them and stays.
    let x = if x < -125.0 { -125.0 } else { x };
    let shifted = x + ROUND;
    let rest = x - (shifted - ROUND);
    // Least-squares fit of (2ʳ − 1) / r, weighted for the relative error: 9.2e-8 before rounding.
    #[expect(clippy::approx_constant, reason = "of the fit, and not quite ln 2")]
    const FIT: [f32; 5] = [
        0.693_147,
        0.240_222_42,
        0.055_507_336,
        0.009_671_513,
        0.001_326_472_6,
    ];
    let power = polynomial(FIT, rest).mul_add(rest, 1.0);
    power * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000))
}

/// x × Φ(x), Φ being the normal distribution: within 1e-6 × max(1, |x|).
#[inline(always)]
pub(crate) fn gelu(x: f32) -> f32 {
    // From here on Φ is 0 or 1 to within the error.
    const END: f32 = 5.25;
    let near = if x < -END { -END } else { x };
    let near = if near > END { END } else { near };
    // Fit of (Φ(x) − ½) / x, which is even, over x² moved to −1 … 1.
    const FIT: [f32; 13] = [
        0.134_659_29,
        -0.067_126_34,
        0.049_650_475,
        -0.039_782_103,
        0.031_967_983,
        -0.024_842_516,
        0.018_829_228,
        -0.013_653_445,
        0.007_904_329,
        -0.003_622_01,
        0.003_094_962_8,
        -0.002_821_799_1,
        0.000_980_052,
    ];
    let place = (near * near).mul_add(2.0 / (END * END), -1.0);
    let half = near * polynomial(FIT, place);
    x * (half + 0.5)
}

/// `transformers`' `gelu_new`: GELU by tanh, within 1e-6 × max(1, |x|).
#[inline(always)]
pub(crate) fn gelu_tanh(x: f32) -> f32 {
    const SQRT_2_OVER_PI: f32 = 0.797_884_6;
    let inner = SQRT_2_OVER_PI * (0.044_715 * x * x).mul_add(x, x);
    0.5 * x * (1.0 + tanh(inner))
}

/// The greater of x and 0. NaN stays.
#[inline(always)]
pub(crate) fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// Within 3e-7.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    const END: f32 = 10.0;
    let x = if x < -END { -END } else { x };
    let x = if x > END { END } else { x };
    let square = exp2(2.0 * core::f32::consts::LOG2_E * x);
    1.0 - 2.0 / (square + 1.0)
}

/// Horner's scheme in four strands, since a single one is a long chain of operations that wait for each
/// other.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: [f32; N], x: f32) -> f32 {
    let square = x * x;
    let fourth = square * square;
    let mut strands = [0f32; 4];
    for (place, &coefficient) in coefficients.iter().enumerate().rev() {
        let strand = &mut strands[place % 4];
        *strand = if place + 4 < N {
            strand.mul_add(fourth, coefficient)
        } else {
            coefficient
        };
    }
    let [a, b, c, d] = strands;
    d.mul_add(x, c).mul_add(square, b.mul_add(x, a))
}

/// The sum of `of(value)`, by halves of 32 lanes, in an order that depends on the values' number only.
#[inline(always)]
pub(crate) fn sum(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0; 32];
    let (chunks, rest) = values.as_chunks::<32>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += of(value);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane += of(value);
    }
    for half in [16, 8, 4, 2, 1] {
        let (low, high) = lanes.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
    }
    lanes[0]
}

/// One of a few lanes, by halves.
#[inline(always)]
pub(crate) fn fold(mut lanes: [f32; LANES], of: impl Fn(f32, f32) -> f32) -> f32 {
    for half in [8, 4, 2, 1] {
        let (low, high) = lanes.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high) {
            *low = of(*low, *high);
        }
    }
    lanes[0]
}

/// The greater of two. NaN in the place of `b` is passed over.
#[inline(always)]
pub(crate) fn greater(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp2_is_within_its_bound() {
        for step in -125_000..=127_000 {
            let x = step as f32 / 1000.0;
            let expected = f64::from(x).exp2();
            let error = (f64::from(exp2(x)) / expected - 1.0).abs();
            assert!(error <= 3e-7, "{x}: {error}");
        }
        for below in [-125.1, -1e9, f32::NEG_INFINITY] {
            assert!((1e-38..3e-38).contains(&exp2(below)), "{below}");
        }
        assert!(exp2(f32::NAN).is_nan());
    }
}
