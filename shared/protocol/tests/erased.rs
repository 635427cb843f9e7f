//! After `ready`, no trace of the connection's decapsulation key is in the process's memory; and after the session's end,
//! none of its record keys.
//!
//! A program of its own: what is looked for must not be there for another test's sake.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use hkdf::Hkdf;
use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeS, Serializable, setup_sender_with_rng};
use rand_core::{Infallible, TryCryptoRng, TryRng};
use sealnote_model::{ModelDigest, Precision, Problem};
use sealnote_protocol::frame::Frame;
use sealnote_protocol::handshake::{EvidenceKind, Hello, Key};
use sealnote_protocol::limits::Limits;
use sealnote_protocol::session::SessionLimits;
use sealnote_protocol::session::enclave::{Enclave, Keyed};
use sealnote_protocol::suite::{BootKeys, Suite};
use sealnote_protocol::task::ModelClaims;
use sha2::{Digest, Sha256};
use shake::{ExtendableOutput, Shake256, Update, XofReader};
use zeroize::Zeroize;

/// What is looked for is kept under a mask, so that this test's own copy is not found.
const MASK: u8 = 0xa5;

/// Bytes in a row that count as a trace.
const RUN: usize = 16;

/// Draws from a counter, and keeps what it has drawn, masked.
struct Masked {
    counter: u64,
    drawn: Vec<u8>,
}

impl Masked {
    fn new() -> Self {
        Self {
            counter: u64::from(std::process::id()),
            drawn: Vec::new(),
        }
    }
}

impl TryRng for Masked {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("only bytes are drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("only bytes are drawn")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.counter += 1;
        let mut shake = Shake256::default();
        shake.update(&self.counter.to_be_bytes());
        shake.finalize_xof().read(bytes);
        self.drawn.extend(bytes.iter().map(|byte| byte ^ MASK));
        Ok(())
    }
}

impl TryCryptoRng for Masked {}

