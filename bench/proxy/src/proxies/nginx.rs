//! nginx's stream module, a process for each processor.

use std::{ffi::OsString, fs, path::Path};

use super::{Setting, words};
use crate::address::{Address, BACKLOG};

pub fn command(setting: &Setting) -> anyhow::Result<Vec<OsString>> {
    let Setting {
        port,
        max_clients,
        folder,
        ..
    } = setting;
    let Address::Unix(path) = setting.backend else {
        anyhow::bail!("nginx cannot connect to {}", setting.backend);
    };
    let module = if Path::new(MODULE).exists() {
        format!("load_module {MODULE};")
    } else {
        String::new()
    };
    // Only this user may reach the backend; to a user who is not root nginx says that `user` is of no use to it.
    let config = format!(
        "{module}
daemon off;
user root root;
worker_processes auto;
pid {folder}/nginx.pid;
error_log stderr error;
events {{
    worker_connections {connections};
}}
stream {{
    limit_conn_zone $server_port zone=all:1m;
    server {{
        listen 127.0.0.1:{port} backlog={BACKLOG};
        limit_conn all {max_clients};
        proxy_pass unix:{path};
        proxy_timeout 1h;
        proxy_half_close on;
    }}
}}
",
        folder = folder.display(),
        path = path.display(),
        connections = 2 * max_clients + 50,
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config)?;
    let mut command = words(&["nginx", "-e", "stderr", "-p"]);
    command.push(folder.into());
    command.extend(["-c".into(), file.into()]);
    Ok(command)
}

/// Debian has the module in a package of its own, others compile it in.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";
