//! Every way in which a model folder is refused, and what the operator reads then.

mod fixtures;

use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use fixtures::refusal::{assert_message, engine_error, with_config_of};
use fixtures::{Altered, fixture, load_as};
use sealnote_engine::{Computation, Engine, EngineError, EngineOptions};
use sealnote_engine::{MAX_CONFIG_BYTES, ModelFiles, ModelStoreError};
use serde_json::{Value, json};

const SINGLE: &str = "tiny-bert-single";
const MODERN: &str = "tiny-modernbert";
const DEBERTA: &str = "tiny-deberta-v3";

#[test]
fn folders_and_files_that_cannot_be_read() {
    let error = ModelFiles::open(Path::new("/nowhere/model")).unwrap_err();
    assert!(matches!(error, ModelStoreError::NoFolder { .. }));
    assert_message(&error, &["/nowhere/model", "does not exist"]);

    let error = ModelFiles::open(&fixture(SINGLE).join("config.json")).unwrap_err();
    assert!(matches!(error, ModelStoreError::NotAFolder { .. }));

    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let altered = Altered::copy_of(SINGLE);
        altered.write(file, b"");
        let error = ModelFiles::open(altered.path()).unwrap_err();
        assert!(matches!(error, ModelStoreError::EmptyFile { .. }));

        altered.remove(file);
        let error = ModelFiles::open(altered.path()).unwrap_err();
        assert!(matches!(error, ModelStoreError::MissingFile { name, .. } if name == file));
        assert_message(&error, &[file]);

        fs::create_dir(altered.path().join(file)).unwrap();
        let error = ModelFiles::open(altered.path()).unwrap_err();
        assert!(matches!(error, ModelStoreError::NotAFile { .. }));
    }

    let altered = Altered::copy_of(SINGLE);
    let huge = fs::File::create(altered.path().join("config.json")).unwrap();
    huge.set_len(MAX_CONFIG_BYTES + 1).unwrap();
    let error = ModelFiles::open(altered.path()).unwrap_err();
    assert!(matches!(
        error,
        ModelStoreError::TooLarge {
            limit: MAX_CONFIG_BYTES,
            ..
        }
    ));
}

#[test]
fn pickle_is_never_loaded_and_shards_are_named() {
    let altered = Altered::copy_of(SINGLE);
    altered.remove("model.safetensors");
    altered.write("pytorch_model.bin", b"\x80\x04never read");
    let error = ModelFiles::open(altered.path()).unwrap_err();
    assert!(matches!(
        error,
        ModelStoreError::PickleOnly {
            found: "pytorch_model.bin",
            ..
        }
    ));
    assert_message(&error, &["pickle", "never loaded", "save_pretrained"]);

    altered.write("model.safetensors.index.json", b"{}");
    let error = ModelFiles::open(altered.path()).unwrap_err();
    assert!(matches!(error, ModelStoreError::Sharded { .. }));
}

#[test]
fn files_that_do_not_parse() {
    for (file, bytes) in [
        ("config.json", &b"{\"model_type\": "[..]),
        ("config.json", b"{}"),
        ("config.json", b"{\"model_type\": \"bert\"}"),
        ("tokenizer.json", b"{}"),
        (
            "model.safetensors",
            b"version https://git-lfs.github.com/spec/v1\n",
        ),
        ("model.safetensors", b"\xff\xff\xff\xff\xff\xff\xff\x7f{}"),
    ] {
        let altered = Altered::copy_of(SINGLE);
        altered.write(file, bytes);
        let error = engine_error(altered.path());
        assert!(error.to_string().starts_with(file), "{error}");
    }

    // A download cut off: the header promises more than there is.
    let altered = Altered::copy_of(SINGLE);
    let bytes = fs::read(altered.path().join("model.safetensors")).unwrap();
    altered.write("model.safetensors", &bytes[..bytes.len() - 1]);
    assert!(matches!(
        engine_error(altered.path()),
        EngineError::Format(_)
    ));
}

