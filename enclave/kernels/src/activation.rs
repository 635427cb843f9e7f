//! What is applied to each element on its way out of a product.
#![forbid(unsafe_code)]

use crate::Isa;
use crate::isa::{Kernel, Simd};
use crate::math;

/// An activation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// None.
    Identity,
    /// x × Φ(x), by erf; within 1e-6 × max(1, |x|).
    Gelu,
    /// GELU's approximation by tanh, `transformers`' `gelu_new`; within 1e-6 × max(1, |x|).
    GeluTanh,
    /// The greater of x and 0. NaN stays.
    Relu,
}

impl Activation {
    #[inline(always)]
    pub(crate) fn apply(self, values: &mut [f32]) {
        match self {
            Self::Identity => {}
            Self::Gelu => {
                for value in values {
                    *value = math::gelu(*value);
                }
            }
            Self::GeluTanh => {
                for value in values {
                    *value = math::gelu_tanh(*value);
                }
            }
            Self::Relu => {
                for value in values {
                    *value = math::relu(*value);
                }
            }
        }
    }
}

/// The hyperbolic tangent of each value, in its place; within 3e-7.
pub fn tanh(isa: Isa, values: &mut [f32]) {
    struct Tanh<'a>(&'a mut [f32]);

    impl Kernel for Tanh<'_> {
        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            for value in self.0 {
                *value = math::tanh(*value);
            }
        }
    }

    isa.run(Tanh(values));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Apply<'a>(Activation, &'a mut [f32]);

    impl Kernel for Apply<'_> {
        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            self.0.apply(self.1);
        }
    }

    /// The error function by its series and continued fraction, in f64 (Abramowitz and Stegun 7.1.6 and
    /// 7.1.14).
    fn erf(x: f64) -> f64 {
        if x < 0.0 {
            return -erf(-x);
        }
        let scale = (-x * x).exp() / core::f64::consts::PI.sqrt();
        if x < 3.0 {
            let (mut term, mut sum) = (x, x);
            for n in 1..200 {
                term *= 2.0 * x * x / f64::from(2 * n + 1);
                sum += term;
            }
            2.0 * scale * sum
        } else {
            let fraction = (1..200)
                .rev()
                .fold(x, |rest, n| x + f64::from(n) / 2.0 / rest);
            1.0 - scale / fraction
        }
    }

    fn exact(activation: Activation, x: f64) -> f64 {
        match activation {
            Activation::Identity => x,
            Activation::Gelu => 0.5 * x * (1.0 + erf(x / 2f64.sqrt())),
            Activation::GeluTanh => {
                let inner = (2.0 / core::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
                0.5 * x * (1.0 + inner.tanh())
            }
            Activation::Relu => x.max(0.0),
        }
    }

    fn arguments() -> Vec<f32> {
        let mut all: Vec<f32> = (-80_000..=80_000).map(|i| i as f32 * 1.25e-4).collect();
        all.extend([1e-30, -1e-30, 30.0, -30.0, 1e4, -1e4, -0.0]);
        all
    }

    #[test]
    fn errors_are_within_the_stated_bounds() {
        assert!((erf(0.5) - 0.520_499_877_813_046_5).abs() < 1e-15);
        assert!((erf(3.5) - 0.999_999_256_901_627_7).abs() < 1e-15);
        use Activation::*;
        for isa in Isa::available() {
            for activation in [Identity, Gelu, GeluTanh, Relu] {
                let mut values = arguments();
                isa.run(Apply(activation, &mut values));
                for (&value, &x) in values.iter().zip(&arguments()) {
                    let error = (f64::from(value) - exact(activation, f64::from(x))).abs();
                    let bound = 1e-6 * f64::from(x.abs().max(1.0));
                    assert!(error <= bound, "{isa:?} {activation:?}({x}): {value}");
                }
            }
            let mut values = arguments();
            tanh(isa, &mut values);
            for (&value, &x) in values.iter().zip(&arguments()) {
                let error = (f64::from(value) - f64::from(x).tanh()).abs();
                assert!(error <= 3e-7, "{isa:?} tanh({x}): {value}");
            }
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for isa in Isa::available() {
            for nan in [
                f32::NAN,
                -f32::NAN,
                f32::from_bits(0x7f80_0001),
                f32::from_bits(0xffff_ffff),
            ] {
                for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Relu] {
                    // As many as a vectorised loop and its rest take.
                    let mut values = [nan; 37];
                    isa.run(Apply(activation, &mut values));
                    assert!(
                        values.iter().all(|value| value.is_nan()),
                        "{isa:?} {activation:?}"
                    );
                }
                let mut values = [nan; 37];
                tanh(isa, &mut values);
                assert!(values.iter().all(|value| value.is_nan()), "{isa:?}");
            }
            let mut values = [f32::INFINITY, f32::NEG_INFINITY];
            tanh(isa, &mut values);
            assert!((values[0] - 1.0).abs() < 3e-7 && (values[1] + 1.0).abs() < 3e-7);
        }
    }
}
