//! A policy cannot be put together, so none is without measurements.

use sealnote_verifier::Policy;

fn empty(policy: Policy) -> Policy {
    Policy {
        sets: Vec::new(),
        ..policy
    }
}

fn main() {}
