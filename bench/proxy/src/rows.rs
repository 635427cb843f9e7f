//! What is measured.

mod beside;
mod bulk;
mod conduct;
mod connections;
mod idle;
mod round_trips;

use std::ops::RangeInclusive;

use clap::ValueEnum;

use crate::{
    proxies::Proxy,
    stand::Programs,
    table::{Measured, Value},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rows {
    Bulk,
    RoundTrips,
    Connections,
    Idle,
    Beside,
    Conduct,
}

/// What all rows need.
pub struct Bench {
    pub programs: Programs,
    /// As many idle connections as are wanted and the limit on files allows.
    pub many: usize,
}

/// One line or several of the table that are measured together.
pub struct Measurement {
    pub section: &'static str,
    /// For whoever waits.
    pub name: String,
    /// What changes little from round to round and takes long is not measured in all of them.
    pub rounds: RangeInclusive<usize>,
    pub measure: Box<Measure>,
}

type Measure = dyn Fn(&Bench, Proxy) -> anyhow::Result<Vec<Measured>>;

impl Rows {
    pub fn measurements(self) -> Vec<Measurement> {
        match self {
            Self::Bulk => bulk::all(),
            Self::RoundTrips => round_trips::all(),
            Self::Connections => connections::all(),
            Self::Idle => idle::all(),
            Self::Beside => beside::all(),
            Self::Conduct => conduct::all(),
        }
    }
}

const EVERY_ROUND: RangeInclusive<usize> = 1..=usize::MAX;
const TWICE: RangeInclusive<usize> = 1..=2;
const ONCE: RangeInclusive<usize> = 1..=1;

/// Clients that no row exceeds but those of idle connections.
const CLIENTS: usize = 1000;

fn more(row: impl Into<String>, value: f64) -> Measured {
    Measured {
        row: row.into(),
        value: Value::More(value),
    }
}

fn less(row: impl Into<String>, value: f64) -> Measured {
    Measured {
        row: row.into(),
        value: Value::Less {
            value,
            none: f64::MIN_POSITIVE,
        },
    }
}

fn words(row: impl Into<String>, words: impl Into<String>) -> Measured {
    Measured {
        row: row.into(),
        value: Value::Words(words.into()),
    }
}
