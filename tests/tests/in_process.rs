//! Client, parent and enclave in one process: what works, and what an adversary on the way can do.

mod common;

#[path = "in_process/clients.rs"]
mod clients;
#[path = "in_process/endorsements.rs"]
mod endorsements;
#[path = "in_process/evidence.rs"]
mod evidence;
#[path = "in_process/failing.rs"]
mod failing;
#[path = "in_process/handshakes.rs"]
mod handshakes;
#[path = "in_process/kinds.rs"]
mod kinds;
#[path = "in_process/limits.rs"]
mod limits;
#[path = "in_process/load.rs"]
mod load;
#[path = "in_process/other_model.rs"]
mod other_model;
#[path = "in_process/probe.rs"]
mod probe;
#[path = "in_process/session_ends.rs"]
mod session_ends;
#[path = "in_process/sessions.rs"]
mod sessions;
#[path = "in_process/submissions.rs"]
mod submissions;
#[path = "in_process/tampering.rs"]
mod tampering;
#[path = "in_process/working.rs"]
mod working;
