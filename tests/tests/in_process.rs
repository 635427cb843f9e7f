//! Client, parent and enclave in one process: what works, and what an adversary on the way can do.

mod common;

#[path = "in_process/evidence.rs"]
mod evidence;
#[path = "in_process/failing.rs"]
mod failing;
#[path = "in_process/limits.rs"]
mod limits;
#[path = "in_process/load.rs"]
mod load;
#[path = "in_process/tampering.rs"]
mod tampering;
#[path = "in_process/working.rs"]
mod working;
