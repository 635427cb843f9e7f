//! The worked example of PROTOCOL.md, byte for byte.
//!
//! The inputs in the document (keys, random bytes, notes) are run through both sides of the
//! implementation, and every other value must come out as it stands there. The key schedule is
//! computed a second time here, from the text of PROTOCOL.md alone.
//!
//! `SEALNOTE_BLESS=1` writes the example anew, with a new document and key.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use getrandom::rand_core::{Infallible, TryCryptoRng, TryRng, UnwrapErr};
use hkdf::Hkdf;
use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use sealnote_model::ModelDigest;
use sealnote_model::{KnownShare, NoteError, NoteOutcome, Precision, Problem, Scored};
use sealnote_protocol::frame::Frame;
use sealnote_protocol::handshake::{Answer, EvidenceKind, Key};
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::{Binding, Enclave, Keyed, Received};
use sealnote_protocol::suite::{BootKeys, Suite, rsa_oaep};
use sealnote_protocol::task::ModelClaims;
use sealnote_session::Classification;
use sealnote_session::{Challenge, Evidence};
use sealnote_session::{ClientSession, Confirmed, Incoming};
use sealnote_software_attester::nitro::{AttestationRequest, SoftwareAttester, SoftwareRoot};
use sealnote_verifier::{Policy, TrustRoots, UnixTime};
use sha2::{Digest, Sha256};

/// Named values, in the order of the document.
type Values = Vec<(&'static str, Vec<u8>)>;

#[test]
fn every_value_of_the_worked_example() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../PROTOCOL.md");
    let text = std::fs::read_to_string(&path).unwrap();
    if std::env::var_os("SEALNOTE_BLESS").is_some() {
        let (before, _) = text.split_once("## 12. Worked example").unwrap();
        let (_, rest) = text.split_once("## 12. Worked example").unwrap();
        let intro = rest.split("\n```hex").next().unwrap().trim_end();
        let example = render(&run(&fresh_inputs()));
        std::fs::write(
            &path,
            format!("{before}## 12. Worked example{intro}\n{example}"),
        )
        .unwrap();
        return;
    }
    let stated = parse(&text);
    let computed = run(&stated);
    assert_eq!(
        computed.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        stated_names(&text),
        "the document names other values"
    );
    for (name, value) in computed {
        assert_eq!(hex::encode(&stated[name]), hex::encode(value), "{name}");
    }
}

