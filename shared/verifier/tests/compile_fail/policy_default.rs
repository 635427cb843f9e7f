//! A policy has no default, which could only be an empty one.

fn main() {
    let _ = sealnote_verifier::Policy::default();
}
