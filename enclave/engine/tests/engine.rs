//! The engine through its public interface, on tiny models with random weights; the reference is
//! what `transformers` computed (`fixtures/make_tiny_models.py`).

mod fixtures;

use std::fs;

use candle_core::{DType, Device, Tensor};
use fixtures::{Altered, NATIVE, Reference, all, assert_close, best, fixture, load, load_as};
use sealnote_engine::ModelFiles;
use sealnote_engine::{Computation, Engine, EngineOptions, NoteError, OVERLAP, Precision, Problem};
use sealnote_model::ModelDigest;

const SINGLE: &str = "tiny-bert-single";

#[test]
fn scores_are_those_of_transformers() {
    for (name, _) in all() {
        let reference = Reference::read(&fixture(name).join("reference.json"));
        let engine = load_as(&fixture(name), Computation::F32);
        let scores = engine.classify(&reference.texts());
        assert_eq!(scores.len(), reference.cases.len());
        for (scores, case) in scores.iter().zip(&reference.cases) {
            assert_close(&scores.as_ref().unwrap().scores, &case.scores, 1e-4);
        }
    }
}

#[test]
fn the_model_is_described_as_its_files_say() {
    for (name, computation) in all() {
        let reference = Reference::read(&fixture(name).join("reference.json"));
        let engine = load_as(&fixture(name), computation);
        let info = engine.info();
        let problem = match &*reference.problem {
            "multi_label_classification" => Problem::MultiLabel,
            _ => Problem::SingleLabel,
        };
        let precision = match computation {
            Computation::Int8 => Precision::Int8,
            _ => Precision::F32,
        };
        assert_eq!(info.precision, precision);
        assert_eq!(info.labels, reference.labels);
        assert_eq!(
            (info.problem, info.window, info.overlap),
            (problem, reference.window, OVERLAP)
        );

        let bytes = ["config.json", "model.safetensors", "tokenizer.json"]
            .map(|file| fs::read(fixture(name).join(file)).unwrap());
        let digest = ModelDigest::of_files([&bytes[0], &bytes[1], &bytes[2]]);
        assert_eq!(info.digest, digest);
        // Computed by the script that made the fixture, in another language.
        assert_eq!(digest.to_string(), reference.digest);
    }
}

#[test]
fn an_encoder_that_could_be_in_8_bits_says_when_it_is_not() {
    for (computation, precision) in [
        (Computation::Fastest, Precision::Int8),
        (Computation::F32, Precision::F32),
        (Computation::Reference, Precision::F32),
    ] {
        let engine = load_as(&fixture(SINGLE), computation);
        assert_eq!(engine.info().precision, precision, "{computation:?}");
    }
}

#[test]
fn the_window_is_the_lesser_of_the_limit_and_the_models() {
    for (name, limit, window) in [
        (SINGLE, 100, 100),
        (SINGLE, 10_000, 512),
        ("tiny-bert-multi", 10_000, 160),
        ("tiny-distilbert", 10_000, 300),
        // Of 514 and 130 positions, RoBERTa never uses the first two.
        ("tiny-roberta", 10_000, 512),
        ("tiny-xlm-roberta", 10_000, 128),
        ("tiny-modernbert", 10_000, 1024),
        ("tiny-deberta-v3", 10_000, 512),
        ("tiny-deberta-v2", 10_000, 300),
    ] {
        let files = ModelFiles::open(&fixture(name)).unwrap();
        let options = EngineOptions {
            window: limit,
            computation: Computation::F32,
            ..EngineOptions::default()
        };
        let engine = Engine::load(files, options).unwrap();
        assert_eq!(engine.info().window, window);
        assert!(engine.classify(&[&"fracture of the arm ".repeat(200)])[0].is_ok());
    }
}

#[test]
fn batched_scores_are_the_single_ones() {
    let words =
        "the patient has chest pain and a fracture of left arm with fever no cough seen today";
    let words: Vec<&str> = words.split(' ').collect();
    let note = |length: usize, shift: usize| {
        let words = (0..length).map(|i| words[(i * (1 + shift % 5) + shift) % words.len()]);
        words.collect::<Vec<_>>().join(" ")
    };
    // Assorted lengths, most with others near enough to share a batch, some of several windows.
    let notes: Vec<String> = (0..60).map(|i| note(1 + (i * 37) % 220, i)).collect();
    for (name, computation) in all() {
        // Candle takes its time.
        let step = if computation == Computation::F32 {
            5
        } else {
            1
        };
        let notes: Vec<&str> = notes.iter().step_by(step).map(String::as_str).collect();
        let engine = load_as(&fixture(name), computation);
        let batched = engine.classify(&notes);
        for (note, batched) in notes.iter().zip(&batched) {
            let alone = engine.classify(&[note]).remove(0).unwrap().scores;
            assert_close(&batched.as_ref().unwrap().scores, &alone, 1e-4);
        }
        assert_eq!(
            engine.classify(&notes),
            batched,
            "the same call gives the same bits"
        );
    }
}

