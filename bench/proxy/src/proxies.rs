//! The proxies that are compared: how each is started.

mod haproxy;
mod nginx;
mod sealnote;
mod socat;

use std::{ffi::OsString, path::Path};

use anyhow::Context;
use clap::ValueEnum;

use crate::address::Address;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Proxy {
    Sealnote,
    /// Another build of it, to see what a change has brought.
    Before,
    Haproxy,
    HaproxySplice,
    Nginx,
    Socat,
    /// None: the client connects to the backend itself.
    Direct,
}

/// What a proxy is told. All else is as its package has it.
pub struct Setting<'a> {
    /// On 127.0.0.1.
    pub port: u16,
    pub backend: &'a Address,
    pub max_clients: usize,
    /// For its configuration.
    pub folder: &'a Path,
    pub parent: &'a Path,
    pub before: Option<&'a Path>,
}

impl Proxy {
    pub fn title(self) -> &'static str {
        match self {
            Self::Sealnote => "sealnote-parent",
            Self::Before => "sealnote-parent, before",
            Self::Haproxy => "HAProxy",
            Self::HaproxySplice => "HAProxy, splice",
            Self::Nginx => "nginx",
            Self::Socat => "socat",
            Self::Direct => "no proxy",
        }
    }

    /// The command that runs it in the foreground; `None` for none.
    pub fn command(self, setting: &Setting) -> anyhow::Result<Option<Vec<OsString>>> {
        Ok(Some(match self {
            Self::Sealnote => sealnote::command(setting.parent, setting),
            Self::Before => {
                let before = setting.before.context("no other build is given")?;
                sealnote::command(before, setting)
            }
            Self::Haproxy => haproxy::command(setting, false)?,
            Self::HaproxySplice => haproxy::command(setting, true)?,
            Self::Nginx => nginx::command(setting)?,
            Self::Socat => socat::command(setting),
            Self::Direct => return Ok(None),
        }))
    }

    /// A process for each connection: with thousands, it is the kernel's processes that would be measured.
    pub fn is_process_a_connection(self) -> bool {
        self == Self::Socat
    }

    /// HAProxy and nginx have no vsock.
    pub fn has_vsock(self) -> bool {
        !matches!(self, Self::Haproxy | Self::HaproxySplice | Self::Nginx)
    }
}

/// The words as a command.
fn words(all: &[&str]) -> Vec<OsString> {
    all.iter().map(OsString::from).collect()
}
