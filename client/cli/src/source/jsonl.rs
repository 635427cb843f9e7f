//! JSON Lines: an object a line.

use core::fmt;
use std::io::BufRead;

use sealnote_client::NoteBytes;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::lines::{Lines, Read};
use super::{Input, Source, SourceError};
use crate::record::{Id, InputError, Origin, Passed, Record};

/// Reads an object from each line; blank lines are skipped, and fields that were not asked for are ignored.
pub(super) struct Jsonl<R> {
    lines: Lines<R>,
    input: Input,
    /// Was read to see whether it has the fields.
    first: Option<Record>,
}

const NO_ID: InputError = InputError::NoId("the record has no id (--id-field)");
const NO_TEXT: InputError = InputError::NoText("the record has no text (--text-field)");

impl<R: BufRead> Jsonl<R> {
    /// Reads the first record, and refuses the input if that has no such fields: all others would fail, too.
    pub(super) fn new(bytes: R, input: Input) -> Result<Self, SourceError> {
        let mut jsonl = Self {
            lines: Lines::new(bytes, input.max_record),
            input,
            first: None,
        };
        jsonl.first = jsonl.read()?;
        let input = &jsonl.input;
        let missing = match jsonl.first.as_ref().map(|record| &record.text) {
            Some(Err(error)) if *error == NO_ID => Some((&input.id_field, "--id-field")),
            Some(Err(error)) if *error == NO_TEXT => Some((&input.text_field, "--text-field")),
            _ => None,
        };
        match missing {
            Some((name, option)) => Err(input.refused(super::missing("field", name, option))),
            None => Ok(jsonl),
        }
    }

    fn read(&mut self) -> Result<Option<Record>, SourceError> {
        loop {
            let read = self
                .lines
                .next()
                .map_err(|error| self.input.unread(error))?;
            let Some((line, read)) = read else {
                return Ok(None);
            };
            let bytes = match read {
                Read::Line(bytes) if bytes.trim_ascii().is_empty() => continue,
                Read::Line(bytes) => bytes,
                Read::TooLong => {
                    let limit = self.input.max_record;
                    return Ok(Some(Record::failed(line, InputError::TooLong { limit })));
                }
            };
            return Ok(Some(parse(&self.input, line, bytes)));
        }
    }
}

impl<R: BufRead + Send> Source for Jsonl<R> {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.read(),
        }
    }
}

fn parse(input: &Input, line: u64, bytes: &[u8]) -> Record {
    if std::str::from_utf8(bytes).is_err() {
        return Record::failed(line, InputError::NotUtf8);
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let object = Object(input).deserialize(&mut json);
    let object = object.and_then(|object| json.end().map(|()| object));
    match object {
        Ok(fields) => fields.into_record(input, line),
        // serde_json's own message may quote the line.
        Err(error) => Record::failed(
            line,
            InputError::Shape {
                wanted: "not a JSON object that can be read",
                column: error.column().max(1),
            },
        ),
    }
}

/// What is taken of an object.
struct Fields {
    id: Option<Value>,
    text: Option<Text>,
    passed: Vec<Value>,
}

enum Text {
    Some(NoteBytes),
    /// Of another type.
    Other,
}

impl Fields {
    fn into_record(self, input: &Input, line: u64) -> Record {
        let id = match self.id {
            Some(Value::String(id)) => Ok(Id::Text(id)),
            // A longer one would not come back as it went in.
            Some(Value::Number(id)) if id.is_i64() || id.is_u64() => Ok(Id::Number(id)),
            Some(Value::Number(_)) => Err(InputError::NoId(
                "the id is a number that is no integer of 64 bits: write it as a text",
            )),
            Some(_) => Err(InputError::NoId("the id is neither a text nor a number")),
            None => Err(NO_ID),
        };
        let text = match self.text {
            Some(Text::Some(text)) => Ok(text),
            Some(Text::Other) => Err(InputError::NoText("the text is no string")),
            None => Err(NO_TEXT),
        };
        let (id, text) = match id {
            Ok(id) => (Some(id), text),
            Err(error) => (None, Err(error)),
        };
        let passed = Passed {
            names: input.pass.clone(),
            values: self.passed,
        };
        Record {
            origin: Origin { line, id, passed },
            text,
        }
    }
}

/// Reads an object, and keeps only what was asked for.
struct Object<'a>(&'a Input);

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Fields;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Fields, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields {
            id: None,
            text: None,
            passed: vec![Value::Null; self.0.pass.len()],
        };
        while let Some(name) = map.next_key::<String>()? {
            // A field may be asked for twice, as the id that is passed through, too.
            let passed = self.0.pass.iter().position(|pass| *pass == name);
            if name == self.0.text_field {
                if fields.text.is_some() {
                    return Err(A::Error::custom("two texts"));
                }
                // Goes straight into the type that is erased on drop.
                fields.text = Some(map.next_value_seed(TextSeed)?);
            } else if name == self.0.id_field {
                if fields.id.is_some() {
                    return Err(A::Error::custom("two ids"));
                }
                let id = map.next_value::<Value>()?;
                if let Some(at) = passed {
                    fields.passed[at] = id.clone();
                }
                fields.id = Some(id);
            } else if let Some(at) = passed {
                fields.passed[at] = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(fields)
    }
}

struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Text;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Text, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text::Some(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Text, E> {
        Ok(Text::Some(text.into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Text, E> {
        Ok(Text::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Text, E> {
        Ok(Text::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Text, E> {
        Ok(Text::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Text, E> {
        Ok(Text::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Text, E> {
        Ok(Text::Other)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<Text, A::Error> {
        IgnoredAny.visit_seq(seq)?;
        Ok(Text::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
        IgnoredAny.visit_map(map)?;
        Ok(Text::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, input, read_all};
    use super::*;

    fn read(bytes: &[u8], pass: &[&str]) -> Vec<Record> {
        let pass = pass.iter().map(|name| (*name).to_owned()).collect();
        read_all(Jsonl::new(bytes, Input { pass, ..input() }).unwrap())
    }

    #[test]
    fn bad_lines_do_not_lose_the_good_ones() {
        let long = format!("{{\"id\":1,\"text\":\"{}\"}}\n", "CANARY".repeat(200));
        let input = [
            b"{\"id\":\"a\",\"text\":\"one\",\"other\":1}\n\n{\"id\":7,\"text\":\"two\"}\r\n\
            {\"id\":\"c\",\"text\":\"\xff\"}\nCANARY\n{\"text\":\"CANARY\"}\n{\"id\":\"f\",\"text\":\"\"}\n",
            long.as_bytes(),
            b"{\"id\":\"g\",\"text\":[\"CANARY\"]}\n{\"id\":\"h\"}\n{\"id\":1,\"text\":\"a\",\"text\":\"b\"}\n\
            {\"id\":1,\"text\":\"a\"} {}\n{\"id\":{},\"text\":\"a\"}",
        ]
        .concat();
        let records = read(&input, &[]);
        let lines: Vec<u64> = records.iter().map(|record| record.origin.line).collect();
        assert_eq!(lines, [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
        assert_eq!(records[0].origin.id, Some(Id::Text("a".into())));
        assert_eq!(records[1].origin.id, Some(Id::Number(7.into())));
        assert_eq!(records[1].text.as_ref().unwrap().as_ref(), b"two");
        assert_eq!(codes(&records[2..5]), ["not_utf8", "bad_line", "no_id"]);
        assert!(records[5].text.as_ref().unwrap().as_ref().is_empty());
        let expected = [
            "record_too_long",
            "no_text",
            "no_text",
            "bad_line",
            "bad_line",
            "no_id",
        ];
        assert_eq!(codes(&records[6..]), expected);
        assert_eq!(records[7].origin.id, Some(Id::Text("g".into())));
    }

    #[test]
    fn a_first_record_without_the_fields_refuses_the_input() {
        let said = |bytes: &'static [u8]| Jsonl::new(bytes, input()).err().unwrap().to_string();
        assert_eq!(
            said(b"{\"id\":1,\"CANARY\":\"CANARY\"}\n"),
            "standard input has no field `text`; name the right one by --text-field"
        );
        assert!(said(b"\n{\"text\":\"CANARY\"}").contains("`id`"));
        // Of another type is that record's fault alone.
        assert!(Jsonl::new(&b"{\"id\":1,\"text\":null}"[..], input()).is_ok());
    }

    #[test]
    fn what_is_passed_through_is_what_was_asked_for() {
        let line = br#"{"ward":{"no":3},"id":5,"secret":"x","text":"a","year":2020}"#;
        let records = read(line, &["year", "id", "ward", "absent"]);
        let values = serde_json::json!([2020, 5, { "no": 3 }, null]);
        assert_eq!(
            Value::Array(records[0].origin.passed.values.clone()),
            values
        );
    }
}
