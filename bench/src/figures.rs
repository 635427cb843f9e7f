//! A series of measurements, and how it is printed.

/// Measurements of one thing, in order of size.
pub struct Figures(Vec<f64>);

impl Figures {
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// `name   12.30  (11.90 to 12.80)`: the median, least and greatest.
    pub fn print(&self, name: &str) {
        let Self(values) = self;
        let (Some(least), Some(greatest)) = (values.first(), values.last()) else {
            return;
        };
        let median = values[values.len() / 2];
        println!("  {name:<32} {median:8.2}  ({least:.2} to {greatest:.2})");
    }

    /// `name   12.30  (p90 13.20, p99 14.90, greatest 15.10)`
    pub fn print_tail(&self, name: &str) {
        let Self(values) = self;
        let Some(greatest) = values.last() else {
            return;
        };
        let share = |percent: usize| values[(values.len() - 1) * percent / 100];
        let [median, p90, p99] = [50, 90, 99].map(share);
        println!("  {name:<32} {median:8.2}  (p90 {p90:.2}, p99 {p99:.2}, greatest {greatest:.2})");
    }
}
