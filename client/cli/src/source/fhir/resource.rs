//! What is read of a resource of FHIR R4, and the text of it.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use encoding_rs::{Encoding, UTF_8};
use sealnote_client::NoteBytes;
use serde::Deserialize;
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::super::markup::{Markup, to_text};
use crate::record::InputError;

/// The kinds of resource that are read. All others are passed over.
pub(super) const KINDS: [&str; 3] = ["DocumentReference", "DiagnosticReport", "Composition"];

/// What can be passed through.
pub(super) const PASSED: [&str; 7] = [
    "resourceType",
    "status",
    "type",
    "subject",
    "encounter",
    "date",
    "title",
];

/// What an entry of a Bundle, or a line, is.
#[derive(Deserialize)]
pub(super) struct Kind {
    #[serde(rename = "resourceType")]
    pub(super) resource_type: String,
}

/// An entry of a Bundle.
#[derive(Deserialize)]
pub(super) struct Entry<T> {
    pub(super) resource: Option<T>,
}

/// A resource of one of the [`KINDS`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    resource_type: String,
    id: Option<String>,
    status: Option<String>,
    title: Option<String>,
    #[serde(alias = "effectiveDateTime")]
    date: Option<String>,
    issued: Option<String>,
    r#type: Option<Concept>,
    code: Option<Concept>,
    subject: Option<Reference>,
    encounter: Option<Reference>,
    context: Option<Context>,
    text: Option<Narrative>,
    #[serde(default)]
    content: Vec<Content>,
    #[serde(default)]
    presented_form: Vec<Attachment>,
    #[serde(default)]
    section: Vec<Section>,
    conclusion: Option<Secret>,
}

/// Erased on drop.
#[derive(Deserialize)]
#[serde(transparent)]
struct Secret(String);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[derive(Deserialize)]
struct Concept {
    text: Option<String>,
    #[serde(default)]
    coding: Vec<Coding>,
}

#[derive(Deserialize)]
struct Coding {
    display: Option<String>,
    code: Option<String>,
}

#[derive(Deserialize)]
struct Reference {
    reference: Option<String>,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    encounter: Vec<Reference>,
}

#[derive(Deserialize)]
struct Narrative {
    div: Option<Secret>,
}

#[derive(Deserialize)]
struct Content {
    attachment: Attachment,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    content_type: Option<String>,
    data: Option<Secret>,
    url: Option<String>,
}

#[derive(Deserialize)]
struct Section {
    title: Option<Secret>,
    text: Option<Narrative>,
    #[serde(default)]
    section: Vec<Section>,
}

type Text = Zeroizing<String>;

impl Resource {
    /// `DocumentReference/ID`.
    pub(super) fn id(&self) -> Option<String> {
        let id = self.id.as_ref()?;
        Some(format!("{}/{id}", self.resource_type))
    }

    /// A field of [`PASSED`].
    pub(super) fn passed(&self, name: &str) -> Value {
        let reference = |of: &Option<Reference>| of.as_ref()?.reference.clone();
        let value = match name {
            "resourceType" => Some(self.resource_type.clone()),
            "status" => self.status.clone(),
            "type" => self
                .r#type
                .as_ref()
                .or(self.code.as_ref())
                .and_then(Concept::name),
            "subject" => reference(&self.subject),
            "encounter" => reference(&self.encounter).or_else(|| {
                let first = self.context.as_ref()?.encounter.first()?;
                first.reference.clone()
            }),
            "date" => self.date.clone().or_else(|| self.issued.clone()),
            "title" => self.title.clone(),
            _ => None,
        };
        value.map_or(Value::Null, Value::String)
    }

    /// The text of the document, not what is said about it.
    pub(super) fn text(&self) -> Result<NoteBytes, InputError> {
        const NONE: InputError = InputError::NoText("the resource has no text");
        let text = match self.resource_type.as_str() {
            "DocumentReference" => {
                attached(self.content.iter().map(|content| &content.attachment))?
            }
            "DiagnosticReport" => match attached(self.presented_form.iter())? {
                Some(text) => Some(text),
                None => match narrative(&self.text)? {
                    Some(text) => Some(text),
                    None => self
                        .conclusion
                        .as_ref()
                        .map(|text| Zeroizing::new(text.0.clone())),
                },
            },
            _ => {
                let mut parts = Vec::new();
                sections(&self.section, &mut parts)?;
                if parts.is_empty() {
                    narrative(&self.text)?
                } else {
                    Some(join(&parts))
                }
            }
        };
        let mut text = text.filter(|text| !text.trim().is_empty()).ok_or(NONE)?;
        Ok(std::mem::take(&mut *text).into())
    }
}

