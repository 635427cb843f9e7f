//! Who may sign policies: a public key, or a file of allowed signers as ssh-keygen reads it (ssh-keygen(1), "ALLOWED
//! SIGNERS").

use std::path::Path;

use ssh_key::{Fingerprint, HashAlg, PublicKey};

use super::signature::NAMESPACE;
use crate::exit::{Exit, Failure};
use crate::files;
use crate::files::shown;

const MAX_LEN: usize = 1 << 20;

/// Keys, any one of which may sign.
#[derive(Debug)]
pub struct Signers(Vec<Signer>);

/// A key that may sign.
#[derive(Debug, PartialEq, Eq)]
pub struct Signer {
    /// In OpenSSH's format.
    pub key: PublicKey,
    /// Whose it is: the principals of a file of allowed signers, or the key's comment.
    pub name: String,
}

/// A line of the file that is not understood. Nothing is left out: a line that says less than it was meant to would let
/// more keys sign.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Neither a key nor an allowed signer.
    #[error("this is neither a public key nor an allowed signer")]
    Malformed,
    /// An option that would have to be checked.
    #[error(
        "the option {0} is not checked here; keep those who sign policies in a file of their own, with no option but \
         namespaces"
    )]
    Option(&'static str),
    /// A pattern of namespaces.
    #[error("patterns in namespaces are not understood here; name {NAMESPACE}")]
    Pattern,
}

impl Signers {
    /// Reads a file of either kind.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = files::read(path, "the signers", MAX_LEN)?;
        let path = shown(path);
        let signers = Self::of_file(&bytes).map_err(|(number, error)| {
            Exit::Usage.because(format!("{path}, line {number}: {error}"))
        })?;
        match signers.all().is_empty() {
            true => Err(Exit::Usage.because(format!("{path} names no key that may sign policies"))),
            false => Ok(signers),
        }
    }

    /// Those that a file's contents name, perhaps none.
    ///
    /// # Errors
    ///
    /// The first line that is not understood, and its number from 1.
    pub fn of_file(bytes: &[u8]) -> Result<Self, (usize, LineError)> {
        let text = String::from_utf8_lossy(bytes);
        let mut signers = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            signers.extend(of_line(line).map_err(|error| (number, error))?);
        }
        Ok(Self(signers))
    }

    /// All of them.
    pub fn all(&self) -> &[Signer] {
        &self.0
    }
}

impl Signer {
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.key.fingerprint(HashAlg::Sha256)
    }
}

/// `None` for a line without a key, and for a signer of other things.
fn of_line(line: &str) -> Result<Option<Signer>, LineError> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    if let Ok(key) = PublicKey::from_openssh(line) {
        let name = key.comment().as_str_lossy().to_owned();
        return Ok(Some(Signer { key, name }));
    }
    let (principals, rest) = field(line);
    let name = principals.replace('"', "");
    if let Ok(key) = PublicKey::from_openssh(rest) {
        return Ok(Some(Signer { key, name }));
    }
    let (options, rest) = field(rest);
    let key = PublicKey::from_openssh(rest).map_err(|_| LineError::Malformed)?;
    Ok(is_allowed(options)?.then_some(Signer { key, name }))
}

/// The text up to a space that is not in quotes, and what is behind it.
fn field(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        !quoted && (c == ' ' || c == '\t')
    });
    let (field, rest) = text.split_at(end.unwrap_or(text.len()));
    (field, rest.trim_start())
}

/// Whether these options allow signing policies.
fn is_allowed(options: &str) -> Result<bool, LineError> {
    let mut allowed = true;
    for option in split(options) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name.to_ascii_lowercase().as_str() {
            "namespaces" => {
                let value = value.trim_matches('"');
                if value.contains(['*', '?', '!']) {
                    return Err(LineError::Pattern);
                }
                allowed &= value.split(',').any(|namespace| namespace == NAMESPACE);
            }
            "cert-authority" => return Err(LineError::Option("cert-authority")),
            "valid-after" => return Err(LineError::Option("valid-after")),
            "valid-before" => return Err(LineError::Option("valid-before")),
            _ => return Err(LineError::Malformed),
        }
    }
    Ok(allowed)
}

/// At commas that are not in quotes.
fn split(options: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    options.split(move |c: char| {
        quoted ^= c == '"';
        !quoted && c == ','
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn name(line: &str) -> Result<Option<String>, LineError> {
        of_line(&line.replace("KEY", KEY)).map(|signer| signer.map(|signer| signer.name))
    }

    #[test]
    fn a_line_is_a_key_or_an_allowed_signer() {
        for (line, expected) in [
            ("", None),
            ("  # a comment", None),
            ("KEY", Some("")),
            ("KEY officer@hospital", Some("officer@hospital")),
            ("officer@hospital KEY", Some("officer@hospital")),
            ("a@b,c@d\t KEY a comment", Some("a@b,c@d")),
            (r#""Jo Doe" KEY"#, Some("Jo Doe")),
            (r#"a@b namespaces="git,sealnote-policy" KEY"#, Some("a@b")),
            (r#"a@b namespaces="sealnote-policy" KEY x"#, Some("a@b")),
            (r#"a@b NAMESPACES=sealnote-policy KEY x"#, Some("a@b")),
            // Of other things.
            (r#"a@b namespaces="git" KEY"#, None),
            (r#"a@b namespaces="sealnote-policy-2" KEY"#, None),
            (
                r#"a@b namespaces="git",namespaces="sealnote-policy" KEY"#,
                None,
            ),
        ] {
            assert_eq!(name(line), Ok(expected.map(str::to_owned)), "{line}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (line, expected) in [
            ("officer@hospital", LineError::Malformed),
            ("a@b ssh-ed25519 AAAA", LineError::Malformed),
            ("a@b unknown KEY", LineError::Malformed),
            (
                "a@b cert-authority KEY",
                LineError::Option("cert-authority"),
            ),
            (
                r#"a@b namespaces="sealnote-policy",valid-before="20270101" KEY"#,
                LineError::Option("valid-before"),
            ),
            (
                r#"a@b valid-after="20270101Z" KEY"#,
                LineError::Option("valid-after"),
            ),
            (r#"a@b namespaces="*" KEY"#, LineError::Pattern),
            (
                r#"a@b namespaces="sealnote-policy,!x" KEY"#,
                LineError::Pattern,
            ),
        ] {
            assert_eq!(name(line), Err(expected), "{line}");
        }
    }
}
