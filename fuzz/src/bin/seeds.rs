//! Writes what the fuzzers start from, a folder a target: PROTOCOL.md's worked example, what the fixtures make, and the
//! genuine documents in the folder that `SEALNOTE_VECTORS` names, where they are.
//!
//! usage: seeds FOLDER

#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use sealnote_eif::measure;
use sealnote_fuzz::fixture::{FIXTURE, payload, policy_json};
use sealnote_fuzz::worked_example::value;
use sealnote_fuzz::{image, layout};
use sealnote_protocol::claims::{Claims, Limits, SuiteKeys};
use sealnote_protocol::handshake::Key;
use sealnote_protocol::suite::Suite;
use sealnote_verifier::inspect;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Length of a frame's header.
const HEADER_LEN: usize = 8;

const FRAMES: [&str; 8] = [
    "frame.hello",
    "frame.answer",
    "frame.key",
    "frame.ready",
    "frame.request",
    "frame.reply",
    "frame.client_close",
    "frame.enclave_close",
];

fn main() -> Outcome<()> {
    let folder = std::env::args_os().nth(1).ok_or("usage: seeds FOLDER")?;
    let seeds = Seeds(folder.into());
    seeds.handshake()?;
    seeds.records()?;
    seeds.documents()?;
    seeds.policies()?;
    seeds.images()
}

struct Seeds(PathBuf);

impl Seeds {
    fn write(&self, target: &str, name: &str, parts: &[&[u8]]) -> Outcome<()> {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(name), parts.concat())?)
    }

    fn handshake(&self) -> Outcome<()> {
        for name in FRAMES {
            let frame = value(name);
            self.write("frame", name, &[&[0xff, 0xff, 1], &frame])?;
            if let "hello" | "answer" | "key" = &name[6..] {
                self.write(&name[6..], "worked-example", &[&frame[HEADER_LEN..]])?;
            }
        }
        let conversation = FRAMES.map(value).concat();
        self.write("frame", "conversation", &[&[0xff, 0xff, 7], &conversation])?;
        let rsa_oaep = Key::new(Suite::RsaOaep, value("rsa_oaep.sealed")).to_frame();
        self.write("key", "rsa-oaep", &[rsa_oaep.payload()])?;
        self.write("claims", "worked-example", &[&value("claims")])?;
        // Small ones, in which a change is likely to be in a place that matters.
        let answer = [0xa3, 1, 1, 2, 0x41, 9, 3, 0x41, 9];
        self.write("answer", "small", &[&answer])?;
        let endorsed = [0xa4, 1, 1, 2, 0x41, 9, 3, 0x41, 9, 4, 0x41, 7];
        self.write("answer", "endorsed", &[&endorsed])?;
        self.write("key", "small", &[&[0xa2, 1, 2, 2, 0x41, 9]])?;
        let model = Claims::decode(&value("claims"))?.model().clone();
        let keys = SuiteKeys {
            rsa_oaep: None,
            xwing: &[5],
        };
        let claims = Claims::new(keys, [3; 32], model, Limits::new(3, 1000, 8192, 2, 2))?;
        self.write("claims", "small", &[&claims.encode()])
    }

    fn records(&self) -> Outcome<()> {
        let shape = layout::shape_bytes(2, 2, 0, 1000);
        let notes = [value("note.0"), value("note.1")];
        let request = layout::request(1, &[&notes[0], &notes[1]]);
        let scores = vec![0.875f32.to_bits(), 0.125f32.to_bits()];
        let answer = layout::answer(1, &[(1, 240, scores), (2, 0, vec![0, 0])]);
        let close = [&[4][..], &1u64.to_be_bytes()].concat();
        for (name, plaintext) in [
            ("ready", &b"\x01sealnote/2 ready"[..]),
            ("request", &request),
            ("answer", &answer),
            ("close", &close),
        ] {
            self.write("record", name, &[&shape, plaintext])?;
        }
        Ok(())
    }

    fn documents(&self) -> Outcome<()> {
        let made = FIXTURE.signed(&FIXTURE.document.encode()?);
        let mut documents = vec![
            (String::from("fixture"), made),
            (String::from("worked-example"), value("document")),
        ];
        if let Some(vectors) = std::env::var_os("SEALNOTE_VECTORS") {
            for folder in ["genuine", "bad"] {
                documents.extend(files(&Path::new(&vectors).join("nitro").join(folder))?);
            }
        }
        for (name, document) in documents {
            self.write("document", &name, &[&document])?;
            if let Some(payload) = payload(&document) {
                self.write("document", &format!("{name}-payload"), &[payload])?;
            }
            let Ok(inspected) = inspect(&document) else {
                continue;
            };
            let chain = [inspected.certificate()].into_iter();
            let chain = chain.chain(inspected.cabundle().iter().map(Vec::as_slice));
            for (place, certificate) in (0..).zip(chain) {
                let name = format!("{name}-{place}");
                self.write("certificate", &name, &[&[place], certificate])?;
            }
        }
        Ok(())
    }

    fn policies(&self) -> Outcome<()> {
        let file = policy_json();
        self.write("policy", "file", &[file.as_bytes()])?;
        // What must not load, and is far to find.
        let pcr1 = "02".repeat(48);
        for (name, old, new) in [
            ("zero", &*pcr1, "0".repeat(96)),
            ("blank", "fixture", String::from(" ")),
        ] {
            self.write("policy", name, &[file.replace(old, &new).as_bytes()])?;
        }
        let pcr = |index: u8| format!(r#""PCR{index}": "{}""#, hex::encode([index + 1; 48]));
        let nitro_cli = format!(
            r#"{{"Measurements": {{"HashAlgorithm": "Sha384 {{ ... }}", {}, {}, {}, {}, {}}}}}"#,
            pcr(0),
            pcr(1),
            pcr(2),
            pcr(8),
            pcr(16),
        );
        self.write("policy", "nitro-cli", &[nitro_cli.as_bytes()])
    }

    /// Without checksums: the target makes them right.
    fn images(&self) -> Outcome<()> {
        let plain = image::image(&image::PLAIN);
        self.write("eif", "plain", &[&plain])?;
        let pcr0 = measure(&*image::summed(plain))?.registers[0];
        let signature = image::signature(&pcr0);
        let signed = [&image::PLAIN[..], &[(4, &signature)]].concat();
        self.write("eif", "signed", &[&image::image(&signed)])
    }
}

/// The names and contents of a folder's files.
fn files(folder: &Path) -> Outcome<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        found.push((name.into_owned(), fs::read(&path)?));
    }
    Ok(found)
}
