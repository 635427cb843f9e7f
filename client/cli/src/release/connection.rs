//! One enclave that asks for a key, from the first byte to the line that says what came of it.

use std::io;
use std::sync::PoisonError;
use std::time::Instant;

use sealnote_client::release::{KeyRequest, OpenRelease, TurnedDown, VerifiedRequest};
use sealnote_encrypted_model::ModelKey;
use sealnote_transport::Stream;

use super::log::{Line, Outcome};
use super::service::Service;
use crate::evidence;

impl Service {
    /// Whether a key was released.
    ///
    /// # Errors
    /// If the log cannot be written: no key is released then.
    pub(super) async fn serve(&self, stream: Stream) -> io::Result<bool> {
        let mut line = Line::of(stream.peer_address());
        let request = match KeyRequest::receive(stream, &self.policy, self.patience).await {
            Ok(request) => request,
            Err(error) => {
                let line = line.came(Outcome::Failed).because(error);
                self.log.write_strangers(line)?;
                return Ok(false);
            }
        };
        line.asked(&request);
        let Some(verified) = self.verify(request, &line).await? else {
            return Ok(false);
        };
        line.verified(&verified);
        let Some(id) = verified.key_id() else {
            unreachable!("claims with another key id are rejected");
        };
        let open = match verified.open().await {
            Ok(open) => open,
            Err(error) => {
                self.log.write(&line.came(Outcome::Failed).because(error))?;
                return Ok(false);
            }
        };
        // With --once, one after the other, so that it is one.
        let mut once = match &self.once {
            Some(once) => Some(once.lock().await),
            None => None,
        };
        if once.as_ref().is_some_and(|done| **done) {
            let why = "--once: a key was released already";
            self.log.write(&line.came(Outcome::Capped).because(why))?;
            open.turn_down().full().await;
            return Ok(false);
        }
        let key = match self.keys.read(&id) {
            Ok(key) => key,
            Err(error) => {
                self.log
                    .write(&line.came(Outcome::Refused).because(error))?;
                open.turn_down().refuse().await;
                return Ok(false);
            }
        };
        let counted = {
            let mut caps = self.caps.lock().unwrap_or_else(PoisonError::into_inner);
            caps.count(&id, Instant::now())
        };
        if let Err(capped) = counted {
            self.log
                .write(&line.came(Outcome::Capped).because(capped))?;
            open.turn_down().full().await;
            return Ok(false);
        }
        let outcome = self.release(open, key, &line).await?;
        if let Some(done) = &mut once {
            // Whoever is on the way can hold back the enclave's answer: the key is out all the same.
            **done |= outcome != Outcome::NotTaken;
        }
        Ok(outcome == Outcome::Released)
    }

    /// Appraises the evidence, and keeps it.
    async fn verify(
        &self,
        request: KeyRequest,
        line: &Line,
    ) -> io::Result<Option<VerifiedRequest>> {
        let mut kept = Ok(());
        let verified = request.verify(&self.policy, &self.roots, |appraisal| {
            if let Some(folder) = &self.evidence_out
                && self.may_keep(appraisal.verdict.is_ok())
            {
                kept = evidence::keep(folder, appraisal);
            }
        });
        match (verified, kept) {
            (Ok(verified), Ok(())) => Ok(Some(verified)),
            (Ok(verified), Err(error)) => {
                let why = format!("the evidence could not be kept: {error}");
                self.refuse(
                    verified.turn_down(),
                    line.came(Outcome::Failed).because(why),
                )
                .await?;
                Ok(None)
            }
            (Err(rejected), _) => {
                let rejection = rejected.rejection;
                let line = line.came(Outcome::Refused).at_check(rejection.check().id());
                self.log.write_strangers(line.because(rejection))?;
                rejected.connection.refuse().await;
                Ok(None)
            }
        }
    }

    async fn refuse(&self, down: TurnedDown, line: Line) -> io::Result<()> {
        self.log.write(&line)?;
        down.refuse().await;
        Ok(())
    }

    async fn release(&self, open: OpenRelease, key: ModelKey, line: &Line) -> io::Result<Outcome> {
        self.log.write(&line.came(Outcome::Releasing))?;
        let done = open
            .release(&key, self.clients.as_ref(), &self.signer)
            .await;
        drop(key);
        let (outcome, line) = match &done {
            Ok(Ok(())) => (Outcome::Released, line.came(Outcome::Released)),
            Ok(Err(not_taken)) => (
                Outcome::NotTaken,
                line.came(Outcome::NotTaken).because(not_taken),
            ),
            Err(error) => (Outcome::Unknown, line.came(Outcome::Unknown).because(error)),
        };
        self.log.write(&line)?;
        Ok(outcome)
    }
}
