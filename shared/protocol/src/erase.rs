//! Secrets that are moved leave copies behind, which no type erases on drop.

use zeroize::Zeroize;

/// Runs `work`, and then overwrites the stack that it used: types that erase themselves do not erase what the
/// compiler leaves behind when it moves them. What `work` returns must itself hold its secrets on the heap.
/// `tests/erased.rs` looks whether it is enough.
pub(crate) fn erasing_stack<T>(work: impl FnOnce() -> T) -> T {
    #[inline(never)]
    fn on_a_frame_of_its_own<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
    #[inline(never)]
    fn overwrite() {
        // More than ML-KEM takes in a debug build.
        let mut below = [0u8; 256 * 1024];
        below.zeroize();
        core::hint::black_box(&mut below);
    }
    let done = on_a_frame_of_its_own(work);
    overwrite();
    done
}