#[test]
fn an_image_holds_the_model_and_nothing_else() {
    let altered = Altered::copy_of(SINGLE);
    ModelFiles::open_exactly(altered.path()).unwrap();
    altered.write("pytorch_model.bin", b"\x80\x04never read");
    ModelFiles::open(altered.path()).unwrap();
    let error = ModelFiles::open_exactly(altered.path()).unwrap_err();
    assert!(matches!(error, ModelStoreError::ExtraFile { .. }));
    assert_message(&error, &["pytorch_model.bin", "nothing else"]);
}

#[test]
fn a_model_without_one_of_its_tensors_is_refused() {
    for (name, missing) in [
        ("tiny-distilbert", "pre_classifier.bias"),
        (
            "tiny-distilbert",
            "distilbert.transformer.layer.2.attention.v_lin.weight",
        ),
        ("tiny-roberta", "classifier.dense.weight"),
        (
            "tiny-roberta",
            "roberta.embeddings.token_type_embeddings.weight",
        ),
        (
            "tiny-xlm-roberta",
            "roberta.encoder.layer.1.output.LayerNorm.bias",
        ),
        (MODERN, "model.layers.2.attn_norm.weight"),
        (MODERN, "head.norm.weight"),
        (DEBERTA, "deberta.encoder.LayerNorm.weight"),
        (DEBERTA, "pooler.dense.weight"),
        (
            "tiny-deberta-v2",
            "deberta.embeddings.position_embeddings.weight",
        ),
        (
            "tiny-deberta-v2",
            "deberta.encoder.layer.0.attention.self.pos_key_proj.bias",
        ),
    ] {
        let altered = Altered::copy_of(name);
        altered.weights(|tensors| assert!(tensors.remove(missing).is_some(), "{missing}"));
        let options = EngineOptions {
            computation: Computation::F32,
            ..EngineOptions::default()
        };
        let error = Engine::load(ModelFiles::open(altered.path()).unwrap(), options);
        assert_message(&error.err().unwrap(), &["model.safetensors", missing]);
    }
}

/// `transformers` gives the first layer none, and so takes none from the file.
#[test]
fn a_norm_that_a_modernbert_does_not_have_changes_nothing() {
    let scores = |dir: &Path| fixtures::load_as(dir, Computation::F32).classify(&["fever"]);
    let altered = Altered::copy_of(MODERN);
    altered.weights(|tensors| {
        let norm = (&tensors["model.layers.1.attn_norm.weight"] * 3.0).unwrap();
        tensors.insert("model.layers.0.attn_norm.weight".into(), norm);
    });
    assert_eq!(scores(altered.path()), scores(&fixture(MODERN)));
}

#[test]
fn weights_of_whole_numbers_are_refused() {
    let altered = Altered::copy_of(SINGLE);
    altered.weights(|tensors| {
        let name = "bert.encoder.layer.0.output.dense.weight";
        let quantised = tensors[name].to_dtype(DType::U8).unwrap();
        tensors.insert(name.into(), quantised);
    });
    let error = engine_error(altered.path());
    assert_message(&error, &["bert.encoder.layer.0.output.dense.weight", "U8"]);

    // Old checkpoints carry this one, and it is not used.
    let altered = Altered::copy_of(SINGLE);
    altered.weights(|tensors| {
        let ids = Tensor::arange(0i64, 512, &Device::Cpu).unwrap();
        tensors.insert("bert.embeddings.position_ids".into(), ids);
    });
    fixtures::load(altered.path());
}

/// `01` is a number, but no layer has that name.
#[test]
fn a_tensor_with_nearly_a_layers_name_replaces_nothing() {
    const NAME: &str = "bert.encoder.layer.1.output.dense.weight";
    for computation in [Computation::Reference, Computation::F32, Computation::Int8] {
        let altered = Altered::copy_of(SINGLE);
        altered.weights(|tensors| {
            let other = tensors[NAME].zeros_like().unwrap();
            for index in ["01", "+1"] {
                tensors.insert(NAME.replace(".1.", &format!(".{index}.")), other.clone());
            }
        });
        let texts = ["some words of a note"];
        let expected = load_as(&fixture(SINGLE), computation).classify(&texts);
        assert!(expected[0].is_ok());
        let scores = load_as(altered.path(), computation).classify(&texts);
        assert_eq!(scores, expected, "{computation:?}");
    }
}

