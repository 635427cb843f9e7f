//! The shape of `sealnote measure --json`.

use std::collections::BTreeMap;
use std::path::Path;

use sealnote_eif::{Image, SignatureCheck};
use sealnote_model::ModelDigest;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Report {
    ok: bool,
    bytes: u64,
    format_version: u16,
    architecture: String,
    command_line: String,
    sections: Vec<Section>,
    /// PCR0, PCR1 and PCR2; PCR8 of a signed image; PCR16 of a model that was named.
    pcrs: BTreeMap<u8, String>,
    /// `verified`, or `other_key`: not checked. Null of an image that is not signed.
    signature: Option<&'static str>,
    /// The digest of the model that was named; whether the image holds it is not checked.
    model: Option<String>,
    /// The policy that was written.
    policy: Option<String>,
}

#[derive(Serialize)]
struct Section {
    kind: String,
    offset: u64,
    size: u64,
    registers: Vec<u8>,
}

impl Report {
    pub(super) fn of(image: &Image, model: Option<&ModelDigest>, policy: Option<&Path>) -> Self {
        let mut pcrs: BTreeMap<u8, String> =
            (0..).zip(image.registers.iter().map(hex::encode)).collect();
        pcrs.extend(
            image
                .signature
                .iter()
                .map(|signed| (8, hex::encode(signed.register))),
        );
        pcrs.extend(model.map(|model| (16, hex::encode(model.register()))));
        Self {
            ok: true,
            bytes: image.len,
            format_version: image.version,
            architecture: image.architecture.to_string(),
            command_line: image.command_line.escape_ascii().to_string(),
            sections: image
                .sections
                .iter()
                .map(|section| Section {
                    kind: section.kind.to_string(),
                    offset: section.offset,
                    size: section.size,
                    registers: section.registers.to_vec(),
                })
                .collect(),
            pcrs,
            signature: image.signature.as_ref().map(|signed| match signed.check {
                SignatureCheck::Verified => "verified",
                SignatureCheck::OtherKey => "other_key",
            }),
            model: model.map(ToString::to_string),
            policy: policy.map(|path| path.to_string_lossy().into_owned()),
        }
    }
}
