use super::*;
use crate::packing::check_packed_bytes;
use crate::random::Random;

fn filled(random: &mut Random, inputs: usize, outputs: usize) -> (Matrix, Vec<f32>, Vec<f32>) {
    let (weights, bias) = (random.units(inputs * outputs), random.units(outputs));
    let mut matrix = Matrix::zeros(inputs, outputs);
    // In two parts, as queries, keys and values come.
    let first = outputs / 3;
    matrix.set_weights(first, &weights[first * inputs..]);
    matrix.set_weights(0, &weights[..first * inputs]);
    matrix.set_bias(0, &bias[..first]);
    matrix.set_bias(first, &bias[first..]);
    (matrix, weights, bias)
}

fn apply(isa: Isa, matrix: &Matrix, values: &[f32], activation: Activation) -> Vec<f32> {
    let mut rows = Rows::default();
    rows.quantise(isa, values, matrix.inputs);
    let mut out = vec![f32::NAN; rows.len * matrix.outputs];
    matrix.apply(isa, &rows, activation, &mut out);
    out
}

/// The definition, with sums in 64 bits.
fn defined(values: &[f32], weights: &[f32], bias: &[f32], inputs: usize) -> Vec<f32> {
    let quantise = |values: &[f32]| -> (f32, Vec<i64>) {
        let greatest = values.iter().fold(0f32, |a, b| a.max(b.abs()));
        let whole = |&value: &f32| (value * (GREATEST / greatest)).round_ties_even() as i64;
        (greatest / GREATEST, values.iter().map(whole).collect())
    };
    let outputs: Vec<_> = weights.chunks(inputs).map(quantise).collect();
    let mut all = Vec::new();
    for row in values.chunks(inputs) {
        let (row_scale, row) = quantise(row);
        for ((scale, weights), bias) in outputs.iter().zip(bias) {
            let sum: i64 = row.iter().zip(weights).map(|(a, b)| a * b).sum();
            all.push((sum as f32).mul_add(row_scale * scale, *bias));
        }
    }
    all
}

#[test]
fn products_are_those_of_the_definition_to_the_bit_on_every_isa() {
    let mut random = Random::new(3);
    for (inputs, outputs) in [
        (1, 1),
        (3, 70),
        (4, 64),
        (33, 21),
        (130, 129),
        (385, 100),
        (777, 65),
    ] {
        let (matrix, weights, bias) = filled(&mut random, inputs, outputs);
        for rows in [1, 2, 5, 6, 7, 47, 48, 49, 70] {
            let values = random.units(rows * inputs);
            let defined = defined(&values, &weights, &bias, inputs);
            for isa in Isa::available() {
                let out = apply(isa, &matrix, &values, Activation::Identity);
                assert_eq!(out, defined, "{isa:?} {rows}×{inputs}×{outputs}");
            }
        }
    }
}

#[test]
fn products_of_every_number_of_outputs_are_those_of_the_definition() {
    const INPUTS: [usize; 11] = [1, 2, 3, 5, 95, 96, 97, 193, 383, 384, 389];
    let mut random = Random::new(15);
    for outputs in 1..=200 {
        let (inputs, rows) = (INPUTS[outputs % INPUTS.len()], 1 + outputs % 13);
        let (matrix, weights, bias) = filled(&mut random, inputs, outputs);
        let values = random.units(rows * inputs);
        let defined = defined(&values, &weights, &bias, inputs);
        for isa in Isa::available() {
            let out = apply(isa, &matrix, &values, Activation::Identity);
            assert_eq!(out, defined, "{isa:?} {rows}×{inputs}×{outputs}");
        }
    }
}

#[test]
fn every_number_of_rows_gives_each_row_what_it_has_alone() {
    let mut random = Random::new(4);
    let (matrix, ..) = filled(&mut random, 50, 90);
    let values = random.units(70 * 50);
    for isa in Isa::available() {
        let alone: Vec<f32> = values
            .chunks(50)
            .flat_map(|row| apply(isa, &matrix, row, Activation::Gelu))
            .collect();
        for rows in 1..=70 {
            let out = apply(isa, &matrix, &values[..rows * 50], Activation::Gelu);
            assert_eq!(out, alone[..rows * 90], "{isa:?} {rows}");
        }
    }
}

