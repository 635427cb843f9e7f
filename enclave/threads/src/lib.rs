//! How the threads that compute a batch together are handed it, and wait for each other: a [`Board`], where one
//! thread posts what all are to compute, and a [`Barrier`] for threads that need each other's work.
//!
//! A thread looks for a moment before it sleeps, because the others are as a rule no more than that behind. `make
//! test-loom` has every interleaving of a few threads tried by loom: none loses a wake-up, blocks for ever, or lets a
//! thread go before those that it waits for.
//!
//! ```
//! use std::sync::Arc;
//! use std::thread;
//!
//! use sealnote_threads::{Barrier, Board};
//!
//! let board = Arc::new(Board::new());
//! let other = board.clone();
//! let helper = thread::spawn(move || {
//!     for job in other.reader() {
//!         let job: Arc<Barrier> = job;
//!         // Here it computes its part.
//!         job.wait(1, 0..2).expect("the other thread did not panic");
//!     }
//! });
//!
//! let job = Arc::new(Barrier::new(2));
//! board.post(job.clone());
//! job.wait(0, 0..2).expect("the other thread did not panic");
//! board.clear();
//! board.close();
//! helper.join().expect("nor later");
//! ```

#![cfg_attr(not(test), forbid(unsafe_code))]

mod barrier;
mod board;
#[cfg(all(test, loom))]
mod loom_tests;
mod sync;

pub use barrier::{Barrier, BreakOnPanic, Broken};
pub use board::{Board, Reader};
