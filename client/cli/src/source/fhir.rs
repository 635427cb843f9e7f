//! FHIR R4: a resource, a Bundle of them, or one a line (bulk export). A record is a DocumentReference, a
//! DiagnosticReport or a Composition; other resources are passed over, and counted.

mod entries;
mod resource;

use std::io::{self, BufRead, Read as _};

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use self::entries::Entries;
use self::resource::{Entry, KINDS, Kind, PASSED, Resource};
use super::head::Head;
use super::json_scan::Outline;
use super::lines::{Lines, Read};
use super::{Input, Source, SourceError};
use crate::record::{Id, InputError, Origin, Passed, Record};

type Bytes = Box<dyn BufRead + Send>;

/// Reads resources.
pub(super) struct Fhir {
    resources: Resources,
    input: Input,
    skipped: u64,
}

enum Resources {
    Bundle(Entries<Bytes>),
    /// One a line.
    Lines(Lines<Bytes>),
    /// One over several lines.
    Single {
        bytes: Option<Bytes>,
        whole: Zeroizing<Vec<u8>>,
    },
}

impl Resources {
    fn next(&mut self, limit: usize) -> io::Result<Option<(u64, Read<'_>)>> {
        match self {
            Self::Bundle(entries) => entries.next(),
            Self::Lines(lines) => lines.next(),
            Self::Single { bytes, whole } => {
                let Some(bytes) = bytes.take() else {
                    return Ok(None);
                };
                // A byte more than the limit shows that there is more.
                bytes.take(limit as u64 + 1).read_to_end(whole)?;
                let long = whole.len() > limit;
                Ok(Some((
                    1,
                    if long {
                        Read::TooLong
                    } else {
                        Read::Line(whole)
                    },
                )))
            }
        }
    }
}

impl Fhir {
    pub(super) fn new(head: Head, input: Input) -> Result<Self, SourceError> {
        if let Some(name) = input
            .pass
            .iter()
            .find(|name| !PASSED.contains(&name.as_str()))
        {
            let name = name.escape_debug();
            let known = PASSED.join(", ");
            return Err(input.refused(format!(
                "is FHIR, of which `{name}` cannot be passed through, but {known} can"
            )));
        }
        if !head.text().starts_with(b"{") {
            return Err(input.refused("is no FHIR in JSON, which begins with `{`"));
        }
        let outline = Outline::of(head.text());
        let bundle = outline.resource_type.as_deref() == Some("Bundle");
        let bytes = head.into_text();
        let resources = match outline {
            _ if bundle => Resources::Bundle(Entries::new(bytes, input.max_record)),
            Outline { lines: true, .. } => Resources::Single {
                bytes: Some(bytes),
                whole: Zeroizing::default(),
            },
            _ => Resources::Lines(Lines::new(bytes, input.max_record)),
        };
        Ok(Self {
            resources,
            input,
            skipped: 0,
        })
    }
}

impl Source for Fhir {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        let Self {
            resources,
            input,
            skipped,
        } = self;
        let limit = input.max_record;
        let entry = matches!(resources, Resources::Bundle(_));
        loop {
            let read = resources.next(limit);
            let Some((number, read)) = read.map_err(|error| input.unread(error))? else {
                return Ok(None);
            };
            let bytes = match read {
                Read::TooLong => {
                    return Ok(Some(Record::failed(number, InputError::TooLong { limit })));
                }
                Read::Line(bytes) if bytes.trim_ascii().is_empty() => continue,
                Read::Line(bytes) => bytes,
            };
            match resource(bytes, entry) {
                Ok(Some(resource)) => return Ok(Some(record(&resource, number, input))),
                Ok(None) => *skipped += 1,
                Err(error) => return Ok(Some(Record::failed(number, error))),
            }
        }
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }
}

/// `None` if it is of another kind.
fn resource(bytes: &[u8], entry: bool) -> Result<Option<Resource>, InputError> {
    if std::str::from_utf8(bytes).is_err() {
        return Err(InputError::NotUtf8);
    }
    // Those of another kind may have fields of the same names and of other types.
    match parse::<Kind>(bytes, entry)? {
        Some(kind) if KINDS.contains(&kind.resource_type.as_str()) => parse(bytes, entry),
        _ => Ok(None),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8], entry: bool) -> Result<Option<T>, InputError> {
    let parsed = if entry {
        serde_json::from_slice(bytes).map(|entry: Entry<T>| entry.resource)
    } else {
        serde_json::from_slice(bytes).map(Some)
    };
    // serde_json's own message may quote the resource.
    parsed.map_err(|error| InputError::Shape {
        wanted: "not a resource of FHIR R4",
        column: error.column(),
    })
}

