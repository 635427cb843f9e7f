//! One session after the other, each with new evidence.

use std::time::Duration;

use sealnote_protocol::task::ModelClaims;
use tokio::time::sleep;

use crate::client::{Client, OnOtherModel};
use crate::connection::{ConnectError, Verified};
use crate::other_model::OtherModel;
use crate::session::Session;
use crate::submission::{EMPTY_SESSIONS, SubmitError};

/// Seconds to wait before each further try where all places are taken: a client whose session was closed for a
/// newcomer is one itself then. `full` is not authenticated, so it is not believed for ever.
const PAUSES: [u64; 5] = [1, 2, 4, 8, 16];

pub(super) struct Sessions {
    client: Client,
    /// What opens the first session, if it is verified already.
    verified: Option<Verified>,
    /// The first session's model.
    first: Option<ModelClaims>,
    /// Sessions in a row that brought no answer.
    empty: u32,
}

impl Sessions {
    pub(super) fn new(client: Client, verified: Option<Verified>) -> Self {
        Self {
            client,
            verified,
            first: None,
            empty: 0,
        }
    }

    /// Whether there was a first one.
    pub(super) fn is_begun(&self) -> bool {
        self.first.is_some()
    }

    /// The first session, or a later one, which is waited for where all places are taken. Cancel safe.
    pub(super) async fn open(&mut self) -> Result<Session, SubmitError> {
        let Some(first) = &self.first else {
            let verified = match self.verified.take() {
                Some(verified) => verified,
                None => self.client.verify().await?,
            };
            let model = verified.evidence().claims().model();
            if let Some(expected) = self.client.model() {
                as_allowed(&self.client, expected, model)?;
            }
            self.first = Some(self.client.model().unwrap_or(model).clone());
            return Ok(verified.open().await?);
        };
        for pause in PAUSES {
            match later(&self.client, first).await {
                Err(SubmitError::Connect(ConnectError::Full)) => {
                    sleep(Duration::from_secs(pause)).await;
                }
                opened => return opened,
            }
        }
        later(&self.client, first).await
    }

    /// A session ended in order, with an answer or without.
    pub(super) fn ended(&mut self, answered: bool) -> Result<(), SubmitError> {
        self.empty = if answered { 0 } else { self.empty + 1 };
        if self.empty == EMPTY_SESSIONS {
            self.empty = 0;
            return Err(SubmitError::NoProgress);
        }
        Ok(())
    }
}

/// A session of the same model, unless the user allowed another.
async fn later(client: &Client, first: &ModelClaims) -> Result<Session, SubmitError> {
    let verified = client.verify().await?;
    as_allowed(client, first, verified.evidence().claims().model())?;
    Ok(verified.open().await?)
}

fn as_allowed(client: &Client, first: &ModelClaims, later: &ModelClaims) -> Result<(), OtherModel> {
    match (client.on_other_model(), OtherModel::between(first, later)) {
        (OnOtherModel::Stop, Some(other)) => Err(other),
        _ => Ok(()),
    }
}