#[test]
fn a_tokenizer_that_draws_at_random_is_refused() {
    let altered = Altered::copy_of("tiny-roberta");
    altered.json("tokenizer.json", |tokenizer| {
        assert_eq!(tokenizer["model"]["type"], "BPE");
        tokenizer["model"]["dropout"] = json!(0.1);
    });
    let error = engine_error(altered.path());
    assert!(matches!(error, EngineError::Tokenizer(_)));
    assert_message(&error, &["tokenizer.json", "dropout"]);

    altered.json("tokenizer.json", |tokenizer| {
        tokenizer["model"]["dropout"] = json!(0.0);
    });
    load_as(altered.path(), Computation::Int8);
}

#[test]
fn a_post_processor_with_tokens_that_are_not_there_is_refused() {
    let altered = Altered::copy_of(SINGLE);
    altered.json("tokenizer.json", |tokenizer| {
        let tokens = &mut tokenizer["post_processor"]["special_tokens"];
        tokens["[SEP]"]["ids"] = json!([999_999]);
    });
    let error = engine_error(altered.path());
    assert!(
        matches!(
            error,
            EngineError::TokenRange {
                token: 999_999,
                key: "vocab_size",
                ..
            }
        ),
        "{error}"
    );

    let altered = Altered::copy_of(SINGLE);
    altered.json("tokenizer.json", |tokenizer| {
        let single = &mut tokenizer["post_processor"]["single"];
        single[1]["Sequence"]["id"] = json!("B");
    });
    assert!(matches!(
        engine_error(altered.path()),
        EngineError::PostProcessor
    ));
}

#[test]
fn a_tokenizer_of_another_model_is_refused() {
    let vocab = fs::read(fixture(SINGLE).join("config.json")).unwrap();
    let vocab: Value = serde_json::from_slice(&vocab).unwrap();
    let size = vocab["vocab_size"].as_u64().unwrap();

    let altered = Altered::copy_of(SINGLE);
    altered.json("tokenizer.json", |tokenizer| {
        tokenizer["model"]["vocab"]["beyond"] = json!(size)
    });
    let error = engine_error(altered.path());
    assert!(
        matches!(
            error,
            EngineError::TokenRange {
                key: "vocab_size",
                ..
            }
        ),
        "{error}"
    );

    let altered = Altered::copy_of(SINGLE);
    altered.json("tokenizer.json", |tokenizer| {
        let single = &mut tokenizer["post_processor"]["single"];
        single[2]["SpecialToken"]["type_id"] = json!(2);
    });
    let error = engine_error(altered.path());
    assert!(
        matches!(
            error,
            EngineError::TokenRange {
                key: "type_vocab_size",
                ..
            }
        ),
        "{error}"
    );

    let altered = Altered::copy_of(SINGLE);
    altered.json("tokenizer.json", |tokenizer| {
        let twice = tokenizer["post_processor"]["single"][1].clone();
        tokenizer["post_processor"]["single"]
            .as_array_mut()
            .unwrap()
            .push(twice);
    });
    assert!(matches!(
        engine_error(altered.path()),
        EngineError::PostProcessor
    ));
}

#[test]
fn a_window_too_small_for_its_overlap_is_refused() {
    // 2 special tokens, 64 of overlap, a step of 32.
    let load = |window| {
        Engine::load(
            ModelFiles::open(&fixture(SINGLE)).unwrap(),
            EngineOptions {
                window,
                ..EngineOptions::default()
            },
        )
    };
    assert!(matches!(
        load(97),
        Err(EngineError::Window {
            window: 97,
            least: 98
        })
    ));
    assert!(matches!(
        load(0),
        Err(EngineError::Window { window: 0, .. })
    ));
    let error = with_config_of("tiny-xlm-roberta", "max_position_embeddings", json!(99));
    assert!(matches!(
        error,
        EngineError::Window {
            window: 97,
            least: 98
        }
    ));
    let notes = ["fever and cough ".repeat(100)];
    assert!(load(98).unwrap().classify(&[&notes[0]])[0].is_ok());
}
