//! What each client has had of its quota: fixed hours, by a monotonic clock, for as long as the enclave runs.
//!
//! A client's hour begins with the first session that is counted after its last hour; in it the client has as many sessions
//! and notes as the list says. So within any hour it may have twice as much, at the border of two, and never more in the
//! long run. A bucket that fills by and by would allow the same, and give a client that has used everything a few
//! notes at a time, each few over a session of their own.
//!
//! What is counted is known before anything is computed, and all or nothing of it is. No more is held than the list.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sealnote_access::{Clients, PublicKey, Quota};
use sealnote_protocol::denial::Denial;
use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3600);

/// The clients that may ask, and what they have had.
pub(super) struct Quotas(BTreeMap<PublicKey, Arc<Account>>);

/// One client's.
pub(super) struct Account {
    quota: Quota,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    /// When the hour began; `None` before the first.
    hour: Option<Instant>,
    sessions: u32,
    notes: u32,
}

impl Quotas {
    pub(super) fn new(clients: &Clients) -> Self {
        let account = |quota: Quota| {
            Arc::new(Account {
                quota,
                used: Mutex::default(),
            })
        };
        let accounts = clients.iter().map(|(key, quota)| (*key, account(*quota)));
        Self(accounts.collect())
    }

    /// Counts a session of the client with this key, which has proved that it is.
    pub(super) fn session(&self, key: &PublicKey, now: Instant) -> Result<Arc<Account>, Denial> {
        let account = self.0.get(key).ok_or(Denial::UnknownClient)?;
        account.count(now, |used| {
            take(&mut used.sessions, 1, account.quota.sessions_per_hour)
                .ok_or(|seconds| Denial::Sessions { seconds })
        })?;
        Ok(account.clone())
    }
}

impl Account {
    /// Counts the notes of one request: all, or none if there are more than the client has left.
    pub(super) fn notes(&self, notes: usize, now: Instant) -> Result<(), Denial> {
        let notes = u32::try_from(notes).unwrap_or(u32::MAX);
        self.count(now, |used| {
            take(&mut used.notes, notes, self.quota.notes_per_hour)
                .ok_or(|seconds| Denial::Notes { seconds })
        })
    }

    fn count(
        &self,
        now: Instant,
        take: impl FnOnce(&mut Used) -> Result<(), fn(u32) -> Denial>,
    ) -> Result<(), Denial> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = match used.hour {
            Some(begun) if now.saturating_duration_since(begun) < HOUR => begun,
            _ => {
                *used = Used {
                    hour: Some(now),
                    ..Used::default()
                };
                now
            }
        };
        take(&mut used).map_err(|denial| {
            let left = HOUR.saturating_sub(now.saturating_duration_since(begun));
            // Rounded up: a client that waits for so long does not come a moment too early.
            denial(left.as_millis().div_ceil(1000) as u32)
        })
    }
}

/// Takes `count` of what is left, or nothing.
fn take(used: &mut u32, count: u32, quota: u32) -> Option<()> {
    let total = used.checked_add(count).filter(|total| *total <= quota)?;
    *used = total;
    Some(())
}

#[cfg(test)]
mod tests {
    use getrandom::SysRng;
    use getrandom::rand_core::UnwrapErr;
    use sealnote_access::{MAX_CLIENTS, PrivateKey};

    use super::*;

    fn key() -> PublicKey {
        PrivateKey::generate(&mut UnwrapErr(SysRng)).public()
    }

