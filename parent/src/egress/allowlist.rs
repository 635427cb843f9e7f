//! Which destinations may be named: a file as AWS's vsock-proxy reads it.
//!
//! ```yaml
//! allowlist:
//! - {address: kms.eu-central-1.amazonaws.com, port: 443}
//! ```
//!
//! It is read event by event, and not as any YAML there may be: what has no place in such a file, as an anchor, a second
//! document or another key, is an error with its line. vsock-proxy also compares the addresses that names resolve to, and
//! takes a port's last 16 bits; this does neither.

use std::{
    borrow::Cow,
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput};
use thiserror::Error;

use super::Destination;

/// The destinations that may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowlist(HashSet<Destination>);

/// Why there is no list.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AllowlistError {
    /// The file cannot be read.
    #[error("the allow list {} cannot be read: {reason}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// It is none.
    #[error("{}:{fault}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        fault: AllowlistFault,
    },
}

/// Text that is no allow list.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{line}:{column}: {problem}")]
pub struct AllowlistFault {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    problem: Problem,
}

impl Allowlist {
    /// What a file says.
    pub fn read(path: &Path) -> Result<Self, AllowlistError> {
        let text = fs::read_to_string(path).map_err(|reason| AllowlistError::Read {
            path: path.to_owned(),
            reason,
        })?;
        text.parse().map_err(|fault| AllowlistError::File {
            path: path.to_owned(),
            fault,
        })
    }

    /// Whether it has this one.
    pub fn allows(&self, destination: &Destination) -> bool {
        self.0.contains(destination)
    }
}