/// Runs a whole session with the inputs among `values`: every value, inputs included.
fn run(values: &BTreeMap<String, Vec<u8>>) -> Values {
    let input = |name: &str| values[name].clone();
    let seconds = u64::from_be_bytes(input("verify.unix_seconds").try_into().unwrap());
    let now = Instant::now();
    let session_limits = SessionLimits::default();

    // The enclave, before any client.
    let digest = ModelDigest::of_files([
        &input("model.config.json"),
        &input("model.model.safetensors"),
        &input("model.tokenizer.json"),
    ]);
    let labels = vec!["Circulatory".to_owned(), "Nervous".to_owned()];
    let model = ModelClaims::new(
        digest,
        labels,
        Problem::SingleLabel,
        256,
        64,
        Precision::Int8,
    );
    let limits = Limits::of_classification(2, 1000, 4096, 2, 2);
    let key = rsa_oaep::PrivateKey::from_pkcs8(&input("enclave.rsa_private_key")).unwrap();
    let spki = key.spki().to_vec();
    let (_, sealed) = rsa_oaep::PublicKey::from_spki(&spki)
        .unwrap()
        .seal(&mut Fixed(
            [input("rsa_oaep.secret"), input("rsa_oaep.seed")].concat(),
        ))
        .unwrap();
    let enclave = Enclave::new(BootKeys::new(Some(key)), model, limits, session_limits).unwrap();

    // Hello.
    let mut roots = TrustRoots::vendors();
    roots
        .danger_add_software_root(&pem(&input("root.certificate")))
        .unwrap();
    let pcrs =
        ["document.pcr0", "document.pcr1", "document.pcr2"].map(|pcr| hex::encode(input(pcr)));
    let policy = Policy::from_json(format!(
        r#"{{"version": 1, "pins": {{"pcr16": ["{}"]}}, "measurements": [
            {{"label": "example", "pcr0": "{}", "pcr1": "{}", "pcr2": "{}"}}]}}"#,
        hex::encode(digest.register()),
        pcrs[0],
        pcrs[1],
        pcrs[2]
    ))
    .unwrap();
    let challenge = Challenge::new(&policy, &mut Fixed(input("client.challenge"))).unwrap();
    let hello = copy(challenge.hello());

    // Answer.
    let awaiting = enclave
        .hello(
            &hello,
            &mut Fixed([input("enclave.xwing_key"), input("enclave.random")].concat()),
        )
        .unwrap();
    let binding = awaiting.binding().clone();
    let (awaiting_key, answer) = awaiting
        .answer(EvidenceKind(1), document(values, &binding, seconds), None)
        .unwrap();
    let evidence = Evidence::from_frame(copy(&answer)).unwrap();
    let document = evidence.as_bytes().to_vec();
    let claims = Answer::from_frame(&answer).unwrap().claims;

    // Key.
    let verified = evidence
        .verify(challenge, &policy, &roots, UnixTime::from_seconds(seconds))
        .unwrap();
    let encapsulation_key = xwing_encapsulation_key(&input("enclave.xwing_key"));
    let mut rng = Fixed(input("client.encapsulation"));
    let (awaiting_ready, key) =
        ClientSession::establish(verified, session_limits, &mut rng, now).unwrap();
    let (keyed, ready) = awaiting_key.key(&key, &mut UnwrapErr(SysRng), now).unwrap();
    let Keyed::Open(mut enclave_sender, mut enclave_receiver) = keyed else {
        panic!("a signature is due");
    };
    let info = [b"sealnote/2 suite2\0", &transcript(&[&hello, &answer])[..]].concat();
    let secret = xwing_secret(&input("enclave.xwing_key"), &key, &info);
    let schedule = Schedule::new(&[&hello, &answer, &key], &secret);

    // Records.
    let ready_bytes = ready.as_bytes().to_vec();
    let Ok(Confirmed::Open(mut sender, mut receiver)) = awaiting_ready.ready(ready, now) else {
        panic!("not confirmed");
    };
    assert_eq!(
        *sender.exporter().export(Suite::XWing, "example"),
        schedule.exported("example")
    );
    let notes = [input("note.0"), input("note.1")];
    let (pending, request_frame) = sender.request(&[&notes[0], &notes[1]], now).unwrap();
    let request_bytes = request_frame.as_bytes().to_vec();
    let Received::Request(slot, received) = enclave_receiver.open(request_frame, now).unwrap()
    else {
        panic!("not a request");
    };
    assert_eq!(received[0].as_ref().unwrap().expose().as_bytes(), notes[0]);
    assert_eq!(received[1].as_ref().unwrap_err(), &NoteError::Empty);
    let scores = vec![0.875, 0.125];
    let known = KnownShare::of(16, 17);
    let outcomes = vec![Ok(Scored { scores, known }), Err(NoteError::Empty)];
    let reply = enclave_sender.answer(slot, outcomes.clone(), now).unwrap();
    let reply_bytes = reply.as_bytes().to_vec();
    let Incoming::Reply(reply) = receiver.open(reply, now).unwrap() else {
        panic!("not an answer");
    };
    let accepted = pending.accept(reply).unwrap().into_iter();
    let scores = |of: Classification| Scored {
        scores: of.scores().map(|(_, score)| score).collect(),
        known: of.known(),
    };
    let accepted: Vec<NoteOutcome> = accepted.map(|outcome| outcome.map(scores)).collect();
    assert_eq!(accepted, outcomes);
    let client_close = sender.close(now).unwrap();
    let client_close_bytes = client_close.as_bytes().to_vec();
    assert!(matches!(
        enclave_receiver.open(client_close, now),
        Ok(Received::Close)
    ));
    let enclave_close = enclave_sender.close(now).unwrap();
    let enclave_close_bytes = enclave_close.as_bytes().to_vec();
    assert!(matches!(
        receiver.open(enclave_close, now),
        Ok(Incoming::Close)
    ));

    let mut all: Values = vec![
        ("enclave.rsa_private_key", input("enclave.rsa_private_key")),
        ("enclave.public_key", spki),
        ("model.config.json", input("model.config.json")),
        ("model.model.safetensors", input("model.model.safetensors")),
        ("model.tokenizer.json", input("model.tokenizer.json")),
        ("model.digest", digest.0.to_vec()),
        ("root.certificate", input("root.certificate")),
        ("document.pcr0", input("document.pcr0")),
        ("document.pcr1", input("document.pcr1")),
        ("document.pcr2", input("document.pcr2")),
        ("document.pcr16", digest.register().to_vec()),
        ("verify.unix_seconds", input("verify.unix_seconds")),
        ("client.challenge", input("client.challenge")),
        ("frame.hello", hello.as_bytes().to_vec()),
        ("enclave.xwing_key", input("enclave.xwing_key")),
        ("enclave.encapsulation_key", encapsulation_key),
        ("enclave.random", input("enclave.random")),
        ("claims", claims),
        ("claims.binding", binding.claims.to_vec()),
        ("document", document),
        ("frame.answer", answer.as_bytes().to_vec()),
        ("client.encapsulation", input("client.encapsulation")),
        ("hpke.info", info),
        ("frame.key", key.as_bytes().to_vec()),
        ("session.secret", secret.to_vec()),
    ];
    all.extend(schedule.values());
    all.extend([
        ("frame.ready", ready_bytes),
        ("note.0", notes[0].clone()),
        ("note.1", notes[1].clone()),
        ("frame.request", request_bytes),
        ("frame.reply", reply_bytes),
        ("frame.client_close", client_close_bytes),
        ("frame.enclave_close", enclave_close_bytes),
        ("rsa_oaep.secret", input("rsa_oaep.secret")),
        ("rsa_oaep.seed", input("rsa_oaep.seed")),
        ("rsa_oaep.sealed", sealed),
    ]);
    all
}

