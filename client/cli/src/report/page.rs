//! The report as one page of HTML that loads nothing and runs nothing. It has no id and no text of a record.

use core::fmt::{self, Display, Write};

use super::summary::{BINS, LITTLE, Summary};
use super::terminal::duration;
use super::{Report, chart, percent, shown};
use crate::run::grouped;

/// Rows of a table; what comes after them is counted together.
const SHOWN: usize = 50;

const STYLE: &str = include_str!("page.css");

/// The page.
pub(crate) fn page(report: &Report) -> String {
    let mut page = String::new();
    // Into a text, which takes everything.
    let _ = write(report, &mut page);
    page
}

fn write(report: &Report, out: &mut String) -> fmt::Result {
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>Classification report: {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        Text(&report.name)
    )?;
    header(report, out)?;
    figures(report, out)?;
    labels(&report.summary, out)?;
    scores(&report.summary, out)?;
    known(&report.summary, out)?;
    failures(report, out)?;
    sessions(report, out)?;
    out.write_str(
        "<footer>Made by <code>sealnote report</code>. It counts results; no record, and no text of one, is in it.\
         </footer>\n</main>\n</body>\n</html>\n",
    )
}

/// Escaped: a text of a peer, or of the command line.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in shown(self.0, 120).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

fn header(report: &Report, out: &mut String) -> fmt::Result {
    write!(
        out,
        "<header>\n<h1>Classification report</h1>\n<p><bdi>{}</bdi>",
        Text(&report.name)
    )?;
    if let Some(started) = report.run.as_ref().and_then(|run| run.started.as_ref()) {
        write!(out, " · run of {}", Text(started))?;
    }
    if let Some(state) = report.run.as_ref().and_then(|run| run.state.as_ref()) {
        write!(out, ", {}", Text(state))?;
    }
    if report.summary.cut_short {
        out.write_str(" · the last row is cut short, and is not counted")?;
    }
    out.write_str("</p>\n</header>\n")
}

fn figures(report: &Report, out: &mut String) -> fmt::Result {
    let summary = &report.summary;
    let share = |count| percent(count, summary.rows);
    out.write_str("<dl class=\"figures\">\n")?;
    let mut figure = |name: &str, value: &str, more: &str| {
        let (value, more) = (Text(value), Text(more));
        writeln!(
            out,
            "<div><dt>{name}</dt><dd>{value}<small>{more}</small></dd></div>"
        )
    };
    figure("Rows", &grouped(summary.rows), "")?;
    figure(
        "Classified",
        &grouped(summary.classified),
        &share(summary.classified),
    )?;
    let rejected = report
        .rejected()
        .map(|more| format!("and {} in the rejects file", grouped(more)));
    let failed = rejected.unwrap_or_else(|| share(summary.failed));
    figure("Failed", &grouped(summary.failed), &failed)?;
    if let Some(mean) = summary.mean_score {
        figure("Mean score", &format!("{mean:.3}"), "of the label")?;
    }
    let little = summary.known.little();
    figure("Little known", &grouped(little), &share(little))?;
    if let Some((run, rate)) = report.run.as_ref().and_then(|run| Some((run, run.rate()?))) {
        let took = duration(run.seconds().unwrap_or_default());
        figure(
            "Records a second",
            &grouped(rate.round() as u64),
            &format!("in {took}"),
        )?;
    }
    out.write_str("</dl>\n")
}

fn labels(summary: &Summary, out: &mut String) -> fmt::Result {
    let (labels, others) = summary.labels.top(SHOWN);
    if labels.is_empty() && summary.without_label == 0 {
        return Ok(());
    }
    let mean = labels.iter().any(|(_, count)| count.mean_score.is_some());
    let most = labels
        .first()
        .map_or(0, |(_, count)| count.count)
        .max(others)
        .max(summary.without_label);
    let note = match mean {
        true => "The label of each classified note, and the mean of its scores.",
        false => "The labels that hold for each classified note; a note may have several, or none.",
    };
    let heading = if mean {
        "<th scope=\"col\" class=\"wide\">Mean score</th>"
    } else {
        ""
    };
    open(out, "Labels", note)?;
    write!(
        out,
        "<table class=\"bars\">\n<thead><tr><th scope=\"col\" class=\"text\">Label</th><td></td><th scope=\"col\">Notes</th>\
         <th scope=\"col\">Share</th>{heading}</tr></thead>\n<tbody>\n"
    )?;
    let mut row = |class: &str, label: &str, count: u64, score: Option<f64>| {
        let (bar, notes) = (chart::bar(count, most, "fill"), grouped(count));
        let share = percent(count, summary.classified);
        write!(
            out,
            "<tr{class}><th scope=\"row\"><bdi>{}</bdi></th><td class=\"chart\">{bar}</td><td>{notes}</td><td>{share}</td>",
            Text(label)
        )?;
        if mean {
            let score = score.map_or("–".into(), |score| format!("{score:.3}"));
            write!(out, "<td class=\"wide\">{score}</td>")?;
        }
        out.write_str("</tr>\n")
    };
    for (label, count) in labels {
        row("", label, count.count, count.mean_score)?;
    }
    for (name, count) in [
        ("Other labels", others),
        ("No label holds", summary.without_label),
    ] {
        if count > 0 {
            row(" class=\"rest\"", name, count, None)?;
        }
    }
    out.write_str("</tbody>\n</table>\n</section>\n")
}

