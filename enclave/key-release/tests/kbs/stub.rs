//! A KBS that checks each field, in the types that Trustee's is built from, and takes nothing twice.
//!
//! It is honest; what it says is handed to a test's `tamper` before it is sent.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use getrandom::SysRng;
use kbs_types::{Attestation, HashAlgorithm, Request, Response, Tee, TeePubKey};
use p384::ecdsa::VerifyingKey;
use rand_core::{Rng, UnwrapErr};
use sealnote_key_release::http::Service;
use sealnote_key_release::kbs::Step;
use sealnote_software_attester::tdx;
use serde_json::{Value, json};

use crate::kit::{Received, Server};
use crate::machines::{LEAF, MEASUREMENT};
use crate::report;
use crate::sealed::{Sealed, header, public_key};

pub const AUTHORITY: &str = "kbs.example.test:8080";
/// In each body of a refusal; in no error of the enclave.
pub const MARK: &str = "said-by-the-peer";

/// What the stub answers.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

pub struct Kbs {
    pub server: Server,
    state: Arc<State>,
}

type Tamper = dyn Fn(Step, Answer) -> Answer + Send + Sync;

struct State {
    resource: Vec<u8>,
    snp_key: Option<VerifyingKey>,
    sessions: Mutex<HashMap<String, Session>>,
    used_nonces: Mutex<HashSet<String>>,
    seen: Mutex<Seen>,
    tamper: Box<Tamper>,
}

/// What came, and what was wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub steps: Vec<Step>,
    pub public_keys: Vec<String>,
    pub complaints: Vec<&'static str>,
    pub attestations: Vec<Value>,
}

struct Session {
    tee: Tee,
    nonce: String,
    phase: Phase,
}

enum Phase {
    Challenged,
    Attested(TeePubKey),
    Released,
}

impl Kbs {
    pub async fn honest(resource: &[u8], snp_key: Option<VerifyingKey>) -> Self {
        Self::start(resource, snp_key, |_, answer| answer).await
    }

    pub async fn start(
        resource: &[u8],
        snp_key: Option<VerifyingKey>,
        tamper: impl Fn(Step, Answer) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let state = Arc::new(State {
            resource: resource.to_vec(),
            snp_key,
            sessions: Mutex::default(),
            used_nonces: Mutex::default(),
            seen: Mutex::default(),
            tamper: Box::new(tamper),
        });
        let answering = Arc::clone(&state);
        let server = Server::start(None, move |request| answering.answer(request)).await;
        Self { server, state }
    }

    /// What it answers, for another server.
    pub fn answering(&self) -> impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static {
        let state = Arc::clone(&self.state);
        move |request| state.answer(request)
    }

    pub fn service(&self) -> Service {
        Service::in_the_clear(AUTHORITY, self.server.via.clone()).unwrap()
    }

    pub fn seen(&self) -> Seen {
        self.state.seen.lock().unwrap().clone()
    }
}

impl State {
    fn answer(&self, request: &Received) -> Vec<u8> {
        let line = request.line.as_str();
        assert_eq!(request.header("host"), Some(AUTHORITY));
        let (step, answer) = match line {
            "POST /kbs/v0/auth HTTP/1.1" => (Step::Auth, self.auth(request)),
            "POST /kbs/v0/attest HTTP/1.1" => (Step::Attest, self.attest(request)),
            _ => (Step::Resource, self.resource(request)),
        };
        let answer = answer.unwrap_or_else(|complaint| {
            self.seen.lock().unwrap().complaints.push(complaint);
            refusal(401, "AttestationError", complaint)
        });
        self.seen.lock().unwrap().steps.push(step);
        (self.tamper)(step, answer).bytes()
    }

