//! Every way in which a `config.json` is refused, and what its absent keys mean.

mod fixtures;

use std::path::Path;

use fixtures::refusal::{assert_message, engine_error, engine_error_with, with_config_of};
use fixtures::{Altered, fixture, load_as};
use sealnote_engine::{Computation, EngineError, EngineOptions, LabelFault, Precision};
use serde_json::{Value, json};

const SINGLE: &str = "tiny-bert-single";
const MODERN: &str = "tiny-modernbert";
const DEBERTA: &str = "tiny-deberta-v3";

/// The error after `config.json`'s `key` was set to `value`.
fn with_config(key: &str, value: Value) -> EngineError {
    with_config_of(SINGLE, key, value)
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
        let scores = |dir: &Path| load_as(dir, Computation::F32).classify(&["fever"]);
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
            load_as(dir, Computation::F32).classify(&[&notes])
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
