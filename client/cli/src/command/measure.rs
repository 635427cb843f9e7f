//! `sealnote measure`: what an enclave image file is measured as, by its bytes alone.

mod report;

use std::path::PathBuf;

use clap::Args;
use sealnote_eif::{HEADER_LEN, Image, SECTION_HEADER_LEN, Section, SectionKind, SignatureCheck};
use sealnote_model::ModelDigest;
use sealnote_verifier::nitro::rules::SetFile;

use self::report::Report;
use crate::exit::Failure;
use crate::facts::{line, print};
use crate::files::shown;
use crate::json;
use crate::policy::contents::{ModelChoice, label_of, new_policy};
use crate::policy::registers::Pin;
use crate::policy::source;
use crate::policy::stored::Checked;

const EXAMPLES: &str = "\
Examples:
  $ sealnote measure sealnote.eif
  $ sealnote measure sealnote.eif --model models/icd10-chapter --label '2026-11' -o policy.json";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Measure {
    /// The enclave image file, as nitro-cli or `make eif` builds it.
    image: PathBuf,
    #[command(flatten)]
    model: ModelChoice,
    /// The name of the measurements in the policy, instead of the image's file name.
    #[arg(long, value_name = "TEXT", requires = "output")]
    label: Option<String>,
    /// Write a policy that accepts this image. A file that is there is not replaced.
    #[arg(short, long, value_name = "POLICY")]
    output: Option<PathBuf>,
    /// Print JSON: docs/json.md.
    #[arg(long)]
    json: bool,
}

impl Measure {
    pub(crate) fn run(self) -> Result<(), Failure> {
        json::told(self.json, self.measure())
    }

    fn measure(&self) -> Result<(), Failure> {
        let image = source::image(&self.image)?;
        let model = self.model.digest()?;
        let set = SetFile {
            label: label_of(self.label.as_deref(), &self.image),
            ..source::of_image(&image)
        };
        let pins: Vec<Pin> = model.iter().map(Pin::of_model).collect();
        let policy = Checked::new(new_policy(set, &pins, model.as_ref()))?;
        if let Some(path) = &self.output {
            policy.write_new(path)?;
        }
        if self.json {
            let policy = self.output.as_deref();
            return json::print(&Report::of(&image, model.as_ref(), policy));
        }
        let mut lines = lines(&image, model.as_ref());
        if let Some(path) = &self.output {
            lines.push(line("policy", format!("written to {}", shown(path))));
        }
        print(&lines)
    }
}

fn lines(image: &Image, model: Option<&ModelDigest>) -> Vec<String> {
    let mut lines = vec![
        line(
            "image",
            format!(
                "{} bytes, format version {}, {}, checksum right",
                image.len, image.version, image.architecture
            ),
        ),
        row("offset", "size", "section", "measured into"),
        row("0", HEADER_LEN, "header", UNMEASURED),
    ];
    let mut ramdisk = 0;
    for section in &image.sections {
        let mut name = section.kind.to_string();
        if section.kind == SectionKind::Ramdisk {
            ramdisk += 1;
            name = format!("ramdisk {ramdisk}");
        }
        lines.push(row(section.offset, section.size, &name, &measured(section)));
    }
    lines.push(format!(
        "Each section starts with a header of {SECTION_HEADER_LEN} bytes, unmeasured; \
         its size is that of its contents."
    ));
    // The image's text is shown escaped: it must not write to the terminal as it likes.
    lines.push(line("command line", image.command_line.escape_ascii()));
    for (register, value) in image.registers.iter().enumerate() {
        lines.push(line(&format!("PCR{register}"), hex::encode(value)));
    }
    let signature = match image.signature.as_ref().map(|signature| signature.check) {
        None => "none: PCR8 is all zero",
        Some(SignatureCheck::Verified) => "right: over this PCR0, by the key of PCR8's certificate",
        Some(SignatureCheck::OtherKey) => "NOT CHECKED: the certificate's key is not one of P-384",
    };
    lines.push(line("signature", signature));
    if let Some(signature) = &image.signature {
        lines.push(line("PCR8", hex::encode(signature.register)));
    }
    if let Some(model) = model {
        lines.push(line("model", model));
        lines.push(line("PCR16", hex::encode(model.register())));
        lines.push(
            "The model is the one that was named; whether the image holds it is not checked."
                .into(),
        );
    }
    lines
}

const UNMEASURED: &str = "unmeasured";

fn measured(section: &Section) -> String {
    let registers: Vec<String> = section
        .registers
        .iter()
        .map(|n| format!("PCR{n}"))
        .collect();
    match registers.is_empty() {
        true => UNMEASURED.to_owned(),
        false => registers.join(", "),
    }
}

fn row(
    offset: impl std::fmt::Display,
    size: impl std::fmt::Display,
    section: &str,
    measured: &str,
) -> String {
    format!("  {offset:>12} {size:>12}  {section:<14} {measured}")
}
