//! Batches that `batching::padded` would never make: most of them is padding.

use super::*;
use crate::model_files::ModelFiles;
use crate::reference_tests::{NATIVE, ON_CANDLE, assert_close, expected, fixtures, read};
use crate::tokenizer::NoteTokenizer;

#[test]
fn padding_changes_no_logit() {
    for name in NATIVE.into_iter().chain(ON_CANDLE) {
        let dir = fixtures().join(name);
        let mut files = ModelFiles::open(&dir).unwrap();
        let (options, reference) = (EngineOptions::default(), read(&dir.join("reference.json")));
        let config = ModelConfig::parse(&files.config).unwrap();
        let tokenizer = NoteTokenizer::load(&files.tokenizer, config.inputs, options.window);
        let tokenizer = tokenizer.unwrap();
        let model = Candle::load(&mut files.weights, &config, &options).unwrap();
        let texts = reference.cases.iter().map(|case| &case.text);
        let windows: Vec<Window> = texts
            .flat_map(|text| tokenizer.windows(text).unwrap())
            .collect();
        let lengths = windows.iter().map(Window::len);
        assert!(lengths.clone().min().unwrap() * 4 < lengths.max().unwrap());

        let logits = model.logits_of_batch(&windows.iter().collect::<Vec<_>>());
        let expected = expected(&reference);
        assert_eq!(windows.len(), expected.len());
        for (logits, expected) in logits.unwrap().iter().zip(expected) {
            assert_close(name, logits, expected, 1e-4);
        }
    }
}
