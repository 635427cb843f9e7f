//! Attention of one sequence: `softmax(Q Kᵀ / √width) V` for each head, without padding.
//!
//! The keys and values of a sequence may be in several [`Piece`]s, each laid out by whoever computed its
//! tokens. How a sequence is cut does not change a bit of the result.
#![forbid(unsafe_code)]

use crate::isa::{F32Tile, Kernel, Simd, Square};
use crate::{Aligned, Isa, LANES, PANEL, TILE_ROWS, math};

/// A piece that is followed by another of its sequence has a multiple of this many tokens.
pub const PIECE: usize = LANES;

/// How a row of the hidden size is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Heads.
    pub count: usize,
    /// Elements of each.
    pub width: usize,
}

impl Heads {
    /// Elements of a row.
    pub fn hidden(self) -> usize {
        self.count * self.width
    }

    /// Elements that the keys of a piece of `tokens` take.
    pub fn keys_len(self, tokens: usize) -> usize {
        self.hidden() * tokens.next_multiple_of(PIECE)
    }

    /// Elements that the values of a piece of `tokens` take.
    pub fn values_len(self, tokens: usize) -> usize {
        self.count * self.padded() * tokens.next_multiple_of(PIECE)
    }

    fn padded(self) -> usize {
        self.width.next_multiple_of(LANES)
    }
}

/// Keys and values of a run of a sequence's tokens.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    /// Tokens.
    pub tokens: usize,
    /// By head and element: the tokens, padded. [`Heads::keys_len`].
    pub keys: &'a [f32],
    /// By head and token: the elements, padded. [`Heads::values_len`].
    pub values: &'a [f32],
}

/// A piece that is being filled. What it held before does not matter.
pub struct PieceMut<'a> {
    /// As in [`Piece`].
    pub tokens: usize,
    /// As in [`Piece`].
    pub keys: &'a mut [f32],
    /// As in [`Piece`].
    pub values: &'a mut [f32],
}

impl PieceMut<'_> {
    /// Lays out the tokens from `first` on: of each a row of its key and then its value, both of the hidden
    /// size.
    ///
    /// # Panics
    /// If the sizes do not match.
    pub fn set(&mut self, isa: Isa, heads: Heads, first: usize, rows: &[f32]) {
        let hidden = heads.hidden();
        assert!(rows.len().is_multiple_of(2 * hidden));
        assert!(rows.len() / (2 * hidden) <= self.tokens.saturating_sub(first));
        assert_eq!(self.keys.len(), heads.keys_len(self.tokens));
        assert_eq!(self.values.len(), heads.values_len(self.tokens));
        isa.run(SetKeys {
            hidden,
            stride: self.tokens.next_multiple_of(PIECE),
            first,
            rows,
            keys: self.keys,
        });
        let stride = self.tokens.next_multiple_of(PIECE);
        let width = heads.padded();
        for (token, row) in (first..).zip(rows.chunks_exact(2 * hidden)) {
            for (head, value) in row[hidden..].chunks_exact(heads.width).enumerate() {
                let place = (head * stride + token) * width;
                let (value_place, padding) =
                    self.values[place..][..width].split_at_mut(heads.width);
                value_place.copy_from_slice(value);
                padding.fill(0.0);
            }
        }
    }
}

struct SetKeys<'a> {
    hidden: usize,
    stride: usize,
    first: usize,
    rows: &'a [f32],
    keys: &'a mut [f32],
}

impl Kernel for SetKeys<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (hidden, stride) = (self.hidden, self.stride);
        // A few rows at a time, so that their lines stay in the first-level cache.
        for (block, rows) in self.rows.chunks(LANES * 2 * hidden).enumerate() {
            let first = self.first + block * LANES;
            let squares = match rows.len() / (2 * hidden) {
                LANES => hidden / LANES,
                _ => 0,
            };
            for square in 0..squares {
                let element = square * LANES;
                simd.transpose(Square {
                    from: &rows[element..],
                    from_stride: 2 * hidden,
                    to: &mut self.keys[element * stride + first..],
                    to_stride: stride,
                });
            }
            let keys = self.keys.chunks_exact_mut(stride).enumerate();
            for (element, tokens) in keys.take(hidden).skip(squares * LANES) {
                let rows = rows.chunks_exact(2 * hidden);
                for (place, row) in tokens[first..].iter_mut().zip(rows) {
                    *place = row[element];
                }
            }
        }
    }
}

/// Buffers of [`attend`], to be kept.
#[derive(Default)]
pub struct Scratch {
    scores: Aligned<f32>,
    context: Aligned<f32>,
}

/// The context of each of `queries`, rows of the hidden size, in the sequence that `pieces` make up.
///
/// # Panics
/// If the sizes do not match, a piece has no tokens, or one that is not the last is not of a multiple of [`PIECE`].
pub fn attend(
    isa: Isa,
    heads: Heads,
    queries: &[f32],
    pieces: &[Piece<'_>],
    scratch: &mut Scratch,
    out: &mut [f32],
) {
    assert_eq!(queries.len(), out.len());
    assert!(queries.len().is_multiple_of(heads.hidden()));
    let (_, before) = pieces.split_last().expect("a sequence has tokens");
    assert!(
        before
            .iter()
            .all(|piece| piece.tokens.is_multiple_of(PIECE))
            && pieces.iter().all(|piece| piece.tokens > 0)
    );
    let tokens = pieces.iter().map(|piece| piece.tokens).sum();
    scratch
        .scores
        .grow(TILE_ROWS * usize::next_multiple_of(tokens, PIECE));
    scratch.context.grow(TILE_ROWS * heads.padded());
    isa.run(Attend {
        heads,
        queries,
        pieces,
        tokens,
        scores: &mut scratch.scores,
        context: &mut scratch.context,
        out,
    });
}

struct Attend<'a> {
    heads: Heads,
    queries: &'a [f32],
    pieces: &'a [Piece<'a>],
    tokens: usize,
    scores: &'a mut [f32],
    context: &'a mut [f32],
    out: &'a mut [f32],
}

