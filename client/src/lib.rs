//! The Sealnote client (docs below).

#![forbid(unsafe_code)]

mod client;
mod connection;
mod note;
mod other_model;
mod session;
mod submission;
mod wire;

pub use client::{Client, ClientBuilder, HANDSHAKE_TIMEOUT, OnOtherModel, TIMEOUT};
pub use connection::{Attested, ConnectError, Connected, Verified, now};
pub use note::{Note, NoteBytes, NoteResult};
pub use other_model::{Difference, OtherModel};
pub use session::{Closing, SendError, Session, SessionEnd};
pub use submission::{EMPTY_SESSIONS, Incomplete, Submission, SubmitError};
pub use wire::WireError;

pub use sealnote_model::NoteError;
pub use sealnote_protocol::limits::Limits;
pub use sealnote_protocol::session::SessionLimits;
pub use sealnote_session::{Classification, Incoming, Outcome, PendingReply, Reply};
pub use sealnote_transport::Endpoint;
pub use sealnote_verifier::{Policy, TrustRoots};
