//! The Sealnote client as a library: verify an enclave, seal a stream of notes to it, open its answers.
//!
//! Nothing is sealed before the enclave's evidence has passed every check of the policy, and there is no way around
//! that: the functions that send notes are methods of what verification returns, or verify first. The library prints
//! nothing, reads no file, and is used from a [tokio](https://docs.rs/tokio) runtime with I/O and time enabled. The
//! `sealnote` program is a thin layer over it.
//!
//! # A client
//!
//! A client is a server's address, a policy (what the enclave must be measured as), and trust anchors. The options have
//! defaults: see [`ClientBuilder`].
//!
//! ```
//! # use sealnote_tests::{attester, rig::Rig};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let rig = Rig::tiny().await?;
//! # let (address, policy_json) = (rig.server.to_string(), attester::policy().to_string());
//! use sealnote_client::{Client, Policy, TrustRoots};
//!
//! let server = address.parse()?; // such as "tcp:sealnote.example:7000"
//! let policy = Policy::from_json(policy_json)?; // as `sealnote measure` writes it
//! let roots = TrustRoots::vendors();
//! # let mut roots = roots;
//! # roots.danger_add_software_root(rig.root_pem())?;
//! let client = Client::builder(server, policy, roots).build();
//!
//! let verified = client.verify().await?;
//! println!("model {}", verified.evidence().claims().model().digest());
//! for check in verified.evidence().passed() {
//!     println!("{check} {}", check.title());
//! }
//! let for_the_auditor: &[u8] = verified.document();
//! # assert!(!for_the_auditor.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Notes in, results out
//!
//! [`Client::submit`] takes a stream of [`Note`]s and gives their [`NoteResult`]s in the order in which answers come. The
//! id is of any type, is never sent, and comes back with the result. A result's outcome is a [`Classification`], which
//! knows the model that gave it, or the reason why this one note has none.
//!
//! ```
//! # use sealnote_tests::rig::Rig;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let rig = Rig::tiny().await?;
//! # let client = rig.client()?;
//! use futures_util::stream;
//! use sealnote_client::Note;
//!
//! let notes = stream::iter([
//!     Note::new("a", "Fell from a ladder, pain in the left wrist."),
//!     Note::new("b", "Fever and a cough for three days."),
//!     Note::new("c", ""),
//! ]);
//! let mut submission = client.submit(notes);
//! # let mut ids = std::collections::BTreeSet::new();
//! while let Some(result) = submission.next().await {
//!     let result = result?;
//! #   ids.insert(result.id);
//! #   assert_eq!(result.outcome.is_err(), result.id == "c");
//!     match result.outcome {
//!         Ok(classification) => println!(
//!             "{}: {:?} by {}",
//!             result.id,
//!             classification.holding(),
//!             classification.model().digest(),
//!         ),
//!         Err(error) => println!("{}: {error}", result.id),
//!     }
//! }
//! # assert_eq!(ids.len(), 3);
//! # Ok(())
//! # }
//! ```
//!
//! The stream may be as long as it likes. Only the notes of the requests in flight are held, and they are erased as they
//! are answered; the source is asked for more as requests have room, and a note that comes alone does not wait for
//! others. [`Submission::results`] gives the results as a [`Stream`](futures_util::Stream).
//!
//! # When something goes wrong
//!
//! An error of one note is its outcome, and the others go on. A [`SubmitError`] is about all of them: it comes after every
//! result that there is, and the submission still has the notes without one. The next call of [`Submission::next`] goes
//! on with them, over a connection whose enclave is verified anew; or [`Submission::into_unanswered`] gives them back.
//! Whether to go on, and after how long, is the caller's to say:
//!
//! ```
//! # use sealnote_tests::{relay::{Act, Direction, Relay, Seen}, rig::Rig};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let rig = Rig::tiny().await?;
//! # // The first connection is cut at its second answer.
//! # let cut = |frame: &Seen| match (frame.connection, frame.direction, frame.index) {
//! #     (0, Direction::ToClient, 3) => Act::Cut(Vec::new()),
//! #     _ => Act::Pass,
//! # };
//! # let relay = Relay::start(&"tcp:127.0.0.1:0".parse()?, rig.server.clone(), cut).await?;
//! # let client = rig.client_at(&relay.endpoint)?.build();
//! use futures_util::stream;
//! use sealnote_client::{Note, SubmitError};
//! use tokio::time::{Duration, sleep};
//!
//! let notes = (0..1000).map(|number| Note::new(number, format!("Note {number}.")));
//! let mut submission = client.submit(stream::iter(notes));
//! let (mut answered, mut failures) = (0, 0);
//! loop {
//!     match submission.next().await {
//!         Some(Ok(_result)) => answered += 1,
//!         Some(Err(SubmitError::Session(end))) if failures < 5 => {
//!             println!("once more: {end}");
//!             sleep(Duration::from_millis(100 << failures)).await;
//!             failures += 1;
//!         }
//!         Some(Err(error)) => return Err(error.into()),
//!         None => break,
//!     }
//! }
//! assert_eq!(answered, 1000);
//! # assert_eq!(failures, 1);
//! # Ok(())
//! # }
//! ```
//!
//! | error | says why |
//! |---|---|
//! | [`NoteError`] | one note has no classification |
//! | [`SubmitError`] | a submission ended early: [`ConnectError`], [`SessionEnd`], [`OtherModel`] or its own |
//! | [`ConnectError`] | there is no session: nobody there, `full`, refused, or [rejected](ConnectError::Rejected) evidence, with the check |
//! | [`SessionEnd`] | a session ended without the enclave's close; [`Denied`](SessionEnd::Denied): it serves only clients that it knows |
//! | [`WireError`] | no further frame comes |
//!
//! None carries a note's text, nor bytes of the peer.
//!
//! # Step by step
//!
//! Who needs to see each step takes them one by one; each consumes the one before:
//!
//! ```
//! # use sealnote_tests::rig::Rig;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let rig = Rig::tiny().await?;
//! # let client = rig.client()?;
//! use sealnote_client::Incoming;
//!
//! let connected = client.connect().await?;
//! let attested = connected.attest().await?; // evidence, unverified
//! let verified = attested.verify()?;
//! let mut session = verified.open().await?; // confirmed by the enclave
//!
//! let pending = session.request(&[b"Fever and a cough."]).await?;
//! let Incoming::Reply(reply) = session.next().await? else {
//!     return Err("the enclave closed".into());
//! };
//! let outcomes = pending.accept(reply)?;
//! assert_eq!(outcomes.len(), 1);
//! session.close().await?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod client;
mod connection;
mod evidence;
mod note;
mod other_model;
pub mod release;
mod session;
mod submission;
mod wire;

pub use client::{Client, ClientBuilder, HANDSHAKE_TIMEOUT, OnOtherModel, TIMEOUT};
pub use connection::{Attested, ConnectError, Connected, Verified, now};
pub use evidence::{Appraisal, EvidenceDigest};
pub use note::{Note, NoteBytes, NoteResult};
pub use other_model::{Difference, OtherModel};
pub use session::{Closing, SendError, Session, SessionEnd};
pub use submission::{EMPTY_SESSIONS, Submission, SubmitError};
pub use wire::WireError;

pub use sealnote_access::{KeyFileError, PrivateKey, PublicKey};
pub use sealnote_model::NoteError;
pub use sealnote_protocol::denial::Denial;
pub use sealnote_protocol::limits::Limits;
pub use sealnote_protocol::session::SessionLimits;
pub use sealnote_protocol::task::ModelClaims;
pub use sealnote_session::{
    Classification, Incoming, Outcome, PendingReply, Rejection, Reply, RequestError, SavedEvidence,
    VerifiedEvidence,
};
pub use sealnote_transport::Endpoint;
pub use sealnote_verifier::{Kind, Policy, TrustRoots, UnixTime};
