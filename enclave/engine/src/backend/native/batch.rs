//! A batch's tokens, and which thread computes which of them.

use std::ops::Range;

use sealnote_kernels::attention::PIECE;

use crate::tokenizer::Window;

/// Sequences that are computed together.
pub(super) struct Batch {
    sequences: Vec<Sequence>,
    shards: Vec<Shard>,
}

struct Sequence {
    ids: Vec<u32>,
    type_ids: Vec<u32>,
    positions: Vec<u32>,
    /// Its segments in order: the shard, and the place there.
    segments: Vec<(usize, usize)>,
}

/// The rows of one thread.
#[derive(Default)]
pub(super) struct Shard {
    pub(super) segments: Vec<Segment>,
    pub(super) rows: usize,
    /// With each segment rounded up to whole [`PIECE`]s.
    pub(super) padded: usize,
}

/// A run of a sequence's tokens in one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) sequence: usize,
    /// Its first token's place in the sequence.
    pub(super) start: usize,
    pub(super) tokens: usize,
    /// Its first row in the shard.
    pub(super) row: usize,
    /// The same with the segments before it rounded up.
    pub(super) padded: usize,
}

impl Batch {
    /// The sequences in their order, in at most `threads` shards of about as many rows. A sequence is cut
    /// only where attention may be.
    pub(super) fn new(windows: &[Window], threads: usize) -> Self {
        let rows: usize = windows.iter().map(Window::len).sum();
        let count = threads.min(rows.div_ceil(PIECE)).max(1);
        let mut shards: Vec<Shard> = Vec::new();
        shards.resize_with(count, Shard::default);
        let mut sequences = Vec::new();
        let mut before = 0;
        for (index, window) in windows.iter().enumerate() {
            let mut segments = Vec::new();
            let mut start = 0;
            for (shard_index, shard) in shards.iter_mut().enumerate() {
                let ideal = ((shard_index + 1) * rows / count).saturating_sub(before);
                let end = if shard_index + 1 == count {
                    window.len()
                } else {
                    cut(ideal, window.len())
                };
                if end > start {
                    segments.push((shard_index, shard.segments.len()));
                    shard.push(index, start, end - start);
                    start = end;
                }
            }
            before += window.len();
            sequences.push(Sequence {
                ids: window.ids.clone(),
                type_ids: window.type_ids.clone(),
                positions: window.positions.clone(),
                segments,
            });
        }
        Self { sequences, shards }
    }

    pub(super) fn sequences(&self) -> usize {
        self.sequences.len()
    }

    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The shards that have segments of the sequences in the shard `index`, itself among them: what they publish it
    /// needs, and they need what it publishes.
    pub(super) fn neighbours(&self, index: usize) -> Range<usize> {
        // Sequences are in order, and so only the first and the last one can be in other shards too.
        let segments = &self.shards[index].segments;
        let shards = |segment: &Segment| self.segments(segment.sequence).map(|(shard, _)| shard);
        let first = segments.first().and_then(|segment| shards(segment).next());
        let last = segments.last().and_then(|segment| shards(segment).last());
        first.unwrap_or(index)..last.unwrap_or(index) + 1
    }

    /// Each token of a segment: its id, its type, and its position.
    pub(super) fn tokens(&self, segment: &Segment) -> impl Iterator<Item = [usize; 3]> {
        let sequence = &self.sequences[segment.sequence];
        let places = segment.start..segment.start + segment.tokens;
        places.map(|place| {
            [&sequence.ids, &sequence.type_ids, &sequence.positions].map(|of| of[place] as usize)
        })
    }

    /// The segments of a sequence, each with its shard's index.
    pub(super) fn segments(&self, sequence: usize) -> impl Iterator<Item = (usize, &Segment)> {
        let segments = self.sequences[sequence].segments.iter();
        segments.map(|&(shard, segment)| (shard, &self.shards[shard].segments[segment]))
    }
}

impl Shard {
    fn push(&mut self, sequence: usize, start: usize, tokens: usize) {
        self.segments.push(Segment {
            sequence,
            start,
            tokens,
            row: self.rows,
            padded: self.padded,
        });
        self.rows += tokens;
        self.padded += tokens.next_multiple_of(PIECE);
    }

    /// The segments that begin their sequences.
    pub(super) fn firsts(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|segment| segment.start == 0)
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
    fn every_token_is_in_one_shard_and_shards_are_about_equal() {
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
                    let shards: Vec<_> = batch.segments(sequence).map(|(shard, _)| shard).collect();
                    for &shard in &shards {
                        let neighbours = batch.neighbours(shard);
                        assert!(neighbours.contains(&shard));
                        assert!(shards.iter().all(|other| neighbours.contains(other)));
                    }
                }
                for shard in 0..batch.shards().len() {
                    for other in batch.neighbours(shard) {
                        assert!(batch.neighbours(other).contains(&shard), "{lengths:?}");
                    }
                }
                assert!((1..=threads).contains(&batch.shards().len()));
                let rows: usize = lengths.iter().sum();
                let ideal = rows / batch.shards().len();
                let mut seen = 0;
                for shard in batch.shards() {
                    assert!(shard.rows.abs_diff(ideal) <= PIECE, "{lengths:?} {threads}");
                    seen += shard.rows;
                    let mut row = 0;
                    for segment in &shard.segments {
                        assert_eq!((segment.row, segment.padded % PIECE), (row, 0));
                        row += segment.tokens;
                    }
                    assert_eq!(shard.rows, row);
                }
                assert_eq!(seen, rows);
                for (sequence, &len) in lengths.iter().enumerate() {
                    let mut start = 0;
                    for (_, segment) in batch.segments(sequence) {
                        assert_eq!((segment.sequence, segment.start), (sequence, start));
                        assert!(segment.start % PIECE == 0 && segment.tokens > 0);
                        start += segment.tokens;
                    }
                    assert_eq!(start, len);
                }
            }
        }
    }

    #[test]
    fn shards_of_whole_notes_need_no_other() {
        let whole = Batch::new(&[32; 8].map(window), 2);
        assert_eq!([0, 1].map(|shard| whole.neighbours(shard)), [0..1, 1..2]);
        let cut = Batch::new(&[32, 96, 32, 32, 64].map(window), 4);
        let neighbours = [0, 1, 2, 3].map(|shard| cut.neighbours(shard));
        assert_eq!(neighbours, [0..2, 0..2, 2..3, 3..4]);
        let long = Batch::new(&[window(256)], 4);
        assert_eq!(long.neighbours(2), 0..4);
    }

    #[test]
    fn a_note_is_halved_for_two_threads() {
        let batch = Batch::new(&[window(32)], 2);
        let rows: Vec<usize> = batch.shards().iter().map(|shard| shard.rows).collect();
        assert_eq!(rows, [16, 16]);
        let second = &batch.shards()[1].segments[0];
        assert!(batch.shards()[1].firsts().next().is_none());
        let tokens: Vec<_> = batch.tokens(second).collect();
        assert_eq!((tokens[0], tokens[15]), ([16, 0, 16], [31, 0, 31]));
    }
}
