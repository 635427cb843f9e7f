//! A batch's tokens, and which thread computes which of them.

use std::ops::Range;

use sealnote_kernels::attention::PIECE;

use crate::engine::tokenizer::Window;

/// Sequences that are computed together.
pub(super) struct Batch {
    sequences: Vec<Sequence>,
    shares: Vec<Share>,
}

struct Sequence {
    ids: Vec<u32>,
    type_ids: Vec<u32>,
    positions: Vec<u32>,
    /// Its pieces in order: the share, and the place there.
    pieces: Vec<(usize, usize)>,
}

/// The rows of one thread.
#[derive(Default)]
pub(super) struct Share {
    pub(super) pieces: Vec<Piece>,
    pub(super) rows: usize,
    /// With each piece rounded up to whole [`PIECE`]s.
    pub(super) padded: usize,
}

/// A run of a sequence's tokens in one share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) sequence: usize,
    /// Its first token's place in the sequence.
    pub(super) start: usize,
    pub(super) tokens: usize,
    /// Its first row in the share.
    pub(super) row: usize,
    /// The same with the pieces before it rounded up.
    pub(super) padded: usize,
}

impl Batch {
    /// The sequences in their order, in at most `threads` shares of about as many rows. A sequence is cut
    /// only where attention may be.
    pub(super) fn new(windows: &[Window], threads: usize) -> Self {
        let rows: usize = windows.iter().map(Window::len).sum();
        let count = threads.min(rows.div_ceil(PIECE)).max(1);
        let mut shares: Vec<Share> = Vec::new();
        shares.resize_with(count, Share::default);
        let mut sequences = Vec::new();
        let mut before = 0;
        for (index, window) in windows.iter().enumerate() {
            let mut pieces = Vec::new();
            let mut start = 0;
            for (share_index, share) in shares.iter_mut().enumerate() {
                let ideal = ((share_index + 1) * rows / count).saturating_sub(before);
                let end = if share_index + 1 == count {
                    window.len()
                } else {
                    cut(ideal, window.len())
                };
                if end > start {
                    pieces.push((share_index, share.pieces.len()));
                    share.push(index, start, end - start);
                    start = end;
                }
            }
            before += window.len();
            sequences.push(Sequence {
                ids: window.ids.clone(),
                type_ids: window.type_ids.clone(),
                positions: window.positions.clone(),
                pieces,
            });
        }
        Self { sequences, shares }
    }

    pub(super) fn sequences(&self) -> usize {
        self.sequences.len()
    }

    pub(super) fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// The shares that have pieces of the sequences in the share `index`, itself among them: what they publish it
    /// needs, and they need what it publishes.
    pub(super) fn neighbours(&self, index: usize) -> Range<usize> {
        // Sequences are in order, and so only the first and the last one can be in other shares too.
        let pieces = &self.shares[index].pieces;
        let shares = |piece: &Piece| self.pieces(piece.sequence).map(|(share, _)| share);
        let first = pieces.first().and_then(|piece| shares(piece).next());
        let last = pieces.last().and_then(|piece| shares(piece).last());
        first.unwrap_or(index)..last.unwrap_or(index) + 1
    }

    /// Each token of a piece: its id, its type, and its position.
    pub(super) fn tokens(&self, piece: &Piece) -> impl Iterator<Item = [usize; 3]> {
        let sequence = &self.sequences[piece.sequence];
        let places = piece.start..piece.start + piece.tokens;
        places.map(|place| {
            [&sequence.ids, &sequence.type_ids, &sequence.positions].map(|of| of[place] as usize)
        })
    }

    /// The pieces of a sequence, each with its share's index.
    pub(super) fn pieces(&self, sequence: usize) -> impl Iterator<Item = (usize, &Piece)> {
        let pieces = self.sequences[sequence].pieces.iter();
        pieces.map(|&(share, piece)| (share, &self.shares[share].pieces[piece]))
    }
}

