//! From a note's text to its windows of token ids; definition in the crate's documentation.

use std::sync::Arc;

use sealnote_model::{KnownShare, NoteError};
use serde::Deserialize;
use tokenizers::{Encoding, ModelWrapper, Token, Tokenizer};

use crate::config::Inputs;
use crate::contain::contained;
use crate::error::EngineError;

/// Content tokens that neighbouring windows of a long note share.
pub const OVERLAP: usize = 64;
/// Least number of content tokens by which a window may advance on the one before it.
///
/// It bounds the work that a note can ask for: no token is in more than three windows.
pub const LEAST_STEP: usize = 32;

/// One row of the encoder's input: special tokens and content, no padding.
pub struct Window {
    /// Token ids.
    pub ids: Vec<u32>,
    /// Token type ids, as many; 0 if the model has no types.
    pub type_ids: Vec<u32>,
    /// Positions, as many.
    pub positions: Vec<u32>,
}

impl Window {
    /// Tokens.
    #[expect(clippy::len_without_is_empty, reason = "there is always a token")]
    pub fn len(&self) -> usize {
        self.ids.len()
    }
}

/// A model's tokenizer and the windows it cuts.
pub(crate) struct NoteTokenizer {
    tokenizer: Tokenizer,
    /// What stands for a piece of text that the vocabulary does not have; `None` if it has all.
    unknown: Option<u32>,
    around: Arc<Around>,
    window: usize,
}

/// A note's windows, each made when it is asked for.
pub struct Windows {
    content: Vec<u32>,
    known: KnownShare,
    spans: Spans,
    around: Arc<Around>,
}

/// What makes a window of content tokens.
struct Around {
    template: Template,
    inputs: Inputs,
}

impl Windows {
    /// The share of the note's tokens that stand for what is in the note.
    pub fn known(&self) -> KnownShare {
        self.known
    }
}

impl Iterator for Windows {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        let span = self.spans.next()?;
        let Around { template, inputs } = &*self.around;
        Some(template.wrap(&self.content[span], inputs))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.spans.clone().count();
        (left, Some(left))
    }
}

impl ExactSizeIterator for Windows {}

impl NoteTokenizer {
    /// Parses `tokenizer.json` and settles the window: the lesser of `limit` and the model's.
    pub(crate) fn load(bytes: &[u8], inputs: Inputs, limit: usize) -> Result<Self, EngineError> {
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(EngineError::Tokenizer)?;
        // Both are often left in the file by training (all-MiniLM-L6-v2's cuts at 128 tokens) and
        // would silently drop the rest of a note.
        tokenizer
            .with_truncation(None)
            .map_err(EngineError::Tokenizer)?;
        tokenizer.with_padding(None);
        // Of the words of the notes that it has seen.
        let mut model = tokenizer.get_model().clone();
        model.resize_cache(0);
        if let ModelWrapper::BPE(bpe) = &model
            && bpe.dropout.is_some_and(|share| share > 0.0)
        {
            let message = "model.dropout is for training: it makes a text's tokens random";
            return Err(EngineError::Tokenizer(message.into()));
        }
        tokenizer.with_model(model);

        let greatest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0);
        check_range(greatest, "vocab_size", inputs.vocab_size)?;
        let template = Template::probe(&tokenizer)?;
        let greatest = template.ids().max().unwrap_or(0);
        check_range(greatest, "vocab_size", inputs.vocab_size)?;
        if let Some(types) = inputs.types {
            let greatest = template.type_ids().max().unwrap_or(0);
            check_range(greatest, "type_vocab_size", types)?;
        }

        let window = limit.min(inputs.longest());
        let least = template.special_tokens() + OVERLAP + LEAST_STEP;
        if window < least {
            return Err(EngineError::Window { window, least });
        }
        Ok(Self {
            unknown: unknown_token(bytes, &tokenizer),
            tokenizer,
            around: Arc::new(Around { template, inputs }),
            window,
        })
    }

    /// Tokens in a window, special tokens included.
    pub(crate) fn window(&self) -> usize {
        self.window
    }

    /// The windows of `note`, at least one.
    pub(crate) fn windows(&self, note: &str) -> Result<Windows, NoteError> {
        if note.chars().all(char::is_whitespace) {
            return Err(NoteError::Empty);
        }
        // One note at a time: `encode_batch` would start a thread pool beside candle's.
        // The error is dropped because it may quote the text.
        let encoding = self
            .tokenizer
            .encode_fast(note, false)
            .map_err(|_| NoteError::Internal)?;
        let content = encoding.get_ids();
        if content.is_empty() {
            return Err(NoteError::Empty);
        }
        let known = content.iter().filter(|id| Some(**id) != self.unknown);
        Ok(Windows {
            known: KnownShare::of(known.count(), content.len()),
            content: content.to_vec(),
            spans: Spans {
                next: Some(0),
                tokens: content.len(),
                capacity: self.window - self.around.template.special_tokens(),
            },
            around: self.around.clone(),
        })
    }
}

