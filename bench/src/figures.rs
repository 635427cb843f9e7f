//! A series of measurements, and how it is printed.

/// Measurements of one thing, in order of size.
pub struct Figures(Vec<f64>);

impl Figures {
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// `name   12.30  (11.90 to 12.80)`
    pub fn print(&self, name: &str) {
        let Self(values) = self;
        let (Some(least), Some(greatest)) = (values.first(), values.last()) else {
            return;
        };
        let median = values[values.len() / 2];
        println!("  {name:<25} {median:8.2}  ({least:.2} to {greatest:.2})");
    }
}
