//! Bytes in bulk.

use std::{
    io::{self, Read},
    thread,
    time::Instant,
};

use socket2::Socket;

use super::{Bench, CLIENTS, EVERY_ROUND, Measured, Measurement, less, more};
use crate::{ask::Ask, backend::Hold, bytes, proxies::Proxy, stand::Stand};

pub fn all() -> Vec<Measurement> {
    let mut all = Vec::new();
    for way in [Way::ToServer, Way::ToClient, Way::Both] {
        for connections in [1, 8] {
            all.push(Measurement {
                section: "Bulk",
                name: format!("bulk {}, {}", way.title(), plural(connections)),
                rounds: EVERY_ROUND,
                measure: Box::new(move |bench, proxy| measure(bench, proxy, way, connections)),
            });
        }
    }
    all
}

#[derive(Clone, Copy)]
enum Way {
    ToServer,
    ToClient,
    Both,
}

impl Way {
    fn title(self) -> &'static str {
        match self {
            Self::ToServer => "to the server",
            Self::ToClient => "to the client",
            Self::Both => "both ways",
        }
    }
}

/// How long a measurement is to take, about.
const SECONDS: f64 = 0.4;
/// To learn how much that is, and to warm up.
const TRIAL: u64 = 64 << 20;

fn measure(
    bench: &Bench,
    proxy: Proxy,
    way: Way,
    connections: u64,
) -> anyhow::Result<Vec<Measured>> {
    let stand = Stand::start(&bench.programs, proxy, Hold::default(), CLIENTS)?;
    let trial = transfer(&stand, way, connections, TRIAL)?;
    let before = stand.cpu_seconds()?;
    let bytes = (TRIAL as f64 / trial * SECONDS) as u64;
    let seconds = transfer(&stand, way, connections, bytes)?;
    let cpu = stand.cpu_seconds()? - before;

    // Of bytes that passed through, whichever way.
    let gigabytes = bytes as f64 * if matches!(way, Way::Both) { 2.0 } else { 1.0 } / 1e9;
    let title = format!("{}, {}", way.title(), plural(connections));
    let mut all = vec![more(format!("{title}: GB/s"), gigabytes / seconds)];
    if proxy != Proxy::Direct {
        all.push(less(format!("{title}: CPU s/GB"), cpu / gigabytes));
    }
    Ok(all)
}

/// So many bytes, each way if both, shared among the connections; until the last has arrived. In seconds.
fn transfer(stand: &Stand, way: Way, connections: u64, bytes: u64) -> anyhow::Result<f64> {
    let sockets = (0..connections).map(|_| stand.address.connect());
    let sockets: Vec<Socket> = sockets.collect::<io::Result<_>>()?;
    let share = bytes / connections;
    let start = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> = sockets
            .iter()
            .map(|socket| scope.spawn(move || one(socket, way, share)))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| io::Error::other("panic"))?)
    })?;
    Ok(start.elapsed().as_secs_f64())
}

fn one(mut socket: &Socket, way: Way, bytes: u64) -> io::Result<()> {
    match way {
        Way::ToServer => {
            Ask::Sink(bytes).send(socket)?;
            bytes::write(socket, bytes)?;
            socket.read_exact(&mut [0])
        }
        Way::ToClient => {
            Ask::Source(bytes).send(socket)?;
            bytes::read(socket, bytes)
        }
        Way::Both => {
            Ask::Both(bytes).send(socket)?;
            thread::scope(|scope| {
                let writing = scope.spawn(|| bytes::write(socket, bytes));
                bytes::read(socket, bytes + 1)?;
                writing.join().map_err(|_| io::Error::other("panic"))?
            })
        }
    }
}

fn plural(connections: u64) -> String {
    match connections {
        1 => "1 connection".into(),
        more => format!("{more} connections"),
    }
}
