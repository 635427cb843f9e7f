//! Observations, by what R4 says of them.

use sealnote_model::NoteError;

use super::*;
use crate::record::InputError;
use crate::sink::tests::{AWKWARD, classified, little_known, row};

const SINGLE: [(&str, f32); 2] = [("a", 0.25), ("b", 0.75)];

fn written(scores: Scores, rows: &[Row]) -> Vec<Value> {
    let mut out = Vec::new();
    for row in rows {
        Fhir { scores }.row(row, &mut out);
    }
    let lines = std::str::from_utf8(&out).unwrap().lines();
    let values = lines.map(|line| serde_json::from_str(line).unwrap());
    values.inspect(assert_r4).collect()
}

/// What <https://hl7.org/fhir/R4/observation.html> says of the elements that we use.
fn assert_r4(observation: &Value) {
    const ELEMENTS: [&str; 13] = [
        "resourceType",
        "contained",
        "status",
        "code",
        "subject",
        "focus",
        "encounter",
        "valueCodeableConcept",
        "dataAbsentReason",
        "method",
        "device",
        "derivedFrom",
        "component",
    ];
    let fields = observation.as_object().unwrap();
    assert!(fields.keys().all(|key| ELEMENTS.contains(&key.as_str())));
    assert_eq!(fields["resourceType"], "Observation");
    assert!(fields["status"] == "final" || fields["status"] == "cancelled");
    let concept = |concept: &Value| {
        let fields = concept.as_object().unwrap();
        assert!(fields.keys().all(|key| key == "coding" || key == "text"));
        assert!(!fields.is_empty(), "ele-1");
    };
    concept(&fields["code"]);
    for one in ["valueCodeableConcept", "dataAbsentReason", "method"] {
        fields.get(one).map(concept);
    }
    let absent = fields.contains_key("dataAbsentReason");
    assert!(
        !(absent && fields.contains_key("valueCodeableConcept")),
        "obs-6"
    );
    for many in ["contained", "focus", "derivedFrom", "component"] {
        // An array is never empty.
        if let Some(values) = fields.get(many) {
            assert!(!values.as_array().unwrap().is_empty());
        }
    }
    for component in fields
        .get("component")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        concept(&component["code"]);
        assert_ne!(component["code"], fields["code"], "obs-7");
        assert!(component["valueQuantity"]["value"].is_number());
    }
    let device = fields.get("device").map(|device| &device["reference"]);
    let contained = fields
        .get("contained")
        .map(|all| format!("#{}", all[0]["id"].as_str().unwrap()));
    assert_eq!(
        device.and_then(Value::as_str),
        contained.as_deref(),
        "dom-3"
    );
    assert_text(observation);
}

/// No empty value, and no control character: FHIR's `string`.
fn assert_text(value: &Value) {
    match value {
        Value::String(text) => {
            assert!(!text.trim().is_empty());
            assert!(text.chars().all(|c| c >= ' ' || "\t\r\n".contains(c)));
        }
        Value::Array(values) => values.iter().for_each(assert_text),
        Value::Object(fields) => fields.values().for_each(assert_text),
        other => assert!(!other.is_null()),
    }
}

fn of_id(id: Option<Id>) -> Value {
    let mut row = row(3, classified(Problem::SingleLabel, &SINGLE));
    row.origin.id = id;
    written(Scores::None, &[row]).remove(0)
}

#[test]
fn a_label_is_the_value_and_its_score_a_component() {
    let observation = &written(
        Scores::None,
        &[row(1, classified(Problem::SingleLabel, &SINGLE))],
    )[0];
    assert_eq!(observation["valueCodeableConcept"], json!({"text": "b"}));
    let component = observation["component"].as_array().unwrap();
    let codes: Vec<_> = component
        .iter()
        .map(|it| &it["code"]["coding"][0]["code"])
        .collect();
    assert_eq!(codes, ["known", "score"]);
    assert_eq!(component[1]["valueQuantity"]["value"], 0.75);
    let identifiers = &observation["contained"][0]["identifier"];
    assert_eq!(identifiers[0]["value"], "07".repeat(32));
    assert_eq!(identifiers[1]["value"], "02".repeat(48));
    let all = &written(
        Scores::All,
        &[row(1, classified(Problem::SingleLabel, &SINGLE))],
    )[0];
    assert_eq!(all["component"][2]["code"], json!({"text": "a"}));
}

