//! FHIR R4 Observations, one a line (NDJSON), as <https://hl7.org/fhir/R4/observation.html> defines them.
//!
//! No code of LOINC, SNOMED or ICD says what a model's labels say, so none is claimed: labels are texts, and the few
//! codes of ours are in a code system of ours.

use std::borrow::Cow;

use sealnote_model::Problem;
use sealnote_session::Classification;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Encoder, Row, RowResult, Scores, append_json};
use crate::record::{Id, Origin};

/// An Observation whose value is the label.
pub(super) struct Fhir {
    pub(super) scores: Scores,
}

/// The fields that are passed through, to the elements of their names: references, or what identifies whom they mean.
pub(super) const PASSED: [&str; 2] = ["subject", "encounter"];

/// Our code system: `docs/results.md` lists its codes. A UUID, since such a name needs no registration.
const OURS: &str = "urn:uuid:4d3f07c8-ab6e-435b-9c9d-3ec974b0ea9a";
const ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
const UNITS: &str = "http://unitsofmeasure.org";

/// The types of resource that a note may be in.
const NOTES: [&str; 3] = ["DocumentReference", "DiagnosticReport", "Composition"];

impl Encoder for Fhir {
    fn row(&mut self, row: &Row, out: &mut Vec<u8>) {
        append_json(&Observation::of(row, self.scores), out);
        out.push(b'\n');
    }
}

/// Observation, the elements that we fill. Cardinalities: `status` and `code` 1..1; `contained`, `focus`, `derivedFrom`
/// and `component` 0..*; the others 0..1. Of `value` and `dataAbsentReason` there is one at most (obs-6).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Observation<'a> {
    resource_type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contained: Vec<Device>,
    status: &'static str,
    code: Concept<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, Value>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    focus: Vec<Reference<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encounter: Option<Cow<'a, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_codeable_concept: Option<Concept<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_absent_reason: Option<Concept<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<Concept<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    derived_from: Vec<Reference<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    component: Vec<Component<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Device {
    resource_type: &'static str,
    id: &'static str,
    identifier: Vec<Value>,
    #[serde(rename = "type")]
    kind: Concept<'static>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    code: Concept<'a>,
    value_quantity: Quantity,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interpretation: Vec<Concept<'a>>,
}

/// A number without a unit.
#[derive(Serialize)]
struct Quantity {
    value: f32,
    system: &'static str,
    code: &'static str,
}

/// CodeableConcept.
#[derive(Serialize)]
struct Concept<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    coding: Vec<Coding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Coding {
    system: &'static str,
    code: &'static str,
}

/// To a resource, or to what has an identifier.
#[derive(Serialize)]
struct Reference<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<Identifier<'a>>,
    display: String,
}

#[derive(Serialize)]
struct Identifier<'a> {
    value: Cow<'a, str>,
}

impl<'a> Observation<'a> {
    fn of(row: &'a Row, scores: Scores) -> Self {
        let Row { origin, result } = row;
        let classification = result.classification();
        let (focus, derived_from) = references(origin);
        let passed = |name: &str| {
            let mut passed = origin.passed.iter();
            passed.find(|(passed, _)| *passed == name)?.1.as_reference()
        };
        Self {
            resource_type: "Observation",
            contained: device(result).into_iter().collect(),
            status: match result {
                RowResult::Classified(..) | RowResult::LittleKnown(..) => "final",
                // Of R4's observation-status: not started, or not completed.
                RowResult::Enclave(..) | RowResult::Input(_) => "cancelled",
            },
            code: Concept::ours("note-category", "Category of a clinical note"),
            subject: passed("subject"),
            focus,
            encounter: passed("encounter"),
            value_codeable_concept: value(result),
            data_absent_reason: absent(result),
            method: classification
                .map(|_| Concept::text("Sequence classification by a trained model")),
            device: result.evidence().map(|_| json!({"reference": "#enclave"})),
            derived_from,
            component: classification.map_or_else(Vec::new, |it| components(result, it, scores)),
        }
    }
}

/// `focus` and `derivedFrom`: the latter may name a DocumentReference, or what is known by an identifier only; R4 does
/// not let it name a report or a Composition, which the former may.
fn references(origin: &Origin) -> (Vec<Reference<'_>>, Vec<Reference<'_>>) {
    let reference = match &origin.id {
        Some(Id::Text(id)) => resource(id, &NOTES),
        _ => None,
    };
    let identifier = match (&origin.id, reference) {
        (Some(Id::Text(id)), None) if !id.is_empty() => Some(text(id)),
        (Some(Id::Number(id)), _) => Some(Cow::Owned(id.to_string())),
        _ => None,
    };
    let made = Reference {
        reference,
        identifier: identifier.map(|value| Identifier { value }),
        display: format!("line {}", origin.line),
    };
    match reference {
        Some(reference) if !reference.starts_with("DocumentReference/") => (vec![made], Vec::new()),
        _ => (Vec::new(), vec![made]),
    }
}

/// The `TYPE/ID` that a text is, or begins with before a `#`.
fn resource<'a>(text: &'a str, types: &[&str]) -> Option<&'a str> {
    let resource = text.split('#').next()?;
    let (kind, id) = resource.split_once('/')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let is_id = (1..=64).contains(&id.len()) && id.bytes().all(plain);
    (types.contains(&kind) && is_id).then_some(resource)
}

trait AsReference {
    fn as_reference(&self) -> Option<Cow<'_, Value>>;
}

