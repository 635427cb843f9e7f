//! Limits that two programs must agree on, though neither knows the other.

use sealnote_enclave::attester::{sev_snp, tdx};
use sealnote_enclave::boot::{CONNECTION_MEMORY, client_memory, endorsement_memory};
use sealnote_enclave::server::{MAX_ENDORSEMENTS, ServerLimits};
use sealnote_parent::{Config, ENDORSED_KINDS, Parent};
use sealnote_protocol::frame::Frame;
use sealnote_protocol::handshake::MAX_ANSWER;
use sealnote_protocol::session::SessionLimits;
use sealnote_transport::{VSOCK_BACKLOG, connect};
use tokio::io::AsyncReadExt;

#[test]
fn the_parent_lets_in_as_many_as_the_enclave_holds() {
    let address = || "vsock:16:5005".parse().unwrap();
    let (parent, enclave) = (Config::new(address(), address()), ServerLimits::default());
    assert_eq!(
        parent.max_connections.get(),
        enclave.sessions + enclave.half_open
    );
    assert_eq!(
        parent.max_connections_per_address.get(),
        enclave.sessions / 2
    );
}

#[test]
fn no_session_and_no_handshake_of_an_enclave_meets_the_parents_times() {
    let address = || "vsock:16:5005".parse().unwrap();
    let (parent, enclave) = (Config::new(address(), address()), ServerLimits::default());
    assert!(parent.handshake_timeout > enclave.hello_time + enclave.handshake_time);
    assert!(parent.idle_timeout > enclave.idle_time);
    let session = SessionLimits::default().lifetime;
    assert!(parent.lifetime_timeout > session + parent.connect_timeout + parent.handshake_timeout);
    assert_eq!(parent.max_bytes_per_connection, None);
    assert_eq!(parent.max_connection_rate, None);
    assert_eq!(parent.max_connection_rate_per_address, None);
}

#[tokio::test]
async fn the_parent_says_full_as_the_protocol_does() {
    let folder = tempfile::tempdir().unwrap();
    let address = |name: &str| format!("unix:{}", folder.path().join(name).display());
    let mut config = Config::new(
        address("parent").parse().unwrap(),
        address("enclave").parse().unwrap(),
    );
    config.max_connections = 1.try_into().unwrap();
    let parent = Parent::bind(config).await.unwrap();
    let server = parent.local_endpoint().clone();
    let running = tokio::spawn(parent.run(std::future::pending()));
    let _first = connect(&server).await.unwrap();
    let mut told = Vec::new();
    let mut second = connect(&server).await.unwrap();
    second.read_to_end(&mut told).await.unwrap();
    assert_eq!(told, Frame::full().into_bytes());
    running.abort();
}

#[test]
fn clients_have_their_memory_set_aside_and_an_enclave_of_512_mib_has_it() {
    let limits = ServerLimits::default();
    let at_once = limits.sessions + limits.half_open + usize::from(VSOCK_BACKLOG) + 1;
    let unread = at_once as u64 * CONNECTION_MEMORY;
    assert!(unread < client_memory());
    // Of the 328 MiB that are free with the default model, computing takes 82.
    assert!(client_memory() < (328 - 82) << 20);
}

#[test]
fn the_parent_hands_over_what_the_enclave_takes() {
    assert_eq!(sealnote_parent::MAX_ENDORSEMENTS, MAX_ENDORSEMENTS);
    for name in [sev_snp::NAME, tdx::NAME] {
        assert!(ENDORSED_KINDS.contains(&name));
    }
}

#[test]
fn endorsements_have_their_memory_set_aside() {
    let answers = ServerLimits::default().half_open as u64 * MAX_ANSWER as u64;
    let connections = u64::from(VSOCK_BACKLOG + 2) * CONNECTION_MEMORY;
    assert!(answers + connections + 2 * (MAX_ENDORSEMENTS as u64) < endorsement_memory());
    assert!(endorsement_memory() < 20 << 20);
}
