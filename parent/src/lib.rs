//! The Sealnote parent: copies bytes between clients and the enclave, and can read none of them.
//!
//! It runs on the EC2 instance that the enclave belongs to, and is not trusted: it depends on
//! `sealnote-transport` alone, so it has neither the keys nor the types with which to look into
//! what it carries. What it does is bounded: connections are capped, each holds two buffers of
//! [`BUFFER_BYTES`], and a side that does not read stops the side that writes.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sealnote_parent::{Config, Parent};
//!
//! let config = Config::new("tcp:127.0.0.1:0".parse()?, "vsock:16:5005".parse()?);
//! let parent = Parent::bind(config).await?;
//! println!("{}", parent.local_endpoint());
//! parent.run(std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod admin;
mod bridge;
mod config;
pub mod egress;
mod endorsements;
mod limits;
mod listen;
mod log;
mod metrics;
pub mod program;
mod proxy_protocol;
mod reload;
pub mod run;
mod server;
pub mod settings;
pub mod supervise;
mod systemd;
mod upstreams;

pub use bridge::BUFFER_BYTES;
pub use config::Config;
pub use endorsements::{ENDORSED_KINDS, Endorsements, MAX_ENDORSEMENTS};
pub use listen::Listen;
pub use log::LogFormat;
pub use metrics::{Metrics, Snapshot};
pub use proxy_protocol::ProxyProtocol;
pub use reload::{Control, ReloadError};
pub use server::{Parent, ParentError};
pub use upstreams::{
    Balance, Enclave, Enclaves, EnclavesError, MAX_ANSWER, PROBE_HELLO, ParseEnclaveError,
    ProbeError, Upstreams, answer_length, probe,
};
