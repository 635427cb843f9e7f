//! `nitro-probe`: what the parent instance must see of an enclave that boots from a genuine image.
//!
//! It runs in the guest that stands for the parent instance (`make test-nitro`), beside a Nitro
//! machine whose security module answers with documents that are right, and not signed. So it looks
//! into them by itself, without trusting them, and sees to it that the client does not trust them
//! either. Each finding is a line that begins with `ok: `; the first that is missed ends it with exit
//! code 1.

#![forbid(unsafe_code)]

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use clap::{Parser, Subcommand};
use minicbor::{Decoder, Encoder};
use sealnote_frame_io::split;
use sealnote_model::ModelDigest;
use sealnote_protocol::claims::{Claims, binding};
use sealnote_protocol::frame::FrameType;
use sealnote_protocol::handshake::{Answer, EvidenceKind, Hello, MAX_ANSWER};
use sealnote_protocol::suite::Suite;
use sealnote_tests::relay::{Act, Relay};
use sealnote_transport::{Endpoint, Stream, connect_within};
use sealnote_verifier::Policy;
use sealnote_verifier::nitro::{MODEL_REGISTER, Measurement, UnverifiedDocument, inspect};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

#[derive(Parser)]
#[command(name = "nitro-probe")]
struct Args {
    #[command(subcommand)]
    command: Probe,
}

