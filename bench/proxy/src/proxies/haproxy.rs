//! HAProxy in TCP mode, a thread for each processor; with splice, by the kernel's pipes where it thinks that they pay.

use std::{ffi::OsString, fs};

use super::{Setting, words};
use crate::address::{Address, BACKLOG};

pub fn command(setting: &Setting, splice: bool) -> anyhow::Result<Vec<OsString>> {
    let Setting {
        port, max_clients, ..
    } = setting;
    let backend = match setting.backend {
        Address::Unix(path) => format!("unix@{}", path.display()),
        other => anyhow::bail!("HAProxy cannot connect to {other}"),
    };
    let splice = if splice { "option splice-auto" } else { "" };
    let config = format!(
        "global
    maxconn {max_clients}
    maxpipes {PIPES}
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    {splice}
listen bench
    bind 127.0.0.1:{port} backlog {BACKLOG}
    maxconn {max_clients}
    server backend {backend}
"
    );
    let file = setting.folder.join("haproxy.cfg");
    fs::write(&file, config)?;
    let mut command = words(&["haproxy", "-db", "-f"]);
    command.push(file.into());
    Ok(command)
}

/// HAProxy does not start without the files for them; as many as 64 connections may use both ways.
const PIPES: usize = 128;
