//! The Sealnote enclave: attests, opens, classifies, seals, forgets.
//!
//! `arguments` are what the image says; `init` is the machine's first process, where the image is our own; `server` takes connections and
//! drives the protocol's session; `attester` gives evidence; `boot` puts a loaded model (`sealnote-engine`) and
//! an attester together.

#[forbid(unsafe_code)]
pub mod arguments;
// The one with `unsafe`: it asks the kernel for what no safe call does.
pub mod attester;
#[forbid(unsafe_code)]
pub mod boot;
#[forbid(unsafe_code)]
pub mod init;
#[forbid(unsafe_code)]
pub mod log;
#[forbid(unsafe_code)]
pub mod panics;
#[forbid(unsafe_code)]
pub mod process;
#[forbid(unsafe_code)]
pub mod server;