    fn auth(&self, request: &Received) -> Result<Answer, &'static str> {
        let body = json_body(request)?;
        need(
            request.header("cookie").is_none(),
            "a cookie before one was set",
        )?;
        need(
            has_members(&body, &["version", "tee", "extra-params"]),
            "Request's members",
        )?;
        let message: Request = serde_json::from_value(body).map_err(|_| "no Request")?;
        need(
            message.version == "0.4.0",
            "KBS Client Protocol Version Mismatch",
        )?;
        let offered = json!({"supported-hash-algorithms": ["sha384"]});
        need(message.extra_params == offered, "other extra-params")?;
        need(matches!(message.tee, Tee::Snp | Tee::Tdx), "another TEE")?;
        let id = hex::encode(random::<16>());
        let nonce = STANDARD.encode(random::<32>());
        let body = json!({"nonce": nonce, "extra-params": ""});
        let session = Session {
            tee: message.tee,
            nonce,
            phase: Phase::Challenged,
        };
        self.sessions.lock().unwrap().insert(id.clone(), session);
        Ok(Answer::with_cookie(&id, &body))
    }

    fn attest(&self, request: &Received) -> Result<Answer, &'static str> {
        let body = json_body(request)?;
        self.seen.lock().unwrap().attestations.push(body.clone());
        let id = session_id(request)?;
        let mut sessions = self.sessions.lock().unwrap();
        let session = sessions.get_mut(id).ok_or("no such session")?;
        need(
            matches!(session.phase, Phase::Challenged),
            "a cookie used twice",
        )?;
        need(
            has_members(&body, &["runtime-data", "tee-evidence"]),
            "Attestation's members",
        )?;
        need(
            has_members(
                &body["tee-evidence"],
                &["primary_evidence", "additional_evidence"],
            ),
            "the evidence's members",
        )?;
        let message: Attestation = serde_json::from_value(body).map_err(|_| "no Attestation")?;
        need(message.init_data.is_none(), "init data")?;
        let nonce = message.runtime_data.nonce;
        need(nonce == session.nonce, "another session's nonce")?;
        need(
            self.used_nonces.lock().unwrap().insert(nonce.clone()),
            "a nonce used twice",
        )?;
        let key = message.runtime_data.tee_pubkey;
        self.check_key(&key)?;

        // As Trustee's `backend.rs` puts it together, and its attestation service hashes it.
        let runtime_data = json!({
            "tee-pubkey": key,
            "nonce": nonce,
            "additional-evidence": message.tee_evidence.additional_evidence,
        });
        let mut report_data = HashAlgorithm::Sha384.digest(runtime_data.to_string().as_bytes());
        report_data.resize(64, 0);
        need(
            message.tee_evidence.additional_evidence.is_empty(),
            "additional evidence",
        )?;
        let evidence = &message.tee_evidence.primary_evidence;
        match session.tee {
            Tee::Snp => self.check_snp(evidence, &report_data)?,
            _ => check_tdx(evidence, &report_data)?,
        }
        session.phase = Phase::Attested(key);
        Ok(Answer::with_cookie(id, &json!({"token": "a.b.c"})))
    }

    /// A key of its own for each run.
    fn check_key(&self, key: &TeePubKey) -> Result<(), &'static str> {
        let TeePubKey::EC { crv, alg, x, y } = key else {
            return Err("no key of an elliptic curve");
        };
        need(
            crv == "P-256" && alg == "ECDH-ES+A256KW",
            "another algorithm",
        )?;
        public_key(x, y).ok_or("no point of the curve")?;
        let keys = &mut self.seen.lock().unwrap().public_keys;
        need(!keys.contains(x), "a key used twice")?;
        keys.push(x.clone());
        Ok(())
    }

    fn check_snp(&self, evidence: &Value, report_data: &[u8]) -> Result<(), &'static str> {
        need(
            has_members(evidence, &["attestation_report", "cert_chain"]),
            "SnpEvidence's members",
        )?;
        let report = &evidence["attestation_report"];
        let key = self.snp_key.as_ref().ok_or("no SNP machine is known")?;
        need(report::is_signed_by(report, key), "the report's signature")?;
        need(
            report["report_data"] == json!(report_data),
            "the report's REPORT_DATA",
        )?;
        need(
            report["measurement"] == json!(MEASUREMENT.to_vec()),
            "the measurement",
        )?;
        let chain = json!([{"cert_type": "VCEK", "data": LEAF}]);
        let given = &evidence["cert_chain"];
        need(given.is_null() || *given == chain, "the chain")
    }

    fn resource(&self, request: &Received) -> Result<Answer, &'static str> {
        need(request.body.is_empty(), "a body of GET")?;
        let id = session_id(request)?;
        let mut sessions = self.sessions.lock().unwrap();
        let session = sessions.get_mut(id).ok_or("no such session")?;
        if request.line != "GET /kbs/v0/resource/sealnote/model-key/default.1 HTTP/1.1" {
            return Ok(refusal(404, "PluginNotFound", "no such resource"));
        }
        let Phase::Attested(TeePubKey::EC { x, y, .. }) =
            std::mem::replace(&mut session.phase, Phase::Released)
        else {
            return Err("a session that is not attested, or has had its resource");
        };
        let key = public_key(&x, &y).ok_or("no key")?;
        let sealed = Sealed::new(&key, &self.resource, header);
        // What Trustee sends is this type's JSON.
        let response: Response = serde_json::from_value(sealed.json()).unwrap();
        let body = serde_json::to_value(response).unwrap();
        Ok(Answer::with_cookie(id, &body))
    }
}

