//! `sealnote-parent`, with its limits on connections out of the way.

use std::{ffi::OsString, path::Path};

use super::{Setting, words};

pub fn command(program: &Path, setting: &Setting) -> Vec<OsString> {
    let mut command = vec![program.into()];
    let max = setting.max_clients.to_string();
    command.extend(words(&[
        "--listen",
        &format!("tcp:127.0.0.1:{}", setting.port),
        "--enclave",
        &setting.backend.to_string(),
        "--max-connections",
        &max,
        "--max-connections-per-address",
        &max,
    ]));
    command
}
