//! `kbs:///REPOSITORY/TYPE/TAG`: a resource of Trustee's KBS, the key broker of Confidential Containers.
//!
//! The protocol is RCAR (Request, Challenge, Attestation, Response), version [`PROTOCOL`], by Trustee's
//! `kbs_attestation_protocol.md`:
//!
//! ```text
//! POST /kbs/v0/auth                     version, kind of machine        → nonce, cookie
//! POST /kbs/v0/attest         cookie    nonce, public key, evidence     → (a token, which is not used)
//! GET  /kbs/v0/resource/R/T/T cookie                                    → the key, as a JWE to the public key
//! ```
//!
//! The public key is of this run, drawn for it, and bound to the evidence with the nonce. The JWE opens by it alone: what
//! an earlier run was answered, or another machine, does not.
//!
//! **Who the KBS is.** Over `https://` it proves its name under roots of the measured image. Over `http://` nobody knows,
//! and nothing is lost: it is told only what evidence shows to anyone; the cookie, which whoever carries it can use, fetches
//! a JWE that opens in this enclave alone; and a key of somebody else's opens no file of the model, whose plaintext must
//! have the measured digest besides. What remains is refusal, which whoever carries the bytes can have in either case. So a
//! KBS says nothing else: who may ask is no part of its answer (K2).

mod error;
mod jwe;
mod messages;
mod rcar;
mod snp;
mod url;

use std::time::Duration;

use rand_core::CryptoRng;
use sealnote_encrypted_model::ModelKey;

use crate::evidence::Evidence;
use crate::http::Service;

pub use error::{KbsError, Step};
pub use jwe::{ALGORITHM, ENCRYPTION, JweError, PublicJwk, TeeKey};
pub use messages::{MAX_NONCE_LEN, PROTOCOL};
pub use snp::ReportError;
pub use url::KbsUrl;

/// How long each of the three answers may take. To verify evidence, a KBS may have to ask its vendor for endorsements.
pub const WITHIN: Duration = Duration::from_secs(60);

/// Has the KBS release a resource: the 32 bytes of the model's key. Nothing is tried twice.
///
/// Evidence is made on the thread that polls, since nothing else runs before there is a model.
///
/// # Errors
/// Every deviation from the protocol, and every refusal, each with what to do about it.
pub async fn release(
    resource: &[String; 3],
    kbs: &Service,
    evidence: &dyn Evidence,
    rng: &mut impl CryptoRng,
) -> Result<ModelKey, KbsError> {
    let (asked, request) = rcar::begin(evidence.tee_kind()?, rng)?;
    let challenged = asked.challenged(kbs.exchange(request, WITHIN).await?)?;
    let (attesting, request) = challenged.attest(evidence)?;
    let attested = attesting.attested(kbs.exchange(request, WITHIN).await?)?;
    let (awaiting, request) = attested.ask(resource)?;
    awaiting.open(kbs.exchange(request, WITHIN).await?)
}
