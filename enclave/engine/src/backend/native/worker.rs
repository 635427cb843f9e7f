//! What one thread computes of a batch.

use std::ops::Range;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sealnote_kernels::attention::{self, Heads, PieceMut};
use sealnote_kernels::{Activation, Aligned, int8, tanh};
use sealnote_threads::{Barrier, Broken};

use super::batch::{Batch, Segment, Shard};
use super::linear::LayerInput;
use super::model::{Layer, Model};
use crate::config::HeadActivation;

/// Rows that go through a layer together: a whole number of the kernels' groups, and few enough that what
/// is between two products (their intermediate is 288 KiB in a small model) stays in the second-level cache.
const BLOCK: usize = 48;

/// The keys and values that a thread publishes, of one layer and of the next: while others read the one, it
/// writes the other.
#[derive(Default)]
pub(super) struct Published([RwLock<KeysAndValues>; 2]);

/// By segment, at its padded place.
#[derive(Default)]
struct KeysAndValues {
    keys: Aligned<f32>,
    values: Aligned<f32>,
}

/// A thread's buffers. They are kept from batch to batch, and what they hold in between does not matter.
#[derive(Default)]
pub(super) struct Worker {
    /// By row.
    hidden: Aligned<f32>,
    queries: Aligned<f32>,
    context: Aligned<f32>,
    /// By row of a block.
    wide: Aligned<f32>,
    narrow: Aligned<f32>,
    quantised: int8::Rows,
    attention: attention::Scratch,
}

impl Worker {
    /// The logits of each sequence that begins in the shard `index`, with its place in the batch.
    pub(super) fn run(
        &mut self,
        model: &Model,
        batch: &Batch,
        index: usize,
        published: &[Published],
        barrier: &Barrier,
    ) -> Result<Vec<(usize, Vec<f32>)>, Broken> {
        let shard = &batch.shards()[index];
        let neighbours = batch.neighbours(index);
        self.grow(model, shard);
        self.embed(model, batch, shard);
        let mut rows = shard.rows;
        for (number, layer) in model.layers.iter().enumerate() {
            let last = number + 1 == model.layers.len();
            let own = published[index].write(number);
            self.project(model, layer, shard, own, last);
            if last {
                rows = self.keep_firsts(model, shard);
                self.query(model, layer, rows);
            }
            barrier.wait(index, neighbours.clone())?;
            let read = Neighbours::read(published, neighbours.clone(), number);
            self.attend(model, batch, shard, &read, last);
            drop(read);
            self.finish(model, layer, rows);
        }
        Ok(self.classify(model, shard, rows))
    }

    fn grow(&mut self, model: &Model, shard: &Shard) {
        let hidden = model.heads.hidden();
        self.hidden.grow(shard.rows * hidden);
        self.queries.grow(shard.rows * hidden);
        self.context.grow(shard.rows * hidden);
        self.wide.grow(BLOCK * model.intermediate.max(2 * hidden));
        self.narrow.grow(BLOCK * hidden);
    }

    fn embed(&mut self, model: &Model, batch: &Batch, shard: &Shard) {
        let embeddings = &model.embeddings;
        let tokens = shard
            .segments
            .iter()
            .flat_map(|segment| batch.tokens(segment));
        let hidden = &mut self.hidden[..shard.rows * model.heads.hidden()];
        for ([id, kind, position], row) in tokens.zip(hidden.chunks_exact_mut(model.heads.hidden()))
        {
            row.fill(0.0);
            embeddings.words.add(id, row);
            if let Some(types) = &embeddings.types {
                types.add(kind, row);
            }
            embeddings.positions.add(position, row);
        }
        embeddings.norm.apply(model.isa, hidden);
    }

    /// Computes and publishes the keys and values of all rows; and the queries, unless only those of the
    /// first tokens are wanted.
    fn project(
        &mut self,
        model: &Model,
        layer: &Layer,
        shard: &Shard,
        mut own: RwLockWriteGuard<'_, KeysAndValues>,
        last: bool,
    ) {
        let hidden = model.heads.hidden();
        own.keys.grow(model.heads.keys_len(shard.padded));
        own.values.grow(model.heads.values_len(shard.padded));
        let rows = self.hidden[..shard.rows * hidden].chunks(BLOCK * hidden);
        let queries = self.queries.chunks_mut(BLOCK * hidden);
        for (block, (rows, queries)) in rows.zip(queries).enumerate() {
            let inputs = model.inputs(rows, hidden, &mut self.quantised);
            let out = &mut self.wide[..2 * rows.len()];
            let none = Activation::Identity;
            layer.key_value.apply(model.isa, &inputs, none, out);
            if !last {
                let queries = &mut queries[..rows.len()];
                layer.query.apply(model.isa, &inputs, none, queries);
            }
            let start = block * BLOCK;
            let end = start + rows.len() / hidden;
            for segment in &shard.segments {
                let (from, to) = (
                    segment.row.max(start),
                    (segment.row + segment.tokens).min(end),
                );
                if from < to {
                    let rows = &out[(from - start) * 2 * hidden..(to - start) * 2 * hidden];
                    let mut place = own.piece_mut(model.heads, segment);
                    place.set(model.isa, model.heads, from - segment.row, rows);
                }
            }
        }
    }

    /// Keeps the rows of the sequences' first tokens only, and returns their number.
    fn keep_firsts(&mut self, model: &Model, shard: &Shard) -> usize {
        let hidden = model.heads.hidden();
        let mut rows = 0;
        for segment in shard.firsts() {
            let row = segment.row * hidden;
            self.hidden.copy_within(row..row + hidden, rows * hidden);
            rows += 1;
        }
        rows
    }

