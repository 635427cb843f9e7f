//! Where the time of an encoder's layer goes: each kernel alone, on one thread.
//!
//! ```text
//! cargo run --release -p sealnote-kernels --example parts [TOKENS]
//! ```
//!
//! The layer is a small BERT's (384, 12 heads, 1536 between) in 8 bits, for one sequence; the weights are of six layers in
//! turn, so that they come from the cache that they come from in life. Times are low quantiles of many repetitions, each
//! some tens to hundreds of microseconds: what else the machine does counts little.

use std::time::Instant;

use sealnote_kernels::attention::{Heads, Piece, PieceMut, Scratch, attend};
use sealnote_kernels::{Activation, Isa, LayerNorm, int8};

const HIDDEN: usize = 384;
const BETWEEN: usize = 1536;
const HEADS: Heads = Heads {
    count: 12,
    width: 32,
};
const LAYERS: usize = 6;
/// Rows that go through a layer together, as in the engine.
const BLOCK: usize = 48;
const REPETITIONS: usize = 400;

/// Inputs, outputs, what is applied, and how many such products there are in a layer.
const PRODUCTS: [(usize, usize, Activation, usize); 4] = [
    (HIDDEN, 2 * HIDDEN, Activation::Identity, 1),
    (HIDDEN, HIDDEN, Activation::Identity, 2),
    (HIDDEN, BETWEEN, Activation::Gelu, 1),
    (BETWEEN, HIDDEN, Activation::Identity, 1),
];

fn main() {
    let tokens = std::env::args().nth(1);
    let tokens: usize = tokens.map_or(128, |tokens| tokens.parse().expect("tokens: a number"));
    let isa = Isa::detect();
    let mut parts = Vec::new();
    let (mut whole, mut around) = (0.0, 0.0);
    for (inputs, outputs, activation, count) in PRODUCTS {
        whole += count as f64 * product(isa, tokens, inputs, outputs, activation);
        // A step of the product, and all that there is beside the steps.
        around += count as f64 * product(isa, tokens, 4, outputs, activation);
    }
    parts.push(("products of bytes", whole - around));
    parts.push(("sums of bytes to values: scale, bias, GELU", around));
    let quantise = |width| quantise(isa, tokens, width);
    parts.push((
        "values to bytes",
        3.0 * quantise(HIDDEN) + quantise(BETWEEN),
    ));
    let (keys, attention) = attention(isa, tokens);
    parts.push(("keys and values laid out", keys));
    parts.push(("attention", attention));
    parts.push(("layer norms", 2.0 * norm(isa, tokens)));

    let sum: f64 = parts.iter().map(|(_, time)| time).sum();
    println!("{isa:?}, {tokens} tokens: {sum:.0} µs a layer");
    for (name, time) in &parts {
        println!("{name:<45}{time:>8.1} µs {:>5.1} %", time / sum * 100.0);
    }
    let products: usize = PRODUCTS
        .iter()
        .map(|(inputs, outputs, _, count)| inputs * outputs * count)
        .sum();
    let rate = |operations: usize, time: f64| operations as f64 / time / 1e3;
    println!(
        "products of bytes: {:.0} × 10⁹ operations a second; attention, all of it: {:.0}",
        rate(2 * tokens * products, whole - around),
        rate(4 * tokens * tokens * HIDDEN, attention)
    );
}

fn product(isa: Isa, tokens: usize, inputs: usize, outputs: usize, activation: Activation) -> f64 {
    let matrix = |layer| {
        let mut matrix = int8::Matrix::zeros(inputs, outputs);
        matrix.set_weights(0, &values(layer, inputs * outputs));
        matrix.set_bias(0, &values(layer, outputs));
        matrix
    };
    let matrices: Vec<_> = (0..LAYERS).map(matrix).collect();
    let mut blocks = Vec::new();
    for start in (0..tokens).step_by(BLOCK) {
        let rows = (tokens - start).min(BLOCK);
        let mut bytes = int8::Rows::default();
        bytes.quantise(isa, &values(start, rows * inputs), inputs);
        blocks.push((rows, bytes));
    }
    let mut out = vec![0.0; BLOCK * outputs];
    let mut turn = 0;
    time(|| {
        turn += 1;
        for (rows, bytes) in &blocks {
            matrices[turn % LAYERS].apply(isa, bytes, activation, &mut out[..rows * outputs]);
        }
    })
}

fn quantise(isa: Isa, tokens: usize, width: usize) -> f64 {
    let values = values(1, tokens * width);
    let mut bytes = int8::Rows::default();
    time(|| {
        for values in values.chunks(BLOCK * width) {
            bytes.quantise(isa, values, width);
        }
    })
}

/// Of the layout, and of what comes after.
fn attention(isa: Isa, tokens: usize) -> (f64, f64) {
    let (queries, others) = (values(2, tokens * HIDDEN), values(3, tokens * 2 * HIDDEN));
    let mut keys = vec![0.0; HEADS.keys_len(tokens)];
    let mut values = vec![0.0; HEADS.values_len(tokens)];
    let layout = time(|| {
        let mut piece = PieceMut {
            tokens,
            keys: &mut keys,
            values: &mut values,
        };
        piece.set(isa, HEADS, 0, &others);
    });
    let piece = Piece {
        tokens,
        keys: &keys,
        values: &values,
    };
    let (mut scratch, mut out) = (Scratch::default(), vec![0.0; queries.len()]);
    let attention = time(|| attend(isa, HEADS, &queries, &[piece], &mut scratch, &mut out));
    (layout, attention)
}

fn norm(isa: Isa, tokens: usize) -> f64 {
    let norm = LayerNorm::new(values(4, HIDDEN), values(5, HIDDEN), 1e-12);
    let (mut rows, added) = (values(6, tokens * HIDDEN), values(7, tokens * HIDDEN));
    time(|| norm.apply_to_sum(isa, &mut rows, &added))
}

/// Microseconds.
fn time(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[REPETITIONS / 10]
}

/// Of −1 to 1, others for each seed.
fn values(seed: usize, len: usize) -> Vec<f32> {
    let mut state = seed as u64 + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}
