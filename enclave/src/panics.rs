//! What a panic may say.

/// From here on a panic prints its place only: its message may quote what it panicked on.
pub fn print_places_only() {
    std::panic::set_hook(Box::new(|panic| match panic.location() {
        Some(place) => eprintln!("sealnote-enclave: internal error at {place}"),
        None => eprintln!("sealnote-enclave: internal error"),
    }));
}