/// The document of the example, or a new one where there is none yet.
fn document(values: &BTreeMap<String, Vec<u8>>, binding: &Binding, seconds: u64) -> Vec<u8> {
    if let Some(document) = values.get("document") {
        return document.clone();
    }
    FRESH.with_borrow_mut(|attester| {
        let request = AttestationRequest {
            user_data: Some(&binding.claims),
            nonce: Some(&binding.challenge),
            public_key: binding.public_key.as_deref(),
        };
        let now = UNIX_EPOCH + Duration::from_secs(seconds);
        let attester = attester.as_mut().unwrap();
        attester
            .attest(&request, now, &mut UnwrapErr(SysRng))
            .unwrap()
    })
}

thread_local! {
    static FRESH: std::cell::RefCell<Option<SoftwareAttester>> = const { std::cell::RefCell::new(None) };
}

fn fresh_inputs() -> BTreeMap<String, Vec<u8>> {
    let mut rng = UnwrapErr(SysRng);
    let now = SystemTime::now();
    let root = SoftwareRoot::generate(now, &mut rng).unwrap();
    let files: [&[u8]; 3] = [b"{}", b"weights", b"[]"];
    let mut pcrs: BTreeMap<u8, [u8; 48]> =
        (0..3).map(|index| (index, [0xa0 + index; 48])).collect();
    pcrs.insert(16, ModelDigest::of_files(files).register());
    let certificate = root.certificate_der().to_vec();
    let attester = SoftwareAttester::new(root, pcrs.clone(), &mut rng).unwrap();
    FRESH.with_borrow_mut(|fresh| *fresh = Some(attester));
    let rsa = rsa::PrivateKey::new(&mut rng, 3072).unwrap();
    let pkcs8 = rsa::pkcs8::EncodePrivateKey::to_pkcs8_der(&rsa).unwrap();
    let seconds = now.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let counted = |first: u8| (first..first + 32).collect::<Vec<u8>>();
    BTreeMap::from(
        [
            ("enclave.rsa_private_key", pkcs8.as_bytes().to_vec()),
            ("model.config.json", files[0].to_vec()),
            ("model.model.safetensors", files[1].to_vec()),
            ("model.tokenizer.json", files[2].to_vec()),
            ("root.certificate", certificate),
            ("document.pcr0", pcrs[&0].to_vec()),
            ("document.pcr1", pcrs[&1].to_vec()),
            ("document.pcr2", pcrs[&2].to_vec()),
            ("verify.unix_seconds", seconds.to_be_bytes().to_vec()),
            ("client.challenge", counted(0x00)),
            ("enclave.random", counted(0x20)),
            ("enclave.xwing_key", counted(0x40)),
            (
                "client.encapsulation",
                [counted(0x60), counted(0x80)].concat(),
            ),
            ("rsa_oaep.secret", counted(0xa0)),
            ("rsa_oaep.seed", counted(0xc0)),
            (
                "note.0",
                "Chest pain since 6 h, ST elevation in II, III, aVF.".into(),
            ),
            ("note.1", b" \n".to_vec()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

/// Section 5 of PROTOCOL.md, written a second time.
struct Schedule {
    transcript: [u8; 32],
    prk: [u8; 32],
}

impl Schedule {
    fn new(frames: &[&Frame], secret: &[u8]) -> Self {
        let transcript = transcript(frames);
        let ikm = [label("", "secret").as_slice(), secret].concat();
        let (prk, _) = Hkdf::<Sha256>::extract(Some(&transcript), &ikm);
        Self {
            transcript,
            prk: prk.into(),
        }
    }

    fn values(&self) -> Values {
        let (to_enclave, to_client) = ("client to enclave", "enclave to client");
        vec![
            ("schedule.transcript", self.transcript.to_vec()),
            ("schedule.prk", self.prk.to_vec()),
            (
                "schedule.client_to_enclave.key",
                derive(&self.prk, to_enclave, "key", 32),
            ),
            (
                "schedule.client_to_enclave.iv",
                derive(&self.prk, to_enclave, "iv", 12),
            ),
            (
                "schedule.enclave_to_client.key",
                derive(&self.prk, to_client, "key", 32),
            ),
            (
                "schedule.enclave_to_client.iv",
                derive(&self.prk, to_client, "iv", 12),
            ),
            ("schedule.exporter", derive(&self.prk, "", "exporter", 32)),
            (
                "schedule.exported.example",
                self.exported("example").to_vec(),
            ),
        ]
    }

    fn exported(&self, purpose: &str) -> [u8; 32] {
        let exporter = derive(&self.prk, "", "exporter", 32);
        derive(&exporter, "exporter", purpose, 32)
            .try_into()
            .unwrap()
    }
}

fn transcript(frames: &[&Frame]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"sealnote/2 transcript\0");
    for frame in frames {
        hash.update(frame.as_bytes());
    }
    hash.finalize().into()
}

fn xwing_encapsulation_key(key: &[u8]) -> Vec<u8> {
    let key = hpke::Deserializable::from_bytes(key).unwrap();
    hpke::Serializable::to_bytes(&<XWing as hpke::Kem>::sk_to_pk(&key)).to_vec()
}

/// The secret of suite 2, by HPKE alone.
fn xwing_secret(key: &[u8], message: &Frame, info: &[u8]) -> [u8; 32] {
    let key = hpke::Deserializable::from_bytes(key).unwrap();
    let encapsulated = Key::from_frame(message).unwrap().encapsulated;
    let context = hpke::setup_receiver::<ExportOnlyAead, HkdfSha256, XWing>(
        &hpke::OpModeR::Base,
        &key,
        &hpke::Deserializable::from_bytes(&encapsulated).unwrap(),
        info,
    );
    let mut secret = [0; 32];
    let label = b"sealnote/2 suite2 secret";
    context.unwrap().export(label, &mut secret).unwrap();
    secret
}

fn derive(prk: &[u8], direction: &str, purpose: &str, len: u16) -> Vec<u8> {
    let info = [&len.to_be_bytes()[..], &label(direction, purpose)].concat();
    let mut out = vec![0; usize::from(len)];
    Hkdf::<Sha256>::from_prk(prk)
        .unwrap()
        .expand(&info, &mut out)
        .unwrap();
    out
}

fn label(direction: &str, purpose: &str) -> Vec<u8> {
    let lp = |part: &[u8]| [&(part.len() as u16).to_be_bytes()[..], part].concat();
    [
        lp(b"sealnote/2"),
        lp(&2u16.to_be_bytes()),
        lp(direction.as_bytes()),
        lp(purpose.as_bytes()),
    ]
    .concat()
}

/// Gives the listed bytes, and no more.
struct Fixed(Vec<u8>);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("only bytes are listed")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("only bytes are listed")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&std::mem::replace(&mut self.0, rest));
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

fn copy(frame: &Frame) -> Frame {
    Frame::new(frame.kind(), frame.payload())
}

fn pem(der: &[u8]) -> String {
    use p384::pkcs8::der::pem::{LineEnding, encode_string};
    encode_string("CERTIFICATE", LineEnding::LF, der).unwrap()
}

fn render(values: &Values) -> String {
    let mut out = String::new();
    for (name, value) in values {
        write!(out, "\n```hex {name}\n").unwrap();
        for line in value.chunks(48) {
            writeln!(out, "{}", hex::encode(line)).unwrap();
        }
        out.push_str("```\n");
    }
    out
}

fn stated_names(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("```hex "))
        .collect()
}

fn parse(text: &str) -> BTreeMap<String, Vec<u8>> {
    let mut values = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("```hex ") {
            let digits: String = lines.by_ref().take_while(|line| *line != "```").collect();
            values.insert(name.to_owned(), hex::decode(digits).unwrap());
        }
    }
    values
}