impl Concept {
    fn name(&self) -> Option<String> {
        let coding = self.coding.first();
        let display = coding.and_then(|coding| coding.display.clone().or(coding.code.clone()));
        self.text.clone().or(display)
    }
}

/// A section's title and its text, and then those within it.
fn sections(sections: &[Section], parts: &mut Vec<Text>) -> Result<(), InputError> {
    for section in sections {
        let text = narrative(&section.text)?;
        let title = section.title.as_ref();
        let lines = [
            title.map(|title| title.0.as_str()),
            text.as_ref().map(|text| text.as_str()),
        ];
        let lines: Vec<&str> = lines.into_iter().flatten().collect();
        if text.is_some() || !section.section.is_empty() {
            parts.push(Zeroizing::new(lines.join("\n")));
        }
        self::sections(&section.section, parts)?;
    }
    Ok(())
}

fn join(parts: &[Text]) -> Text {
    let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).collect();
    Zeroizing::new(parts.join("\n\n"))
}

fn narrative(narrative: &Option<Narrative>) -> Result<Option<Text>, InputError> {
    let Some(div) = narrative.as_ref().and_then(|text| text.div.as_ref()) else {
        return Ok(None);
    };
    let text = to_text(&div.0, Markup::Xhtml).ok_or(InputError::Unsupported)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// What an attachment's content type says.
#[derive(Clone, Copy)]
struct Type {
    /// `None` is plain text.
    markup: Option<Markup>,
    charset: &'static Encoding,
}

impl Type {
    fn of(attachment: &Attachment) -> Option<Self> {
        let content_type = attachment.content_type.as_deref()?;
        let mut parts = content_type.split(';').map(str::trim);
        let markup = match parts.next()?.to_ascii_lowercase().as_str() {
            "text/plain" => None,
            "text/html" => Some(Markup::Html),
            "application/xhtml+xml" => Some(Markup::Xhtml),
            _ => return None,
        };
        let charset = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let is = name.trim().eq_ignore_ascii_case("charset");
            is.then(|| value.trim().trim_matches('"'))
        });
        let charset = match charset {
            None => UTF_8,
            Some(label) => Encoding::for_label(label.as_bytes())?,
        };
        Some(Self { markup, charset })
    }
}

/// The text of the first attachment that is plain text, else of the first that is HTML: those of a document are the same
/// in several forms. `None` if there is no attachment.
fn attached<'a>(
    attachments: impl Iterator<Item = &'a Attachment>,
) -> Result<Option<Text>, InputError> {
    let (mut plain, mut marked, mut by_url, mut other, mut any) = (None, None, false, false, false);
    for attachment in attachments {
        any = true;
        match (&attachment.data, Type::of(attachment)) {
            (Some(data), Some(of)) if of.markup.is_none() => plain = plain.or(Some((data, of))),
            (Some(data), Some(of)) => marked = marked.or(Some((data, of))),
            (Some(_), None) => other = true,
            (None, _) => by_url |= attachment.url.is_some(),
        }
    }
    match plain.or(marked) {
        Some((data, of)) => decode(data, of).map(Some),
        None if by_url => Err(InputError::ByUrl),
        None if other => Err(InputError::Unsupported),
        None if any => Err(InputError::NoText("the attachment has no data")),
        None => Ok(None),
    }
}

fn decode(data: &Secret, of: Type) -> Result<Text, InputError> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    let compact: Zeroizing<Vec<u8>> =
        Zeroizing::new((data.0.bytes().filter(|byte| !byte.is_ascii_whitespace())).collect());
    let bytes = BASE64.decode(&compact).map_err(|_| InputError::NotBase64)?;
    let bytes = Zeroizing::new(bytes);
    let (text, _, malformed) = of.charset.decode(&bytes);
    let text = Zeroizing::new(text.into_owned());
    if malformed {
        return Err(InputError::BadCharset);
    }
    match of.markup {
        None => Ok(text),
        Some(markup) => to_text(&text, markup).ok_or(InputError::Unsupported),
    }
}
