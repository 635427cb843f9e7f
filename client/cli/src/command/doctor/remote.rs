//! What the server shows, step by step.

use std::path::Path;
use std::time::{Duration, Instant};

use sealnote_client::{
    Attested, Client, ConnectError, Endpoint, Kind, SessionEnd, UnixTime, Verified, now,
};
use sealnote_verifier::nitro;

use super::finding::{Finding, Findings};
use super::look::look;
use crate::exit::{Exit, Failure};
use crate::files::shown;

/// How long each step may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// A clock that is further off deserves a word.
const SKEW: f64 = 10.0;

/// And at this many seconds behind, evidence is rejected: the check X9.
const TOO_FAR: f64 = 60.0;

/// Each step as far as the one before it allows. Without a policy of the user's, evidence is looked at and not appraised.
pub(super) async fn examine(client: &Client, is_trusted: bool, findings: &mut Findings) {
    let server = client.server();
    if let Some(address) = address(server).await {
        let goes_on = address.is_ok();
        findings.add(address.unwrap_or_else(|finding| finding));
        if !goes_on {
            return;
        }
    }
    let begun = Instant::now();
    let connected = match client.connect().await {
        Ok(connected) => connected,
        Err(error) => return findings.add(Finding::failed("reach", error, UNREACHED)),
    };
    let took = begun.elapsed().as_millis();
    findings.add(Finding::ok("reach", format!("connected in {took} ms")));
    let attested = match connected.attest().await {
        Ok(attested) => attested,
        Err(error) => return findings.add(no_evidence(client, error).await),
    };
    let at = now();
    let kind = attested.kind();
    findings.add(Finding::ok(
        "protocol",
        format!(
            "{}, answered with {} evidence in {} ms",
            sealnote_protocol::claims::PROTOCOL,
            kind.name(),
            begun.elapsed().as_millis() - took
        ),
    ));
    if let Some(clock) = clock(&attested, at) {
        findings.add(clock);
    }
    if !is_trusted {
        return;
    }
    let verified = match attested.verify() {
        Ok(verified) => verified,
        Err(rejection) => {
            let error = ConnectError::from(rejection);
            return findings.add(Finding::failed("evidence", error, REJECTED));
        }
    };
    findings.add(evidence(&verified));
    findings.add(session(verified).await);
}

const UNREACHED: &str = "check that the parent runs there, that the port is the one it listens on, and that no firewall or \
     security group is in the way";

const REJECTED: &str = "send no notes. Compare the policy with the release that runs there: `sealnote attest --evidence-out DIR` \
     keeps the evidence for whoever vouches for the image";

pub(super) const NO_KEY: &str = "`sealnote key new FILE` makes a key and prints its public half; give that to the model's owner, and name the file with \
     --client-key";

/// What the address leads to; nothing is said of a vsock, which has no name to resolve.
async fn address(server: &Endpoint) -> Option<Result<Finding, Finding>> {
    match server {
        Endpoint::Tcp { host, port } => Some(resolved(server, host, *port).await),
        Endpoint::Unix { path } => Some(socket(server, path)),
        Endpoint::Vsock { .. } => None,
    }
}

async fn resolved(server: &Endpoint, host: &str, port: u16) -> Result<Finding, Finding> {
    let unresolved = |reason: &str| {
        let failure = Exit::Unreachable.because(format!("{server}: the name {reason}"));
        Finding::failed(
            "address",
            failure,
            "check the spelling, and this machine's DNS",
        )
    };
    let looked = tokio::net::lookup_host((host, port));
    let found = match tokio::time::timeout(PATIENCE, looked).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => return Err(unresolved("does not resolve")),
        Err(_) => return Err(unresolved("is not resolved in time")),
    };
    let found: Vec<String> = found.map(|address| address.ip().to_string()).collect();
    Ok(Finding::ok(
        "address",
        format!("{server} is {}", found.join(", ")),
    ))
}

