//! Inline SVG. Horizontal places are in percent, so that a chart is as wide as its column and its texts are of one
//! size on a telephone and on a desk.

use core::fmt::Write;

use super::summary::BINS;
use crate::run::grouped;

/// Height of the plot, and of what is written under it, in pixels.
const PLOT: u64 = 168;
const AXIS: u64 = 24;
const TOP: u64 = 22;

/// A bar in a table's cell, whose number stands beside it.
pub(super) fn bar(part: u64, most: u64, class: &str) -> String {
    let width = 100.0 * part as f64 / most.max(1) as f64;
    format!(
        "<svg class=\"bar\" width=\"100%\" height=\"12\" aria-hidden=\"true\" focusable=\"false\">\
         <rect class=\"{class}\" width=\"{width:.2}%\" height=\"12\" rx=\"2\"/></svg>"
    )
}

/// How many scores there are in each twentieth.
pub(super) fn histogram(scores: &[u64; BINS]) -> String {
    let most = scores.iter().copied().max().unwrap_or(0).max(1);
    let step = step(most);
    let top = most.div_ceil(step) * step;
    let bottom = TOP + PLOT;
    let height = |count: u64| PLOT as f64 * count as f64 / top as f64;
    let mut svg = format!(
        "<svg class=\"histogram\" width=\"100%\" height=\"{}\" role=\"img\" aria-labelledby=\"scores-title scores-desc\">\
         <title id=\"scores-title\">Histogram of scores</title>\
         <desc id=\"scores-desc\">How many notes have a score in each twentieth from 0 to 1; the table below has the \
         numbers.</desc>",
        bottom + AXIS
    );
    let mut add = |part: core::fmt::Arguments<'_>| {
        let _ = svg.write_fmt(part);
    };
    for count in (0..=top).step_by(step as usize) {
        let y = bottom as f64 - height(count);
        let class = if count == 0 { "base" } else { "grid" };
        add(format_args!(
            "<line class=\"{class}\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
        ));
        if count > 0 {
            let text = y - 5.0;
            add(format_args!(
                "<text x=\"0\" y=\"{text:.1}\">{}</text>",
                grouped(count)
            ));
        }
    }
    let width = 100.0 / BINS as f64;
    for (place, count) in scores
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, count)| *count > 0)
    {
        // What is there is seen.
        let tall = height(count).max(1.5);
        let (x, y, width) = (
            place as f64 * width + 0.3,
            bottom as f64 - tall,
            width - 0.6,
        );
        add(format_args!(
            "<rect class=\"fill\" x=\"{x:.2}%\" y=\"{y:.1}\" width=\"{width:.2}%\" height=\"{tall:.1}\"/>"
        ));
    }
    for (x, anchor, label) in [
        (0, "start", "0"),
        (25, "middle", "0.25"),
        (50, "middle", "0.5"),
        (75, "middle", "0.75"),
        (100, "end", "1"),
    ] {
        let y = bottom + 17;
        add(format_args!(
            "<text x=\"{x}%\" y=\"{y}\" text-anchor=\"{anchor}\">{label}</text>"
        ));
    }
    svg.push_str("</svg>");
    svg
}

/// A round step that makes two to five lines.
fn step(most: u64) -> u64 {
    let mut step = 1;
    for factor in [2, 5, 10].iter().cycle() {
        if most.div_ceil(step) <= 4 {
            break;
        }
        step = match factor {
            2 => step * 2,
            5 => step / 2 * 5,
            _ => step * 2,
        };
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        let steps = [1, 4, 5, 9, 17, 100, 401, 12_345_678].map(step);
        assert_eq!(steps, [1, 1, 2, 5, 5, 50, 200, 5_000_000]);
    }

    #[test]
    fn each_score_that_is_there_has_its_bar() {
        let mut scores = [0; BINS];
        (scores[0], scores[19]) = (1, 1_000_000);
        let svg = histogram(&scores);
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.contains("height=\"1.5\"") && svg.contains("height=\"168.0\""));
        assert!(svg.contains(">500,000</text>"));
    }
}