#[derive(Subcommand)]
enum Probe {
    /// Gets evidence twice over one address, and compares it with what is expected.
    Document {
        /// The enclave, or the parent in front of it.
        #[arg(long)]
        server: Endpoint,
        /// The image's measurements.
        #[arg(long)]
        policy: PathBuf,
        /// The model's digest, 96 hex digits.
        #[arg(long, value_parser = model_digest)]
        model: ModelDigest,
    },
    /// Runs the client, which must refuse the evidence and send nothing after its hello.
    Refusal {
        /// The parent in front of the enclave.
        #[arg(long)]
        server: Endpoint,
        /// The image's measurements.
        #[arg(long)]
        policy: PathBuf,
        /// The client.
        #[arg(long)]
        client: PathBuf,
        /// The notes that it must not send.
        #[arg(long)]
        notes: PathBuf,
        /// The check that must fail.
        #[arg(long)]
        check: String,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match Args::parse().command {
        Probe::Document {
            server,
            policy,
            model,
        } => document(&server, &policy, &model).await,
        Probe::Refusal {
            server,
            policy,
            client,
            notes,
            check,
        } => refusal(server, &policy, &client, &notes, &check).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("FAIL {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn document(server: &Endpoint, policy: &Path, model: &ModelDigest) -> anyhow::Result<()> {
    let policy = Policy::from_json(std::fs::read(policy)?)?;
    let first = Observed::over(server).await?;
    let second = Observed::over(server).await?;
    for observed in [&first, &second] {
        observed.check_measurements(&policy, model)?;
        observed.check_binding(model)?;
    }
    println!(
        "ok: PCR0, 1 and 2 are the image's, PCR16 is the model's, all 32 registers are locked \
         ({server})"
    );
    differ("challenge", first.challenge, second.challenge)?;
    differ("claims", &first.claims, &second.claims)?;
    let (first, second) = (&first.document, &second.document);
    differ("user_data", first.user_data(), second.user_data())?;
    let (key, again) = (first.public_key(), second.public_key());
    same("second public_key", &hex_of(again), &hex_of(key))?;
    println!(
        "ok: nonce, claims and key are bound to their connection: two connections, two nonces, two \
         claims, one key of {} bytes ({server})",
        key.map_or(0, <[u8]>::len)
    );
    Ok(())
}

/// The evidence of one connection, and the challenge that it answers.
struct Observed {
    challenge: [u8; 32],
    claims: Vec<u8>,
    document: UnverifiedDocument,
}

impl Observed {
    /// Says hello, reads the answer, and leaves.
    async fn over(server: &Endpoint) -> anyhow::Result<Self> {
        let stream = connect_when_ready(server).await?;
        let (mut reader, mut writer) = split(stream);
        let mut challenge = [0; 32];
        getrandom::fill(&mut challenge)?;
        writer
            .send(&Hello::new(challenge, Suite::ALL).to_frame())
            .await?;
        let frame = timeout(PATIENCE, reader.next(FrameType::Answer, MAX_ANSWER)).await??;
        ensure!(
            frame.kind() == FrameType::Answer,
            "the enclave refused the hello"
        );
        let answer = Answer::from_frame(&frame)?;
        ensure!(
            answer.kind() == EvidenceKind(1),
            "the evidence is of another kind"
        );
        Ok(Self {
            challenge,
            document: read_unsigned(&answer.evidence)?,
            claims: answer.claims,
        })
    }

    fn check_measurements(&self, policy: &Policy, model: &ModelDigest) -> anyhow::Result<()> {
        let rules = policy
            .nitro()
            .context("the policy has no rules for Nitro")?;
        let [set] = rules.measurement_sets() else {
            bail!("the policy has another number of measurement sets than one");
        };
        let pcrs = self.document.pcrs();
        // A document has the registers that are locked.
        same("number of locked registers", &pcrs.len(), &32)?;
        for (index, value) in pcrs {
            let expected = match *index {
                0..=2 => set.register(*index).context("a partial policy")?,
                MODEL_REGISTER => model.register().into(),
                // Locked as they were: nothing was measured into them.
                17.. => Measurement::ZERO,
                // The hypervisor's, and the instance's.
                _ => continue,
            };
            same(&format!("PCR{index}"), value, &expected)?;
        }
        Ok(())
    }

    fn check_binding(&self, model: &ModelDigest) -> anyhow::Result<()> {
        let document = &self.document;
        let (nonce, user_data) = (hex_of(document.nonce()), hex_of(document.user_data()));
        same("nonce", &nonce, &hex::encode(self.challenge))?;
        same("user_data", &user_data, &hex::encode(binding(&self.claims)))?;
        let claims = Claims::decode(&self.claims)?;
        let key = document.public_key().context("no public_key")?;
        claims.public_keys(Some(key)).context("public_key")?;
        same("model in the claims", &claims.model().digest(), model)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let age = now.as_secs_f64() - Duration::from_millis(document.timestamp_ms()).as_secs_f64();
        ensure!(age.abs() < 60.0, "the document is {age:.1} s old");
        Ok(())
    }
}

/// How long an enclave may take to boot, and then to answer.
const PATIENCE: Duration = Duration::from_secs(180);

/// Connects, again and again while nobody listens.
async fn connect_when_ready(server: &Endpoint) -> anyhow::Result<Stream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match connect_within(server, Duration::from_secs(5)).await {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}

/// QEMU's document: `[protected, unprotected, payload, signature]` whose header names no algorithm and
/// whose signature is zeros. The payload is a genuine one's, and is read as the verifier reads those:
/// in an envelope that has the form, and only that.
fn read_unsigned(document: &[u8]) -> anyhow::Result<UnverifiedDocument> {
    let mut decoder = Decoder::new(document);
    if decoder.tag().is_err() {
        decoder.set_position(0);
    }
    ensure!(
        decoder.array()? == Some(4),
        "the envelope is no array of four"
    );
    let _protected = decoder.bytes()?;
    decoder.skip()?;
    let payload = decoder.bytes()?;
    let signature = decoder.bytes()?;
    ensure!(
        signature.iter().all(|byte| *byte == 0),
        "the document is signed; this test is for a machine that cannot sign"
    );
    let mut envelope = Encoder::new(Vec::new());
    envelope
        .array(4)?
        .bytes(&[0xa1, 0x01, 0x38, 0x22])?
        .map(0)?
        .bytes(payload)?
        .bytes(&[0; 96])?;
    Ok(inspect(&envelope.into_writer())?)
}

async fn refusal(
    server: Endpoint,
    policy: &Path,
    client: &Path,
    notes: &Path,
    check: &str,
) -> anyhow::Result<()> {
    let listen: Endpoint = "unix:/tmp/nitro-probe-relay".parse()?;
    let relay = Relay::start(&listen, server, |_| Act::Pass)
        .await
        .map_err(anyhow::Error::from_boxed)?;
    for (connections, command) in ["attest", "submit"].into_iter().enumerate() {
        let mut run = Command::new(client);
        run.args([command, "--server", &relay.endpoint.to_string(), "--policy"]);
        run.arg(policy);
        if command == "submit" {
            run.arg(notes);
        }
        let output = timeout(PATIENCE, spawn_blocking(move || run.output())).await???;
        let said = String::from_utf8_lossy(&output.stderr);
        // Notes on the policy come first.
        let said = said.trim().lines().last().unwrap_or_default();
        ensure!(
            output.status.code() == Some(3) && output.stdout.is_empty(),
            "sealnote {command}: {}, with {} bytes of output: {said}",
            output.status,
            output.stdout.len()
        );
        ensure!(
            said.contains(&format!("check {check}:")),
            "sealnote {command} failed otherwise than by check {check}: {said}"
        );
        let sent = relay.from_client();
        ensure!(
            sent == vec![FrameType::Hello; connections + 1],
            "sealnote {command} sent more than its hello: {sent:?}"
        );
        println!(
            "ok: sealnote {command} refuses it, having sent its hello and nothing more: {said}"
        );
    }
    Ok(())
}

fn same<T: PartialEq + Display>(what: &str, actual: &T, expected: &T) -> anyhow::Result<()> {
    ensure!(actual == expected, "{what}: {actual}, expected {expected}");
    Ok(())
}

fn differ<T: PartialEq>(what: &str, one: T, other: T) -> anyhow::Result<()> {
    ensure!(one != other, "two connections with the same {what}");
    Ok(())
}

fn hex_of(field: Option<&[u8]>) -> String {
    field.map_or("absent".into(), hex::encode)
}

fn model_digest(text: &str) -> anyhow::Result<ModelDigest> {
    let mut digest = [0; 48];
    hex::decode_to_slice(text, &mut digest)?;
    Ok(ModelDigest(digest))
}
