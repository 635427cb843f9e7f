//! A patient's text is not copied by accident.

use sealnote_protocol::plaintext::Plaintext;

fn twice(note: &Plaintext) -> Plaintext {
    note.clone()
}

fn main() {}
