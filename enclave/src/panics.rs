//! What a panic may say.

use std::io::Write;

/// From here on a panic prints its place only: its message may quote what it panicked on.
pub fn print_places_only() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let place = place.unwrap_or_else(|| "an unknown place".into());
        // Not `eprintln!`, which panics where standard error is closed.
        let _ = writeln!(
            std::io::stderr(),
            "sealnote-enclave: internal error at {place}"
        );
    }));
}