/// A reference as the input has it; of a text or a number, one is made. Anything else would be no FHIR.
impl AsReference for Value {
    fn as_reference(&self) -> Option<Cow<'_, Value>> {
        const KEYS: [&str; 6] = [
            "id",
            "extension",
            "reference",
            "type",
            "identifier",
            "display",
        ];
        const TYPES: [&str; 5] = ["Patient", "Group", "Device", "Location", "Encounter"];
        match self {
            Self::Object(fields) if !fields.is_empty() => {
                let is_reference = fields.keys().all(|key| KEYS.contains(&key.as_str()));
                is_reference.then_some(Cow::Borrowed(self))
            }
            Self::String(name) if name.is_empty() => None,
            Self::String(name) => Some(Cow::Owned(match resource(name, &TYPES) {
                Some(reference) => json!({ "reference": reference }),
                None => json!({"identifier": {"value": text(name)}}),
            })),
            Self::Number(number) => Some(Cow::Owned(
                json!({"identifier": {"value": number.to_string()}}),
            )),
            _ => None,
        }
    }
}

/// What answered: the enclave, by the digests of its evidence and its model.
fn device(result: &RowResult) -> Option<Device> {
    let evidence = result.evidence()?;
    let identifier = |kind: &str, value: String| json!({"type": {"text": kind}, "value": value});
    let mut identifiers = vec![identifier(
        "SHA-256 of the attestation evidence",
        evidence.to_string(),
    )];
    if let Some(classification) = result.classification() {
        let model = classification.model().digest().to_string();
        identifiers.push(identifier("SHA-384 of the model", model));
    }
    Some(Device {
        resource_type: "Device",
        id: "enclave",
        identifier: identifiers,
        kind: Concept::text("Attested enclave that classifies clinical notes"),
    })
}

/// The label, if there is exactly one.
fn value(result: &RowResult) -> Option<Concept<'_>> {
    let RowResult::Classified(classification, _) = result else {
        return None;
    };
    match (
        classification.model().problem(),
        classification.holding().as_slice(),
    ) {
        (Problem::SingleLabel, [(label, _)]) => Some(Concept::text(label)),
        _ => None,
    }
}

fn absent(result: &RowResult) -> Option<Concept<'static>> {
    // Of R4's data-absent-reason: not performed, since nothing was sent; a process's error; a value that is not known.
    let reason = match result {
        RowResult::Classified(..) => return None,
        RowResult::LittleKnown(..) => "unknown",
        RowResult::Enclave(..) => "error",
        RowResult::Input(_) => "not-performed",
    };
    let (code, message) = result.error()?;
    let coding = |system, code| Coding { system, code };
    Some(Concept {
        coding: vec![coding(ABSENT, reason), coding(OURS, code)],
        text: Some(message.into()),
    })
}

/// `known`; of a model of one label its `score`, and the scores that were asked for; of a model of several, each label
/// that holds as positive, and of the scores that were asked for the others as negative. Of a note of which the model
/// knew too little, only the scores that were asked for.
fn components<'a>(
    result: &RowResult,
    classification: &'a Classification,
    scores: Scores,
) -> Vec<Component<'a>> {
    let known = Concept::ours("known", "Share of the note's tokens that the model knows");
    let mut components = vec![Component::new(known, classification.known().share(), None)];
    let label = |(label, score), code| Component::new(Concept::text(label), score, code);
    let asked = scores.of(classification).unwrap_or_default().into_iter();
    let holding = classification.holding();
    if !matches!(result, RowResult::Classified(..)) {
        components.extend(asked.map(|pair| label(pair, None)));
        return components;
    }
    match classification.model().problem() {
        Problem::SingleLabel => {
            if let [(_, score)] = holding.as_slice() {
                let code = Concept::ours("score", "Probability of the category");
                components.push(Component::new(code, *score, None));
            }
            components.extend(asked.map(|pair| label(pair, None)));
        }
        Problem::MultiLabel => {
            let held = |label: &str| holding.iter().any(|(held, _)| *held == label);
            let others = asked.filter(|(label, _)| !held(label));
            components.extend(holding.iter().map(|pair| label(*pair, Some("POS"))));
            components.extend(others.map(|pair| label(pair, Some("NEG"))));
        }
    }
    components
}

impl<'a> Component<'a> {
    fn new(code: Concept<'a>, value: f32, interpretation: Option<&'static str>) -> Self {
        let interpretation = interpretation.map(|code| Concept {
            coding: vec![Coding {
                system: INTERPRETATION,
                code,
            }],
            text: None,
        });
        Self {
            code,
            value_quantity: Quantity {
                value,
                system: UNITS,
                // The unit of what has none.
                code: "1",
            },
            interpretation: interpretation.into_iter().collect(),
        }
    }
}

impl<'a> Concept<'a> {
    fn text(value: &'a str) -> Self {
        Self {
            coding: Vec::new(),
            text: Some(text(value)),
        }
    }

    fn ours(code: &'static str, words: &'static str) -> Self {
        Self {
            coding: vec![Coding { system: OURS, code }],
            text: Some(words.into()),
        }
    }
}

/// A string as FHIR has it: not empty, and without control characters but tab and line ends.
fn text(value: &str) -> Cow<'_, str> {
    let forbidden = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r');
    if value.trim().is_empty() {
        return "(empty)".into();
    }
    match value.contains(forbidden) {
        true => value.replace(forbidden, "\u{fffd}").into(),
        false => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use sealnote_model::NoteError;

    use super::super::tests::{AWKWARD, classified, little_known, row};
    use super::*;
    use crate::record::InputError;

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
}
