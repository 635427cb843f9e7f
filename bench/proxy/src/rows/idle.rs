//! Memory of connections that carry nothing any more.

use std::{
    io::{self, Read, Write},
    thread,
    time::Duration,
};

use socket2::Socket;

use super::{Bench, Measured, Measurement, ONCE, less};
use crate::{backend::Hold, proxies::Proxy, stand::Stand, table::Value};

pub fn all() -> Vec<Measurement> {
    let mut all = Vec::new();
    for few in [true, false] {
        for (title, bytes) in [("nothing", 0), ("64 B", 64), ("64 KiB", 64 * 1024)] {
            let count = if few { "1,000" } else { "many" };
            all.push(Measurement {
                section: "Idle connections",
                name: format!("{count} idle connections that carried {title}"),
                rounds: ONCE,
                measure: Box::new(move |bench, proxy| {
                    let connections = if few { FEW.min(bench.many) } else { bench.many };
                    if !few && proxy.is_process_a_connection() {
                        return Ok(Vec::new());
                    }
                    measure(bench, proxy, title, Hold { connections, bytes })
                }),
            });
        }
    }
    all
}

const FEW: usize = 1000;
/// Until a proxy has done what it does after the last byte, or the last connection.
const SETTLE: Duration = Duration::from_millis(300);
const SETTLE_AFTER: Duration = Duration::from_secs(1);

fn measure(bench: &Bench, proxy: Proxy, title: &str, hold: Hold) -> anyhow::Result<Vec<Measured>> {
    if proxy == Proxy::Direct {
        return Ok(Vec::new());
    }
    let mut stand = Stand::start(&bench.programs, proxy, hold, hold.connections + 10)?;
    thread::sleep(SETTLE);
    let before = stand.memory()?;
    let clients = open(&stand, hold)?;
    stand.backend.wait_until_held()?;
    thread::sleep(SETTLE);
    let each = (stand.memory()? - before) / hold.connections as f64;
    drop(clients);
    stand.backend.release()?;
    thread::sleep(SETTLE_AFTER);
    let after = stand.memory()? - before;

    let count = hold.connections;
    let of = format!("{count} that carried {title}");
    Ok(vec![
        less(format!("{of}: KiB each"), each / 1024.0),
        Measured {
            row: format!("{of}: MiB kept when they have left"),
            value: Value::Less {
                value: after / MIB,
                none: 1.0,
            },
        },
    ])
}

const MIB: f64 = 1024.0 * 1024.0;

/// Connections that the backend holds; each has had back what it sent.
pub fn open(stand: &Stand, hold: Hold) -> io::Result<Vec<Socket>> {
    let mut message = vec![0x5a; usize::try_from(hold.bytes).map_err(io::Error::other)?];
    let mut clients = Vec::with_capacity(hold.connections);
    for _ in 0..hold.connections {
        let socket = stand.address.connect()?;
        (&socket).write_all(&message)?;
        (&socket).read_exact(&mut message)?;
        clients.push(socket);
    }
    Ok(clients)
}
