//! Rules have no default, which could only be empty ones.

fn main() {
    let _ = sealnote_verifier::tdx::Rules::default();
}
