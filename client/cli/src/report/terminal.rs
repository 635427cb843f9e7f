//! The report on a terminal.

use super::summary::{BINS, LITTLE};
use super::{Report, percent, shown};
use crate::run::grouped;

/// Labels, errors and sessions that are shown; the page shows more.
const SHOWN: usize = 20;

/// Columns of a label, and of a bar.
const LABEL: usize = 40;
const BAR: u64 = 24;

/// The report, line by line.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    let Report { name, summary, run } = report;
    let mut lines = vec![shown(name, 200), String::new()];
    let figure = |name: &str, count: u64| {
        format!(
            "  {name:<22}{:>14}{:>9}",
            grouped(count),
            percent(count, summary.rows)
        )
    };
    lines.push(format!("  {:<22}{:>14}", "rows", grouped(summary.rows)));
    lines.push(figure("classified", summary.classified));
    lines.push(figure("failed", summary.failed));
    if let Some(rejected) = report.rejected() {
        lines.push(format!(
            "  {:<22}{:>14}",
            "in the rejects file",
            grouped(rejected)
        ));
    }
    lines.push(format!(
        "{}   below {:.0} % of the tokens known",
        figure("little known", summary.known.little()),
        100.0 * LITTLE
    ));
    if let Some(mean) = summary.mean_score {
        lines.push(format!("  {:<22}{mean:>14.3}", "mean score"));
    }
    if let Some((run, rate)) = run.as_ref().and_then(|run| Some((run, run.rate()?))) {
        let seconds = run.seconds().unwrap_or_default();
        let rate = format!("{} a second", grouped(rate.round() as u64));
        lines.push(format!(
            "  {:<22}{:>14}   {rate}",
            "duration",
            duration(seconds)
        ));
    }
    if summary.cut_short {
        lines.push("  the last row is cut short, and is not counted".into());
    }

    let (labels, others) = summary.labels.top(SHOWN);
    let most = labels.first().map_or(0, |(_, count)| count.count);
    if !labels.is_empty() || summary.without_label > 0 {
        let score = if summary.has_scores() {
            "mean score"
        } else {
            ""
        };
        lines.extend([
            String::new(),
            format!(
                "{:<LABEL$}  {:24}{:>13}{:>9}  {score}",
                "labels", "", "notes", "share"
            ),
        ]);
    }
    for (label, count) in labels {
        let mean = count
            .mean_score
            .map_or(String::new(), |mean| format!("{mean:>12.3}"));
        let row = row(
            &shown(label, LABEL - 2),
            count.count,
            most,
            summary.classified,
        );
        lines.push(format!("{row}{mean}"));
    }
    for (name, count) in [
        ("(other labels)", others),
        ("(no label holds)", summary.without_label),
    ] {
        if count > 0 {
            lines.push(row(name, count, most, summary.classified));
        }
    }

    if summary.has_scores() {
        lines.extend([String::new(), "scores".into()]);
        let pairs: Vec<u64> = summary
            .scores
            .chunks(2)
            .map(|pair| pair.iter().sum())
            .collect();
        let most = pairs.iter().copied().max().unwrap_or(0);
        for (place, count) in pairs.into_iter().enumerate() {
            let from = place as f64 * 2.0 / BINS as f64;
            let bin = format!("{from:.1} to {:.1}", from + 2.0 / BINS as f64);
            lines.push(row(&bin, count, most, summary.classified));
        }
    }

    let (errors, others) = report.errors();
    if !errors.is_empty() {
        lines.extend([String::new(), "failures".into()]);
    }
    let all: u64 = errors.iter().map(|(_, count)| count).sum::<u64>() + others;
    let most = errors.first().map_or(0, |(_, count)| *count);
    for (code, count) in errors.into_iter().take(SHOWN) {
        lines.push(row(&shown(&code, LABEL - 2), count, most, all));
    }

    let sessions = report.sessions(SHOWN);
    if !sessions.is_empty() {
        lines.extend([String::new(), "classified by".into()]);
    }
    for session in &sessions {
        let mut said = format!(
            "  evidence {}…  {} rows",
            session.evidence,
            grouped(session.rows)
        );
        for (name, value) in [
            ("", &session.kind),
            ("measured as ", &session.measured_as),
            ("model ", &session.model),
            ("verified at ", &session.at),
        ] {
            if !value.is_empty() {
                said.push_str(&format!("  {name}{value}"));
            }
        }
        lines.push(said);
    }
    let all = report.sessions(usize::MAX).len();
    if all > sessions.len() {
        lines.push(format!("  and {} more", all - sessions.len()));
    }
    lines
}

fn row(name: &str, count: u64, most: u64, whole: u64) -> String {
    let eighths = (8 * BAR * count).checked_div(most).unwrap_or(0);
    // Nothing is shown of what is not there, and something of all else.
    let eighths = if count > 0 { eighths.max(1) } else { 0 };
    let mut bar = "█".repeat(eighths as usize / 8);
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths as usize % 8];
    bar.push_str(rest);
    let (count, share) = (grouped(count), percent(count, whole));
    format!("  {name:<38}  {bar:<24}{count:>13}{share:>9}")
}

/// `1:02:03`, or seconds if they are few.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.0} s");
    }
    let seconds = seconds.round() as u64;
    format!(
        "{}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}
