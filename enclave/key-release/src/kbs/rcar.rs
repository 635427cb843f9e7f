//! A run of RCAR, without I/O: each state is used up by the next, so that nothing is sent twice and nothing out of turn.
//! One key, one nonce, one cookie a run: check K11.

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use hyper::{Method, Request, Response, StatusCode};
use rand_core::CryptoRng;
use sealnote_encrypted_model::ModelKey;
use serde::Serialize;

use super::error::{KbsError, Step};
use super::jwe::TeeKey;
use super::messages::{self, Attestation, Nonce, RuntimeData, json};
use crate::evidence::{Evidence, TeeKind};

const SESSION: &str = "kbs-session-id";
const MAX_COOKIE_LEN: usize = 256;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A challenge is asked for.
pub(super) struct Asked {
    key: TeeKey,
    kind: TeeKind,
}

/// There is a challenge.
pub(super) struct Challenged {
    key: TeeKey,
    kind: TeeKind,
    session: Session,
    nonce: Nonce,
}

/// Evidence is sent.
pub(super) struct Attesting {
    key: TeeKey,
    session: Session,
}

/// Evidence is accepted.
pub(super) struct Attested {
    key: TeeKey,
    session: Session,
}

/// The resource is asked for.
pub(super) struct Awaiting {
    key: TeeKey,
}

/// Begins a run with a key of its own.
pub(super) fn begin(
    kind: TeeKind,
    rng: &mut impl CryptoRng,
) -> Result<(Asked, Request<Bytes>), KbsError> {
    let key = TeeKey::generate(rng);
    let request = post(Step::Auth, &messages::Request::of(kind), None)?;
    Ok((Asked { key, kind }, request))
}

impl Asked {
    pub(super) fn challenged(self, answer: Response<Vec<u8>>) -> Result<Challenged, KbsError> {
        let (headers, body) = success(Step::Auth, answer)?;
        let session = Session::set_by(&headers)?.ok_or(KbsError::Cookie)?;
        Ok(Challenged {
            nonce: Nonce::parse(&body)?,
            key: self.key,
            kind: self.kind,
            session,
        })
    }
}

impl Challenged {
    pub(super) fn attest(
        self,
        evidence: &dyn Evidence,
    ) -> Result<(Attesting, Request<Bytes>), KbsError> {
        let Self {
            key,
            kind,
            session,
            nonce,
        } = self;
        let runtime_data = RuntimeData::new(nonce, key.public());
        let tee = evidence.tee(&runtime_data.report_data()?)?;
        if tee.kind() != kind {
            return Err(KbsError::Kind);
        }
        let attestation = Attestation::new(runtime_data, &tee)?;
        let request = post(Step::Attest, &attestation, Some(&session))?;
        Ok((Attesting { key, session }, request))
    }
}

impl Attesting {
    /// The token in the answer is for others than the KBS, which remembers what it attested by the cookie.
    pub(super) fn attested(self, answer: Response<Vec<u8>>) -> Result<Attested, KbsError> {
        let (headers, _) = success(Step::Attest, answer)?;
        let Self { key, session } = self;
        match Session::set_by(&headers)? {
            Some(other) if other != session => Err(KbsError::Cookie),
            _ => Ok(Attested { key, session }),
        }
    }
}

impl Attested {
    pub(super) fn ask(
        self,
        resource: &[String; 3],
    ) -> Result<(Awaiting, Request<Bytes>), KbsError> {
        let path = format!("{}/{}", Step::Resource, resource.join("/"));
        let request = Request::builder()
            .method(Method::GET)
            .uri(path)
            .header(COOKIE, self.session.0)
            .body(Bytes::new())
            .map_err(|_| KbsError::Resource)?;
        Ok((Awaiting { key: self.key }, request))
    }
}

impl Awaiting {
    pub(super) fn open(self, answer: Response<Vec<u8>>) -> Result<ModelKey, KbsError> {
        let (_, jwe) = success(Step::Resource, answer)?;
        let opened = self.key.open(&jwe)?;
        Ok(ModelKey::from_bytes(&opened)?)
    }
}

/// The cookie, as it is sent back.
#[derive(PartialEq, Eq)]
struct Session(HeaderValue);

impl Session {
    /// The one that an answer sets. Other cookies are passed over.
    fn set_by(headers: &HeaderMap) -> Result<Option<Self>, KbsError> {
        let mut set = None;
        for header in headers.get_all(SET_COOKIE) {
            let header = header.to_str().map_err(|_| KbsError::Cookie)?;
            let pair = header.split(';').next().unwrap_or_default().trim();
            let Some(value) = pair.strip_prefix(SESSION) else {
                continue;
            };
            let Some(value) = value.strip_prefix('=') else {
                continue;
            };
            let good = (1..=MAX_COOKIE_LEN).contains(&value.len()) && value.bytes().all(is_octet);
            if !good || set.is_some() {
                return Err(KbsError::Cookie);
            }
            let pair = HeaderValue::from_str(pair).map_err(|_| KbsError::Cookie)?;
            set = Some(Self(pair));
        }
        Ok(set)
    }
}

/// RFC 6265, section 4.1.1: `cookie-octet`.
const fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

fn post(
    step: Step,
    message: &impl Serialize,
    session: Option<&Session>,
) -> Result<Request<Bytes>, KbsError> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(step.to_string())
        .header(CONTENT_TYPE, JSON);
    if let Some(Session(cookie)) = session {
        request = request.header(COOKIE, cookie);
    }
    request
        .body(Bytes::from(json(message)?))
        .map_err(|_| KbsError::Message)
}

fn success(step: Step, answer: Response<Vec<u8>>) -> Result<(HeaderMap, Vec<u8>), KbsError> {
    let (head, body) = answer.into_parts();
    match head.status {
        StatusCode::OK => Ok((head.headers, body)),
        status => Err(KbsError::of(step, status, &body)),
    }
}
