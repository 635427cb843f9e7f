//! A patient's text cannot be written to a log.

use sealnote_protocol::plaintext::Plaintext;

fn logged(note: &Plaintext) -> String {
    format!("classifying {note}")
}

fn main() {}
