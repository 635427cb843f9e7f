//! Every way in which a model folder is refused, and what the operator reads then.

mod fixtures;

use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use fixtures::{Altered, fixture, load_as};
use sealnote_enclave::engine::{
    Computation, Engine, EngineError, EngineOptions, LabelFault, Precision,
};
use sealnote_enclave::model_store::{MAX_CONFIG_BYTES, ModelFiles, ModelStoreError};
use serde_json::{Value, json};

const SINGLE: &str = "tiny-bert-single";
const MODERN: &str = "tiny-modernbert";
const DEBERTA: &str = "tiny-deberta-v3";

fn engine_error(dir: &Path) -> EngineError {
    engine_error_with(dir, EngineOptions::default())
}

fn engine_error_with(dir: &Path, options: EngineOptions) -> EngineError {
    let files = ModelFiles::open(dir).unwrap();
    match Engine::load(files, options) {
        Ok(_) => panic!("the model was loaded"),
        Err(error) => error,
    }
}

/// The error after `config.json`'s `key` was set to `value`.
fn with_config(key: &str, value: Value) -> EngineError {
    with_config_of(SINGLE, key, value)
}

fn with_config_of(name: &str, key: &str, value: Value) -> EngineError {
    let altered = Altered::copy_of(name);
    altered.json("config.json", |config| config[key] = value);
    engine_error(altered.path())
}

fn assert_message(error: &dyn core::error::Error, parts: &[&str]) {
    let message = error.to_string();
    assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    assert!(!message.contains('\n'), "{message}");
}

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
fn another_architecture_is_refused_by_name() {
    let altered = Altered::copy_of(SINGLE);
    altered.write(
        "config.json",
        br#"{"model_type": "albert", "embedding_size": 128}"#,
    );
    assert_eq!(
        engine_error(altered.path()).to_string(),
        "config.json: model_type \"albert\" is not supported; supported: bert, distilbert, roberta, \
         xlm-roberta, modernbert, deberta-v2"
    );
    let error = with_config("architectures", json!(["BertForTokenClassification"]));
    assert_message(
        &error,
        &[
            "BertForTokenClassification",
            "BertForSequenceClassification",
        ],
    );
    for (name, class) in [
        ("tiny-distilbert", "DistilBertForSequenceClassification"),
        ("tiny-roberta", "RobertaForSequenceClassification"),
        ("tiny-xlm-roberta", "XLMRobertaForSequenceClassification"),
        ("tiny-modernbert", "ModernBertForSequenceClassification"),
        ("tiny-deberta-v3", "DebertaV2ForSequenceClassification"),
    ] {
        let error = with_config_of(
            name,
            "architectures",
            json!(["BertForSequenceClassification"]),
        );
        assert_message(
            &error,
            &["architectures \"Bert", &format!("supported: {class}")],
        );
    }
}

#[test]
fn types_without_an_8_bit_path_are_refused_in_8_bits() {
    for (name, model_type) in [
        ("tiny-modernbert", "modernbert"),
        ("tiny-deberta-v3", "deberta-v2"),
    ] {
        let options = EngineOptions {
            computation: Computation::Int8,
            ..EngineOptions::default()
        };
        assert_eq!(
            engine_error_with(&fixture(name), options).to_string(),
            format!("a model of type {model_type} has no 8-bit path; use --precision f32")
        );
        // Nobody asked for one.
        let engine = fixtures::load(&fixture(name));
        assert_eq!(engine.info().precision, Precision::F32);
    }
}

