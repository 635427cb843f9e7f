//! What is said on standard error, and how much of it.

use std::sync::atomic::{AtomicU8, Ordering};

/// How much is said beside errors and warnings.
static LEVEL: AtomicU8 = AtomicU8::new(NOTES);

const QUIET: u8 = 0;
const NOTES: u8 = 1;
const VERBOSE: u8 = 2;

/// Sets how much is said, once at the start.
pub(crate) fn set_level(quiet: bool, verbose: bool) {
    let level = match (quiet, verbose) {
        (true, _) => QUIET,
        (_, true) => VERBOSE,
        _ => NOTES,
    };
    LEVEL.store(level, Ordering::Relaxed);
}

pub(crate) fn is_quiet() -> bool {
    LEVEL.load(Ordering::Relaxed) == QUIET
}

pub(crate) fn is_verbose() -> bool {
    LEVEL.load(Ordering::Relaxed) == VERBOSE
}

/// At most about `most` bytes of a text that somebody else may have chosen, fit for a terminal.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let end = text.floor_char_boundary(most);
    let mut shown = escaped(&text[..end]);
    if end < text.len() {
        shown += &format!("… ({} bytes in all)", text.len());
    }
    shown
}

/// A text without what a terminal obeys: control characters, and those that turn the direction of writing.
pub(crate) fn escaped(text: &str) -> String {
    let obeyed =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match obeyed(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// Says something on standard error: an error, or a warning. If that cannot be written, nobody is there to hear it, and
/// the work goes on: `eprintln!` would panic.
macro_rules! say {
    ($($part:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "sealnote: {}", format_args!($($part)*));
    }};
}

/// Says what went well, or how far it is: nothing with `--quiet`.
macro_rules! note {
    ($($part:tt)*) => {
        if !crate::say::is_quiet() {
            say!($($part)*);
        }
    };
}

/// Says what is of use to who looks for something: only with `--verbose`.
macro_rules! detail {
    ($($part:tt)*) => {
        if crate::say::is_verbose() {
            say!($($part)*);
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_what_is_long_is_cut() {
        assert_eq!(
            escaped("Befunde/März 'a'\u{1b}[2J\n"),
            "Befunde/März 'a'\\u{1b}[2J\\n"
        );
        assert_eq!(escaped("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("aää", 2), "a… (5 bytes in all)");
    }
}
