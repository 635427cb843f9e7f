//! What `import sealnote` cannot do in Python itself: the handshake, the sealing and the sessions, which are all of
//! [`sealnote_client`]. This crate adds threads that wait while Python's own run, results in input order, and
//! reconnection. How it is called is in `package/sealnote`.

mod board;
mod client;
mod evidence;
mod failure;
mod note;
mod result;
mod runtime;
mod seen;
mod submission;
mod worker;

/// The extension module, `sealnote._sealnote`.
#[pyo3::pymodule]
mod _sealnote {
    #[pymodule_export]
    use super::client::Core;
    #[pymodule_export]
    use super::evidence::{Check, Evidence};
    #[pymodule_export]
    use super::result::Result;
    #[pymodule_export]
    use super::submission::Submission;
}