impl Share {
    fn push(&mut self, sequence: usize, start: usize, tokens: usize) {
        self.pieces.push(Piece {
            sequence,
            start,
            tokens,
            row: self.rows,
            padded: self.padded,
        });
        self.rows += tokens;
        self.padded += tokens.next_multiple_of(PIECE);
    }

    /// The pieces that begin their sequences.
    pub(super) fn firsts(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(|piece| piece.start == 0)
    }
}

/// The place nearest to `ideal` where a sequence of `len` tokens may be cut, its ends included.
fn cut(ideal: usize, len: usize) -> usize {
    let whole = (ideal + PIECE / 2) / PIECE * PIECE;
    let end = ideal >= len || (whole >= len) || len - ideal < ideal.abs_diff(whole);
    if end { len } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(len: usize) -> Window {
        Window {
            ids: (0..len as u32).collect(),
            type_ids: vec![0; len],
            positions: (0..len as u32).collect(),
        }
    }

    #[test]
    fn every_token_is_in_one_share_and_shares_are_about_equal() {
        for lengths in [
            &[1][..],
            &[5],
            &[32],
            &[40, 3],
            &[256],
            &[100, 7, 90, 1, 1, 250],
            &[16; 32],
            &[9; 100],
        ] {
            for threads in 1..=9 {
                let windows: Vec<Window> = lengths.iter().map(|&len| window(len)).collect();
                let batch = Batch::new(&windows, threads);
                for (sequence, _) in lengths.iter().enumerate() {
                    let shares: Vec<_> = batch.pieces(sequence).map(|(share, _)| share).collect();
                    for &share in &shares {
                        let neighbours = batch.neighbours(share);
                        assert!(neighbours.contains(&share));
                        assert!(shares.iter().all(|other| neighbours.contains(other)));
                    }
                }
                for share in 0..batch.shares().len() {
                    for other in batch.neighbours(share) {
                        assert!(batch.neighbours(other).contains(&share), "{lengths:?}");
                    }
                }
                assert!((1..=threads).contains(&batch.shares().len()));
                let rows: usize = lengths.iter().sum();
                let ideal = rows / batch.shares().len();
                let mut seen = 0;
                for share in batch.shares() {
                    assert!(share.rows.abs_diff(ideal) <= PIECE, "{lengths:?} {threads}");
                    seen += share.rows;
                    let mut row = 0;
                    for piece in &share.pieces {
                        assert_eq!((piece.row, piece.padded % PIECE), (row, 0));
                        row += piece.tokens;
                    }
                    assert_eq!(share.rows, row);
                }
                assert_eq!(seen, rows);
                for (sequence, &len) in lengths.iter().enumerate() {
                    let mut start = 0;
                    for (_, piece) in batch.pieces(sequence) {
                        assert_eq!((piece.sequence, piece.start), (sequence, start));
                        assert!(piece.start % PIECE == 0 && piece.tokens > 0);
                        start += piece.tokens;
                    }
                    assert_eq!(start, len);
                }
            }
        }
    }

    #[test]
    fn shares_of_whole_notes_need_no_other() {
        let whole = Batch::new(&[32; 8].map(window), 2);
        assert_eq!([0, 1].map(|share| whole.neighbours(share)), [0..1, 1..2]);
        let cut = Batch::new(&[32, 96, 32, 32, 64].map(window), 4);
        let neighbours = [0, 1, 2, 3].map(|share| cut.neighbours(share));
        assert_eq!(neighbours, [0..2, 0..2, 2..3, 3..4]);
        let long = Batch::new(&[window(256)], 4);
        assert_eq!(long.neighbours(2), 0..4);
    }

    #[test]
    fn a_note_is_halved_for_two_threads() {
        let batch = Batch::new(&[window(32)], 2);
        let rows: Vec<usize> = batch.shares().iter().map(|share| share.rows).collect();
        assert_eq!(rows, [16, 16]);
        let second = &batch.shares()[1].pieces[0];
        assert!(batch.shares()[1].firsts().next().is_none());
        let tokens: Vec<_> = batch.tokens(second).collect();
        assert_eq!((tokens[0], tokens[15]), ([16, 0, 16], [31, 0, 31]));
    }
}
