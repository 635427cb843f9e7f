//! Writes what the fuzzers start from, a folder a target: PROTOCOL.md's worked example, what the fixtures make, and the
//! genuine documents in the folder that `SEALNOTE_VECTORS` names, where they are.
//!
//! usage: seeds FOLDER

#![forbid(unsafe_code)]

mod key_release;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use sealnote_cli::policy::signature::NAMESPACE;
use sealnote_eif::measure;
use sealnote_evidence::Evidence;
use sealnote_fuzz::fixture::{FIXTURE, payload, policy_json};
use sealnote_fuzz::worked_example::value;
use sealnote_fuzz::{image, layout, signers, tdx, token, vtpm};
use sealnote_protocol::claims::Claims;
use sealnote_protocol::frame::Frame;
use sealnote_protocol::handshake::Key;
use sealnote_protocol::limits::Limits;
use sealnote_protocol::suite::{KeyMaterial, Suite};
use sealnote_software_attester::Link;
use sealnote_software_attester::nitro::{ChainSpec, Document};
use sealnote_verifier::azure_vtpm::file::EvidenceFile;
use sealnote_verifier::nitro::inspect;
use sealnote_verifier::sev_snp::REPORT_LEN;
use sealnote_verifier::sev_snp::wire::Endorsements;
use ssh_key::HashAlg;

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
    seeds.deviations()?;
    seeds.policies()?;
    seeds.signatures()?;
    seeds.inputs()?;
    seeds.reports()?;
    seeds.quotes()?;
    seeds.vtpms()?;
    seeds.tpm()?;
    seeds.tokens()?;
    seeds.jwes()?;
    seeds.encrypted_models()?;
    seeds.envelopes()?;
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
        let farewells = [Frame::refusal(), Frame::full()].map(Frame::into_bytes);
        self.write("frame", "farewells", &[&[0, 0, 1], &farewells.concat()])?;
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
        let mut model = <Claims>::decode(&value("claims"))?.model().clone();
        (model.window, model.overlap) = (0x4000, 0x3fff);
        let keys = KeyMaterial::new([(Suite::XWing, &[5][..])]);
        let claims = Claims::new(
            keys,
            [3; 32],
            model,
            Limits::of_classification(3, 1000, 8192, 2, 2),
        )?;
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
        let tagged = [&[0xd2], &*documents[0].1].concat();
        documents.push((String::from("tagged"), tagged));
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

    /// Payloads and chains that are refused, each for another reason.
    fn deviations(&self) -> Outcome<()> {
        type Edit<T> = (&'static str, fn(&mut T));
        let payloads: [Edit<Document>; 12] = [
            ("debug", |it| it.pcrs.extend([(0, vec![0; 48])])),
            ("image", |it| it.pcrs.extend([(2, vec![9; 48])])),
            ("machine", |it| it.pcrs.extend([(4, vec![9; 48])])),
            ("short", |it| it.pcrs.extend([(5, vec![0; 47])])),
            ("no-pcrs", |it| it.pcrs.clear()),
            ("no-nonce", |it| it.nonce = None),
            ("nonce", |it| it.nonce = Some(vec![0x5a; 31])),
            ("long", |it| it.user_data = Some(vec![0; 1025])),
            ("old", |it| it.timestamp_ms -= 1_000_000),
            ("future", |it| it.timestamp_ms += 1_000_000),
            ("tpm", |it| it.module_id = String::from("i-0-tpm1")),
            ("no-bundle", |it| it.cabundle.clear()),
        ];
        for (name, edit) in payloads {
            let mut document = FIXTURE.document.clone();
            edit(&mut document);
            self.write("document", name, &[&document.encode()?])?;
        }
        let chains: [Edit<ChainSpec>; 4] = [
            ("leaf-ca", |it| extensions(it, 0, 3)),
            ("no-ca", |it| extensions(it, 3, 2)),
            ("path", |it| extensions(it, 2, 0)),
            ("not-critical", |it| {
                let of_ca = &mut it.cas[1].certificate.extensions;
                of_ca.iter_mut().for_each(|one| one.critical = false);
            }),
        ];
        for (name, edit) in chains {
            let mut chain = FIXTURE.chain.clone();
            edit(&mut chain);
            let issued = FIXTURE.issue(&chain);
            for (place, certificate) in [(2, 1), (3, 2), (4, 3), (0, 4)] {
                let name = format!("{name}-{place}");
                self.write("certificate", &name, &[&[place], &issued[certificate]])?;
            }
        }
        Ok(())
    }

    fn reports(&self) -> Outcome<()> {
        // Version 2, signed by a VCEK with ECDSA on P-384, and of the guest policy's bits the one that is always set.
        let mut least = vec![0; REPORT_LEN];
        (least[0], least[0x0a], least[0x34]) = (2, 2, 1);
        let mut reports = vec![(String::from("least"), least)];
        if let Some(vectors) = std::env::var_os("SEALNOTE_VECTORS") {
            let genuine = files(&Path::new(&vectors).join("snp"))?.into_iter();
            reports.extend(genuine.filter(|(_, bytes)| bytes.len() == REPORT_LEN));
        }
        for (name, report) in &reports {
            self.write("report", name, &[report])?;
            let evidence = Evidence {
                report,
                public_key: Some(&[7; 422]),
                ..Evidence::default()
            };
            self.write("report", &format!("{name}-evidence"), &[&evidence.encode()])?;
        }
        let endorsements = Endorsements {
            leaf: &[1],
            intermediate: &[2; 300],
            crl: Some(&[3]),
        };
        self.write("report", "endorsements", &[&endorsements.encode()])
    }

    fn quotes(&self) -> Outcome<()> {
        for (name, fixture) in ["v4", "v5-td10", "v5-td15"].iter().zip(&*tdx::FIXTURES) {
            self.write("quote", name, &[&fixture.quote])?;
            self.write("quote", &format!("{name}-log"), &[&fixture.event_log])?;
            let collateral = fixture.collateral.to_string();
            self.write(
                "quote",
                &format!("{name}-collateral"),
                &[collateral.as_bytes()],
            )?;
            for (letter, document) in [(b"t", "tcb_info"), (b"q", "qe_identity")] {
                let text = fixture.collateral[document].as_str().unwrap_or_default();
                let name = format!("{name}-{document}");
                self.write("quote", &name, &[letter, text.as_bytes()])?;
            }
        }
        for (name, bytes) in vectors("tdx")? {
            // A log stands in an area that is filled up.
            let len = bytes.iter().rposition(|byte| *byte != 0xff);
            let bytes = &bytes[..len.map_or(0, |last| last + 1)];
            self.write("quote", &name, &[bytes])?;
        }
        Ok(())
    }

    fn vtpms(&self) -> Outcome<()> {
        for (name, gathered) in ["sev-snp", "tdx"].iter().zip(&*vtpm::GATHERED) {
            let parts = gathered.parts();
            self.write("vtpm", name, &[&parts.encode(Some(&[7; 422]))])?;
            self.write("vtpm", &format!("{name}-hcl"), &[parts.hcl_report])?;
            self.write("vtpm", &format!("{name}-quote"), &[parts.quote])?;
        }
        let guest = &*vtpm::GUEST;
        self.write("vtpm", "var-data", &[b"v", &guest.var_data])?;
        self.write("vtpm", "signed-quote", &[b"m", &guest.quote])?;
        for (name, bytes) in vectors("azure")? {
            self.write("vtpm", &name, &[&bytes])?;
            if let Ok(file) = EvidenceFile::from_json(&bytes) {
                let name = format!("{name}-evidence");
                self.write("vtpm", &name, &[&file.parts().encode(None)])?;
            }
        }
        Ok(())
    }

    /// What a TPM in software once answered to the enclave; a line is a command or its response.
    fn tpm(&self) -> Outcome<()> {
        let recorded = include_str!("../../../../enclave/src/attester/azure_vtpm/swtpm.txt");
        for (number, response) in recorded.lines().skip(1).step_by(2).enumerate() {
            self.write(
                "tpm",
                &format!("swtpm-{number}"),
                &[&hex::decode(response)?],
            )?;
        }
        // Of no register.
        let head = [0x80, 1, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, 9];
        let none = [0, 0, 0, 1, 0, 0x0b, 3, 0, 0, 0, 0, 0, 0, 0];
        self.write("tpm", "no-registers", &[&head, &none])?;
        self.write("tpm", "refusal", &[&[0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x8b]])
    }

    fn tokens(&self) -> Outcome<()> {
        let fixture = &*token::FIXTURE;
        for (name, claims) in token::claims() {
            let claims = claims.to_string();
            self.write("token", &format!("{name}-claims"), &[claims.as_bytes()])?;
            for algorithm in [token::RS256, token::PS384] {
                let token = fixture.token(algorithm, &fixture.x5c, claims.as_bytes());
                self.write("token", &format!("{name}-{algorithm}"), &[&token])?;
            }
        }
        self.write("token", "jwks", &[fixture.jwks.as_bytes()])?;
        self.write("token", "root", &[fixture.root_pem.as_bytes()])?;
        self.write("token", "x5c", &[fixture.x5c.to_string().as_bytes()])?;
        for (name, bytes) in vectors("tokens")? {
            self.write("token", &name, &[&bytes])?;
        }
        Ok(())
    }

    fn policies(&self) -> Outcome<()> {
        let file = policy_json();
        self.write("policy", "file", &[file.as_bytes()])?;
        // What must not load, and is far to find.
        let zero = "0".repeat(96);
        for (name, old, new) in [
            ("zero", &*"02".repeat(48), &*zero),
            ("blank", "fixture", " "),
            ("seconds", r#""2027-03-01T00:00:00Z""#, "1800000000"),
            ("age", "300", "0"),
        ] {
            self.write("policy", name, &[file.replace(old, new).as_bytes()])?;
        }
        let set = file
            .split_once("[{")
            .and_then(|(_, rest)| rest.split_once("}]"));
        let set = set.ok_or("a set")?.0;
        let version2 = format!(
            r#"{{"version": 2, "evidence": {{"nitro": {{"measurements": [{{"least_suite": 1, {set}}}],
                "pins": {{"pcr16": ["{}"]}}, "max_age_seconds": 300}}}},
                "session": {{"precision": "f32", "least_suite": 2}}}}"#,
            "07".repeat(48)
        );
        self.write("policy", "version2", &[version2.as_bytes()])?;
        let (set, rest) = file.split_once(r#"}],"#).ok_or("a list of one set")?;
        let twice = set.split_once('[').ok_or("a list of sets")?.1;
        let twice = format!("{set}}}, {twice}}}],{rest}");
        self.write("policy", "twice", &[twice.as_bytes()])?;
        let least = format!("{set}}}]}}");
        self.write("policy", "least", &[least.as_bytes()])?;
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

    fn signatures(&self) -> Outcome<()> {
        let fixture = &*signers::FIXTURE;
        for (number, key) in (1..).zip(&fixture.keys) {
            for (name, namespace) in [("policy", NAMESPACE), ("file", "file")] {
                let pem = fixture.signed(key, namespace, HashAlg::Sha512);
                let pem = pem.ok_or("a signature")?;
                self.write("signature", &format!("{name}-{number}"), &[pem.as_bytes()])?;
            }
            let line = key.public_key().to_openssh()?;
            self.write("signature", &format!("key-{number}"), &[line.as_bytes()])?;
        }
        let allowed = &fixture.allowed_signers;
        let named = allowed.replace("officer@hospital.example", "\"a b\",c");
        let others = allowed.replace(
            "namespaces=\"",
            "valid-after=\"20260101\",namespaces=\"file,",
        );
        for (name, file) in [("allowed", allowed), ("named", &named), ("others", &others)] {
            self.write("signature", name, &[b"# who may sign\n\n", file.as_bytes()])?;
        }
        Ok(())
    }

    /// Of each format records that are read, and such as are not.
    fn inputs(&self) -> Outcome<()> {
        let jsonl = concat!(
            "\u{feff}\n{\"id\": 1, \"text\": \"a\", \"ward\": [3]}\r\n",
            "{\"id\": \"b\", \"text\": \"caf\\u00e9 \\ud83d\\ude00\"}\n[]\n{\"id\": 2}",
        );
        let csv = "id,text,ward\n001,\"a, \"\"b\"\"\r\nc\",3\n\n2,b\n3,c,\n4,\"d";
        let tsv = csv.replace(',', "\t");
        let resources = [
            r#"{"resourceType": "DiagnosticReport", "id": "1", "effectiveDateTime": "2020-01-02", "conclusion": "a"}"#,
            r#"{"resourceType": "Encounter", "text": 5}"#,
            r#"{"resourceType": "DocumentReference", "id": "2", "content": [{"attachment":
                {"contentType": "text/html; charset=ISO-8859-1", "data": "PHA+Y2Fm6TwvcD4="}}]}"#,
            r#"{"resourceType": "Composition", "id": "3", "section": [{"title": "Plan", "text":
                {"div": "<div>rest &amp; <b>tea</b><br/></div>"}, "section": []}]}"#,
        ];
        let entries = resources.map(|resource| format!(r#"{{"resource": {resource}}}"#));
        let bundle = format!(
            r#"{{"resourceType": "Bundle", "entry": [{}]}}"#,
            entries.join(", ")
        );
        let lines = resources
            .map(|resource| resource.replace('\n', " "))
            .join("\n");
        for (name, letter, text) in [
            ("jsonl", b"j", jsonl),
            ("csv", b"c", csv),
            ("tsv", b"t", &tsv),
            ("fhir-bundle", b"f", &bundle),
            ("fhir-lines", b"f", &lines),
            ("fhir-report", b"f", resources[0]),
            ("fhir-document", b"f", resources[2]),
            ("fhir-composition", b"f", resources[3]),
        ] {
            self.write("input", name, &[letter, text.as_bytes()])?;
            self.write(
                "input",
                &format!("{name}-recognised"),
                &[b"?", text.as_bytes()],
            )?;
        }
        Ok(())
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

/// Gives a link of a chain the extensions of another; the leaf is the fourth.
fn extensions(chain: &mut ChainSpec, from: usize, to: usize) {
    let mut links: Vec<&mut Link> = chain.cas.iter_mut().chain([&mut chain.leaf]).collect();
    links[to].certificate.extensions = links[from].certificate.extensions.clone();
}

/// The names and contents of the genuine files of a kind, where they are.
fn vectors(kind: &str) -> Outcome<Vec<(String, Vec<u8>)>> {
    match std::env::var_os("SEALNOTE_VECTORS") {
        Some(vectors) => {
            let found = files(&Path::new(&vectors).join(kind))?.into_iter();
            Ok(found.filter(|(name, _)| name != "README.md").collect())
        }
        None => Ok(Vec::new()),
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
