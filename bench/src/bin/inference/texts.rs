//! Texts of given lengths in tokens.

use anyhow::Context;

/// Each is one token of every English BERT vocabulary.
const WORDS: [&str; 24] = [
    "patient",
    "with",
    "chest",
    "pain",
    "and",
    "fever",
    "no",
    "cough",
    "left",
    "arm",
    "fracture",
    "of",
    "the",
    "right",
    "hip",
    "after",
    "a",
    "fall",
    "at",
    "home",
    "severe",
    "infection",
    "blood",
    "pressure",
];

/// `[CLS]` and `[SEP]`.
const SPECIAL: usize = 2;

/// How long texts are.
#[derive(Clone, Copy, Debug)]
pub enum Tokens {
    /// All alike.
    All(usize),
    /// 8 to 250, most of them short, 55 on average.
    Mixed,
}

impl Tokens {
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        if text == "mixed" {
            return Ok(Self::Mixed);
        }
        text.parse().map(Self::All).context("tokens")
    }

    /// `count` texts, always the same.
    pub fn texts(self, count: usize) -> Vec<String> {
        let length = |index: usize| match self {
            Self::All(tokens) => tokens,
            Self::Mixed => {
                // The golden ratio's multiples are spread evenly over 0 to 1; their fourth powers make
                // few long texts.
                let even = (index as f64 * 0.618_033_988_749_895).fract();
                8 + (242.0 * even.powf(4.15)) as usize
            }
        };
        let word = |index: usize| WORDS[index % WORDS.len()];
        let text = |index: usize| {
            let words = (0..length(index).saturating_sub(SPECIAL)).map(|place| word(place + index));
            words.collect::<Vec<_>>().join(" ")
        };
        (0..count).map(text).collect()
    }
}
