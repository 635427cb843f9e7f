use super::*;
use crate::PANEL;
use crate::random::Random;

struct Int8<'a>(Int8Tile<'a>);

impl Kernel for Int8<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        simd.int8_tile(self.0);
    }
}

struct F32<'a>(F32Tile<'a>);

impl Kernel for F32<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        simd.f32_tile(self.0);
    }
}

struct Transposed<'a>(Square<'a>);

impl Kernel for Transposed<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        simd.transpose(self.0);
    }
}

#[test]
fn the_portable_set_is_always_there_and_last() {
    let all = Isa::available();
    assert_eq!(all.last().map(|isa| isa.name()), Some("portable"));
    assert_eq!(Isa::detect(), all[0]);
    // Where the processor is a known one, as an emulated one is.
    if let Ok(expected) = std::env::var("SEALNOTE_ISAS") {
        let names: Vec<_> = all.iter().map(|isa| isa.name()).collect();
        assert_eq!(names.join(" "), expected);
    }
}

// Slices are no longer than a tile needs, so that a sanitizer sees what reaches beyond.

/// Against sums in 64 bits; with the extreme bytes and weights, which would saturate 16 bits.
#[test]
fn int8_tiles_are_exact() {
    let mut random = Random::new(7);
    for isa in Isa::available() {
        for rows in 1..=6 {
            for (steps, extreme) in [
                (0, false),
                (1, false),
                (2, true),
                (17, false),
                (96, false),
                (97, true),
                (300, true),
            ] {
                let add = random.below(2) == 0;
                let stride = 4 * steps + random.below(9);
                let mut byte = || match (extreme, random.below(3)) {
                    (true, 0) => 1,
                    (true, _) => 255,
                    (false, _) => 1 + random.below(255) as u8,
                };
                let end = (rows - 1) * stride + 4 * steps;
                let bytes: Vec<u8> = (0..end).map(|_| byte()).collect();
                let mut weight = || match (extreme, random.below(3)) {
                    (true, 0) => -127,
                    (true, _) => 127,
                    (false, _) => random.below(255) as i8,
                };
                let weights: Vec<i8> = (0..steps * 4 * PANEL).map(|_| weight().max(-127)).collect();
                let before: Vec<i32> = (0..rows * PANEL)
                    .map(|_| random.bits() as i32 >> 8)
                    .collect();
                let mut sums = before.clone();
                let tile = Int8Tile {
                    add,
                    rows,
                    bytes: &bytes,
                    stride,
                    weights: &weights,
                    ahead: &weights,
                    sums: &mut sums,
                };
                isa.run(Int8(tile));
                for row in 0..rows {
                    for column in 0..PANEL {
                        let mut sum = match add {
                            true => i64::from(before[row * PANEL + column]),
                            false => 0,
                        };
                        for k in 0..4 * steps {
                            let value = i64::from(bytes[row * stride + k]);
                            let weight = weights[k / 4 * 4 * PANEL + column * 4 + k % 4];
                            sum += value * i64::from(weight);
                        }
                        let got = i64::from(sums[row * PANEL + column]);
                        assert_eq!(got, sum, "{isa:?} {rows}×{steps}: {row}, {column}");
                    }
                }
            }
        }
    }
}

/// Whole numbers, so that every order gives the same sum; and nothing beside the tile is touched.
#[test]
fn f32_tiles_are_exact_on_whole_numbers() {
    let mut random = Random::new(8);
    for isa in Isa::available() {
        for rows in 1..=6 {
            for columns in [16, 32, 48, 64] {
                for depth in [1, 3, 32, 97] {
                    let add = random.below(2) == 0;
                    let strides = [depth, columns, columns].map(|least| least + random.below(7));
                    let [a_stride, b_stride, c_stride] = strides;
                    let mut whole = |len: usize| -> Vec<f32> {
                        (0..len).map(|_| random.below(201) as f32 - 100.0).collect()
                    };
                    let a = whole((rows - 1) * a_stride + depth);
                    let b = whole((depth - 1) * b_stride + columns);
                    let before = whole((rows - 1) * c_stride + columns);
                    let mut c = before.clone();
                    isa.run(F32(F32Tile {
                        add,
                        rows,
                        columns,
                        depth,
                        a: &a,
                        a_stride,
                        b: &b,
                        b_stride,
                        ahead: &b,
                        c: &mut c,
                        c_stride,
                    }));
                    for (place, (&got, &before)) in c.iter().zip(&before).enumerate() {
                        let (row, column) = (place / c_stride, place % c_stride);
                        let product = |k: usize| a[row * a_stride + k] * b[k * b_stride + column];
                        let sum = match (column < columns, add) {
                            (true, true) => before + (0..depth).map(product).sum::<f32>(),
                            (true, false) => (0..depth).map(product).sum(),
                            (false, _) => before,
                        };
                        assert_eq!(
                            got, sum,
                            "{isa:?} {rows}×{columns}×{depth}: {row}, {column}"
                        );
                    }
                }
            }
        }
    }
}