/// How many places of the process's writable memory hold a run of the masked bytes, unmasked.
fn traces(masked: &[u8]) -> usize {
    let runs: Vec<&[u8]> = masked.windows(RUN).collect();
    // By a run's first two bytes, to look closely at few places.
    let mut begins = vec![false; 1 << 16];
    for run in &runs {
        begins[usize::from(u16::from_be_bytes([run[0], run[1]]))] = true;
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut chunk = vec![0; 1 << 20];
    let mut found = 0;
    for line in maps.lines() {
        let mut fields = line.split(' ');
        let (range, access) = (fields.next().unwrap(), fields.next().unwrap());
        if !access.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [mut at, end] = [start, end].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        // Chunks overlap, so that no run is missed at their border.
        while at + (RUN as u64) <= end {
            let len = chunk.len().min((end - at) as usize);
            if memory.read_exact_at(&mut chunk[..len], at).is_err() {
                break;
            }
            for place in chunk[..len].windows(RUN) {
                let first = [place[0] ^ MASK, place[1] ^ MASK];
                if begins[usize::from(u16::from_be_bytes(first))] {
                    let same = |run: &&[u8]| run.iter().zip(place).all(|(a, b)| a ^ MASK == *b);
                    found += usize::from(runs.iter().any(same));
                }
            }
            chunk.zeroize();
            chunk.resize(1 << 20, 0);
            at += (len - RUN + 1) as u64;
        }
    }
    found
}

/// Of [`expand`], without what that leaves on the stack.
fn expanded(masked: &[u8]) -> Vec<u8> {
    let expanded = expand(masked);
    overwrite_stack();
    expanded
}

#[inline(never)]
fn overwrite_stack() {
    let mut below = [0u8; 64 * 1024];
    below.zeroize();
    std::hint::black_box(&mut below);
}

/// The decapsulation key, and what it expands to: the seeds of ML-KEM, and X25519's scalar.
#[inline(never)]
fn expand(masked: &[u8]) -> Vec<u8> {
    let mut key: Vec<u8> = masked.iter().map(|byte| byte ^ MASK).collect();
    let mut shake = Shake256::default();
    shake.update(&key);
    key.zeroize();
    let mut parts = [0; 96];
    shake.finalize_xof().read(&mut parts);
    let masked = [masked, &parts.map(|byte| byte ^ MASK)].concat();
    parts.zeroize();
    masked
}

/// SHA-256 of the frames, as PROTOCOL.md has it.
fn transcript(frames: &[&Frame]) -> [u8; 32] {
    let label = Sha256::new_with_prefix(b"sealnote/2 transcript\0");
    let taken = |hash: Sha256, frame: &&Frame| hash.chain_update(frame.as_bytes());
    frames.iter().fold(label, taken).finalize().into()
}

/// What a client sends, and under the mask the secret that it stands for.
#[inline(never)]
fn encapsulate(key: &[u8], transcript: [u8; 32]) -> (Vec<u8>, Vec<u8>) {
    let key = <XWing as Kem>::PublicKey::from_bytes(key).unwrap();
    let info = [&b"sealnote/2 suite2\0"[..], &transcript].concat();
    let (mode, rng) = (OpModeS::Base, &mut Masked::new());
    let (sent, context) =
        setup_sender_with_rng::<ExportOnlyAead, HkdfSha256, XWing>(&mode, &key, &info, rng)
            .unwrap();
    let mut secret = [0; 32];
    let purpose = b"sealnote/2 suite2 secret";
    context.export(purpose, &mut secret).unwrap();
    let masked = secret.map(|byte| byte ^ MASK).to_vec();
    secret.zeroize();
    (sent.to_bytes().to_vec(), masked)
}

/// The session's keys under the mask, computed from the secret as PROTOCOL.md has it.
#[inline(never)]
fn record_keys(masked_secret: &[u8], transcript: [u8; 32]) -> [(&'static str, Vec<u8>); 3] {
    let label = |direction: &str, purpose: &str| {
        let parts = [
            &b"sealnote/2"[..],
            &[0, 2],
            direction.as_bytes(),
            purpose.as_bytes(),
        ];
        let prefixed = parts.map(|part| [&(part.len() as u16).to_be_bytes()[..], part].concat());
        prefixed.concat()
    };
    let mut labelled = label("", "secret");
    // Growing would leave a copy of the secret behind.
    labelled.reserve_exact(32);
    labelled.extend(masked_secret.iter().map(|byte| byte ^ MASK));
    let prk = Hkdf::<Sha256>::new(Some(&transcript), &labelled);
    labelled.zeroize();
    [
        ("client's key", "client to enclave", "key"),
        ("enclave's key", "enclave to client", "key"),
        ("exporter secret", "", "exporter"),
    ]
    .map(|(name, direction, purpose)| {
        let mut key = [0; 32];
        let info = [&[0, 32][..], &label(direction, purpose)].concat();
        prk.expand(&info, &mut key).unwrap();
        let masked = key.map(|byte| byte ^ MASK).to_vec();
        key.zeroize();
        (name, masked)
    })
}

#[test]
fn no_trace_of_a_key_is_in_memory_when_it_has_served() {
    let labels = vec!["a".to_owned(), "b".to_owned()];
    let digest = ModelDigest([9; 48]);
    let model = ModelClaims::new(
        digest,
        labels,
        Problem::SingleLabel,
        256,
        64,
        Precision::Int8,
    );
    let limits = Limits::of_classification(3, 1000, 8192, 2, 2);
    let enclave =
        Enclave::new(BootKeys::new(None), model, limits, SessionLimits::default()).unwrap();

    let hello = Hello::new([1; 32], [Suite::XWing]).to_frame();
    let mut rng = Masked::new();
    let awaiting = enclave.hello(&hello, &mut rng).unwrap();
    let masked = rng.drawn[..32].to_vec();
    let (awaiting, answer) = awaiting
        .answer(EvidenceKind(1), b"evidence".to_vec(), None)
        .unwrap();
    // The search finds what is there: the key, which the state holds.
    assert!(
        traces(&masked) > 0,
        "the key is not found while it is there"
    );

    let payload = answer.payload();
    let key = payload
        .windows(3)
        .position(|bytes| bytes == [0x59, 0x04, 0xc0])
        .map(|at| &payload[at + 3..][..1216])
        .unwrap();
    let (encapsulated, masked_secret) = encapsulate(key, transcript(&[&hello, &answer]));
    overwrite_stack();
    let message = Key::new(Suite::XWing, encapsulated).to_frame();
    let session = awaiting.key(&message, &mut Masked::new(), Instant::now());
    let Ok((Keyed::Open(sender, receiver), _ready)) = session else {
        panic!("no session");
    };
    let found = traces(&masked);
    assert_eq!(found, 0, "traces of the decapsulation key");
    let found = traces(&expanded(&masked));
    assert_eq!(found, 0, "traces of what it expands to");

    let found = traces(&masked_secret);
    assert_eq!(found, 0, "traces of the session's secret");
    let keys = record_keys(&masked_secret, transcript(&[&hello, &answer, &message]));
    overwrite_stack();
    // The search finds them while the session holds them: as the first round keys of AES, and the exporter's secret.
    for (name, masked) in &keys {
        assert!(
            traces(masked) > 0,
            "the {name} is not found while it is there"
        );
    }
    drop((sender, receiver));
    for (name, masked) in &keys {
        assert_eq!(traces(masked), 0, "traces of the {name}");
    }
}
