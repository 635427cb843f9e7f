//! Both ends of a session in memory, with the attester's real documents, and somebody on the way
//! who may do anything to the frames (in the manner of quinn-proto's `Pair`).

#[path = "pair/client_end.rs"]
mod client_end;
#[path = "pair/enclave_end.rs"]
mod enclave_end;
#[path = "pair/open.rs"]
mod open;
#[path = "pair/pair.rs"]
mod pair;
#[path = "pair/rogue.rs"]
mod rogue;
#[path = "pair/wire.rs"]
mod wire;
#[path = "pair/world.rs"]
mod world;

#[path = "pair/binding.rs"]
mod binding;
#[path = "pair/claims.rs"]
mod claims;
#[path = "pair/clients.rs"]
mod clients;
#[path = "pair/extensions.rs"]
mod extensions;
#[path = "pair/freshness.rs"]
mod freshness;
#[path = "pair/happy.rs"]
mod happy;
#[path = "pair/limits.rs"]
mod limits;
#[path = "pair/mutations.rs"]
mod mutations;
#[path = "pair/records.rs"]
mod records;
#[path = "pair/redaction.rs"]
mod redaction;
#[path = "pair/release.rs"]
mod release;
#[path = "pair/release_claims.rs"]
mod release_claims;
#[path = "pair/sizes.rs"]
mod sizes;
#[path = "pair/suite1.rs"]
mod suite1;
#[path = "pair/suite2.rs"]
mod suite2;
