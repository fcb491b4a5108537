//! Prometheus' text format, version 0.0.4.
//!
//! Its description is <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use super::{
    catalogue::{Family, Kind, PREFIX},
    measure::{BOUNDS, Spread},
};
use std::fmt::{self, Write as _};

/// What the format is called in HTTP.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page being written.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// A family whose samples are being written.
pub(super) struct Samples<'a> {
    page: &'a mut String,
    family: &'static Family,
}

impl Page {
    /// Begins a family. All of its samples come together, under one head.
    pub(super) fn family(&mut self, family: &'static Family) -> Samples<'_> {
        let (name, kind) = (family.name, family.kind.word());
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {PREFIX}{name} {}", Escaped { text: family.help, quotes: false });
        let _ = writeln!(self.0, "# TYPE {PREFIX}{name} {kind}");
        Samples { page: &mut self.0, family }
    }

    /// Writes a family without labels.
    pub(super) fn plain(&mut self, family: &'static Family, value: f64) {
        self.family(family).put(&[], value);
    }

    /// Writes a family of one histogram.
    pub(super) fn spread(&mut self, family: &'static Family, spread: &Spread) {
        debug_assert!(family.kind == Kind::Histogram && family.labels.is_empty());
        let name = family.name;
        let page = self.family(family).page;
        for ((_, bound), within) in BOUNDS.iter().zip(spread.within) {
            let _ = writeln!(page, "{PREFIX}{name}_bucket{{le=\"{bound}\"}} {within}");
        }
        let Spread { count, seconds, .. } = spread;
        let _ = writeln!(page, "{PREFIX}{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(page, "{PREFIX}{name}_sum {seconds}\n{PREFIX}{name}_count {count}");
    }

    /// The page.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Samples<'_> {
    /// Writes a sample; `values` are its labels', in the catalogue's order.
    pub(super) fn put(&mut self, values: &[&str], value: f64) {
        debug_assert_eq!(values.len(), self.family.labels.len(), "{}", self.family.name);
        let _ = write!(self.page, "{PREFIX}{}", self.family.name);
        for (n, ((label, _), text)) in self.family.labels.iter().zip(values).enumerate() {
            let before = if n == 0 { '{' } else { ',' };
            let _ = write!(self.page, "{before}{label}=\"{}\"", Escaped { text, quotes: true });
        }
        let after = if values.is_empty() { "" } else { "}" };
        let _ = writeln!(self.page, "{after} {value}");
    }
}

/// A text in which nothing ends the line, nor the quotes around it.
struct Escaped<'a> {
    text: &'a str,
    quotes: bool,
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.text.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '"' if self.quotes => f.write_str("\\\"")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::measure::Histogram;
    use std::time::Duration;

    static ODD: Family = Family {
        name: "odd_total",
        kind: Kind::Counter,
        labels: &[("a", ""), ("b", "")],
        help: "a\\b\n\"c\"",
    };
    static TIME: Family = Family { name: "time_seconds", kind: Kind::Histogram, labels: &[], help: "Time." };

    #[test]
    fn labels_and_help_are_escaped() {
        let mut page = Page::default();
        page.family(&ODD).put(&["x\"\\\n", "y"], 3.0);
        let expected = "# HELP outgate_odd_total a\\\\b\\n\"c\"\n# TYPE outgate_odd_total counter\n\
                        outgate_odd_total{a=\"x\\\"\\\\\\n\",b=\"y\"} 3\n";
        assert_eq!(page.into_text(), expected);
    }

    #[test]
    fn a_histogram_has_every_bucket_its_sum_and_its_count() {
        let histogram = Histogram::default();
        histogram.observe(Duration::from_millis(1500));
        let mut page = Page::default();
        page.spread(&TIME, &histogram.read());
        let text = page.into_text();
        assert_eq!(text.lines().count(), 2 + BOUNDS.len() + 3);
        for line in
            ["_bucket{le=\"1\"} 0", "_bucket{le=\"2.5\"} 1", "_bucket{le=\"+Inf\"} 1", "_sum 1.5", "_count 1"]
        {
            assert!(text.contains(&format!("\noutgate_time_seconds{line}\n")), "{line} in {text}");
        }
    }

    #[test]
    fn great_numbers_are_written_out() {
        let mut page = Page::default();
        page.family(&ODD).put(&["", ""], (1_u64 << 53) as f64);
        assert!(page.into_text().ends_with(" 9007199254740992\n"));
    }
}