fn socket(server: &Endpoint, path: &Path) -> Result<Finding, Finding> {
    use std::os::unix::fs::FileTypeExt;
    let failed = |says: String, advice: &str| {
        let failure = Exit::Unreachable.because(format!("{} {says}", shown(path)));
        Err(Finding::failed("address", failure, advice))
    };
    match std::fs::metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            Ok(Finding::ok("address", format!("{server} is a socket")))
        }
        Ok(_) => failed(
            "is not a socket".into(),
            "name the socket that the parent listens on",
        ),
        Err(error) if path.is_symlink() => failed(
            format!("is a link that leads nowhere: {error}"),
            "start the parent, or correct the link",
        ),
        Err(error) => failed(
            format!("cannot be found: {error}"),
            "start the parent, or correct the path",
        ),
    }
}

/// Why a server that was reached shows no evidence.
async fn no_evidence(client: &Client, error: ConnectError) -> Finding {
    const CHECK: &str = "protocol";
    match error {
        ConnectError::Full => Finding::failed(
            CHECK,
            error,
            "if it is true, nothing is wrong but that others are served: try again later, or another server",
        ),
        ConnectError::Refused => Finding::failed(
            CHECK,
            error,
            "compare `sealnote --version` with the enclave's release, and the suites that the policy allows",
        ),
        ConnectError::Read(_) | ConnectError::Timeout(_) => {
            let look = look(client.server(), PATIENCE).await;
            let says = format!("no Sealnote enclave answers there: {}", look.describe());
            Finding::failed(CHECK, Exit::Unreachable.because(says), look.advice())
        }
        error => Finding::failed(CHECK, error, REJECTED),
    }
}

/// This machine's clock, beside the moment at which the enclave's machine made its document. It is not verified yet.
fn clock(attested: &Attested, at: UnixTime) -> Option<Finding> {
    if attested.kind() != Kind::Nitro {
        return None;
    }
    let document = nitro::inspect(attested.document()).ok()?;
    let ahead = (at.as_millis() as f64 - document.timestamp_ms() as f64) / 1000.0;
    let says = match ahead.abs() {
        ..SKEW => format!("within {SKEW:.0} s of the enclave's machine ({ahead:+.1} s)"),
        _ => format!(
            "{:.0} s {} the enclave's machine",
            ahead.abs(),
            if ahead > 0.0 { "ahead of" } else { "behind" }
        ),
    };
    let advice =
        "set this machine's clock by NTP (`timedatectl`), and ask that the server's be looked at";
    Some(match ahead.abs() {
        ..SKEW => Finding::ok("clock", says),
        off if off <= TOO_FAR => Finding::warn("clock", says, advice),
        _ => Finding::failed("clock", Exit::Rejected.because(says), advice),
    })
}

fn evidence(verified: &Verified) -> Finding {
    let (evidence, facts) = (verified.evidence(), verified.evidence().facts());
    let serves = match evidence.claims().clients_sign() {
        true => "; clients must sign",
        false => "",
    };
    let says = format!(
        "verified, {} checks: measured as {:?}, model {}…, suite {}{serves}",
        evidence.passed().len(),
        facts.measurement_set(),
        &evidence.claims().model().digest().to_string()[..16],
        evidence.suite().name(),
    );
    Finding::ok("evidence", says)
}

/// The rest of the handshake, and the end of a session in which nothing was asked.
async fn session(verified: Verified) -> Finding {
    const CHECK: &str = "session";
    let session = match verified.open().await {
        Ok(session) => session,
        Err(error) => {
            let failure = Failure::from(error);
            let advice = match failure.exit() {
                Exit::Denied => NO_KEY,
                Exit::Tampered => "send no notes; somebody on the way may answer for the enclave",
                _ => "try again; the connection ended under way",
            };
            return Finding::failed(CHECK, failure, advice);
        }
    };
    match session.close().await {
        Ok(()) => Finding::ok(CHECK, "the enclave confirmed the key, and closed in order"),
        Err(SessionEnd::Denied(denial)) => {
            let advice = match denial.seconds() {
                Some(_) => "wait, or ask the model's owner for a greater quota",
                None => NO_KEY,
            };
            Finding::failed(CHECK, Exit::Denied.because(denial.to_string()), advice)
        }
        Err(end) => {
            let failure =
                Exit::from(&end).because(format!("it ended without the enclave's close: {end}"));
            Finding::failed(CHECK, failure, "try again; the connection ended under way")
        }
    }
}
