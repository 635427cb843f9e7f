//! A policy cannot be put together, so none is without measurements.

use sealnote_verifier::Policy;

fn empty(policy: Policy) -> Policy {
    Policy {
        session: policy.session().clone(),
        ..policy
    }
}

fn main() {}
