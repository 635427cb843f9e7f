//! The values of PROTOCOL.md's worked example.

const PROTOCOL: &str = include_str!("../../PROTOCOL.md");

/// The bytes of a `hex` block.
///
/// # Panics
///
/// If there is none of that name.
pub fn value(name: &str) -> Vec<u8> {
    let mut lines = PROTOCOL.lines();
    let found = lines.any(|line| line.strip_prefix("```hex ") == Some(name));
    assert!(found, "PROTOCOL.md's worked example has no {name}");
    let digits: String = lines.take_while(|line| *line != "```").collect();
    hex::decode(digits).expect("the worked example is in hex")
}