fn record(resource: &Resource, number: u64, input: &Input) -> Record {
    let id = resource.id();
    let values = input
        .pass
        .iter()
        .map(|name| resource.passed(name))
        .collect();
    let text = match id {
        Some(_) => resource.text(),
        None => Err(InputError::NoId("the resource has no id")),
    };
    Record {
        origin: Origin {
            line: number,
            id: id.map(Id::Text),
            passed: Passed {
                names: input.pass.clone(),
                values,
            },
        },
        text,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::{Value, json};

    use super::super::tests::{codes, input};
    use super::*;

    fn open(bytes: &str, pass: &[&str]) -> Result<Fhir, SourceError> {
        let pass = pass.iter().map(|name| (*name).to_owned()).collect();
        let input = Input {
            pass,
            max_record: 2000,
            ..input()
        };
        let head = Head::read(Box::new(io::Cursor::new(bytes.as_bytes().to_vec()))).unwrap();
        Fhir::new(head, input)
    }

    /// The records, and how many were passed over.
    fn read(bytes: &str, pass: &[&str]) -> (Vec<Record>, u64) {
        let mut source = open(bytes, pass).unwrap();
        let records: Vec<_> = std::iter::from_fn(|| source.next().unwrap()).collect();
        for record in &records {
            let error = record.text.as_ref().err();
            let said = error.map(ToString::to_string);
            assert!(!format!("{record:?}{error:?}{said:?}").contains("CANARY"));
        }
        (records, source.skipped())
    }

    fn text(resource: Value) -> Result<String, &'static str> {
        let (mut records, _) = read(&resource.to_string(), &[]);
        let text = records.remove(0).text.map_err(|error| error.code())?;
        Ok(String::from_utf8(text.as_ref().to_vec()).unwrap())
    }

    fn attachment(content_type: &str, data: &[u8]) -> Value {
        json!({ "contentType": content_type, "data": BASE64_STANDARD.encode(data) })
    }

    fn document(attachments: &[Value]) -> Value {
        let content: Vec<Value> = attachments
            .iter()
            .map(|of| json!({ "attachment": of }))
            .collect();
        json!({ "resourceType": "DocumentReference", "id": "a", "status": "current", "content": content,
            "text": { "div": "<div>CANARY</div>" } })
    }

    #[test]
    fn a_document_is_its_attachment() {
        let plain = attachment("text/plain", b"one\n");
        let html = attachment("text/html; charset=\"ISO-8859-1\"", b"<p>caf\xe9</p>two");
        let pdf = attachment("application/pdf", b"CANARY");
        let url = json!({ "contentType": "text/plain", "url": "https://CANARY" });
        assert_eq!(
            text(document(&[pdf.clone(), html.clone(), plain])),
            Ok("one\n".into())
        );
        assert_eq!(text(document(&[url.clone(), html])), Ok("café\ntwo".into()));
        let mut spaced = attachment("TEXT/PLAIN;charset=utf-8", b"two words");
        spaced["data"] = "dHdv\nIHdv cmRz".into();
        assert_eq!(text(document(&[spaced])), Ok("two words".into()));
        assert_eq!(text(document(&[pdf.clone(), url])), Err("text_by_url"));
        assert_eq!(text(document(&[pdf])), Err("unsupported_attachment"));
        assert_eq!(
            text(document(&[attachment("text/plain; charset=CANARY", b"a")])),
            Err("unsupported_attachment")
        );
        assert_eq!(
            text(document(&[attachment("text/plain", b"CANARY\xff")])),
            Err("bad_charset")
        );
        assert_eq!(
            text(document(&[
                json!({ "contentType": "text/plain", "data": "CANARY*" })
            ])),
            Err("bad_base64")
        );
        assert_eq!(text(document(&[])), Err("no_text"));
        assert_eq!(text(document(&[json!({})])), Err("no_text"));
    }

    #[test]
    fn a_report_is_its_form_or_else_its_narrative_or_else_its_conclusion() {
        let mut report =
            json!({ "resourceType": "DiagnosticReport", "id": "r", "conclusion": "a conclusion" });
        assert_eq!(text(report.clone()), Ok("a conclusion".into()));
        report["text"] = json!({ "status": "generated", "div": "<div><p>a</p> narrative</div>" });
        assert_eq!(text(report.clone()), Ok("a\nnarrative".into()));
        report["presentedForm"] = json!([attachment("text/plain", b"a form")]);
        assert_eq!(text(report), Ok("a form".into()));
    }

    #[test]
    fn a_composition_is_its_sections_in_order() {
        let div = |text: &str| json!({ "div": format!("<div>{text}</div>") });
        let composition = json!({ "resourceType": "Composition", "id": "c", "title": "no", "text": div("no"), "section": [
            { "title": "History", "text": div("cough") },
            { "title": "Empty" },
            { "title": "Plan", "section": [{ "title": "Now", "text": div("rest &amp; tea") }, { "text": div("later") }] },
        ] });
        let expected = "History\ncough\n\nPlan\n\nNow\nrest & tea\n\nlater";
        assert_eq!(text(composition), Ok(expected.into()));
        let without = json!({ "resourceType": "Composition", "id": "c", "text": div("all") });
        assert_eq!(text(without), Ok("all".into()));
    }

    #[test]
    fn a_bundle_lines_and_a_single_resource_are_the_same_records() {
        let one = json!({ "resourceType": "DiagnosticReport", "id": "1", "status": "final", "conclusion": "a",
            "code": { "coding": [{ "code": "x", "display": "X-ray" }] }, "subject": { "reference": "Patient/9" },
            "effectiveDateTime": "2020-01-02" });
        let other = json!({ "resourceType": "Encounter", "type": [{}], "text": 5, "id": "CANARY" });
        let long = json!({ "resourceType": "DiagnosticReport", "id": "2", "conclusion": "CANARY".repeat(500) });
        let no_id = json!({ "resourceType": "Composition", "text": { "div": "CANARY" } });
        let wrong = json!({ "resourceType": "Composition", "id": "3", "section": "CANARY" });
        let all = [&one, &other, &long, &no_id, &wrong];
        let entries: Vec<Value> = all
            .iter()
            .map(|of| json!({ "fullUrl": "urn:x", "resource": of }))
            .collect();
        let bundle = json!({ "resourceType": "Bundle", "type": "searchset", "entry": entries });
        let lines = all.map(|of| of.to_string() + "\n\n").concat();
        let pretty = serde_json::to_string_pretty(&bundle).unwrap();
        for (input, place) in [(bundle.to_string(), 1), (pretty, 1), (lines, 2)] {
            let (records, skipped) = read(&input, &["type", "subject", "date", "title"]);
            assert_eq!(skipped, 1);
            assert_eq!(
                codes(&records),
                ["", "record_too_long", "no_id", "bad_line"]
            );
            assert_eq!(records[1].origin.line, 2 * place + 1);
            assert_eq!(
                records[0].origin.id,
                Some(Id::Text("DiagnosticReport/1".into()))
            );
            let passed = json!(["X-ray", "Patient/9", "2020-01-02", null]);
            assert_eq!(
                Value::Array(records[0].origin.passed.values.clone()),
                passed
            );
        }
        let (records, _) = read(&serde_json::to_string_pretty(&one).unwrap(), &[]);
        assert_eq!(codes(&records), [""]);
        assert_eq!(records.len(), 1);
    }

    #[test]
    fn what_cannot_be_passed_through_is_refused() {
        let error = open("{\"resourceType\":\"Bundle\"}", &["ward"])
            .err()
            .unwrap();
        assert!(error.to_string().contains("`ward` cannot"));
    }

    /// Where it does not begin as an object, its outline would be one of as much as has come.
    #[test]
    fn what_does_not_begin_as_a_resource_is_refused() {
        for bytes in ["<Bundle xmlns=\"CANARY\">\n", "[{}]", "\"CANARY\n\", {\n}"] {
            let error = open(bytes, &[]).err().unwrap().to_string();
            assert!(
                error.ends_with("is no FHIR in JSON, which begins with `{`"),
                "{error}"
            );
        }
        assert!(open("\u{feff}\n {\"resourceType\":\"Bundle\"}", &[]).is_ok());
    }
}
