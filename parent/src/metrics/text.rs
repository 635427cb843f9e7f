//! Prometheus's text format, from OpenMetrics', which the crate writes.
//!
//! Every scraper reads the older one, and `promtool check metrics` no other. They differ, for what there is here, in the
//! name under which a counter is described, in the lines on units, and in the end mark.

use std::collections::HashSet;

/// Of an answer that holds the text ("Exposition formats", text format 0.0.4).
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn prometheus(open_metrics: &str) -> String {
    let counters: HashSet<&str> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        match line.splitn(4, ' ').collect::<Vec<_>>()[..] {
            ["#", "EOF"] | ["#", "UNIT", ..] => {}
            ["#", keyword, name, rest] if counters.contains(name) => {
                text.extend(["# ", keyword, " ", name, "_total ", rest, "\n"]);
            }
            _ => text.extend([line, "\n"]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_described_by_the_name_of_its_samples() {
        let open_metrics = "\
# HELP a_carried_bytes Bytes.
# TYPE a_carried_bytes counter
# UNIT a_carried_bytes bytes
a_carried_bytes_total{direction=\"to_client\"} 4
# HELP a_open Clients.
# TYPE a_open gauge
a_open 1
# EOF
";
        let expected = "\
# HELP a_carried_bytes_total Bytes.
# TYPE a_carried_bytes_total counter
a_carried_bytes_total{direction=\"to_client\"} 4
# HELP a_open Clients.
# TYPE a_open gauge
a_open 1
";
        assert_eq!(prometheus(open_metrics), expected);
    }
}
