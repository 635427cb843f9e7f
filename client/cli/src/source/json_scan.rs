//! The structure of JSON, byte by byte, without its values: to find where things begin and end in what is never held as
//! a whole.

/// Follows strings, objects and arrays. It does not judge; what was found is parsed by serde_json.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scanner {
    /// How many objects and arrays are open.
    pub(super) depth: usize,
    string: bool,
    escaped: bool,
}

/// What a byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Of a string, its quotes included.
    String,
    /// `{` or `[`.
    Open,
    /// `}` or `]`.
    Close,
    /// Closes what was never opened.
    Stray,
    /// Anything else.
    Other,
}

impl Scanner {
    pub(super) fn next(&mut self, byte: u8) -> Part {
        if self.string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.string = false,
                _ => {}
            }
            return Part::String;
        }
        match byte {
            b'"' => {
                self.string = true;
                Part::String
            }
            b'{' | b'[' => {
                self.depth += 1;
                Part::Open
            }
            b'}' | b']' if self.depth == 0 => Part::Stray,
            b'}' | b']' => {
                self.depth -= 1;
                Part::Close
            }
            _ => Part::Other,
        }
    }

    /// Whether the next byte is of a string.
    pub(super) fn in_string(&self) -> bool {
        self.string
    }
}

/// What the beginning of a JSON object shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// Whether its end was seen.
    pub(super) complete: bool,
    /// Whether it goes over several lines.
    pub(super) lines: bool,
    /// The value of its field `resourceType`.
    pub(super) resource_type: Option<String>,
}

impl Outline {
    /// Of the object at the start of these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut outline = Self::default();
        let mut scanner = Scanner::default();
        // Strings of the object itself: where the last one began, and the last that was complete.
        let (mut start, mut last, mut named) = (0, &b""[..], false);
        for (at, &byte) in bytes.iter().enumerate() {
            let before = scanner.in_string();
            let part = scanner.next(byte);
            let own = scanner.depth == 1;
            match part {
                Part::String if own && !before => start = at + 1,
                Part::String if own && !scanner.in_string() => {
                    last = &bytes[start..at];
                    if named && outline.resource_type.is_none() {
                        outline.resource_type = std::str::from_utf8(last).ok().map(Into::into);
                    }
                }
                Part::Close | Part::Stray if scanner.depth == 0 => {
                    outline.complete = true;
                    return outline;
                }
                Part::Other if own && byte == b':' => named = last == b"resourceType",
                Part::Other if own && byte == b',' => named = false,
                Part::Other if byte == b'\n' => outline.lines = true,
                _ => {}
            }
        }
        outline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_is_of_the_object_itself() {
        let of = |text: &str| Outline::of(text.as_bytes());
        let fhir = of(
            r#"{"a":{"resourceType":"X"},"b":"resourceType","c":"}\"{","resourceType" : "Bundle"}"#,
        );
        assert_eq!(fhir.resource_type.as_deref(), Some("Bundle"));
        assert!(fhir.complete && !fhir.lines);
        assert_eq!(of("{\"resourceType\": {\"a\":\"X\"}}").resource_type, None);
        assert!(of("{\n \"a\": 1").lines);
        assert!(!of("{\"a\": \"{\\\"}").complete);
    }
}