#[test]
fn variants_that_are_not_computed_are_refused() {
    for (model, name, value) in [
        (SINGLE, "problem_type", json!("regression")),
        (SINGLE, "hidden_act", json!("silu")),
        (SINGLE, "position_embedding_type", json!("relative_key")),
        (SINGLE, "is_decoder", json!(true)),
        ("tiny-distilbert", "activation", json!("silu")),
        (
            "tiny-roberta",
            "position_embedding_type",
            json!("relative_key_query"),
        ),
        ("tiny-xlm-roberta", "hidden_act", json!("swish")),
        ("tiny-xlm-roberta", "is_decoder", json!(true)),
        (MODERN, "norm_bias", json!(true)),
        (MODERN, "attention_bias", json!(true)),
        (MODERN, "mlp_bias", json!(true)),
        (MODERN, "classifier_bias", json!(true)),
        (MODERN, "classifier_pooling", json!("max")),
        (MODERN, "classifier_activation", json!("relu")),
        (MODERN, "hidden_activation", json!("gelu_new")),
        (MODERN, "head_dim", json!(16)),
        (MODERN, "local_rope_theta", json!(null)),
        (DEBERTA, "conv_kernel_size", json!(3)),
        (DEBERTA, "embedding_size", json!(32)),
        (DEBERTA, "attention_head_size", json!(16)),
        (DEBERTA, "pooler_hidden_size", json!(32)),
        (DEBERTA, "pooler_hidden_act", json!("silu")),
        (DEBERTA, "pos_att_type", json!("p2p")),
        (DEBERTA, "norm_rel_ebd", json!("rms_norm")),
    ] {
        let error = with_config_of(model, name, value.clone());
        assert!(
            matches!(&error, EngineError::Unsupported { key, .. } if *key == name),
            "{error}"
        );
        let value = value.as_str().map_or(value.to_string(), str::to_owned);
        assert_message(&error, &[name, &value, "supported: "]);
    }
    const FULL: &str = "full_attention";
    const SLIDING: &str = "sliding_attention";
    let linear = json!({FULL: {"rope_type": "linear", "factor": 2.0}});
    for (name, value, key) in [
        (
            "quantization_config",
            json!({"bits": 4}),
            "quantization_config",
        ),
        ("rope_scaling", json!({"factor": 2.0}), "rope_scaling"),
        ("rope_parameters", linear, "rope_type"),
        ("layer_types", json!([FULL, FULL, FULL]), "layer_types"),
        (
            "layer_types",
            json!([SLIDING, FULL, SLIDING, FULL]),
            "layer_types",
        ),
        (
            "layer_types",
            json!([FULL, SLIDING, FULL, FULL]),
            "layer_types",
        ),
    ] {
        let error = with_config_of(MODERN, name, value);
        assert!(
            matches!(&error, EngineError::Unsupported { key: found, .. } if *found == key),
            "{error}"
        );
    }
    // Of no type of layer: where it was in another version.
    let error = with_config_of(MODERN, "rope_parameters", json!({"rope_theta": 1e5}));
    assert!(matches!(error, EngineError::Config(_)), "{error}");
}

#[test]
fn absent_and_null_keys_mean_the_defaults() {
    for alter in [
        |config: &mut Value| {
            let config = config.as_object_mut().unwrap();
            for key in [
                "problem_type",
                "position_embedding_type",
                "architectures",
                "is_decoder",
            ] {
                config.remove(key);
            }
        },
        |config: &mut Value| {
            for key in ["problem_type", "position_embedding_type", "architectures"] {
                config[key] = Value::Null;
            }
            config["problem_type"] = json!("single_label_classification");
            config["some_later_key"] = json!({"a": [1]});
        },
    ] {
        let altered = Altered::copy_of(SINGLE);
        altered.json("config.json", alter);
        assert_eq!(
            fixtures::load(altered.path()).classify(&["fever"]),
            fixtures::load(&fixture(SINGLE)).classify(&["fever"])
        );
    }
}

#[test]
fn absent_keys_mean_the_defaults_of_the_type() {
    for (name, keys) in [
        (
            SINGLE,
            &[
                "hidden_act",
                "layer_norm_eps",
                "pad_token_id",
                "type_vocab_size",
            ][..],
        ),
        ("tiny-distilbert", &["activation", "pad_token_id"]),
        ("tiny-roberta", &["hidden_act", "pad_token_id"]),
        ("tiny-xlm-roberta", &["hidden_act", "pad_token_id"]),
        (
            MODERN,
            &[
                "rope_parameters",
                "layer_types",
                "norm_eps",
                "norm_bias",
                "classifier_pooling",
                "classifier_activation",
                "hidden_activation",
            ],
        ),
        (
            DEBERTA,
            &[
                "hidden_act",
                "layer_norm_eps",
                "max_position_embeddings",
                "max_relative_positions",
                "pad_token_id",
                "pooler_hidden_act",
                "pooler_hidden_size",
                "type_vocab_size",
            ],
        ),
        ("tiny-deberta-v2", &["position_biased_input"]),
    ] {
        let scores = |dir: &Path| fixtures::load_as(dir, Computation::F32).classify(&["fever"]);
        let altered = Altered::copy_of(name);
        altered.json("config.json", |config| {
            for key in keys {
                let known = config.as_object_mut().unwrap().remove(*key);
                assert!(known.is_some(), "{name}: {key}");
            }
        });
        assert_eq!(scores(altered.path()), scores(&fixture(name)), "{name}");
    }
}

#[test]
fn the_older_keys_of_a_modernbert_mean_the_same() {
    for (name, every) in [(MODERN, 3), ("tiny-modernbert-mean", 2)] {
        let scores = |dir: &Path| {
            let notes = "fever and no cough. ".repeat(40);
            fixtures::load_as(dir, Computation::F32).classify(&[&notes])
        };
        let altered = Altered::copy_of(name);
        altered.json("config.json", |config| {
            for key in ["rope_parameters", "layer_types"] {
                config.as_object_mut().unwrap().remove(key);
            }
            config["global_attn_every_n_layers"] = json!(every);
            config["global_rope_theta"] = json!(160_000.0);
            config["local_rope_theta"] = json!(10_000);
        });
        assert_eq!(scores(altered.path()), scores(&fixture(name)));
        altered.json("config.json", |config| {
            config["local_rope_theta"] = json!(500)
        });
        assert_ne!(scores(altered.path()), scores(&fixture(name)));
    }
}

