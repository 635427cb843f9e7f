//! The clients that may ask, and how much: the model owner's list.
//!
//! People write it as JSON; a releaser sends it as deterministic CBOR. Quotas count for a boot of one enclave.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use serde::Deserialize;
use thiserror::Error;

use crate::key::{PublicKey, PublicKeyError};

/// Clients in a list, at most: the list must fit into a releaser's message.
pub const MAX_CLIENTS: usize = 1024;

/// The least quota of notes that an enclave takes: one full request has so many.
pub const LEAST_NOTES_PER_HOUR: u32 = 32;

/// Who may ask: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients(BTreeMap<PublicKey, Quota>);

/// What one client may ask for in an hour, of one enclave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Notes.
    pub notes_per_hour: u32,
    /// Sessions.
    pub sessions_per_hour: u32,
}

/// One entry of the list, as people write it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// For people; it does not reach the enclave.
    pub name: String,
    /// `ed25519:…`, as `sealnote key show` prints it.
    pub key: String,
    /// Notes in an hour.
    pub notes_per_hour: u32,
    /// Sessions in an hour.
    pub sessions_per_hour: u32,
}

/// Why a list is none.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientsError {
    /// No JSON, or of another shape.
    #[error(
        "the list of clients is not {{\"clients\": [{{\"name\", \"key\", \"notes_per_hour\", \"sessions_per_hour\"}}, …]}}: {0}"
    )]
    Json(serde_json::Error),
    /// A key that is none.
    #[error("client {number} ({name}): {error}")]
    Key {
        /// Its place in the list, from 1.
        number: usize,
        /// Its name.
        name: String,
        /// Why.
        error: PublicKeyError,
    },
    /// A quota of nothing.
    #[error("client {number} ({name}) has a quota of 0: leave it out of the list instead")]
    Quota {
        /// Its place in the list, from 1.
        number: usize,
        /// Its name.
        name: String,
    },
    /// The same key twice.
    #[error("client {number} ({name}) has the key of a client before it: each has its own")]
    Twice {
        /// Its place in the list, from 1.
        number: usize,
        /// Its name.
        name: String,
    },
    /// Nobody, or too many.
    #[error(
        "the list has {0} clients; it may have 1 to {MAX_CLIENTS}, and without a list anybody may ask"
    )]
    Count(usize),
    /// A releaser's encoding that is not the deterministic one, or out of range.
    #[error("the encoded list of clients is malformed")]
    Encoding,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    clients: Vec<Client>,
}

/// As it travels: an array of [key, notes, sessions].
#[derive(Encode, Decode, PartialEq)]
#[cbor(transparent)]
struct Wire(#[n(0)] Vec<WireClient>);

#[derive(Encode, Decode, PartialEq)]
struct WireClient {
    #[cbor(n(0), with = "minicbor::bytes")]
    key: [u8; 32],
    #[n(1)]
    notes_per_hour: u32,
    #[n(2)]
    sessions_per_hour: u32,
}

impl Clients {
    /// Reads the list as people write it.
    ///
    /// # Errors
    /// [`ClientsError`], which says which entry is wrong.
    pub fn from_json(text: &str) -> Result<Self, ClientsError> {
        let Json { clients } = serde_json::from_str(text).map_err(ClientsError::Json)?;
        count(clients.len())?;
        let mut all = BTreeMap::new();
        for (index, client) in clients.into_iter().enumerate() {
            let (number, name) = (index + 1, client.name);
            let key = match client.key.parse() {
                Ok(key) => key,
                Err(error) => {
                    return Err(ClientsError::Key {
                        number,
                        name,
                        error,
                    });
                }
            };
            let quota = Quota {
                notes_per_hour: client.notes_per_hour,
                sessions_per_hour: client.sessions_per_hour,
            };
            if quota.notes_per_hour == 0 || quota.sessions_per_hour == 0 {
                return Err(ClientsError::Quota { number, name });
            }
            if all.insert(key, quota).is_some() {
                return Err(ClientsError::Twice { number, name });
            }
        }
        Ok(Self(all))
    }

    /// As a releaser sends it: an array of [key, notes, sessions], by key, in deterministic CBOR.
    pub fn encode(&self) -> Vec<u8> {
        let clients = self.0.iter().map(|(key, quota)| WireClient {
            key: *key.as_bytes(),
            notes_per_hour: quota.notes_per_hour,
            sessions_per_hour: quota.sessions_per_hour,
        });
        encode(&Wire(clients.collect()))
    }

    /// Reads what [`encode`](Self::encode) wrote, and nothing else.
    ///
    /// # Errors
    /// [`ClientsError::Encoding`] or [`ClientsError::Count`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ClientsError> {
        let wire: Wire = minicbor::decode(bytes).map_err(|_| ClientsError::Encoding)?;
        if encode(&wire) != bytes {
            return Err(ClientsError::Encoding);
        }
        count(wire.0.len())?;
        let mut all = BTreeMap::new();
        for client in wire.0 {
            let key = PublicKey::from_bytes(&client.key).map_err(|_| ClientsError::Encoding)?;
            let ascends = all.last_key_value().is_none_or(|(last, _)| *last < key);
            let quota = Quota {
                notes_per_hour: client.notes_per_hour,
                sessions_per_hour: client.sessions_per_hour,
            };
            if !ascends || quota.notes_per_hour == 0 || quota.sessions_per_hour == 0 {
                return Err(ClientsError::Encoding);
            }
            all.insert(key, quota);
        }
        Ok(Self(all))
    }

    /// What a client may ask for; `None` of one who is not in the list.
    pub fn quota(&self, key: &PublicKey) -> Option<Quota> {
        self.0.get(key).copied()
    }

    /// The least quota of notes.
    pub fn least_notes_per_hour(&self) -> u32 {
        let notes = self.0.values().map(|quota| quota.notes_per_hour);
        notes.min().unwrap_or_default()
    }

    /// All of them, by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&PublicKey, &Quota)> {
        self.0.iter()
    }
}