/// The model names it by its text, or of the Unigram kind by its number.
fn unknown_token(tokenizer_json: &[u8], tokenizer: &Tokenizer) -> Option<u32> {
    #[derive(Deserialize)]
    struct File {
        model: Model,
    }
    #[derive(Deserialize)]
    struct Model {
        unk_token: Option<String>,
        unk_id: Option<u32>,
    }
    let File { model } = serde_json::from_slice(tokenizer_json).ok()?;
    let named = model
        .unk_token
        .and_then(|text| tokenizer.token_to_id(&text));
    named.or(model.unk_id)
}

fn check_range(token: u32, key: &'static str, size: usize) -> Result<(), EngineError> {
    if (token as usize) < size {
        Ok(())
    } else {
        Err(EngineError::TokenRange { token, key, size })
    }
}

/// The ranges of content tokens of successive windows.
#[derive(Clone)]
struct Spans {
    next: Option<usize>,
    tokens: usize,
    capacity: usize,
}

impl Iterator for Spans {
    type Item = core::ops::Range<usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next?;
        let end = (start + self.capacity).min(self.tokens);
        self.next = (end < self.tokens).then(|| start + self.capacity - OVERLAP);
        Some(start..end)
    }
}

/// The tokens that the post-processor puts around a text, as (id, type id).
struct Template {
    before: Vec<(u32, u32)>,
    content_type: u32,
    after: Vec<(u32, u32)>,
}

impl Template {
    /// Learns the template from what the post-processor makes of a single token, whatever kind of
    /// post-processor it is. Wrapping a window then copies ids only and no text.
    fn probe(tokenizer: &Tokenizer) -> Result<Self, EngineError> {
        let probe = Encoding::from_tokens(vec![Token::new(0, String::new(), (0, 0))], 0);
        // A file may name a special token, or a second text, that is not there, which is found by indexing.
        let processed = contained(|| tokenizer.post_process(probe, None, true))
            .ok_or(EngineError::PostProcessor)?
            .map_err(EngineError::Tokenizer)?;
        let tokens: Vec<(u32, u32)> = (processed.get_ids().iter().copied())
            .zip(processed.get_type_ids().iter().copied())
            .collect();
        let mask = processed.get_special_tokens_mask();
        let mut content = (0..tokens.len()).filter(|&place| mask.get(place) == Some(&0));
        let (Some(place), None) = (content.next(), content.next()) else {
            return Err(EngineError::PostProcessor);
        };
        Ok(Self {
            before: tokens[..place].to_vec(),
            content_type: tokens[place].1,
            after: tokens[place + 1..].to_vec(),
        })
    }

    fn special_tokens(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// Of the special tokens, which need not be in the vocabulary.
    fn ids(&self) -> impl Iterator<Item = u32> {
        self.before.iter().chain(&self.after).map(|&(id, _)| id)
    }

    fn type_ids(&self) -> impl Iterator<Item = u32> {
        let special = self
            .before
            .iter()
            .chain(&self.after)
            .map(|&(_, type_id)| type_id);
        special.chain([self.content_type])
    }

    fn wrap(&self, content: &[u32], inputs: &Inputs) -> Window {
        let content = content.iter().map(|&id| (id, self.content_type));
        let (before, after) = (self.before.iter().copied(), self.after.iter().copied());
        let (ids, mut type_ids): (Vec<u32>, Vec<u32>) = before.chain(content).chain(after).unzip();
        if inputs.types.is_none() {
            type_ids.fill(0);
        }
        let positions = inputs.positions(&ids);
        Window {
            ids,
            type_ids,
            positions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(tokens: usize, capacity: usize) -> Vec<(usize, usize)> {
        let spans = Spans {
            next: Some(0),
            tokens,
            capacity,
        };
        spans.map(|span| (span.start, span.end)).collect()
    }

    #[test]
    fn windows_are_where_the_definition_puts_them() {
        assert_eq!(spans(1, 254), [(0, 1)]);
        assert_eq!(spans(254, 254), [(0, 254)]);
        assert_eq!(spans(255, 254), [(0, 254), (190, 255)]);
        // The second window ends exactly at the end: there is no third.
        assert_eq!(spans(444, 254), [(0, 254), (190, 444)]);
        assert_eq!(spans(445, 254), [(0, 254), (190, 444), (380, 445)]);
        let four = [(0, 254), (190, 444), (380, 634), (570, 700)];
        assert_eq!(spans(700, 254), four);
    }
}
