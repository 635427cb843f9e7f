//! `sealnote-parent run` over a program that stands in for `nitro-cli`: see `stand_in`.
//!
//! Without the usual harness, because this binary is that program, too.

#[path = "supervise/replacement.rs"]
mod replacement;
#[path = "supervise/rig.rs"]
mod rig;
#[path = "supervise/stand_in.rs"]
mod stand_in;
#[path = "supervise/start.rs"]
mod start;
#[path = "supervise/through_the_parent.rs"]
mod through_the_parent;
#[path = "supervise/watch.rs"]
mod watch;

use std::{future::Future, process::ExitCode};

use libtest_mimic::{Arguments, Trial, run};

fn main() -> ExitCode {
    stand_in::run_if_named_so();
    let trials = [
        start::trials(),
        watch::trials(),
        replacement::trials(),
        through_the_parent::trials(),
    ];
    run(
        &Arguments::from_args(),
        trials.into_iter().flatten().collect(),
    )
    .exit_code()
}

/// A test in a runtime of its own.
fn trial<F: Future<Output = ()> + 'static>(name: &str, test: fn() -> F) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(test());
        Ok(())
    })
}

/// Tests by their functions' names.
macro_rules! trials {
    ($($test:ident),+ $(,)?) => {
        pub fn trials() -> Vec<libtest_mimic::Trial> {
            vec![$(crate::trial(concat!(module_path!(), "::", stringify!($test)), $test)),+]
        }
    };
}
pub(crate) use trials;
