//! What was measured, and the Markdown that shows it.

use std::fmt::Write;

use crate::proxies::Proxy;

/// Of one thing, by one proxy, once.
pub struct Measured {
    pub row: String,
    pub value: Value,
}

pub enum Value {
    /// The more the better.
    More(f64),
    /// The less the better, down to what is as good as none.
    Less {
        value: f64,
        none: f64,
    },
    /// To be read: no ratio.
    Plain(f64),
    Words(String),
}

#[derive(Default)]
pub struct Table {
    sections: Vec<Section>,
}

struct Section {
    title: &'static str,
    rows: Vec<Row>,
}

struct Row {
    title: String,
    cells: Vec<(Proxy, Vec<Value>)>,
}

impl Table {
    pub fn add(&mut self, section: &'static str, proxy: Proxy, all: Vec<Measured>) {
        let sections = &mut self.sections;
        let section = entry(
            sections,
            |has| has.title == section,
            || Section {
                title: section,
                rows: Vec::new(),
            },
        );
        for Measured { row, value } in all {
            let row = entry(
                &mut section.rows,
                |has| has.title == row,
                || Row {
                    title: row.clone(),
                    cells: Vec::new(),
                },
            );
            let (_, values) = entry(&mut row.cells, |has| has.0 == proxy, || (proxy, Vec::new()));
            values.push(value);
        }
    }

    /// In each cell the median, how far from it the least and the greatest lie, and the ratio to the best proxy.
    pub fn markdown(&self, proxies: &[Proxy]) -> String {
        let mut out = String::new();
        for section in &self.sections {
            let _ = write!(out, "\n### {}\n\n| |", section.title);
            for proxy in proxies {
                let _ = write!(out, " {} |", proxy.title());
            }
            let _ = writeln!(out, "\n|---|{}", "---|".repeat(proxies.len()));
            for row in &section.rows {
                let best = row.best();
                let _ = write!(out, "| {} |", row.title);
                for proxy in proxies {
                    let cell = row.cell(*proxy).map_or("—".into(), |values| {
                        show(values, best.filter(|_| *proxy != Proxy::Direct))
                    });
                    let _ = write!(out, " {cell} |");
                }
                out.push('\n');
            }
        }
        out
    }
}

impl Row {
    fn cell(&self, proxy: Proxy) -> Option<&[Value]> {
        let (_, values) = self.cells.iter().find(|(of, _)| *of == proxy)?;
        Some(values)
    }

    /// Of the compared proxies' medians; none where there is nothing to be better at.
    fn best(&self) -> Option<f64> {
        let compared = |of| of != Proxy::Direct && of != Proxy::Before;
        let proxies = self.cells.iter().filter(|(of, _)| compared(*of));
        let scores = proxies.filter_map(|(_, values)| score(values));
        scores.max_by(f64::total_cmp)
    }
}

/// The more the better, whatever the row.
fn score(values: &[Value]) -> Option<f64> {
    let spread = Spread::of(values)?;
    match values.first()? {
        Value::More(_) => Some(spread.median),
        Value::Less { none, .. } => Some(1.0 / spread.median.max(*none)),
        Value::Plain(_) | Value::Words(_) => None,
    }
}

fn show(values: &[Value], best: Option<f64>) -> String {
    let Some(spread) = Spread::of(values) else {
        let Some(Value::Words(words)) = values.first() else {
            return "—".into();
        };
        return words.clone();
    };
    let mut cell = digits(spread.median);
    if values.len() > 1 {
        let _ = write!(
            cell,
            " ({}–{})",
            digits(spread.least),
            digits(spread.greatest)
        );
    }
    if let (Some(score), Some(best)) = (score(values), best) {
        let _ = write!(cell, " **{:.2}**", score / best);
    }
    cell
}

/// Three that count, and of thousands all.
fn digits(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude >= 1000.0 {
        let whole = number.round() as i64;
        let (thousands, rest) = (whole / 1000, whole.abs() % 1000);
        format!("{thousands},{rest:03}")
    } else if magnitude >= 100.0 {
        format!("{number:.0}")
    } else if magnitude >= 10.0 {
        format!("{number:.1}")
    } else if magnitude >= 1.0 {
        format!("{number:.2}")
    } else {
        format!("{number:.3}")
    }
}

struct Spread {
    least: f64,
    median: f64,
    greatest: f64,
}

impl Spread {
    fn of(values: &[Value]) -> Option<Self> {
        let numbers = values.iter().filter_map(|value| match value {
            Value::More(value) | Value::Less { value, .. } | Value::Plain(value) => Some(*value),
            Value::Words(_) => None,
        });
        let mut numbers: Vec<f64> = numbers.collect();
        numbers.sort_by(f64::total_cmp);
        Some(Self {
            least: *numbers.first()?,
            median: median(&numbers)?,
            greatest: *numbers.last()?,
        })
    }
}

/// Of numbers in order; between two in the middle, half way.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

fn entry<T>(all: &mut Vec<T>, is: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let place = all.iter().position(is).unwrap_or_else(|| {
        all.push(new());
        all.len() - 1
    });
    &mut all[place]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(value: fn(f64) -> Value) -> String {
        let mut table = Table::default();
        for (proxy, numbers) in [
            (Proxy::Sealnote, [1.0, 4.0, 2.0]),
            (Proxy::Socat, [4.0, 4.0, 4.0]),
            (Proxy::Direct, [8.0, 8.0, 8.0]),
        ] {
            for number in numbers {
                let row = "r".into();
                table.add(
                    "s",
                    proxy,
                    vec![Measured {
                        row,
                        value: value(number),
                    }],
                );
            }
        }
        table.markdown(&[Proxy::Sealnote, Proxy::Socat, Proxy::Direct])
    }

    #[test]
    fn ratios_are_to_the_best_of_the_compared_proxies() {
        assert!(table(Value::More).contains(
            "| 2.00 (1.00–4.00) **0.50** | 4.00 (4.00–4.00) **1.00** | 8.00 (8.00–8.00) |"
        ));
        let less = |value| Value::Less { value, none: 1e-9 };
        assert!(table(less).contains(
            "| 2.00 (1.00–4.00) **1.00** | 4.00 (4.00–4.00) **0.50** | 8.00 (8.00–8.00) |"
        ));
        assert!(!table(Value::Plain).contains("**"));
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(digits(1_234.0), "1,234");
        assert_eq!(digits(25_002.7), "25,003");
        assert_eq!(digits(12.34), "12.3");
        assert_eq!(digits(0.0654), "0.065");
    }
}
