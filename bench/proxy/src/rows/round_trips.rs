//! One client that sends, and waits for the same bytes to come back.

use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

use socket2::Socket;

use super::{Bench, CLIENTS, EVERY_ROUND, Measured, Measurement, less};
use crate::{ask::Ask, backend::Hold, proxies::Proxy, stand::Stand};

pub fn all() -> Vec<Measurement> {
    let sizes = [("64 B", 64), ("1 KiB", 1024), ("64 KiB", 64 * 1024)];
    sizes
        .map(|(title, size)| Measurement {
            section: "Round trips",
            name: format!("round trips of {title}"),
            rounds: EVERY_ROUND,
            measure: Box::new(move |bench, proxy| measure(bench, proxy, title, size)),
        })
        .into()
}

fn measure(bench: &Bench, proxy: Proxy, title: &str, size: usize) -> anyhow::Result<Vec<Measured>> {
    let stand = Stand::start(&bench.programs, proxy, Hold::default(), CLIENTS)?;
    let socket = stand.address.connect()?;
    Ask::Echo.send(&socket)?;
    let mut trips = Trips::of(&socket, size, WARM_UP)?;
    let before = stand.cpu_seconds()?;
    trips = Trips {
        times: Vec::with_capacity(trips.times.len() * 8),
    };
    trips.go(&socket, size, WINDOW)?;
    let cpu = stand.cpu_seconds()? - before;
    let count = trips.times.len() as f64;
    let mut all = vec![
        less(format!("{title}, p50: µs"), trips.percentile(50)),
        less(format!("{title}, p99: µs"), trips.percentile(99)),
    ];
    if proxy != Proxy::Direct {
        all.push(less(format!("{title}: CPU µs a trip"), cpu / count * 1e6));
    }
    Ok(all)
}

const WARM_UP: Duration = Duration::from_millis(100);
const WINDOW: Duration = Duration::from_millis(500);

/// How long each took.
pub struct Trips {
    times: Vec<Duration>,
}

impl Trips {
    /// On a connection that [echoes](Ask::Echo).
    pub fn of(socket: &Socket, size: usize, window: Duration) -> io::Result<Self> {
        let mut trips = Self { times: Vec::new() };
        trips.go(socket, size, window)?;
        Ok(trips)
    }

    fn go(&mut self, mut socket: &Socket, size: usize, window: Duration) -> io::Result<()> {
        let mut message = vec![0x5a; size];
        let end = Instant::now() + window;
        loop {
            let start = Instant::now();
            if start >= end {
                return Ok(());
            }
            socket.write_all(&message)?;
            socket.read_exact(&mut message)?;
            self.times.push(start.elapsed());
        }
    }

    /// In microseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut times = self.times.clone();
        times.sort();
        let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times
            .get(place)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    }
}