#[test]
fn activations_are_applied_after_the_bias() {
    let mut random = Random::new(5);
    let (matrix, ..) = filled(&mut random, 40, 70);
    let values = random.units(9 * 40);
    for isa in Isa::available() {
        let plain = apply(isa, &matrix, &values, Activation::Identity);
        let relu = apply(isa, &matrix, &values, Activation::Relu);
        let expected: Vec<f32> = plain.iter().map(|x| x.max(0.0)).collect();
        assert_eq!(relu, expected);
        assert!(plain.iter().any(|&x| x < 0.0));
    }
}

#[test]
fn the_error_is_that_of_rounding() {
    // Of each product at most half a step of either factor, and the steps are 1/127 of at most 1.
    let mut random = Random::new(6);
    let inputs = 384;
    let (matrix, weights, bias) = filled(&mut random, inputs, 64);
    let values = random.units(8 * inputs);
    let out = apply(Isa::detect(), &matrix, &values, Activation::Identity);
    for (row, out) in values.chunks(inputs).zip(out.chunks(64)) {
        for ((weights, bias), out) in weights.chunks(inputs).zip(&bias).zip(out) {
            let exact: f32 = row.iter().zip(weights).map(|(a, b)| a * b).sum::<f32>() + bias;
            // Errors add like a random walk; the bound is some six deviations.
            assert!((out - exact).abs() < 0.4, "{out} is not {exact}");
        }
    }
}

#[test]
fn odd_rows_do_no_harm() {
    let mut random = Random::new(9);
    let (matrix, _, bias) = filled(&mut random, 37, 80);
    for isa in Isa::available() {
        // Zeros, and what is too small to have an inverse: the bias alone.
        for size in [0.0, -0.0, 1e-38, f32::from_bits(1)] {
            assert_eq!(apply(isa, &matrix, &[size; 37], Activation::Identity), bias);
        }
        // One value throughout is represented exactly but for the last bits.
        let same = apply(isa, &matrix, &[0.3; 37], Activation::Identity);
        let opposite = apply(isa, &matrix, &[-0.3; 37], Activation::Identity);
        for ((a, b), bias) in same.iter().zip(&opposite).zip(&bias) {
            assert!((a - bias + (b - bias)).abs() < 1e-5);
        }
        // The greatest numbers do not overflow on the way.
        let great = apply(isa, &matrix, &[1e37; 37], Activation::Identity);
        assert!(great.iter().all(|value| value.is_finite()), "{isa:?}");
        // What is not finite takes its own row and no other.
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut values = random.units(3 * 37);
            let sound = apply(isa, &matrix, &values, Activation::Gelu);
            values[37 + 20] = bad;
            let out = apply(isa, &matrix, &values, Activation::Gelu);
            assert!(out[80..160].iter().all(|value| value.is_nan()));
            assert_eq!(out[..80], sound[..80]);
            assert_eq!(out[160..], sound[160..]);
        }
    }
}

#[test]
fn weights_that_are_not_finite_take_their_output_and_no_other() {
    let mut matrix = Matrix::zeros(5, 3);
    matrix.set_weights(0, &[1.0; 15]);
    matrix.set_weights(1, &[1.0, f32::NAN, 2.0, f32::INFINITY, 1.0]);
    for isa in Isa::available() {
        let out = apply(isa, &matrix, &[1.0; 5], Activation::Identity);
        assert!((out[0] - 5.0).abs() < 1e-5 && out[1].is_nan() && (out[2] - 5.0).abs() < 1e-5);
    }
}

#[test]
fn packed_bytes_are_what_is_allocated_and_saturate() {
    check_packed_bytes(Matrix::packed_bytes, |inputs, outputs| {
        size_of_val(&Matrix::zeros(inputs, outputs).weights[..])
    });
}
