//! What keeps notes inside this process.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Turns core dumps off, and forbids this user's other processes to trace this one: its memory holds notes.
///
/// # Errors
///
/// When core dumps cannot be turned off.
pub fn turn_core_dumps_off() -> std::io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
