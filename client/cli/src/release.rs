//! The owner's release service: who may have a model's key, and what is written down of it.
//!
//! ```text
//! service (who is let in, until when) → connection (one enclave) → keys, caps, log
//! ```

mod caps;
mod connection;
mod keys;
mod log;
mod service;

pub(crate) use caps::Caps;
pub(crate) use keys::{Keys, signing_key};
pub(crate) use log::Log;
pub(crate) use service::{REJECTED_KEPT, Service};