    fn query(&mut self, model: &Model, layer: &Layer, rows: usize) {
        let hidden = model.heads.hidden();
        let blocks = self.hidden[..rows * hidden].chunks(BLOCK * hidden);
        for (rows, queries) in blocks.zip(self.queries.chunks_mut(BLOCK * hidden)) {
            let inputs = model.inputs(rows, hidden, &mut self.quantised);
            let queries = &mut queries[..rows.len()];
            let none = Activation::Identity;
            layer.query.apply(model.isa, &inputs, none, queries);
        }
    }

    fn attend(
        &mut self,
        model: &Model,
        batch: &Batch,
        shard: &Shard,
        neighbours: &Neighbours<'_>,
        last: bool,
    ) {
        let hidden = model.heads.hidden();
        let mut attend = |segment: &Segment, row: usize, tokens: usize| {
            let segments = batch.segments(segment.sequence);
            let pieces =
                segments.map(|(shard, segment)| neighbours.piece(model.heads, shard, segment));
            let pieces: Vec<_> = pieces.collect();
            let rows = row * hidden..(row + tokens) * hidden;
            attention::attend(
                model.isa,
                model.heads,
                &self.queries[rows.clone()],
                &pieces,
                &mut self.attention,
                &mut self.context[rows],
            );
        };
        if last {
            for (row, segment) in shard.firsts().enumerate() {
                attend(segment, row, 1);
            }
        } else {
            for segment in &shard.segments {
                attend(segment, segment.row, segment.tokens);
            }
        }
    }

    /// All of a layer that comes after attention.
    fn finish(&mut self, model: &Model, layer: &Layer, rows: usize) {
        let (isa, hidden, none) = (model.isa, model.heads.hidden(), Activation::Identity);
        let context = self.context[..rows * hidden].chunks(BLOCK * hidden);
        for (context, rows) in context.zip(self.hidden.chunks_mut(BLOCK * hidden)) {
            let rows = &mut rows[..context.len()];
            let narrow = &mut self.narrow[..context.len()];
            let wide = &mut self.wide[..context.len() / hidden * model.intermediate];

            let inputs = model.inputs(context, hidden, &mut self.quantised);
            layer.attention_output.apply(isa, &inputs, none, narrow);
            layer.attention_norm.apply_to_sum(isa, rows, narrow);

            let inputs = model.inputs(rows, hidden, &mut self.quantised);
            layer
                .intermediate
                .apply(isa, &inputs, model.activation, wide);
            let inputs = model.inputs(wide, model.intermediate, &mut self.quantised);
            layer.output.apply(isa, &inputs, none, narrow);
            layer.output_norm.apply_to_sum(isa, rows, narrow);
        }
    }

    fn classify(&mut self, model: &Model, shard: &Shard, rows: usize) -> Vec<(usize, Vec<f32>)> {
        let (hidden, none) = (model.heads.hidden(), Activation::Identity);
        let firsts = &self.hidden[..rows * hidden];
        let pooled = &mut self.context[..rows * hidden];
        match model.pooler_activation {
            HeadActivation::Tanh => {
                model.pooler.apply(model.isa, firsts, none, pooled);
                tanh(model.isa, pooled);
            }
            HeadActivation::AsInEncoder(activation) => {
                let activation = activation.into();
                model.pooler.apply(model.isa, firsts, activation, pooled);
            }
        }
        let labels = model.classifier.outputs();
        let mut logits = vec![0.0; rows * labels];
        model.classifier.apply(model.isa, pooled, none, &mut logits);
        let logits = logits.chunks_exact(labels).map(<[f32]>::to_vec);
        shard
            .firsts()
            .map(|segment| segment.sequence)
            .zip(logits)
            .collect()
    }
}

impl Model {
    fn inputs<'a>(
        &self,
        rows: &'a [f32],
        width: usize,
        quantised: &'a mut int8::Rows,
    ) -> LayerInput<'a> {
        LayerInput::new(self.precision, self.isa, rows, width, quantised)
    }
}

impl Published {
    // What a panic left half-written is written again before it is read.

    fn write(&self, layer: usize) -> RwLockWriteGuard<'_, KeysAndValues> {
        self.0[layer % 2]
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, layer: usize) -> RwLockReadGuard<'_, KeysAndValues> {
        self.0[layer % 2]
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a thread and its neighbours have published of a layer.
struct Neighbours<'a> {
    first: usize,
    published: Vec<RwLockReadGuard<'a, KeysAndValues>>,
}

impl<'a> Neighbours<'a> {
    fn read(published: &'a [Published], neighbours: Range<usize>, layer: usize) -> Self {
        let first = neighbours.start;
        let published = published[neighbours].iter();
        Self {
            first,
            published: published.map(|of| of.read(layer)).collect(),
        }
    }

    fn piece(&self, heads: Heads, shard: usize, segment: &Segment) -> attention::Piece<'_> {
        self.published[shard - self.first].piece(heads, segment)
    }
}

impl KeysAndValues {
    fn piece(&self, heads: Heads, segment: &Segment) -> attention::Piece<'_> {
        let (keys, values) = places(heads, segment);
        attention::Piece {
            tokens: segment.tokens,
            keys: &self.keys[keys],
            values: &self.values[values],
        }
    }

    fn piece_mut(&mut self, heads: Heads, segment: &Segment) -> PieceMut<'_> {
        let (keys, values) = places(heads, segment);
        PieceMut {
            tokens: segment.tokens,
            keys: &mut self.keys[keys],
            values: &mut self.values[values],
        }
    }
}

fn places(heads: Heads, segment: &Segment) -> (Range<usize>, Range<usize>) {
    let place = |len: fn(Heads, usize) -> usize| {
        let start = len(heads, segment.padded);
        start..start + len(heads, segment.tokens)
    };
    (place(Heads::keys_len), place(Heads::values_len))
}