    fn quotas(keys: &[PublicKey], notes: u32, sessions: u32) -> Quotas {
        let entry = |key: &PublicKey| {
            format!(
                r#"{{"name": "a", "key": "{key}", "notes_per_hour": {notes}, "sessions_per_hour": {sessions}}}"#
            )
        };
        let entries: Vec<String> = keys.iter().map(entry).collect();
        let json = format!(r#"{{"clients": [{}]}}"#, entries.join(","));
        Quotas::new(&Clients::from_json(&json).unwrap())
    }

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn a_client_has_its_sessions_of_each_hour() {
        let (key, start) = (key(), Instant::now());
        let quotas = quotas(&[key], 10, 2);
        let session = |millis| quotas.session(&key, after(start, millis)).map(|_| ());
        assert_eq!(session(0), Ok(()));
        assert_eq!(session(1_800_000), Ok(()));
        let denied = |seconds| Err(Denial::Sessions { seconds });
        assert_eq!(session(1_800_001), denied(1800));
        // Those that were denied are not counted, and do not move the hour.
        assert_eq!(session(3_599_001), denied(1));
        assert_eq!(session(3_599_999), denied(1));
        for _ in 0..2 {
            assert_eq!(session(3_600_000), Ok(()));
        }
        assert_eq!(session(3_600_000), denied(3600));
        // After a pause the next hour begins when the client comes.
        for _ in 0..2 {
            assert_eq!(session(9_000_000), Ok(()));
        }
        assert_eq!(session(9_000_000), denied(3600));
        assert_eq!(session(12_599_999), denied(1));
        assert_eq!(session(12_600_000), Ok(()));
    }

    #[test]
    fn a_request_is_counted_whole_or_not_at_all() {
        let (key, start) = (key(), Instant::now());
        let quotas = quotas(&[key], 10, 1);
        let account = quotas.session(&key, start).unwrap();
        let notes = |count, millis| account.notes(count, after(start, millis));
        assert_eq!(notes(7, 1), Ok(()));
        let denied = |seconds| Err(Denial::Notes { seconds });
        for count in [4, 10, 11, usize::MAX, u32::MAX as usize] {
            assert_eq!(notes(count, 2), denied(3600), "{count}");
        }
        assert_eq!(notes(3, 3), Ok(()));
        assert_eq!(notes(1, 4), denied(3600));
        // A session that goes on into the next hour has that hour's notes.
        assert_eq!(notes(11, 3_600_000), denied(3600));
        assert_eq!(notes(10, 3_600_000), Ok(()));
    }

    #[test]
    fn sessions_at_the_same_time_share_a_quota_and_clients_do_not() {
        let ([one, other], start) = ([key(), key()], Instant::now());
        let quotas = quotas(&[one, other], 10, 5);
        let sessions = [one, one, other].map(|key| quotas.session(&key, start).unwrap());
        let [first, second, others] = sessions;
        assert_eq!(first.notes(6, start), Ok(()));
        assert_eq!(second.notes(5, start), Err(Denial::Notes { seconds: 3600 }));
        assert_eq!(second.notes(4, start), Ok(()));
        assert_eq!(others.notes(10, start), Ok(()));
    }

    #[test]
    fn a_full_list_and_nobody_else() {
        let keys: Vec<PublicKey> = (0..MAX_CLIENTS).map(|_| key()).collect();
        let (quotas, start) = (quotas(&keys, 1, 1), Instant::now());
        for key in &keys {
            assert_eq!(quotas.session(key, start).unwrap().notes(1, start), Ok(()));
        }
        for key in &keys {
            assert!(quotas.session(key, start).is_err());
        }
        assert_eq!(
            quotas.session(&key(), start).err(),
            Some(Denial::UnknownClient)
        );
        assert_eq!(quotas.0.len(), MAX_CLIENTS);
    }

    /// A monotonic clock does not go back; were it to, nobody would get more.
    #[test]
    fn an_earlier_time_gives_nothing() {
        let (key, start) = (key(), Instant::now() + HOUR);
        let quotas = quotas(&[key], 1, 1);
        assert!(quotas.session(&key, start).is_ok());
        let earlier = start - Duration::from_secs(60);
        let denied = quotas.session(&key, earlier).map(|_| ());
        assert_eq!(denied, Err(Denial::Sessions { seconds: 3600 }));
    }
}
