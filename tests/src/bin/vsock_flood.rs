//! `vsock-flood`: what the kernel takes for connections that nobody reads, against what is set aside.
//!
//! It runs in two guests (`make test-memory`). In one, with the enclave's kernel, `hold` listens as the
//! enclave does and reads nothing; in the other, `send` connects to it and sends small segments. Each
//! write there is one packet here, as if a client had paced its bytes.
//!
//! After each step `send` connects once more, and waits for the end of that connection: meanwhile `hold`
//! looks at its memory.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};
use sealnote_enclave::boot::CONNECTION_MEMORY;
use sealnote_transport::{Endpoint, Listener, Stream, VSOCK_BUFFER, connect_within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

/// Bytes of a segment: one less, and the kernel would append it to the segment before.
const SEGMENT: usize = 129;
/// How long a single step may take, of a guest that is emulated beside others.
const PATIENCE: Duration = Duration::from_secs(60);
/// The kernel lets go of a closed connection after eight seconds at the latest.
const RELEASE: Duration = Duration::from_secs(20);
/// What the rest of the guest may take or give back meanwhile, in bytes.
const NOISE: u64 = 1 << 20;

#[derive(Parser)]
#[command(name = "vsock-flood")]
struct Args {
    #[command(subcommand)]
    command: Part,
    /// How many connections.
    #[arg(long, global = true, default_value_t = 225)]
    connections: usize,
    /// How many segments each connection has been sent after each step; the rest of the credit is the
    /// last step.
    #[arg(long, global = true, value_delimiter = ',', default_values_t = [0, 28, 55, 82, 109])]
    steps: Vec<usize>,
}

#[derive(Subcommand)]
enum Part {
    /// Accepts connections, reads nothing until the last step, and says what memory each step took.
    Hold {
        /// Where to listen.
        listen: Endpoint,
    },
    /// Sends segments, step by step, and waits until it is let go.
    Send {
        /// Where `hold` listens.
        server: Endpoint,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let result = match &args.command {
        Part::Hold { listen } => hold(listen, &args).await,
        Part::Send { server } => send(server, &args).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("FAIL {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn hold(listen: &Endpoint, args: &Args) -> anyhow::Result<()> {
    let listener = Listener::bind(listen).await?;
    println!("{} listens, and reads nothing", listener.local_endpoint());
    let before = available()?;
    let mut held = Vec::new();
    for _ in 0..args.connections {
        held.push(accept(&listener).await?);
    }
    let aside = args.connections as u64 * CONNECTION_MEMORY;
    let mut most = 0;
    let full = (VSOCK_BUFFER as usize).div_ceil(SEGMENT);
    for segments in args.steps.iter().chain([&full]) {
        let step = accept(&listener).await?;
        let taken = before.saturating_sub(settled().await?);
        drop(step);
        println!(
            "{} connections with {segments} segments unread take {} KiB, {} each",
            args.connections,
            taken >> 10,
            (taken >> 10) / args.connections as u64,
        );
        most = most.max(taken);
    }
    ensure!(
        most <= aside + NOISE,
        "{most} bytes were taken, and {aside} are set aside"
    );
    // All that was sent had come: else this would prove nothing.
    for mut stream in held.drain(..) {
        let mut unread = vec![0; VSOCK_BUFFER as usize];
        timeout(PATIENCE, stream.read_exact(&mut unread)).await??;
    }
    let released = Instant::now();
    while available()? + NOISE < before {
        ensure!(
            released.elapsed() < RELEASE,
            "{} bytes are still taken after all connections were closed",
            before - available()?
        );
        sleep(Duration::from_millis(100)).await;
    }
    println!(
        "ok: {} connections of {SEGMENT}-byte segments that nobody reads: of {} KiB available they took up to {}, \
         {} KiB are set aside; {:.1} s after their end it was given back",
        args.connections,
        before >> 10,
        most >> 10,
        aside >> 10,
        released.elapsed().as_secs_f64(),
    );
    Ok(())
}

async fn accept(listener: &Listener) -> anyhow::Result<Stream> {
    Ok(timeout(PATIENCE, listener.accept())
        .await
        .context("no connection came")??)
}

/// What is available once that no longer changes: what was sent may still be on its way.
async fn settled() -> anyhow::Result<u64> {
    let (mut last, mut since) = (available()?, Instant::now());
    while since.elapsed() < Duration::from_secs(1) {
        sleep(Duration::from_millis(50)).await;
        let now = available()?;
        if now.abs_diff(last) > NOISE / 8 {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(last)
}

fn available() -> anyhow::Result<u64> {
    let available = sealnote_memory::available().map(|available| available.bytes);
    available.context("the system does not say what memory is available")
}

async fn send(server: &Endpoint, args: &Args) -> anyhow::Result<()> {
    let mut streams = Vec::new();
    for _ in 0..args.connections {
        streams.push(connect(server).await?);
    }
    let mut sent = 0;
    for &segments in &args.steps {
        for stream in &mut streams {
            for _ in sent..segments {
                let written = timeout(PATIENCE, stream.write(&[0; SEGMENT])).await??;
                ensure!(written == SEGMENT, "a segment was sent in parts");
            }
        }
        sent = segments;
        end_step(server).await?;
    }
    let rest = VSOCK_BUFFER as usize - sent * SEGMENT;
    for stream in &mut streams {
        for segment in vec![0; rest].chunks(SEGMENT) {
            timeout(PATIENCE, stream.write_all(segment)).await??;
        }
    }
    end_step(server).await?;
    for stream in &mut streams {
        await_end(stream).await?;
    }
    Ok(())
}

async fn end_step(server: &Endpoint) -> anyhow::Result<()> {
    await_end(&mut connect(server).await?).await
}

/// An end or a reset: either is the holder's leave.
async fn await_end(stream: &mut Stream) -> anyhow::Result<()> {
    let _ = timeout(PATIENCE, stream.read_u8()).await?;
    Ok(())
}

/// Connects; a listener whose queue is full resets, and is tried again.
async fn connect(server: &Endpoint) -> anyhow::Result<Stream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match connect_within(server, PATIENCE).await {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}