#[test]
fn impossible_numbers_are_refused() {
    for (name, value) in [
        ("num_attention_heads", 0),
        ("num_attention_heads", 5),
        ("hidden_size", 0),
        ("num_hidden_layers", 0),
        ("pad_token_id", 100_000),
    ] {
        let error = with_config(name, json!(value));
        assert!(
            matches!(error, EngineError::Number { .. }),
            "{name} {value}: {error}"
        );
    }
    for (model, name, value) in [
        ("tiny-distilbert", "dim", 50),
        ("tiny-distilbert", "n_heads", 0),
        ("tiny-roberta", "type_vocab_size", 0),
        ("tiny-xlm-roberta", "max_position_embeddings", 0),
        (MODERN, "global_attn_every_n_layers", 0),
        (MODERN, "max_position_embeddings", 1_i64 << 40),
        // Heads of 3 elements, which do not come in pairs.
        (MODERN, "num_attention_heads", 16),
        (DEBERTA, "position_buckets", 1),
        (DEBERTA, "position_buckets", 1022),
        (DEBERTA, "num_attention_heads", 5),
    ] {
        let altered = Altered::copy_of(model);
        altered.json("config.json", |config| {
            config.as_object_mut().unwrap().remove("layer_types");
            config[name] = json!(value);
        });
        let error = engine_error(altered.path());
        assert!(
            matches!(error, EngineError::Number { .. }),
            "{model} {name} {value}: {error}"
        );
    }
    for (name, value) in [
        ("num_hidden_layers", json!(usize::MAX)),
        ("hidden_size", json!(1u64 << 40)),
        ("max_position_embeddings", json!(511)),
        ("intermediate_size", json!(65)),
    ] {
        let error = with_config(name, value);
        assert!(matches!(error, EngineError::Weights(_)), "{name}: {error}");
    }
    assert!(matches!(
        with_config("hidden_size", json!(-1)),
        EngineError::Config(_)
    ));
}

#[test]
fn labels_must_be_complete_and_printable() {
    let fault = |labels: Value| match with_config("id2label", labels) {
        EngineError::Labels(fault) => fault,
        other => panic!("{other}"),
    };
    let labels = |third: &str| json!({"0": "a", "1": "b", "2": third});
    assert_eq!(fault(json!({})), LabelFault::None);
    assert_eq!(fault(json!({"0": "only"})), LabelFault::OnlyOne);
    assert_eq!(
        fault(json!({"0": "a", "1": "b", "3": "c"})),
        LabelFault::Missing {
            missing: 2,
            last: 2
        }
    );
    assert_eq!(
        fault(json!({"0": "a", "1": "b", "02": "c"})),
        LabelFault::Missing {
            missing: 2,
            last: 2
        }
    );
    assert_eq!(fault(labels("")), LabelFault::Empty { index: 2 });
    assert_eq!(
        fault(labels(&"é".repeat(101))),
        LabelFault::TooLong {
            index: 2,
            bytes: 202,
            limit: 200
        }
    );
    assert_eq!(
        fault(labels("a\u{1b}[2J")),
        LabelFault::Control { index: 2 }
    );
    assert_eq!(
        fault(labels("a")),
        LabelFault::Same {
            first: 0,
            second: 2
        }
    );
    let many: serde_json::Map<_, _> = (0..513)
        .map(|i| (i.to_string(), json!(i.to_string())))
        .collect();
    assert_eq!(
        fault(Value::Object(many)),
        LabelFault::TooMany {
            found: 513,
            limit: 512
        }
    );
    // `LABEL_0` and the like stand in for it in transformers, but then the labels mean nothing.
    let altered = Altered::copy_of(SINGLE);
    altered.json("config.json", |config| {
        config.as_object_mut().unwrap().remove("id2label");
    });
    assert!(matches!(
        engine_error(altered.path()),
        EngineError::Labels(LabelFault::None)
    ));
}

#[test]
fn the_classifier_must_have_a_row_for_each_label() {
    let error = with_config("id2label", json!({"0": "a", "1": "b"}));
    assert!(matches!(
        error,
        EngineError::ClassifierRows {
            rows: 3,
            labels: 2,
            ..
        }
    ));
    let error = with_config_of("tiny-roberta", "id2label", json!({"0": "a", "1": "b"}));
    assert_message(
        &error,
        &["classifier.out_proj.weight has 3 rows", "2 labels"],
    );

    for missing in [
        "classifier.weight",
        "classifier.bias",
        "bert.pooler.dense.weight",
    ] {
        let altered = Altered::copy_of(SINGLE);
        altered.weights(|tensors| drop(tensors.remove(missing)));
        assert_message(
            &engine_error(altered.path()),
            &["model.safetensors", missing],
        );
    }
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