#[test]
fn labels_that_hold_are_positive_components() {
    let multi = || {
        row(
            1,
            classified(Problem::MultiLabel, &[("a", 0.5), ("b", 0.25), ("c", 0.75)]),
        )
    };
    let seen = |scores| {
        let observation = written(scores, &[multi()]).remove(0);
        assert!(observation.get("valueCodeableConcept").is_none());
        let components = observation["component"].as_array().unwrap()[1..].to_vec();
        let pair = |it: &Value| {
            let sign = &it["interpretation"][0]["coding"][0]["code"];
            format!(
                "{}{}",
                it["code"]["text"].as_str().unwrap(),
                sign.as_str().unwrap()
            )
        };
        components.iter().map(pair).collect::<Vec<_>>()
    };
    assert_eq!(seen(Scores::None), ["cPOS", "aPOS"]);
    assert_eq!(seen(Scores::All), ["cPOS", "aPOS", "bNEG"]);
}

#[test]
fn what_has_no_label_says_why() {
    let rows = [
        row(1, RowResult::Enclave(NoteError::TooLong, [7; 32].into())),
        row(2, RowResult::Input(InputError::NotUtf8)),
        row(3, little_known()),
    ];
    let seen: Vec<_> = written(Scores::None, &rows)
        .iter()
        .map(|it| {
            let coding = &it["dataAbsentReason"]["coding"];
            let of = |place: usize| coding[place]["code"].as_str().unwrap().to_owned();
            (it["status"].as_str().unwrap().to_owned(), of(0), of(1))
        })
        .collect();
    let expected = [
        ("cancelled", "error", "too_long"),
        ("cancelled", "not-performed", "not_utf8"),
        ("final", "unknown", "little_known"),
    ];
    assert_eq!(
        seen,
        expected.map(|(a, b, c)| (a.into(), b.into(), c.into()))
    );
}

#[test]
fn the_note_is_referred_to_as_r4_allows() {
    let text = |id: &str| of_id(Some(Id::Text(id.into())));
    let document = text("DocumentReference/a-1.b#2");
    assert_eq!(
        document["derivedFrom"][0]["reference"],
        "DocumentReference/a-1.b"
    );
    let report = text("DiagnosticReport/7");
    assert_eq!(report["focus"][0]["reference"], "DiagnosticReport/7");
    assert!(report.get("derivedFrom").is_none());
    for other in [
        "ward/7",
        "DocumentReference/",
        "DocumentReference/a b",
        AWKWARD,
    ] {
        let of = &text(other)["derivedFrom"][0];
        assert!(of["identifier"]["value"].is_string() && of.get("reference").is_none());
    }
    let number = of_id(Some(Id::Number(12.into())));
    assert_eq!(number["derivedFrom"][0]["identifier"]["value"], "12");
    assert_eq!(of_id(None)["derivedFrom"], json!([{"display": "line 3"}]));
}

#[test]
fn a_subject_is_a_reference_or_is_left_out() {
    let subject = |value: Value| {
        let mut row = row(1, classified(Problem::SingleLabel, &SINGLE));
        row.origin.passed.names = ["subject".to_owned()].into();
        row.origin.passed.values = vec![value];
        written(Scores::None, &[row])
            .remove(0)
            .get("subject")
            .cloned()
    };
    let reference = json!({"reference": "Patient/1", "display": "x"});
    assert_eq!(subject(reference.clone()), Some(reference));
    assert_eq!(
        subject(json!("Patient/1")),
        Some(json!({"reference": "Patient/1"}))
    );
    assert_eq!(
        subject(json!("mrn 1")),
        Some(json!({"identifier": {"value": "mrn 1"}}))
    );
    assert_eq!(
        subject(json!(17)),
        Some(json!({"identifier": {"value": "17"}}))
    );
    for none in [
        json!({"name": "x"}),
        json!({}),
        json!(""),
        json!([1]),
        json!(null),
    ] {
        assert_eq!(subject(none), None);
    }
}

#[test]
fn awkward_labels_are_strings_of_fhir() {
    let rows = [
        row(1, classified(Problem::SingleLabel, &[(AWKWARD, 1.0)])),
        row(2, classified(Problem::MultiLabel, &[("", 1.0)])),
    ];
    let observations = written(Scores::All, &rows);
    let label = observations[0]["valueCodeableConcept"]["text"]
        .as_str()
        .unwrap();
    assert!(label.contains("\u{fffd}\u{202e}d\u{fffd}[2J"));
    assert_eq!(observations[1]["component"][1]["code"]["text"], "(empty)");
}
