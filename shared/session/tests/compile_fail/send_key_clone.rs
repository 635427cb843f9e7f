//! A key that seals cannot be copied: its counter would be used twice.

use sealnote_protocol::session::keys::SendKey;

fn twice(key: &SendKey) -> SendKey {
    key.clone()
}

fn main() {}