fn scores(summary: &Summary, out: &mut String) -> fmt::Result {
    if !summary.has_scores() {
        return Ok(());
    }
    let note = "How sure the model was: the score of each classified note's label, from 0 to 1.";
    open(out, "Scores", note)?;
    out.write_str(&chart::histogram(&summary.scores))?;
    out.write_str(
        "\n<details><summary>The same as a table</summary>\n<table>\n<thead><tr><th scope=\"col\" class=\"text\">Score\
         </th><th scope=\"col\">Notes</th><th scope=\"col\">Share</th></tr></thead>\n<tbody>\n",
    )?;
    for (place, count) in summary.scores.iter().copied().enumerate() {
        let from = place as f64 / BINS as f64;
        let to = from + 1.0 / BINS as f64;
        let share = percent(count, summary.classified);
        let count = grouped(count);
        writeln!(
            out,
            "<tr><th scope=\"row\">{from:.2} to {to:.2}</th><td>{count}</td><td>{share}</td></tr>"
        )?;
    }
    out.write_str("</tbody>\n</table>\n</details>\n</section>\n")
}

fn known(summary: &Summary, out: &mut String) -> fmt::Result {
    let bins = summary.known.bins();
    let all: u64 = bins.iter().map(|(_, count)| count).sum();
    if all == 0 {
        return Ok(());
    }
    let most = bins.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let note = format!(
        "How much of each note is in the model's vocabulary. A label of a note of which the model knew little is worth \
         little: below {:.0} % is counted as little known.",
        100.0 * LITTLE
    );
    open(out, "Known tokens", &note)?;
    out.write_str(
        "<table class=\"bars\">\n<thead><tr><th scope=\"col\" class=\"text\">Known</th><td></td><th scope=\"col\">Notes</th>\
         <th scope=\"col\">Share</th></tr></thead>\n<tbody>\n",
    )?;
    for (place, (name, count)) in bins.into_iter().enumerate() {
        let bar = chart::bar(count, most, if place < 3 { "fill" } else { "bad" });
        let (share, count) = (percent(count, all), grouped(count));
        writeln!(
            out,
            "<tr><th scope=\"row\">{name}</th><td class=\"chart\">{bar}</td><td>{count}</td><td>{share}</td></tr>"
        )?;
    }
    out.write_str("</tbody>\n</table>\n</section>\n")
}

fn failures(report: &Report, out: &mut String) -> fmt::Result {
    let (errors, others) = report.errors();
    if errors.is_empty() {
        return Ok(());
    }
    let all: u64 = errors.iter().map(|(_, count)| count).sum::<u64>() + others;
    let most = errors.first().map_or(0, |(_, count)| *count);
    open(
        out,
        "Failures",
        "Records that have no label, by the code of their error.",
    )?;
    out.write_str(
        "<table class=\"bars\">\n<thead><tr><th scope=\"col\" class=\"text\">Error</th><td></td><th scope=\"col\">Records</th>\
         <th scope=\"col\">Share</th></tr></thead>\n<tbody>\n",
    )?;
    let shown = errors.iter().take(SHOWN);
    let rest = others
        + errors
            .iter()
            .skip(SHOWN)
            .map(|(_, count)| count)
            .sum::<u64>();
    let rest = (rest > 0).then(|| ("other errors".to_owned(), rest));
    for (code, count) in shown.chain(&rest) {
        let bar = chart::bar(*count, most, "bad");
        let (share, count) = (percent(*count, all), grouped(*count));
        writeln!(
            out,
            "<tr><th scope=\"row\"><code>{}</code></th><td class=\"chart\">{bar}</td><td>{count}</td><td>{share}</td></tr>",
            Text(code)
        )?;
    }
    out.write_str("</tbody>\n</table>\n</section>\n")
}

fn sessions(report: &Report, out: &mut String) -> fmt::Result {
    let sessions = report.sessions(SHOWN);
    if sessions.is_empty() {
        return Ok(());
    }
    let more = report.sessions(usize::MAX).len() - sessions.len();
    let facts = sessions.iter().any(|session| !session.kind.is_empty());
    let note = match facts {
        true => {
            "The enclaves that gave the results, each by the first 16 digits of its evidence's SHA-256, as its rows \
                 name it, and as the policy names its measurements."
        }
        false => {
            "The enclaves that gave the results, each by the first 16 digits of its evidence's SHA-256. No manifest \
                  of the run is beside the results, which would say more."
        }
    };
    open(out, "Classified by", note)?;
    out.write_str("<div class=\"scroll\">\n<table>\n<thead><tr><th scope=\"col\" class=\"text\">Evidence</th>")?;
    if facts {
        for name in ["Kind", "Measured as", "Model", "Verified at"] {
            write!(out, "<th scope=\"col\" class=\"text\">{name}</th>")?;
        }
    }
    out.write_str("<th scope=\"col\">Rows</th></tr></thead>\n<tbody>\n")?;
    for session in &sessions {
        write!(
            out,
            "<tr><th scope=\"row\"><code>{}</code></th>",
            Text(&session.evidence)
        )?;
        if facts {
            let (kind, label) = (Text(&session.kind), Text(&session.measured_as));
            write!(
                out,
                "<td class=\"text\">{kind}</td><td class=\"text\"><bdi>{label}</bdi></td>"
            )?;
            let (model, at) = (Text(&session.model), Text(&session.at));
            write!(
                out,
                "<td class=\"text\"><code>{model}</code></td><td class=\"text\">{at}</td>"
            )?;
        }
        writeln!(out, "<td>{}</td></tr>", grouped(session.rows))?;
    }
    if more > 0 {
        writeln!(
            out,
            "<tr class=\"rest\"><th scope=\"row\">and {} more</th></tr>",
            grouped(more as u64)
        )?;
    }
    out.write_str("</tbody>\n</table>\n</div>\n</section>\n")
}

fn open(out: &mut String, heading: &str, note: &str) -> fmt::Result {
    write!(
        out,
        "<section>\n<h2>{heading}</h2>\n<p class=\"note\">{note}</p>\n"
    )
}