#[test]
fn words_after_token_600_decide() {
    for name in NATIVE {
        let reference = Reference::read(&fixture(name).join("reference.json"));
        let [.., before, after] = &reference.cases[..] else {
            panic!("{name} has no such case")
        };
        assert!(after.text.starts_with(&before.text));
        let reach = before
            .windows
            .iter()
            .map(|ids| ids.len() - 2)
            .sum::<usize>()
            - (before.windows.len() - 1) * OVERLAP;
        assert!(reach > 600, "the filler has {reach} tokens");

        let engine = load_as(&fixture(name), Computation::F32);
        let scores = engine.classify(&[&before.text, &after.text]);
        let [before, after] =
            [&scores[0], &scores[1]].map(|scores| &scores.as_ref().unwrap().scores);
        let change = before
            .iter()
            .zip(after)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        if engine.info().problem == Problem::SingleLabel {
            assert_ne!(best(before), best(after));
        }
        assert!(change > 1e-3, "{name}: {change}");
    }
}

#[test]
fn an_empty_note_fails_alone() {
    for (name, computation) in all() {
        let engine = load_as(&fixture(name), computation);
        assert_eq!(engine.classify(&[]), []);
        let white = ["", " \t\r\n", "\u{a0}\u{2003}\u{3000}\u{85}"];
        // Not White_Space, but BERT's tokenizer drops them.
        let dropped = ["\u{0}", "\u{200d} \u{feff}"];
        let dropped = dropped.into_iter().filter(|_| name == SINGLE);
        for empty in white.into_iter().chain(dropped) {
            let results = engine.classify(&["fracture", empty, "fever"]);
            assert_eq!(results[1], Err(NoteError::Empty), "{name}: {empty:?}");
            for (place, note) in [(0, "fracture"), (2, "fever")] {
                let alone = engine.classify(&[note]).remove(0).unwrap().scores;
                assert_close(&results[place].as_ref().unwrap().scores, &alone, 1e-4);
            }
        }
    }
}

#[test]
fn a_score_that_is_not_finite_fails_its_note_alone() {
    let altered = Altered::copy_of(SINGLE);
    let tokenizer =
        tokenizers::Tokenizer::from_file(altered.path().join("tokenizer.json")).unwrap();
    let token = tokenizer.token_to_id("fever").unwrap() as usize;
    altered.weights(|tensors| {
        let name = "bert.embeddings.word_embeddings.weight";
        let mut rows: Vec<Vec<f32>> = tensors[name]
            .to_dtype(DType::F32)
            .unwrap()
            .to_vec2()
            .unwrap();
        rows[token].fill(f32::NAN);
        tensors.insert(name.into(), Tensor::new(rows, &Device::Cpu).unwrap());
    });
    let notes = ["chest pain on exertion", "no fever seen here", "chest pain"];
    let poisoned = load(altered.path()).classify(&notes);
    let sound = load(&fixture(SINGLE)).classify(&notes);
    assert_eq!(poisoned[1], Err(NoteError::Internal));
    for place in [0, 2] {
        assert_close(
            &poisoned[place].as_ref().unwrap().scores,
            &sound[place].as_ref().unwrap().scores,
            1e-4,
        );
    }
}

#[test]
fn a_very_long_note_is_classified_whole() {
    for name in NATIVE {
        let engine = load(&fixture(name));
        // Its end is in the last of some hundred windows only, and counts.
        let long = "fever and cough. ".repeat(3500);
        let other = format!("{long}{}", "fracture of the left arm ".repeat(100));
        let scores = engine.classify(&[&long, &other]);
        assert!(scores[0].is_ok() && scores[1].is_ok());
        assert_ne!(scores[0], scores[1], "{name}");
        // To WordPiece, one word beyond `max_input_chars_per_word` is a single unknown token.
        assert!(engine.classify(&[&"x".repeat(1 << 16)])[0].is_ok());
    }
}

/// Heads as wide as in models of use, and of no size that the kernels like.
#[test]
fn other_shapes_are_computed_alike() {
    for (hidden, heads, intermediate) in [(192, 3, 328), (99, 3, 65)] {
        let altered = Altered::copy_of(SINGLE);
        altered.json("config.json", |config| {
            config["hidden_size"] = hidden.into();
            config["num_attention_heads"] = heads.into();
            config["intermediate_size"] = intermediate.into();
        });
        altered.weights(|tensors| {
            let mut names: Vec<String> = tensors.keys().cloned().collect();
            names.sort();
            for (seed, name) in names.into_iter().enumerate() {
                // Of the fixture's, 32 and 64 are the hidden size and the intermediate one.
                let dims = tensors[&name].dims().iter().map(|&size| match size {
                    32 => hidden,
                    64 => intermediate,
                    other => other,
                });
                let dims: Vec<usize> = dims.collect();
                let values = (0..dims.iter().product()).map(|i: usize| {
                    let noise =
                        ((i * 2_654_435_761 + seed * 40_503) % 10_007) as f32 / 10_007.0 - 0.5;
                    let norm = name.ends_with("LayerNorm.weight");
                    if norm { 1.0 + 0.2 * noise } else { 0.3 * noise }
                });
                let values = Tensor::from_iter(values, &Device::Cpu).unwrap();
                tensors.insert(name, values.reshape(dims).unwrap());
            }
        });
        let reference = Reference::read(&fixture(SINGLE).join("reference.json"));
        let [expected, native] = [Computation::Reference, Computation::F32].map(|computation| {
            let scores = load_as(altered.path(), computation).classify(&reference.texts());
            let scores = scores.into_iter().map(|scored| scored.unwrap().scores);
            scores.collect::<Vec<_>>()
        });
        for (native, expected) in native.iter().zip(&expected) {
            assert_close(native, expected, 1e-4);
        }
        assert_ne!(expected[0], expected[1]);
    }
}