fn count(clients: usize) -> Result<(), ClientsError> {
    match clients {
        1..=MAX_CLIENTS => Ok(()),
        _ => Err(ClientsError::Count(clients)),
    }
}

fn encode(wire: &Wire) -> Vec<u8> {
    let mut bytes = Vec::new();
    match minicbor::encode(wire, &mut bytes) {
        Ok(()) => bytes,
        Err(error) => unreachable!("encoding to memory: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;
    use getrandom::rand_core::UnwrapErr;

    use super::*;
    use crate::PrivateKey;

    fn key() -> PublicKey {
        PrivateKey::generate(&mut UnwrapErr(SysRng)).public()
    }

    fn entry(key: &str, notes: u32, sessions: u32) -> String {
        format!(
            r#"{{"name": "a", "key": "{key}", "notes_per_hour": {notes}, "sessions_per_hour": {sessions}}}"#
        )
    }

    fn list(entries: &[String]) -> String {
        format!(r#"{{"clients": [{}]}}"#, entries.join(", "))
    }

    #[test]
    fn a_list_travels_as_it_was_written() {
        let keys = [key(), key(), key()];
        let entries = keys.map(|key| entry(&key.to_string(), 1000, 10));
        let clients = Clients::from_json(&list(&entries)).unwrap();
        assert_eq!(Clients::decode(&clients.encode()).unwrap(), clients);
        for key in keys {
            assert_eq!(clients.quota(&key).unwrap().notes_per_hour, 1000);
        }
        assert_eq!(clients.quota(&key()), None);
    }

    #[test]
    fn a_faulty_list_says_which_entry() {
        let (a, b) = (key().to_string(), key().to_string());
        let error = |entries: &[String]| Clients::from_json(&list(entries)).unwrap_err();
        assert!(matches!(error(&[]), ClientsError::Count(0)));
        let twice = error(&[entry(&a, 1, 1), entry(&b, 1, 1), entry(&a, 1, 1)]);
        assert!(matches!(twice, ClientsError::Twice { number: 3, .. }));
        for zero in [entry(&b, 0, 1), entry(&b, 1, 0)] {
            let error = error(&[entry(&a, 1, 1), zero]);
            assert!(matches!(error, ClientsError::Quota { number: 2, .. }));
        }
        let no_key = error(&[entry("x", 1, 1)]);
        assert!(matches!(no_key, ClientsError::Key { number: 1, .. }));
        for json in ["", "[]", "{}", r#"{"clients": [{"key": 1}]}"#] {
            let error = Clients::from_json(json).unwrap_err();
            assert!(matches!(error, ClientsError::Json(_)), "{json}");
        }
        let many: Vec<_> = (0..=MAX_CLIENTS).map(|_| entry(&a, 1, 1)).collect();
        assert!(matches!(error(&many), ClientsError::Count(1025)));
    }

    /// PROTOCOL.md, "Key release": an array of arrays, and nothing around it.
    #[test]
    fn a_list_is_one_array() {
        let key = key();
        let one = Clients::from_json(&list(&[entry(&key.to_string(), 1, 2)])).unwrap();
        let bytes = [&[0x81, 0x83, 0x58, 32][..], key.as_bytes(), &[1, 2]].concat();
        assert_eq!(one.encode(), bytes);
    }

    #[test]
    fn another_encoding_is_refused() {
        let mut keys = [key(), key()];
        keys.sort();
        let wire = |keys: &[PublicKey], notes| {
            let clients = keys.iter().map(|key| WireClient {
                key: *key.as_bytes(),
                notes_per_hour: notes,
                sessions_per_hour: 1,
            });
            encode(&Wire(clients.collect()))
        };
        let good = wire(&keys, 1);
        assert!(Clients::decode(&good).is_ok());
        let [a, b] = keys;
        for bad in [
            wire(&[b, a], 1),
            wire(&[a, a], 1),
            wire(&keys, 0),
            wire(&[], 1),
        ] {
            assert!(Clients::decode(&bad).is_err());
        }
        assert!(Clients::decode(&[&good[..], &[0]].concat()).is_err());
        for cut in 0..good.len() {
            assert!(Clients::decode(&good[..cut]).is_err());
        }
    }
}