impl FromStr for Allowlist {
    type Err = AllowlistFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Reader(Parser::new_from_str(text)).file().map(Allowlist)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Problem {
    #[error("this is not YAML: {0}")]
    Yaml(String),
    #[error("the file is a mapping with the one key `allowlist`")]
    NoMapping,
    #[error("this key is not known: the one of the file is `allowlist`")]
    UnknownKey,
    #[error("`allowlist` is there twice")]
    Twice,
    #[error("`allowlist` is missing")]
    Missing,
    #[error("`allowlist` is a list, with entries as `- {{address: key.example, port: 443}}`")]
    NoList,
    #[error("an entry is a mapping, as `{{address: key.example, port: 443}}`")]
    NoEntry,
    #[error("this key is not known: those of an entry are `address` and `port`")]
    UnknownKeyOfEntry,
    #[error("a key of this entry is there twice")]
    TwiceInEntry,
    #[error("this entry has no `address`")]
    NoAddress,
    #[error("this entry has no `port`")]
    NoPort,
    #[error("an address is a name in ASCII, an IPv4 address, or an IPv6 address without brackets")]
    Address,
    #[error("a port is a number from 1 to 65535, without quotes")]
    Port,
    #[error("a key is a word")]
    Key,
    #[error("an anchor, an alias or a tag has no place here")]
    Reference,
    #[error("the file has a second document")]
    SecondDocument,
}

impl Problem {
    fn at(self, mark: Marker) -> AllowlistFault {
        AllowlistFault {
            line: mark.line().max(1),
            column: mark.col() + 1,
            problem: self,
        }
    }
}

struct Reader<'a>(Parser<'a, StrInput<'a>>);

impl<'a> Reader<'a> {
    fn file(&mut self) -> Result<HashSet<Destination>, AllowlistFault> {
        let (first, start) = loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_), _) => {}
                other => break other,
            }
        };
        if !matches!(first, Event::MappingStart(..)) {
            return Err(Problem::NoMapping.at(start));
        }
        let mut list = None;
        while let Some((key, mark)) = self.key()? {
            match (&*key, &list) {
                ("allowlist", None) => list = Some(self.list()?),
                ("allowlist", Some(_)) => return Err(Problem::Twice.at(mark)),
                _ => return Err(Problem::UnknownKey.at(mark)),
            }
        }
        let list = list.ok_or_else(|| Problem::Missing.at(start))?;
        loop {
            match self.next()? {
                (Event::DocumentEnd, _) => {}
                (Event::StreamEnd, _) => return Ok(list),
                (_, mark) => return Err(Problem::SecondDocument.at(mark)),
            }
        }
    }

    fn list(&mut self) -> Result<HashSet<Destination>, AllowlistFault> {
        let mut list = HashSet::new();
        match self.next()? {
            (Event::SequenceStart(..), _) => {}
            (_, mark) => return Err(Problem::NoList.at(mark)),
        }
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(list),
                (Event::MappingStart(..), mark) => list.insert(self.entry(mark)?),
                (_, mark) => return Err(Problem::NoEntry.at(mark)),
            };
        }
    }

    fn entry(&mut self, start: Marker) -> Result<Destination, AllowlistFault> {
        let (mut address, mut port) = (None, None);
        while let Some((key, mark)) = self.key()? {
            let is_twice = match &*key {
                "address" => address.replace(self.address()?).is_some(),
                "port" => port.replace(self.port()?).is_some(),
                _ => return Err(Problem::UnknownKeyOfEntry.at(mark)),
            };
            if is_twice {
                return Err(Problem::TwiceInEntry.at(mark));
            }
        }
        let (address, mark) = address.ok_or_else(|| Problem::NoAddress.at(start))?;
        let port = port.ok_or_else(|| Problem::NoPort.at(start))?;
        Destination::new(&address, port).map_err(|_| Problem::Address.at(mark))
    }

    /// The next of a mapping, if it has one more.
    fn key(&mut self) -> Result<Option<(Cow<'a, str>, Marker)>, AllowlistFault> {
        match self.next()? {
            (Event::MappingEnd, _) => Ok(None),
            (Event::Scalar(key, ..), mark) => Ok(Some((key, mark))),
            (_, mark) => Err(Problem::Key.at(mark)),
        }
    }

    fn address(&mut self) -> Result<(Cow<'a, str>, Marker), AllowlistFault> {
        match self.next()? {
            (Event::Scalar(address, ..), mark) => Ok((address, mark)),
            (_, mark) => Err(Problem::Address.at(mark)),
        }
    }

    /// In quotes it would be no number, to vsock-proxy either.
    fn port(&mut self) -> Result<u16, AllowlistFault> {
        let (event, mark) = self.next()?;
        let port = match event {
            Event::Scalar(port, ScalarStyle::Plain, ..)
                if port.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                port.parse().ok().filter(|port| *port > 0)
            }
            _ => None,
        };
        port.ok_or_else(|| Problem::Port.at(mark))
    }

    fn next(&mut self) -> Result<(Event<'a>, Marker), AllowlistFault> {
        let (event, span) = match self.0.next_event() {
            Some(next) => next.map_err(|error: ScanError| {
                Problem::Yaml(error.info().to_owned()).at(*error.marker())
            })?,
            None => (Event::StreamEnd, Span::default()),
        };
        let refers = match &event {
            Event::Alias(_) => true,
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(anchor, tag)
            | Event::MappingStart(anchor, tag) => *anchor != 0 || tag.is_some(),
            _ => false,
        };
        match refers {
            true => Err(Problem::Reference.at(span.start)),
            false => Ok((event, span.start)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_in_each_of_yamls_spellings_is_read() {
        let expected: HashSet<Destination> = [
            "kms.example:443",
            "kms-fips.example:443",
            "[2001:db8::1]:7000",
        ]
        .map(|text| text.parse().unwrap())
        .into();
        for text in [
            // As the file that comes with nitro-cli is written.
            "allowlist:\n- {address: kms.example, port: 443}\n- {address: kms-fips.example, port: 443}\n\
             - {address: '2001:db8::1', port: 7000}\n",
            "# Ours.\n---\nallowlist:\n  - address: KMS.example # Frankfurt\n    port: 443\n  - port: 443\n    address: \
             \"kms-fips.example\"\n  - address: 2001:db8:0::1\n    port: 7000\n...\n",
            "{\"allowlist\": [{\"address\": \"kms.example\", \"port\": 443}, {\"port\": 443, \"address\": \"kms-fips.example\"}, \
             {\"address\": \"2001:db8::1\", \"port\": 7000}]}",
            "allowlist:\r\n- {address: kms.example, port: 443}\r\n- {address: kms.example, port: 443}\r\n\
             - {address: kms-fips.example, port: 443}\r\n- {address: '2001:db8::1', port: 7000}\r\n",
        ] {
            assert_eq!(text.parse(), Ok(Allowlist(expected.clone())), "{text}");
        }
        assert_eq!("allowlist: []".parse(), Ok(Allowlist(HashSet::new())));
    }

    #[test]
    fn each_mistake_is_said_with_its_place() {
        let mut found = Vec::new();
        for (text, expected) in [
            ("", "1:1: the file is a mapping"),
            ("# nothing\n", "2:1: the file is a mapping"),
            ("- {address: a, port: 1}", "1:1: the file is a mapping"),
            ("{}", "1:1: `allowlist` is missing"),
            (
                "whitelist: []",
                "1:1: this key is not known: the one of the file",
            ),
            ("allowlist:\n", "1:10: `allowlist` is a list"),
            ("allowlist: {a: 1}", "1:12: `allowlist` is a list"),
            ("allowlist: &all []", "1:12: an anchor, an alias or a tag"),
            ("allowlist: [\n", "2:1: this is not YAML: "),
            ("allowlist: [\0]", "1:13: this is not YAML: "),
        ] {
            found.push((text.to_owned(), expected));
        }
        for (line, expected) in [
            (
                "denylist: []",
                "3:1: this key is not known: the one of the file",
            ),
            ("allowlist: []", "3:1: `allowlist` is there twice"),
            ("---\nallowlist: []", "3:1: the file has a second document"),
            ("- a.example:443", "3:3: an entry is a mapping"),
            ("- [a.example, 443]", "3:3: an entry is a mapping"),
            ("-", "3:2: an entry is a mapping"),
            ("- {address: b}", "3:3: this entry has no `port`"),
            ("- port: 443", "3:3: this entry has no `address`"),
            (
                "- {address: b, port: 1, port: 2}",
                "3:25: a key of this entry is there twice",
            ),
            (
                "- {adress: b, port: 1}",
                "3:4: this key is not known: those of an entry",
            ),
            ("- {? [a] : b, port: 1}", "3:6: a key is a word"),
            ("- {address: b/c, port: 1}", "3:13: an address is a name"),
            (
                "- {address: '*.example', port: 1}",
                "3:13: an address is a name",
            ),
            ("- {address: , port: 1}", "3:11: an address is a name"),
            ("- {address: [b], port: 1}", "3:13: an address is a name"),
            ("- {address: b, port: 0}", "3:22: a port is a number"),
            // Whose last 16 bits are 443.
            ("- {address: b, port: 65979}", "3:22: a port is a number"),
            ("- {address: b, port: -1}", "3:22: a port is a number"),
            ("- {address: b, port: '443'}", "3:22: a port is a number"),
            ("- {address: b, port: https}", "3:22: a port is a number"),
            ("- {address: b, port: 443 444}", "3:22: a port is a number"),
            ("- *all", "3:3: this is not YAML: "),
            (
                "- {address: !!str b, port: 1}",
                "3:13: an anchor, an alias or a tag",
            ),
            ("- {address: b, port: 1", "4:1: this is not YAML: "),
            ("- {address: b, port: 1}}", "3:24: this is not YAML: "),
            ("- {address: 'b, port: 1}", "3:13: this is not YAML: "),
            ("\t- {address: b, port: 1}", "3:2: this is not YAML: "),
        ] {
            let good = "allowlist:\n- {address: a.example, port: 443}\n";
            found.push((format!("{good}{line}\n"), expected));
        }
        let mut wrong = String::new();
        for (text, expected) in found {
            let fault = text.parse::<Allowlist>().unwrap_err().to_string();
            if !fault.starts_with(expected) {
                wrong += &format!("{text}{fault}, and not {expected}\n");
            }
        }
        assert_eq!(wrong, "");
    }

    #[test]
    fn a_file_is_named_in_what_is_wrong_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("egress.yaml");
        let error = Allowlist::read(&path).unwrap_err();
        assert!(matches!(error, AllowlistError::Read { .. }));
        for (bytes, expected) in [
            (
                &b"allowlist:\n- {address: a, port: x}\n"[..],
                ":2:22: a port is a number",
            ),
            (b"allowlist: [\xff]", " cannot be read: "),
        ] {
            fs::write(&path, bytes).unwrap();
            let error = Allowlist::read(&path).unwrap_err().to_string();
            let expected = format!("{}{expected}", path.display());
            assert!(error.contains(&expected), "{error}");
        }
    }
}
