use super::*;
use crate::packing::check_packed_bytes;
use crate::random::Random;

fn filled(random: &mut Random, inputs: usize, outputs: usize) -> (Matrix, Vec<f32>, Vec<f32>) {
    let (weights, bias) = (random.units(inputs * outputs), random.units(outputs));
    let mut matrix = Matrix::zeros(inputs, outputs);
    let first = outputs / 3;
    matrix.set_weights(first, &weights[first * inputs..]);
    matrix.set_weights(0, &weights[..first * inputs]);
    matrix.set_bias(0, &bias);
    (matrix, weights, bias)
}

fn apply(isa: Isa, matrix: &Matrix, rows: &[f32], activation: Activation) -> Vec<f32> {
    let mut out = vec![f32::NAN; rows.len() / matrix.inputs * matrix.outputs];
    matrix.apply(isa, rows, activation, &mut out);
    out
}

#[test]
fn products_are_exact_to_rounding() {
    let mut random = Random::new(11);
    for (inputs, outputs) in [(1, 1), (3, 70), (96, 64), (97, 21), (193, 129), (400, 65)] {
        let (matrix, weights, bias) = filled(&mut random, inputs, outputs);
        for rows in [1, 2, 6, 7, 48, 49, 70] {
            let values = random.units(rows * inputs);
            for isa in Isa::available() {
                let out = apply(isa, &matrix, &values, Activation::Identity);
                for (row, out) in values.chunks(inputs).zip(out.chunks(outputs)) {
                    for ((weights, bias), out) in weights.chunks(inputs).zip(&bias).zip(out) {
                        let products = row.iter().zip(weights);
                        let sum: f64 = products.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                        let error = f64::from(*out) - (sum + f64::from(*bias));
                        // √inputs roundings' worth of an error, each 2⁻²⁴ of a sum of some √inputs.
                        let bound = 1e-6 + 2e-7 * inputs as f64;
                        assert!(
                            error.abs() < bound,
                            "{isa:?} {rows}×{inputs}×{outputs}: {error}"
                        );
                    }
                }
            }
        }
    }
}

/// In the order of the inputs, each multiplication fused with its addition.
#[test]
fn products_of_every_number_of_outputs_are_those_of_the_definition_to_the_bit() {
    const INPUTS: [usize; 11] = [1, 2, 3, 4, 31, 95, 96, 97, 191, 192, 193];
    let mut random = Random::new(15);
    for outputs in 1..=200 {
        let (inputs, rows) = (INPUTS[outputs % INPUTS.len()], 1 + outputs % 13);
        let (matrix, weights, bias) = filled(&mut random, inputs, outputs);
        let values = random.units(rows * inputs);
        let mut defined = Vec::new();
        for row in values.chunks(inputs) {
            for (weights, bias) in weights.chunks(inputs).zip(&bias) {
                let products = row.iter().zip(weights);
                let sum = products.fold(0.0, |sum: f32, (a, b)| a.mul_add(*b, sum));
                defined.push(sum + bias);
            }
        }
        for isa in Isa::available() {
            let out = apply(isa, &matrix, &values, Activation::Identity);
            assert_eq!(out, defined, "{isa:?} {rows}×{inputs}×{outputs}");
        }
    }
}

#[test]
fn every_isa_gives_the_same_bits() {
    let mut random = Random::new(14);
    let (matrix, ..) = filled(&mut random, 200, 90);
    let values = random.units(15 * 200);
    for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Relu] {
        let mut all = Isa::available().into_iter();
        let all = all
            .by_ref()
            .map(|isa| apply(isa, &matrix, &values, activation));
        let all: Vec<_> = all.collect();
        assert!(all.iter().all(|out| *out == all[0]), "{activation:?}");
    }
}

#[test]
fn every_number_of_rows_gives_each_row_what_it_has_alone() {
    let mut random = Random::new(12);
    let (matrix, ..) = filled(&mut random, 130, 90);
    let values = random.units(70 * 130);
    for isa in Isa::available() {
        let alone: Vec<f32> = values
            .chunks(130)
            .flat_map(|row| apply(isa, &matrix, row, Activation::GeluTanh))
            .collect();
        for rows in 1..=70 {
            let out = apply(isa, &matrix, &values[..rows * 130], Activation::GeluTanh);
            assert_eq!(out, alone[..rows * 90], "{isa:?} {rows}");
        }
    }
}

#[test]
fn what_is_not_finite_takes_its_row_and_no_other() {
    let mut random = Random::new(13);
    let (matrix, ..) = filled(&mut random, 30, 70);
    for isa in Isa::available() {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut values = random.units(3 * 30);
            let sound = apply(isa, &matrix, &values, Activation::Gelu);
            values[40] = bad;
            let out = apply(isa, &matrix, &values, Activation::Gelu);
            assert!(out[70..140].iter().any(|value| !value.is_finite()));
            assert_eq!(out[..70], sound[..70]);
            assert_eq!(out[140..], sound[140..]);
        }
    }
}

#[test]
fn packed_bytes_are_what_is_allocated_and_saturate() {
    check_packed_bytes(Matrix::packed_bytes, |inputs, outputs| {
        size_of_val(&Matrix::zeros(inputs, outputs).weights[..])
    });
}
