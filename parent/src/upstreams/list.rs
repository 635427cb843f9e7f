//! All enclaves, and which of them the next client gets.

use std::sync::Arc;

use clap::ValueEnum;
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    enclaves::Enclave,
    health::Pace,
    upstream::{InUse, Upstream},
};
use crate::Config;

/// How an enclave is chosen for a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// The one that has the fewest connections for its weight; where several have, one after the other.
    #[default]
    LeastConnections,
    /// One after the other, each as often as its weight says.
    RoundRobin,
}

#[derive(Debug)]
pub(super) struct List {
    balance: Balance,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    upstream: Arc<Upstream>,
    weight: u32,
    /// Whether the operator names it still. One that is not named is kept until its last connection has ended.
    named: bool,
    /// How far it is behind its share of turns.
    behind: i64,
}

impl List {
    pub(super) fn new(config: &Config, now: Instant) -> Self {
        let mut list = List {
            balance: config.balance,
            slots: Vec::new(),
        };
        list.replace(config, now);
        list
    }

    /// Goes on with these. What is known of those that stay is kept.
    pub(super) fn replace(&mut self, config: &Config, now: Instant) {
        let pace = Pace(config.probe_interval);
        let mut before = std::mem::take(&mut self.slots);
        for Enclave {
            endpoint,
            weight,
            drain,
        } in config.enclaves.iter()
        {
            let known = before
                .iter()
                .position(|slot| slot.upstream.endpoint == *endpoint);
            let upstream = match known {
                Some(index) => before.remove(index).upstream,
                None => Upstream::new(endpoint.clone(), pace, now),
            };
            upstream.set_pace(pace);
            upstream.set_leaving(*drain, now);
            self.slots.push(Slot {
                upstream,
                weight: weight.get().into(),
                named: true,
                behind: 0,
            });
        }
        for slot in before {
            slot.upstream.set_leaving(true, now);
            self.slots.push(Slot {
                named: false,
                ..slot
            });
        }
        self.balance = config.balance;
    }

    /// The enclave for one more connection, of those that are not in `tried`: one that was left out only if all are.
    /// `None` if there is none.
    pub(super) fn choose(&mut self, tried: &[Arc<Upstream>]) -> Option<InUse> {
        let mut candidates = self.candidates(false);
        if candidates.is_empty() {
            candidates = self.candidates(true);
        }
        candidates.retain(|candidate| {
            let upstream = &self.slots[candidate.slot].upstream;
            !tried.iter().any(|tried| Arc::ptr_eq(tried, upstream))
        });
        if self.balance == Balance::LeastConnections {
            candidates = self.least_loaded(candidates);
        }
        let chosen = self.next_turn(&candidates)?;
        Some(self.slots[chosen].upstream.enter())
    }

    /// Those that are there for connections, or have some still.
    pub(super) fn upstreams(&mut self) -> impl Iterator<Item = &Arc<Upstream>> {
        let kept = |slot: &Slot| slot.named || slot.upstream.view().counts.open > 0;
        self.slots.retain(kept);
        self.slots.iter().map(|slot| &slot.upstream)
    }

    fn candidates(&self, ejected: bool) -> Vec<Candidate> {
        let slots = self.slots.iter().enumerate();
        let candidates = slots.filter_map(|(slot, Slot { upstream, .. })| {
            let view = upstream.view();
            let open = view.counts.open;
            (!view.leaving && view.ejected == ejected).then_some(Candidate { slot, open })
        });
        candidates.collect()
    }

    /// Each turn all that may be chosen move up by their weights, and the one that goes falls back by their sum: over that many
    /// turns each has as many as its weight, spread evenly (as in nginx's smooth weighted round robin).
    fn next_turn(&mut self, candidates: &[Candidate]) -> Option<usize> {
        let mut sum = 0;
        for candidate in candidates {
            let slot = &mut self.slots[candidate.slot];
            slot.behind += i64::from(slot.weight);
            sum += i64::from(slot.weight);
        }
        let slots = candidates.iter().map(|candidate| candidate.slot);
        // The first of equals.
        let chosen = slots.rev().max_by_key(|slot| self.slots[*slot].behind)?;
        self.slots[chosen].behind -= sum;
        Some(chosen)
    }

    /// Those that have the fewest connections for their weight.
    fn least_loaded(&self, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
        let weight = |candidate: &Candidate| u64::from(self.slots[candidate.slot].weight);
        let load = |a: &Candidate, b: &Candidate| (a.open * weight(b)).cmp(&(b.open * weight(a)));
        if let Some(least) = candidates.iter().copied().min_by(load) {
            candidates.retain(|candidate| load(candidate, &least).is_eq());
        }
        candidates
    }
}

