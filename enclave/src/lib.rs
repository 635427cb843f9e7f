//! The Sealnote enclave: attests, opens, classifies, seals, forgets.
//!
//! `arguments` are what the image says; `init` is the machine's first process, where the image is our own; `server` takes connections and
//! drives the protocol's session; `attester` gives evidence; `model` loads the model, whose key `key_release`
//! asks for if it is encrypted; `boot` puts the loaded model and an attester together.

#[forbid(unsafe_code)]
pub mod arguments;
// The one with `unsafe`: it asks the kernel for what no safe call does.
pub mod attester;
#[forbid(unsafe_code)]
pub mod boot;
#[forbid(unsafe_code)]
pub mod init;
#[forbid(unsafe_code)]
pub mod key_release;
#[forbid(unsafe_code)]
pub mod log;
#[forbid(unsafe_code)]
pub mod model;
#[forbid(unsafe_code)]
pub mod panics;
#[forbid(unsafe_code)]
pub mod process;
#[forbid(unsafe_code)]
pub mod server;