impl Kernel for Attend<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Heads { count, width } = self.heads;
        let hidden = self.heads.hidden();
        let stride = self.tokens.next_multiple_of(PIECE);
        let scale = core::f32::consts::LOG2_E / (width as f32).sqrt();
        // Head by head, so that its keys and values stay in the first-level cache for all rows.
        for head in 0..count {
            let queries = self.queries.chunks(TILE_ROWS * hidden);
            for (queries, out) in queries.zip(self.out.chunks_mut(TILE_ROWS * hidden)) {
                let rows = queries.len() / hidden;
                let scores = &mut self.scores[..rows * stride];
                let queries = &queries[head * width..];
                score(simd, self.heads, head, queries, self.pieces, scores, stride);
                let (mut greatest, mut sums) = ([0.0; TILE_ROWS], [0.0; TILE_ROWS]);
                for (greatest, scores) in greatest.iter_mut().zip(scores.chunks_exact_mut(stride)) {
                    *greatest = self::greatest(scores, self.tokens);
                }
                // In a pass of its own, so that no row waits for its greatest.
                let found = sums.iter_mut().zip(greatest);
                for ((sum, greatest), scores) in found.zip(scores.chunks_exact_mut(stride)) {
                    *sum = exponentials(scores, scale, greatest * scale);
                }
                let context = &mut self.context[..rows * self.heads.padded()];
                weigh(simd, self.heads, head, scores, stride, self.pieces, context);
                let context = context.chunks_exact(self.heads.padded());
                for ((out, context), sum) in out.chunks_exact_mut(hidden).zip(context).zip(sums) {
                    let places = &mut out[head * width..][..width];
                    for (place, value) in places.iter_mut().zip(context) {
                        *place = value / sum;
                    }
                }
            }
        }
    }
}

/// The products of a few rows' queries, which start at the head's first element, with all keys.
#[inline(always)]
fn score<S: Simd>(
    simd: S,
    heads: Heads,
    head: usize,
    queries: &[f32],
    pieces: &[Piece<'_>],
    scores: &mut [f32],
    stride: usize,
) {
    let mut start = 0;
    for piece in pieces {
        let tokens = piece.tokens.next_multiple_of(PIECE);
        let keys = &piece.keys[head * heads.width * tokens..][..heads.width * tokens];
        for first in (0..tokens).step_by(PANEL) {
            simd.f32_tile(F32Tile {
                add: false,
                rows: scores.len() / stride,
                columns: (tokens - first).min(PANEL),
                depth: heads.width,
                a: queries,
                a_stride: heads.hidden(),
                b: &keys[first..],
                b_stride: tokens,
                ahead: &[],
                c: &mut scores[start + first..],
                c_stride: stride,
            });
        }
        start += tokens;
    }
}

/// The greatest of a row's scores, of which `tokens` count. The rest is padding, and set to what has an exponential
/// that is next to nothing.
#[inline(always)]
fn greatest(scores: &mut [f32], tokens: usize) -> f32 {
    scores[tokens..].fill(f32::NEG_INFINITY);
    let (chunks, _) = scores.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (lane, &score) in lanes.iter_mut().zip(chunk) {
            *lane = math::greater(*lane, score);
        }
    }
    math::fold(lanes, math::greater)
}

/// Replaces scores by their exponentials over the greatest one's, and returns the exponentials' sum.
#[inline(always)]
fn exponentials(scores: &mut [f32], scale: f32, greatest: f32) -> f32 {
    let (chunks, _) = scores.as_chunks_mut::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, score) in sums.iter_mut().zip(chunk) {
            *score = math::exp2(score.mul_add(scale, -greatest));
            *sum += *score;
        }
    }
    math::fold(sums, |a, b| a + b)
}

/// The values, weighted by a few rows of `weights`.
#[inline(always)]
fn weigh<S: Simd>(
    simd: S,
    heads: Heads,
    head: usize,
    weights: &[f32],
    stride: usize,
    pieces: &[Piece<'_>],
    context: &mut [f32],
) {
    let width = heads.padded();
    let mut start = 0;
    for piece in pieces {
        let tokens = piece.tokens.next_multiple_of(PIECE);
        let values = &piece.values[head * tokens * width..][..tokens * width];
        for first in (0..width).step_by(PANEL) {
            simd.f32_tile(F32Tile {
                add: start > 0,
                rows: weights.len() / stride,
                columns: (width - first).min(PANEL),
                depth: piece.tokens,
                a: &weights[start..],
                a_stride: stride,
                b: &values[first..],
                b_stride: width,
                ahead: &[],
                c: &mut context[first..],
                c_stride: width,
            });
        }
        start += tokens;
    }
}

#[cfg(test)]
mod tests;
