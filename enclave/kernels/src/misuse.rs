//! What callers could do wrong, and numbers that could come: a panic at most.
#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::attention::{Heads, Piece, PieceMut, Scratch, attend};
use crate::random::Random;
use crate::{Activation, Isa, LayerNorm, dense, int8, tanh};

fn panics(call: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

#[test]
fn products_of_sizes_that_do_not_match_panic() {
    assert!(panics(|| drop(int8::Matrix::zeros(0, 1))));
    assert!(panics(|| drop(int8::Matrix::zeros(1, 0))));
    assert!(panics(|| drop(int8::Matrix::zeros(
        int8::MAX_INPUTS + 1,
        1
    ))));
    assert!(panics(|| drop(dense::Matrix::zeros(0, 1))));
    assert!(panics(|| drop(dense::Matrix::zeros(1, 0))));

    let (mut narrow, mut wide) = (int8::Matrix::zeros(5, 70), dense::Matrix::zeros(5, 70));
    for (first, len) in [(0, 4), (0, 71 * 5), (70, 5), (usize::MAX, 5)] {
        let weights = vec![1.0; len];
        assert!(panics(|| narrow.set_weights(first, &weights)));
        assert!(panics(|| wide.set_weights(first, &weights)));
    }
    for (first, len) in [(0, 71), (70, 1), (usize::MAX, 1)] {
        let bias = vec![1.0; len];
        assert!(panics(|| narrow.set_bias(first, &bias)));
        assert!(panics(|| wide.set_bias(first, &bias)));
    }

    let none = Activation::Identity;
    for isa in Isa::available() {
        for (values, out) in [(10, 139), (10, 141), (9, 140), (0, 1)] {
            let (values, mut out) = (vec![1.0; values], vec![0.0; out]);
            assert!(panics(|| wide.apply(isa, &values, none, &mut out)));
        }
        wide.apply(isa, &[], none, &mut []);

        let mut rows = int8::Rows::default();
        assert!(panics(|| narrow.apply(isa, &rows, none, &mut [])));
        assert!(panics(|| rows.quantise(isa, &[1.0; 4], 3)));
        assert!(panics(|| rows.quantise(isa, &[1.0; 4], 0)));
        assert!(panics(|| rows.quantise(isa, &[], 0)));
        rows.quantise(isa, &[], 5);
        narrow.apply(isa, &rows, none, &mut []);
        // Of ten rows there are the bytes still, of two the scales.
        rows.quantise(isa, &[1.0; 50], 5);
        rows.quantise(isa, &[1.0; 10], 5);
        for out in [0, 139, 141, 700] {
            let mut out = vec![0.0; out];
            assert!(panics(|| narrow.apply(isa, &rows, none, &mut out)));
        }
        rows.quantise(isa, &[1.0; 12], 6);
        assert!(panics(|| narrow.apply(isa, &rows, none, &mut [0.0; 140])));
    }
}

#[test]
fn norms_of_sizes_that_do_not_match_panic() {
    assert!(panics(|| drop(LayerNorm::new(vec![], vec![], 0.0))));
    assert!(panics(|| drop(LayerNorm::new(
        vec![1.0; 3],
        vec![1.0; 2],
        0.0
    ))));
    let norm = LayerNorm::new(vec![1.0; 3], vec![1.0; 3], 0.0);
    for isa in Isa::available() {
        assert!(panics(|| norm.apply(isa, &mut [1.0; 4])));
        assert!(panics(|| norm.apply_to_sum(isa, &mut [1.0; 4], &[1.0; 4])));
        assert!(panics(|| norm.apply_to_sum(isa, &mut [1.0; 6], &[1.0; 3])));
        norm.apply(isa, &mut []);
        tanh(isa, &mut []);
    }
}

#[test]
fn attention_of_sizes_that_do_not_match_panics() {
    let heads = Heads { count: 2, width: 3 };
    for isa in Isa::available() {
        // Of 5 tokens: 6 × 16 of keys, 2 × 16 × 16 of values.
        let set = |first: usize, rows: usize, keys: usize, values: usize| {
            let (mut keys, mut values) = (vec![0.0; keys], vec![0.0; values]);
            let mut piece = PieceMut {
                tokens: 5,
                keys: &mut keys,
                values: &mut values,
            };
            panics(|| piece.set(isa, heads, first, &vec![1.0; rows]))
        };
        assert!(!set(0, 60, 96, 512) && !set(4, 12, 96, 512) && !set(5, 0, 96, 512));
        assert!(set(0, 72, 96, 512) && set(5, 12, 96, 512) && set(usize::MAX, 12, 96, 512));
        assert!(set(0, 59, 96, 512) && set(0, 60, 95, 512) && set(0, 60, 96, 511));

        let run = |heads: Heads, queries: usize, out: usize, pieces: &[(usize, usize, usize)]| {
            let (queries, mut out) = (vec![1.0; queries], vec![0.0; out]);
            let buffer = vec![1.0; 2048];
            let piece = |&(tokens, keys, values): &(usize, usize, usize)| Piece {
                tokens,
                keys: &buffer[..keys],
                values: &buffer[..values],
            };
            let pieces: Vec<_> = pieces.iter().map(piece).collect();
            panics(|| {
                attend(
                    isa,
                    heads,
                    &queries,
                    &pieces,
                    &mut Scratch::default(),
                    &mut out,
                )
            })
        };
        let sound = (5, 96, 512);
        assert!(!run(heads, 6, 6, &[sound]) && !run(heads, 0, 0, &[sound]));
        assert!(run(heads, 6, 12, &[sound]) && run(heads, 5, 5, &[sound]));
        assert!(run(heads, 6, 6, &[]) && run(heads, 6, 6, &[sound, sound]));
        assert!(run(heads, 6, 6, &[(5, 95, 512)]) && run(heads, 6, 6, &[(5, 96, 511)]));
        assert!(run(heads, 6, 6, &[(0, 0, 0), sound]) && run(heads, 6, 6, &[(0, 0, 0)]));
        // Sizes whose products wrap in a release.
        assert!(run(heads, 6, 6, &[(usize::MAX - 15, 0, 0), (16, 96, 512)]));
        let great = usize::MAX - 15;
        for (count, width) in [
            (0, 3),
            (3, 0),
            (usize::MAX, great),
            (1 << 62, 4),
            (1, great),
        ] {
            let heads = Heads { count, width };
            assert!(run(heads, 32, 32, &[(16, 2048, 2048)]));
        }
    }
}

/// NaN and infinities of either sign, subnormal numbers, zeros, and any others.
fn bits(random: &mut Random, len: usize) -> Vec<f32> {
    let value = |random: &mut Random| match random.below(40) {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::NEG_INFINITY,
        3 => f32::from_bits(random.bits() as u32 & 0x807f_ffff),
        4 => f32::MAX,
        5..20 => f32::from_bits(random.bits() as u32),
        _ => random.unit(),
    };
    (0..len).map(|_| value(random)).collect()
}

/// All NaN alike: which one comes of several is left open by IEEE 754.
fn comparable(values: &[f32]) -> Vec<u32> {
    let nan = |value: &f32| {
        if value.is_nan() {
            u32::MAX
        } else {
            value.to_bits()
        }
    };
    values.iter().map(nan).collect()
}

#[test]
fn numbers_of_any_bits_give_the_same_on_every_isa() {
    let mut random = Random::new(31);
    for round in 0..60 {
        let (inputs, outputs, rows) = (1 + random.below(40), 1 + random.below(90), 8);
        // Every other time all but the rows is sound, so that not all is lost in NaN.
        let mut some = |len: usize| match round % 2 {
            0 => bits(&mut random, len),
            _ => random.units(len),
        };
        let (weights, bias) = (some(inputs * outputs), some(outputs));
        let norm = LayerNorm::new(some(outputs), some(outputs), 1e-12);
        let (keys, heads) = (some(rows * 12), Heads { count: 2, width: 3 });
        let (mut narrow, mut wide) = (
            int8::Matrix::zeros(inputs, outputs),
            dense::Matrix::zeros(inputs, outputs),
        );
        narrow.set_weights(0, &weights);
        narrow.set_bias(0, &bias);
        wide.set_weights(0, &weights);
        wide.set_bias(0, &bias);
        let values = bits(&mut random, rows * inputs);
        let queries = bits(&mut random, rows * 6);

        let all = |isa: Isa| {
            let mut results = Vec::new();
            for activation in [
                Activation::Identity,
                Activation::Gelu,
                Activation::GeluTanh,
                Activation::Relu,
            ] {
                let mut quantised = int8::Rows::default();
                quantised.quantise(isa, &values, inputs);
                let mut out = vec![0.0; rows * outputs];
                narrow.apply(isa, &quantised, activation, &mut out);
                results.extend(comparable(&out));
                wide.apply(isa, &values, activation, &mut out);
                results.extend(comparable(&out));
                norm.apply(isa, &mut out);
                results.extend(comparable(&out));
                tanh(isa, &mut out);
                results.extend(comparable(&out));
            }
            let (mut key_place, mut value_place) = ([0.0; 96], [0.0; 512]);
            let mut piece = PieceMut {
                tokens: rows,
                keys: &mut key_place,
                values: &mut value_place,
            };
            piece.set(isa, heads, 0, &keys);
            let piece = Piece {
                tokens: rows,
                keys: &key_place,
                values: &value_place,
            };
            let mut out = vec![0.0; rows * 6];
            attend(
                isa,
                heads,
                &queries,
                &[piece],
                &mut Scratch::default(),
                &mut out,
            );
            results.extend(comparable(&out));
            results
        };
        let first = all(Isa::detect());
        for isa in Isa::available() {
            assert!(all(isa) == first, "{isa:?}, round {round}");
        }
    }
}
