use super::*;
use crate::random::Random;

/// Rows of query, key and value.
struct Sequence {
    heads: Heads,
    queries: Vec<f32>,
    /// Key and value of each token.
    others: Vec<f32>,
}

impl Sequence {
    fn random(random: &mut Random, heads: Heads, tokens: usize) -> Self {
        let queries = random.units(tokens * heads.hidden());
        // Enough of a spread that some scores are far above others.
        let others = random.units(2 * tokens * heads.hidden());
        let others = others.iter().map(|value| value * 6.0).collect();
        Self {
            heads,
            queries,
            others,
        }
    }

    fn tokens(&self) -> usize {
        self.queries.len() / self.heads.hidden()
    }

    /// Cut after each of `cuts`; each piece laid out in two steps.
    fn attend(&self, isa: Isa, cuts: &[usize]) -> Vec<f32> {
        let (heads, row) = (self.heads, 2 * self.heads.hidden());
        let ends = cuts.iter().copied().chain([self.tokens()]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let mut buffers = Vec::new();
        for (start, end) in starts.zip(ends) {
            let tokens = end - start;
            let mut keys = vec![f32::NAN; heads.keys_len(tokens)];
            let mut values = vec![f32::NAN; heads.values_len(tokens)];
            let mut piece = PieceMut {
                tokens,
                keys: &mut keys,
                values: &mut values,
            };
            let half = tokens / 2;
            piece.set(
                isa,
                heads,
                half,
                &self.others[(start + half) * row..end * row],
            );
            piece.set(
                isa,
                heads,
                0,
                &self.others[start * row..(start + half) * row],
            );
            buffers.push((tokens, keys, values));
        }
        let piece = |(tokens, keys, values)| Piece {
            tokens,
            keys,
            values,
        };
        let pieces: Vec<_> = buffers
            .iter()
            .map(|(t, k, v)| piece((*t, &k[..], &v[..])))
            .collect();
        let mut out = vec![f32::NAN; self.queries.len()];
        attend(
            isa,
            heads,
            &self.queries,
            &pieces,
            &mut Scratch::default(),
            &mut out,
        );
        out
    }

    /// The definition, in f64.
    fn defined(&self) -> Vec<f64> {
        let Heads { count, width } = self.heads;
        let hidden = self.heads.hidden();
        let mut out = vec![0.0; self.queries.len()];
        for (query, out) in self.queries.chunks(hidden).zip(out.chunks_mut(hidden)) {
            for head in 0..count {
                let part = head * width..(head + 1) * width;
                let weight = |row: &[f32]| {
                    let products = query[part.clone()].iter().zip(&row[part.clone()]);
                    let sum: f64 = products.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                    (sum / (width as f64).sqrt()).exp()
                };
                let rows = || self.others.chunks(2 * hidden);
                let sum: f64 = rows().map(weight).sum();
                for row in rows() {
                    let values = row[hidden..][part.clone()].iter();
                    for (out, &value) in out[part.clone()].iter_mut().zip(values) {
                        *out += weight(row) / sum * f64::from(value);
                    }
                }
            }
        }
        out
    }
}

const SHAPES: [(usize, usize); 5] = [(1, 1), (4, 8), (2, 16), (3, 32), (1, 72)];

#[test]
fn the_context_is_that_of_the_definition() {
    let mut random = Random::new(21);
    for (count, width) in SHAPES {
        for tokens in [1, 2, 5, 16, 17, 31, 64, 65, 70, 130] {
            let sequence = Sequence::random(&mut random, Heads { count, width }, tokens);
            let defined = sequence.defined();
            for isa in Isa::available() {
                for (got, defined) in sequence.attend(isa, &[]).iter().zip(&defined) {
                    let error = (f64::from(*got) - defined).abs();
                    assert!(
                        error < 2e-5,
                        "{isa:?} {count}×{width}, {tokens} tokens: {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn heads_of_every_width_give_the_same_bits_on_every_isa() {
    let mut random = Random::new(24);
    for width in 1..=100 {
        let heads = Heads {
            count: 1 + width % 2,
            width,
        };
        let tokens = 1 + width * 7 % 67;
        let sequence = Sequence::random(&mut random, heads, tokens);
        let portable = sequence.attend(Isa::available()[Isa::available().len() - 1], &[]);
        assert!(portable.iter().all(|value| value.abs() <= 6.0 + 1e-5));
        for isa in Isa::available() {
            assert_eq!(
                sequence.attend(isa, &[]),
                portable,
                "{isa:?} {width}, {tokens} tokens"
            );
        }
    }
}

#[test]
fn a_sequence_in_pieces_gives_the_same_bits_on_every_isa() {
    let mut random = Random::new(22);
    for (count, width) in SHAPES {
        let sequence = Sequence::random(&mut random, Heads { count, width }, 117);
        let whole = sequence.attend(Isa::detect(), &[]);
        for isa in Isa::available() {
            assert_eq!(sequence.attend(isa, &[]), whole, "{isa:?}");
            for cuts in [&[16][..], &[112], &[16, 32], &[48, 64, 96]] {
                assert_eq!(sequence.attend(isa, cuts), whole, "{isa:?} {cuts:?}");
            }
        }
    }
}

#[test]
fn scores_far_apart_do_not_overflow_and_nan_stays_in_its_head() {
    let heads = Heads { count: 2, width: 8 };
    let mut random = Random::new(23);
    let mut sequence = Sequence::random(&mut random, heads, 20);
    for value in &mut sequence.queries {
        *value *= 1e4;
    }
    for isa in Isa::available() {
        assert!(
            sequence
                .attend(isa, &[])
                .iter()
                .all(|value| value.is_finite())
        );
    }
    // In the second head's key of one token.
    sequence.others[5 * 32 + 9] = f32::NAN;
    for isa in Isa::available() {
        for row in sequence.attend(isa, &[]).chunks(16) {
            assert!(row[..8].iter().all(|value| value.is_finite()));
            assert!(row[8..].iter().all(|value| value.is_nan()));
        }
    }
}