/// Every element is another one; and nothing beside the square is touched.
#[test]
fn rows_become_columns() {
    for isa in Isa::available() {
        for (from_stride, to_stride) in [(LANES, LANES), (23, 16), (16, 19), (40, 33)] {
            let numbers = |first: usize, stride: usize| -> Vec<f32> {
                let len = (LANES - 1) * stride + LANES;
                (first..first + len).map(|number| number as f32).collect()
            };
            let (from, before) = (numbers(0, from_stride), numbers(10_000, to_stride));
            let mut to = before.clone();
            isa.run(Transposed(Square {
                from: &from,
                from_stride,
                to: &mut to,
                to_stride,
            }));
            for (place, (&got, &before)) in to.iter().zip(&before).enumerate() {
                let (row, column) = (place / to_stride, place % to_stride);
                let expected = match column < LANES {
                    true => from[column * from_stride + row],
                    false => before,
                };
                assert_eq!(got, expected, "{isa:?}: {row}, {column}");
            }
        }
    }
}

#[test]
fn squares_that_would_reach_beyond_their_slices_panic() {
    const HALF: usize = 1 << (usize::BITS - 1);
    for isa in Isa::available() {
        let wrong = |from: usize, from_stride: usize, to: usize, to_stride: usize| {
            let (from, mut to) = (vec![0.0; from], vec![0.0; to]);
            let square = Square {
                from: &from,
                from_stride,
                to: &mut to,
                to_stride,
            };
            let run = std::panic::AssertUnwindSafe(|| isa.run(Transposed(square)));
            std::panic::catch_unwind(run).is_err()
        };
        assert!(!wrong(271, 17, 301, 19));
        assert!(wrong(270, 17, 301, 19) && wrong(271, 17, 300, 19));
        // Ends that are within, were they to wrap.
        assert!(wrong(271, HALF, 301, 19) && wrong(271, 17, 301, HALF));
    }
}

#[test]
fn tiles_that_would_reach_beyond_their_slices_panic() {
    for isa in Isa::available() {
        let wrong = |bytes: usize, weights: usize, sums: usize, rows: usize| {
            let (bytes, weights) = (vec![1; bytes], vec![1; weights]);
            let mut sums = vec![0; sums];
            let tile = Int8Tile {
                add: true,
                rows,
                bytes: &bytes,
                stride: 8,
                weights: &weights,
                ahead: &weights,
                sums: &mut sums,
            };
            let run = std::panic::AssertUnwindSafe(|| isa.run(Int8(tile)));
            std::panic::catch_unwind(run).is_err()
        };
        assert!(!wrong(16, 512, 128, 2));
        assert!(wrong(15, 512, 128, 2) && wrong(16, 512, 127, 2) && wrong(16, 512, 128, 3));
        assert!(wrong(16, 512, 128, 0) && wrong(100, 512, 1000, 7));
        let wrong = |a: usize, b: usize, c: usize, columns: usize| {
            let (a, b) = (vec![0.0; a], vec![0.0; b]);
            let mut c = vec![0.0; c];
            let tile = F32Tile {
                add: true,
                rows: 2,
                columns,
                depth: 3,
                a: &a,
                a_stride: 4,
                b: &b,
                b_stride: 20,
                ahead: &[],
                c: &mut c,
                c_stride: 30,
            };
            let run = std::panic::AssertUnwindSafe(|| isa.run(F32(tile)));
            std::panic::catch_unwind(run).is_err()
        };
        assert!(!wrong(7, 56, 46, 16));
        assert!(wrong(6, 56, 46, 16) && wrong(7, 55, 46, 16) && wrong(7, 56, 45, 16));
        assert!(wrong(100, 100, 100, 17) && wrong(100, 100, 100, 0));
    }
}

/// Strides and depths whose ends, were they to wrap, would be within the slices.
#[test]
fn tiles_whose_ends_cannot_be_counted_panic() {
    const HALF: usize = 1 << (usize::BITS - 1);
    for isa in Isa::available() {
        for (rows, stride) in [(3, HALF), (2, usize::MAX - 7)] {
            let (bytes, weights, mut sums) = ([1; 16], [1; 512], [0; 3 * PANEL]);
            let tile = Int8Tile {
                add: false,
                rows,
                bytes: &bytes,
                stride,
                weights: &weights,
                ahead: &[],
                sums: &mut sums,
            };
            let run = std::panic::AssertUnwindSafe(|| isa.run(Int8(tile)));
            assert!(std::panic::catch_unwind(run).is_err(), "{isa:?}");
        }
        for (depth, a_stride, b_stride, c_stride) in [
            (3, HALF, 16, 16),
            (3, 3, HALF, 16),
            (3, 3, 16, HALF),
            (usize::MAX - 7, 4, 0, 16),
        ] {
            let (a, b, mut c) = ([0.0; 9], [0.0; 48], [0.0; 48]);
            let tile = F32Tile {
                add: false,
                rows: 3,
                columns: 16,
                depth,
                a: &a,
                a_stride,
                b: &b,
                b_stride,
                ahead: &[],
                c: &mut c,
                c_stride,
            };
            let run = std::panic::AssertUnwindSafe(|| isa.run(F32(tile)));
            assert!(std::panic::catch_unwind(run).is_err(), "{isa:?}");
        }
    }
}
