//! New connections: connect, ask, one byte back, close.

use std::{
    io::{self, Read},
    thread,
    time::{Duration, Instant},
};

use super::{Bench, CLIENTS, EVERY_ROUND, Measured, Measurement, less, more};
use crate::{address::Address, ask::Ask, backend::Hold, proxies::Proxy, stand::Stand};

pub fn all() -> Vec<Measurement> {
    [1, 32]
        .map(|clients| Measurement {
            section: "New connections",
            name: format!("new connections, {clients} at a time"),
            rounds: EVERY_ROUND,
            measure: Box::new(move |bench, proxy| measure(bench, proxy, clients)),
        })
        .into()
}

const WARM_UP: Duration = Duration::from_millis(100);
const WINDOW: Duration = Duration::from_millis(500);

fn measure(bench: &Bench, proxy: Proxy, clients: usize) -> anyhow::Result<Vec<Measured>> {
    let stand = Stand::start(&bench.programs, proxy, Hold::default(), CLIENTS)?;
    connect_for(WARM_UP, &stand.address, clients)?;
    let before = stand.cpu_seconds()?;
    let start = Instant::now();
    let count = connect_for(WINDOW, &stand.address, clients)? as f64;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = stand.cpu_seconds()? - before;
    let title = match clients {
        1 => "1 client".into(),
        clients => format!("{clients} clients"),
    };
    let mut all = vec![more(format!("{title}: connections/s"), count / seconds)];
    if proxy != Proxy::Direct {
        all.push(less(
            format!("{title}: CPU µs a connection"),
            cpu / count * 1e6,
        ));
    }
    Ok(all)
}

/// How many connections so many clients made, one after another each.
fn connect_for(window: Duration, address: &Address, clients: usize) -> anyhow::Result<usize> {
    let end = Instant::now() + window;
    let client = || -> io::Result<usize> {
        let mut count = 0;
        while Instant::now() < end {
            let socket = address.connect()?;
            Ask::Answer.send(&socket)?;
            (&socket).read_exact(&mut [0])?;
            count += 1;
        }
        Ok(count)
    };
    let mut count = 0;
    thread::scope(|scope| -> anyhow::Result<()> {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        for thread in threads {
            count += thread.join().map_err(|_| anyhow::anyhow!("panic"))??;
        }
        Ok(())
    })?;
    Ok(count)
}
