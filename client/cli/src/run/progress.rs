//! How far the run is, for the person who waits: a bar on a terminal, and else a line a minute.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

/// How often it is told where no bar is seen.
const EVERY: Duration = Duration::from_secs(60);

pub(super) struct Progress {
    bar: Option<ProgressBar>,
    begun: Instant,
    told: Instant,
    /// Records that were done before this run.
    before: u64,
    /// How much of the input has been read, from 0 to 1, if that is known.
    read: Box<dyn Fn() -> Option<f64> + Send>,
}

impl Progress {
    pub(super) fn new(before: u64, read: impl Fn() -> Option<f64> + Send + 'static) -> Self {
        let bar = (std::io::stderr().is_terminal() && !crate::say::is_quiet()).then(|| {
            let bar = ProgressBar::new_spinner();
            match ProgressStyle::with_template("{spinner} {msg}") {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        let now = Instant::now();
        Self {
            bar,
            begun: now,
            told: now,
            before,
            read: Box::new(read),
        }
    }

    /// `done` records have their rows, `failed` of them an error.
    pub(super) fn tell(&mut self, done: u64, failed: u64) {
        let now = Instant::now();
        if self.bar.is_none() && now < self.told + EVERY {
            return;
        }
        self.told = now;
        let line = describe(
            done - self.before,
            done,
            failed,
            now - self.begun,
            (self.read)(),
        );
        match &self.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.tick();
            }
            None => note!("{line}"),
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn describe(here: u64, done: u64, failed: u64, took: Duration, read: Option<f64>) -> String {
    let seconds = took.as_secs_f64().max(0.001);
    let rate = here as f64 / seconds;
    let mut line = format!("{} records, {} a second", grouped(done), rounded(rate));
    if failed > 0 {
        line += &format!(", {} failed", grouped(failed));
    }
    // What was skipped at the start was read in no time; and below a hundredth the estimate is noise.
    if let Some(read) = read.filter(|read| here > 0 && *read >= 0.01) {
        let left = Duration::from_secs_f64((seconds * (1.0 - read) / read).min(3e7));
        let percent = (100.0 * read).floor();
        line += &format!(", {percent:.0} % of the input, about {} left", human(left));
    }
    line
}

/// `12,345,678`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Two digits are enough for what changes all the time.
fn rounded(rate: f64) -> String {
    match rate {
        0.0..10.0 => format!("{rate:.1}"),
        _ => grouped(rate.round() as u64),
    }
}

fn human(left: Duration) -> String {
    match left.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_how_long_it_takes() {
        let line = |here, done, failed, seconds, read| {
            describe(here, done, failed, Duration::from_secs(seconds), read)
        };
        assert_eq!(
            line(3538, 3538, 0, 1, None),
            "3,538 records, 3,538 a second"
        );
        assert_eq!(
            line(1_000, 1_001_000, 3, 400, Some(0.25)),
            "1,001,000 records, 2.5 a second, 3 failed, 25 % of the input, about 20 min left"
        );
        assert_eq!(human(Duration::from_secs(9000)), "2.5 h");
    }
}
