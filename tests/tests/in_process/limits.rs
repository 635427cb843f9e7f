//! Limits that two programs must agree on, though neither knows the other.

use sealnote_enclave::attester::{sev_snp, tdx};
use sealnote_enclave::boot::{CONNECTION_MEMORY, client_memory, endorsement_memory};
use sealnote_enclave::server::{MAX_ENDORSEMENTS, ServerLimits};
use sealnote_parent::{Config, ENDORSED_KINDS};
use sealnote_protocol::handshake::MAX_ANSWER;
use sealnote_transport::VSOCK_BACKLOG;

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
