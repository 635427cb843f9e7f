//! An input, and what the client has to say to it.

use std::io::Write;

use super::CANARY;

pub struct Case {
    /// What is wrong, for a person.
    pub what: &'static str,
    /// The input's name; none is standard input.
    pub name: Option<&'static str>,
    pub bytes: Vec<u8>,
    pub flags: &'static [&'static str],
    pub code: i32,
    /// A part of what is said.
    pub says: &'static str,
}

pub fn case(
    what: &'static str,
    name: &'static str,
    bytes: impl Into<Vec<u8>>,
    code: i32,
    says: &'static str,
) -> Case {
    Case {
        what,
        name: Some(name),
        bytes: bytes.into(),
        flags: &[],
        code,
        says,
    }
}

impl Case {
    pub fn with(self, flags: &'static [&'static str]) -> Self {
        Self { flags, ..self }
    }

    pub fn on_stdin(self) -> Self {
        Self { name: None, ..self }
    }
}

pub fn good(id: &str) -> String {
    format!("{{\"id\":\"{id}\",\"text\":\"{CANARY} note.\"}}\n")
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn cut(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() / 2);
    bytes
}
