//! An active connection beside others that are slow, half gone, or idle.

use std::{
    io::{self, Write},
    net::Shutdown,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use socket2::Socket;

use super::{
    Bench, CLIENTS, EVERY_ROUND, Measured, Measurement, TWICE, idle, less, round_trips::Trips,
};
use crate::{ask::Ask, backend::Hold, proxies::Proxy, stand::Stand, table::Value};

pub fn all() -> Vec<Measurement> {
    let slow = vec![Others::Unread, Others::SlowWriters, Others::HalfOpen];
    [
        ("slow and half-open ones", slow, EVERY_ROUND),
        ("idle ones", vec![Others::Idle], TWICE),
    ]
    .map(|(name, others, rounds)| Measurement {
        section: "Round trips of 1 KiB beside others",
        name: format!("round trips beside {name}"),
        rounds,
        measure: Box::new(move |bench, proxy| measure(bench, proxy, &others)),
    })
    .into()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    /// Clients that ask for bytes without end, and read none.
    Unread,
    /// Clients that send a byte now and then.
    SlowWriters,
    /// Clients that have ended their direction and stay, with a backend that does not end its own.
    HalfOpen,
    /// Clients that have had 64 bytes back.
    Idle,
}

const OTHERS: usize = 64;
const BYTES: usize = 1024;
const WARM_UP: Duration = Duration::from_millis(50);
const WINDOW: Duration = Duration::from_millis(400);
/// Until all buffers on the way are full.
const SETTLE: Duration = Duration::from_millis(300);

fn measure(bench: &Bench, proxy: Proxy, all: &[Others]) -> anyhow::Result<Vec<Measured>> {
    let alone = {
        let stand = Stand::start(&bench.programs, proxy, Hold::default(), CLIENTS)?;
        tail(&stand)?
    };
    let mut measured = Vec::new();
    for others in all {
        let (count, beside) = match others {
            Others::Idle if proxy.is_process_a_connection() => continue,
            Others::Idle => (bench.many, beside_idle(bench, proxy)?),
            others => (OTHERS, beside(bench, proxy, *others)?),
        };
        let title = match others {
            Others::Unread => format!("{count} that do not read"),
            Others::SlowWriters => format!("{count} that write a byte each tenth of a second"),
            Others::HalfOpen => format!("{count} that are half open"),
            Others::Idle => format!("{count} that are idle"),
        };
        measured.push(less(format!("{title}: p99, µs"), beside));
        measured.push(Measured {
            row: format!("{title}: p99 ÷ alone"),
            value: Value::Plain(beside / alone),
        });
    }
    Ok(measured)
}

fn beside_idle(bench: &Bench, proxy: Proxy) -> anyhow::Result<f64> {
    let hold = Hold {
        connections: bench.many,
        bytes: 64,
    };
    let mut stand = Stand::start(&bench.programs, proxy, hold, bench.many + 10)?;
    let _clients = idle::open(&stand, hold)?;
    stand.backend.wait_until_held()?;
    thread::sleep(SETTLE);
    tail(&stand)
}

fn beside(bench: &Bench, proxy: Proxy, others: Others) -> anyhow::Result<f64> {
    let stand = Stand::start(&bench.programs, proxy, Hold::default(), CLIENTS)?;
    let sockets = (0..OTHERS).map(|_| stand.address.connect());
    let sockets: Vec<Socket> = sockets.collect::<io::Result<_>>()?;
    for socket in &sockets {
        match others {
            Others::Unread => Ask::Source(u64::MAX).send(socket)?,
            Others::HalfOpen => {
                Ask::Stay.send(socket)?;
                socket.shutdown(Shutdown::Write)?;
            }
            Others::SlowWriters | Others::Idle => Ask::Stay.send(socket)?,
        }
    }
    thread::sleep(SETTLE);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        if others == Others::SlowWriters {
            scope.spawn(|| drip(&sockets, &done));
        }
        let beside = tail(&stand);
        done.store(true, Relaxed);
        beside
    })
}

/// Evenly, not all in one moment.
fn drip(sockets: &[Socket], done: &AtomicBool) {
    let pause = Duration::from_millis(100) / OTHERS as u32;
    for mut socket in sockets.iter().cycle() {
        if done.load(Relaxed) || socket.write_all(b".").is_err() {
            return;
        }
        thread::sleep(pause);
    }
}

/// The p99 of a new connection's round trips, in microseconds.
fn tail(stand: &Stand) -> anyhow::Result<f64> {
    let socket = stand.address.connect()?;
    Ask::Echo.send(&socket)?;
    Trips::of(&socket, BYTES, WARM_UP)?;
    Ok(Trips::of(&socket, BYTES, WINDOW)?.percentile(99))
}
