//! socat, which forks for each connection; told not to wait for more bytes, as the others are by default.

use std::ffi::OsString;

use super::{Setting, words};
use crate::address::{Address, BACKLOG};

pub fn command(setting: &Setting) -> Vec<OsString> {
    let Setting {
        port, max_clients, ..
    } = setting;
    let listen = format!(
        "TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,nodelay,backlog={BACKLOG},max-children={max_clients}"
    );
    let connect = match setting.backend {
        Address::Unix(path) => format!("UNIX-CONNECT:{}", path.display()),
        Address::Tcp(address) => format!("TCP:{address}"),
        Address::Vsock { cid, port } => format!("VSOCK-CONNECT:{cid}:{port}"),
    };
    words(&["socat", &listen, &connect])
}
