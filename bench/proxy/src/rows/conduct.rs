//! What a proxy does at an end, at its limit, and when the backend dies.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    thread,
    time::Duration,
};

use super::{Bench, CLIENTS, Measured, Measurement, ONCE, words};
use crate::{ask::Ask, backend::Hold, bytes, proxies::Proxy, stand::Stand};

type Look = fn(&Bench, Proxy) -> anyhow::Result<Measured>;

pub fn all() -> Vec<Measurement> {
    let looks: [(&str, Look); 5] = [
        ("the client's end", clients_end),
        ("the backend's end", backends_end),
        ("a client beyond the limit", beyond),
        ("a killed backend", |bench, proxy| killed(bench, proxy, 0)),
        ("a killed backend with unread input", |bench, proxy| {
            killed(bench, proxy, BYTES)
        }),
    ];
    looks
        .map(|(name, look)| Measurement {
            section: "Conduct",
            name: name.into(),
            rounds: ONCE,
            measure: Box::new(move |bench, proxy| Ok(vec![look(bench, proxy)?])),
        })
        .into()
}

/// Longer than anything takes here that comes at all.
const PATIENCE: Duration = Duration::from_secs(3);
const BYTES: u64 = 64 * 1024;

/// The backend sends when it sees the client's end, a second later.
fn clients_end(bench: &Bench, proxy: Proxy) -> anyhow::Result<Measured> {
    let stand = Stand::start(&bench.programs, proxy, Hold::default(), CLIENTS)?;
    let socket = stand.address.connect()?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ask::AfterEnd(BYTES).send(&socket)?;
    socket.shutdown(Shutdown::Write)?;
    let (count, _) = bytes::read_to_end(&socket);
    Ok(words(
        "the client's end is passed on as that alone",
        verdict(count),
    ))
}

/// The client sees the backend's end, and sends a second later.
fn backends_end(bench: &Bench, proxy: Proxy) -> anyhow::Result<Measured> {
    let mut stand = Stand::start(&bench.programs, proxy, Hold::default(), CLIENTS)?;
    let socket = stand.address.connect()?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ask::EndFirst.send(&socket)?;
    let row = "the backend's end is passed on as that alone";
    if !matches!(bytes::read_to_end(&socket), (1, Ok(()))) {
        return Ok(words(row, "no: it does not reach the client"));
    }
    thread::sleep(Duration::from_secs(1));
    // Whether they arrive is for the backend to say.
    let _ = bytes::write(&socket, BYTES);
    drop(socket);
    let count = stand.backend.report("counted")?;
    Ok(words(row, verdict(count)))
}

fn verdict(count: u64) -> String {
    match count {
        BYTES => "yes".into(),
        less => format!("no: {less} of {BYTES} bytes arrive after it"),
    }
}

const LIMIT: usize = 4;

fn beyond(bench: &Bench, proxy: Proxy) -> anyhow::Result<Measured> {
    let row = "a client beyond the limit sees";
    if proxy == Proxy::Direct {
        return Ok(words(row, "—"));
    }
    let stand = Stand::start(&bench.programs, proxy, Hold::default(), LIMIT)?;
    let mut within = Vec::new();
    for _ in 0..LIMIT {
        let socket = stand.address.connect()?;
        Ask::Echo.send(&socket)?;
        (&socket).write_all(b".")?;
        (&socket).read_exact(&mut [0])?;
        within.push(socket);
    }
    let socket = stand.address.connect()?;
    socket.set_read_timeout(Some(PATIENCE))?;
    // As a client would, it speaks first.
    let spoken = Ask::Echo
        .send(&socket)
        .and_then(|()| (&socket).write_all(b"."));
    let (count, end) = match spoken {
        Ok(()) => bytes::read_to_end(&socket),
        Err(error) => (0, Err(error)),
    };
    let end = match end {
        Ok(()) => "the end".into(),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            format!("nothing for {} s", PATIENCE.as_secs())
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => "a reset".into(),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => "a reset".into(),
        Err(error) => return Err(error.into()),
    };
    let before = match count {
        0 => String::new(),
        count => format!("{count} bytes, then "),
    };
    Ok(words(row, before + &end))
}

/// The client reads nothing until the backend, which has filled all that is on the way, is dead. If the backend had not
/// read all that the client sent, its kernel tells the proxy of a failure, and not of an end.
fn killed(bench: &Bench, proxy: Proxy, unread: u64) -> anyhow::Result<Measured> {
    let mut stand = Stand::start(&bench.programs, proxy, Hold::default(), CLIENTS)?;
    let socket = stand.address.connect()?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ask::Fill.send(&socket)?;
    bytes::write(&socket, unread)?;
    let sent = stand.backend.report("sent")?;
    stand.backend.kill()?;
    thread::sleep(Duration::from_millis(200));
    let (count, _) = bytes::read_to_end(&socket);
    let lost = match sent.saturating_sub(count) {
        0 => format!("yes: all {sent} bytes"),
        lost => format!("no: {lost} of {sent} bytes are lost"),
    };
    let row = match unread {
        0 => "what a killed backend had sent arrives",
        _ => "the same, of one that had not read all",
    };
    Ok(words(row, lost))
}