fn check_tdx(evidence: &Value, report_data: &[u8]) -> Result<(), &'static str> {
    need(
        has_members(evidence, &["cc_eventlog", "quote"]),
        "TdxEvidence's members",
    )?;
    need(evidence["cc_eventlog"].is_null(), "an event log")?;
    let quote = evidence["quote"].as_str().ok_or("no quote")?;
    let quote = STANDARD
        .decode(quote)
        .map_err(|_| "a quote in other base64")?;
    need(quote.starts_with(&[4, 0]), "a quote of another version")?;
    let at = 48 + tdx::REPORT_DATA;
    need(quote[at..at + 64] == *report_data, "the quote's REPORTDATA")
}

impl Answer {
    /// With another value of a member of its JSON.
    pub fn with_member(mut self, name: &str, value: Value) -> Self {
        let mut body: Value = serde_json::from_slice(&self.body).unwrap();
        body[name] = value;
        self.body = body.to_string().into_bytes();
        self
    }

    fn with_cookie(id: &str, body: &Value) -> Self {
        let cookie =
            format!("set-cookie: kbs-session-id={id}; Expires=Sun, 29 Nov 2026 12:00:00 GMT");
        Self {
            status: 200,
            headers: vec![cookie, "content-type: application/json".to_owned()],
            body: body.to_string().into_bytes(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let Self {
            status,
            headers,
            body,
        } = self;
        let length = format!("content-length: {}", body.len());
        let head = [
            vec![format!("HTTP/1.1 {status} Said")],
            headers.clone(),
            vec![length],
        ];
        let head = head.concat().join("\r\n") + "\r\n\r\n";
        [head.as_bytes(), body].concat()
    }
}

/// As Trustee words it.
pub fn refusal(status: u16, kind: &str, detail: &str) -> Answer {
    let kind = format!("https://github.com/confidential-containers/kbs/errors/{kind}");
    let body = json!({"type": kind, "detail": format!("{detail} {MARK}")});
    Answer {
        status,
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
    }
}

fn json_body(request: &Received) -> Result<Value, &'static str> {
    need(
        request.header("content-type") == Some("application/json"),
        "no JSON",
    )?;
    serde_json::from_slice(&request.body).map_err(|_| "no JSON")
}

fn session_id(request: &Received) -> Result<&str, &'static str> {
    let cookie = request.header("cookie").ok_or("no cookie")?;
    cookie
        .strip_prefix("kbs-session-id=")
        .ok_or("another cookie")
}

fn has_members(value: &Value, names: &[&str]) -> bool {
    let members = value.as_object();
    members.is_some_and(|members| {
        members.len() == names.len() && names.iter().all(|name| members.contains_key(*name))
    })
}

fn need(holds: bool, complaint: &'static str) -> Result<(), &'static str> {
    holds.then_some(()).ok_or(complaint)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    UnwrapErr(SysRng).fill_bytes(&mut bytes);
    bytes
}
