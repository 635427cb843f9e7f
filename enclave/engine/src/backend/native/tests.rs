//! Every instruction set that this processor has against the portable one, on the default model.

use std::path::Path;

use serde::Deserialize;

use super::*;
use crate::model_files::ModelFiles;
use crate::tokenizer::NoteTokenizer;

#[derive(Deserialize)]
struct Note {
    text: String,
}

fn load(precision: Precision, isa: Isa) -> (NoteTokenizer, Native) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/icd10-chapter");
    let mut files = ModelFiles::open(&dir).unwrap();
    let config = ModelConfig::parse(&files.config).unwrap();
    let tokenizer = NoteTokenizer::load(&files.tokenizer, config.inputs, 256).unwrap();
    let Architecture::Bert(bert) = &config.architecture else {
        panic!("the default model is a BERT")
    };
    let mut parts = Parts::new(bert, &config, precision, isa);
    weights::read(&mut files.weights, 0, &mut parts).unwrap();
    (
        tokenizer,
        Native::build(parts, Some(NonZeroUsize::MIN)).unwrap(),
    )
}

/// A few notes, since the portable set takes its time.
#[test]
fn every_instruction_set_gives_the_same_bits() {
    let notes = include_str!("../../../../../examples/notes.jsonl");
    let notes = notes.lines().skip(1).take(3);
    let notes = notes.map(|line| serde_json::from_str::<Note>(line).unwrap().text);
    let notes: Vec<String> = notes.collect();
    for precision in [Precision::F32, Precision::Int8] {
        let mut first = None;
        for isa in Isa::available() {
            let (tokenizer, model) = load(precision, isa);
            let windows = notes
                .iter()
                .flat_map(|note| tokenizer.windows(note).unwrap());
            let logits = model.logits(&windows.collect::<Vec<_>>());
            let first = first.get_or_insert_with(|| logits.clone());
            assert_eq!(&logits, first, "{isa:?} {precision:?}");
        }
    }
}
