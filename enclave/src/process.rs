//! What keeps secrets inside this process.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// Turns core dumps off, forbids other users' processes to trace this one, and locks its memory so that
/// nothing of it is written to a disk. Says whether the memory is locked: the kernel may not let us.
///
/// # Errors
/// When core dumps cannot be turned off.
pub fn keep_memory_private() -> std::io::Result<bool> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(lock_memory())
}

fn lock_memory() -> bool {
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    // Only root may raise it; below, it is seen whether it is so.
    let _ = setrlimit(Resource::Memlock, unlimited);
    // With a limit, locking what there is would succeed and a later allocation fail.
    if getrlimit(Resource::Memlock).current.is_some() {
        return false;
    }
    // On fault: a page is locked once it is used, and not filled before.
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok()
}
