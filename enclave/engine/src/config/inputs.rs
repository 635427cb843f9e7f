//! What goes into a model.

use super::keys::positive;
use crate::error::EngineError;

const MAX_POSITIONS: usize = 1 << 20;

/// The bounds of a model's tokens, and where it places them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs {
    /// Token ids are less.
    pub(crate) vocab_size: usize,
    /// Token type ids are less; `None` of a model that has no types.
    pub(crate) types: Option<usize>,
    /// Positions are less: `max_position_embeddings`.
    pub(crate) max_positions: usize,
    pub(crate) pad_token: u32,
    pub(crate) positions: Positions,
}

/// How tokens are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Positions {
    /// By their places: 0, 1, 2, …
    Places,
    /// RoBERTa's `create_position_ids_from_input_ids`: from `pad_token` + 1 on. A padding token, which a
    /// text may spell, is at `pad_token` and is not counted.
    AfterPadding,
}

impl Inputs {
    pub(super) fn check(&self) -> Result<(), EngineError> {
        positive(&[
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_positions),
        ])?;
        // Nothing in the weights of some types bounds them, and tables of them are made.
        if self.max_positions > MAX_POSITIONS {
            return Err(EngineError::Number {
                key: "max_position_embeddings",
                found: self.max_positions,
                expected: "at most 1048576",
            });
        }
        let pad_token = self.pad_token as usize;
        if pad_token < self.vocab_size {
            return Ok(());
        }
        Err(EngineError::Number {
            key: "pad_token_id",
            found: pad_token,
            expected: "less than vocab_size",
        })
    }

    /// Tokens that a sequence may have.
    pub(crate) fn longest(&self) -> usize {
        match self.positions {
            Positions::Places => self.max_positions,
            Positions::AfterPadding => self
                .max_positions
                .saturating_sub(self.pad_token as usize + 1),
        }
    }

    /// The position of each token of a sequence.
    pub(crate) fn positions(&self, ids: &[u32]) -> Vec<u32> {
        match self.positions {
            Positions::Places => (0..).take(ids.len()).collect(),
            Positions::AfterPadding => {
                let mut last = self.pad_token;
                let position = |&id: &u32| {
                    if id == self.pad_token {
                        return self.pad_token;
                    }
                    last += 1;
                    last
                };
                ids.iter().map(position).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_transformers() {
        let mut inputs = Inputs {
            vocab_size: 10,
            types: None,
            max_positions: 514,
            pad_token: 1,
            positions: Positions::AfterPadding,
        };
        assert_eq!(inputs.positions(&[0, 5, 1, 6, 2]), [2, 3, 1, 4, 5]);
        assert_eq!(inputs.longest(), 512);
        inputs.positions = Positions::Places;
        assert_eq!(inputs.positions(&[0, 5, 1, 6, 2]), [0, 1, 2, 3, 4]);
        assert_eq!(inputs.longest(), 514);
    }
}