/// A slot that may be chosen, and how many connections it has.
#[derive(Clone, Copy)]
struct Candidate {
    slot: usize,
    open: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Enclaves};

    #[test]
    fn the_next_client_goes_where_there_are_fewest_for_the_weight() {
        let mut list = list("a:1 a:2,weight=2 a:3,weight=3");
        let mut held: Vec<InUse> = (0..60).filter_map(|_| list.choose(&[])).collect();
        assert_eq!(open(&mut list), [10, 20, 30]);
        // Those that have lost some get as many again.
        held.retain(|in_use| in_use.endpoint().to_string() != "tcp:a:2");
        assert_eq!(open(&mut list), [10, 0, 30]);
        held.extend((0..20).filter_map(|_| list.choose(&[])));
        assert_eq!(open(&mut list), [10, 20, 30]);
    }

    #[test]
    fn clients_that_come_one_by_one_do_not_all_go_to_the_first() {
        let mut list = list("a:1 a:2 a:3");
        assert_eq!(turns(&mut list, 7), "1 2 3 1 2 3 1");
        let mut weighted = self::list("a:1,weight=2 a:2");
        assert_eq!(turns(&mut weighted, 6), "1 2 1 1 2 1");
    }

    #[test]
    fn in_turn_each_has_its_weight_spread_evenly() {
        let mut list = list("a:1,weight=5 a:2 a:3");
        list.balance = Balance::RoundRobin;
        let held = list.choose(&[]);
        assert_eq!(turns(&mut list, 7), "1 2 1 3 1 1 1");
        drop(held);
    }

    #[test]
    fn who_was_tried_or_is_drained_is_not_chosen_and_who_is_ejected_only_with_all_others() {
        for balance in [Balance::LeastConnections, Balance::RoundRobin] {
            let mut list = list("a:1,weight=9 a:2 a:3,drain,weight=9");
            list.balance = balance;
            let [first, second, _] = upstreams(&mut list);
            let choose = |list: &mut List, tried: &[Arc<Upstream>]| {
                list.choose(tried)
                    .map(|in_use| in_use.endpoint().to_string())
            };
            assert_eq!(choose(&mut list, &[]).unwrap(), "tcp:a:1");
            let tried = [first.clone()];
            assert_eq!(choose(&mut list, &tried).unwrap(), "tcp:a:2");
            let both = [first.clone(), second.clone()];
            assert_eq!(choose(&mut list, &both), None);

            first.eject();
            assert_eq!(turns(&mut list, 4), "2 2 2 2");
            assert_eq!(choose(&mut list, std::slice::from_ref(&second)), None);
            second.eject();
            let either = turns(&mut list, 20);
            assert!(either.contains('1') && either.contains('2'), "{either}");
            assert!(!either.contains('3'), "{either}");
        }
    }

    #[test]
    fn who_stays_keeps_what_it_has_and_who_goes_is_kept_until_it_is_empty() {
        let mut list = list("a:1 a:2");
        let held = [list.choose(&[]), list.choose(&[])];
        let [first, second] = upstreams(&mut list);
        first.eject();
        list.replace(&config("a:3 a:1,weight=4"), Instant::now());
        let [_, stayed, gone] = upstreams(&mut list);
        assert!(Arc::ptr_eq(&stayed, &first) && Arc::ptr_eq(&gone, &second));
        assert!(stayed.view().ejected && !stayed.view().leaving && gone.view().leaving);
        assert_eq!(open(&mut list), [0, 1, 1]);
        assert_eq!(turns(&mut list, 3), "3 3 3");

        // It is named again before it was empty, and then no more.
        list.replace(&config("a:1 a:2"), Instant::now());
        assert!(Arc::ptr_eq(&upstreams::<2>(&mut list)[1], &second));
        assert!(!second.view().leaving);
        list.replace(&config("a:1"), Instant::now());
        assert_eq!(open(&mut list), [1, 1]);
        drop(held);
        assert_eq!(open(&mut list), [0]);
    }

    /// Which enclaves get clients that come one by one, and leave.
    fn turns(list: &mut List, count: usize) -> String {
        let port = |in_use: InUse| in_use.endpoint().to_string().split_off("tcp:a:".len());
        let turns: Vec<String> = (0..count)
            .map(|_| port(list.choose(&[]).unwrap()))
            .collect();
        turns.join(" ")
    }

    fn open(list: &mut List) -> Vec<u64> {
        let views = list.upstreams().map(|upstream| upstream.view());
        views.map(|view| view.counts.open).collect()
    }

    fn upstreams<const COUNT: usize>(list: &mut List) -> [Arc<Upstream>; COUNT] {
        let upstreams: Vec<_> = list.upstreams().cloned().collect();
        upstreams.try_into().unwrap()
    }

    fn list(enclaves: &str) -> List {
        List::new(&config(enclaves), Instant::now())
    }

    fn config(enclaves: &str) -> Config {
        let enclaves = enclaves
            .split(' ')
            .map(|enclave| format!("tcp:{enclave}").parse().unwrap());
        let enclaves = Enclaves::try_from(enclaves.collect::<Vec<_>>()).unwrap();
        Config::with("tcp:a:0".parse().unwrap(), enclaves)
    }
}
