//! `sealnote`: the command line of the client.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A panic's message may quote what it panicked on; its place says enough.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let place = place.unwrap_or_else(|| "an unknown place".into());
        let _ = writeln!(
            std::io::stderr(),
            "sealnote: internal error at {place}; please report it"
        );
    }));
    if let Err(error) = sealnote_cli::privacy::turn_core_dumps_off() {
        let _ = writeln!(
            std::io::stderr(),
            "sealnote: core dumps cannot be turned off ({error}), and would hold notes"
        );
        return ExitCode::FAILURE;
    }
    let invocation = match sealnote_cli::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(code) => return code,
    };
    match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            // The hook has said where it was.
            let run = || runtime.block_on(sealnote_cli::run(invocation));
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
            ended.unwrap_or(ExitCode::FAILURE)
        }
        Err(error) => {
            eprintln!("sealnote: the runtime cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}
