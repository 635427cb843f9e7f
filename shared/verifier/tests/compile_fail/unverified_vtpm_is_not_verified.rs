//! What `inspect` yields does not pass for what the check yields.

use sealnote_verifier::azure_vtpm::{Parts, VerifiedVtpm, inspect};

fn rely_on(_: &VerifiedVtpm) {}

fn check(parts: Parts<'_>) {
    if let Ok(vtpm) = inspect(&parts) {
        rely_on(&vtpm);
    }
}

fn main() {}
