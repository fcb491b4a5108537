//! Reads Prometheus' text format 0.0.4, strictly: what a lenient reader would let pass is a panic here.

use std::collections::{BTreeMap, BTreeSet};

/// A page that was read.
pub(crate) struct Page {
    /// Each family's type.
    kinds: BTreeMap<String, String>,
    /// Each sample's value, by its name and its sorted labels without quotes.
    samples: BTreeMap<String, f64>,
}

impl Page {
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has its end");
        let mut page = Self { kinds: BTreeMap::new(), samples: BTreeMap::new() };
        let (mut told, mut family) = (None, String::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(is_name(name) && !help.is_empty(), "{line}");
                told = Some(name.to_owned());
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(told.take().as_deref(), Some(name), "HELP comes right before: {line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(page.kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
                name.clone_into(&mut family);
            } else {
                page.sample(line, &family);
            }
        }
        page.judge_histograms();
        page
    }

    fn sample(&mut self, line: &str, family: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').map_or((series, ""), |(name, rest)| {
            (name, rest.strip_suffix('}').unwrap_or_else(|| panic!("no brace ends the labels: {line}")))
        });
        assert!(is_name(name), "{line}");
        let ending = name.strip_prefix(family).unwrap_or_else(|| panic!("not of {family}: {line}"));
        let endings: &[&str] =
            if self.kinds[family] == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(endings.contains(&ending), "{line}");
        let labels = read_labels(labels);
        let words: Vec<String> = labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
        let key = if words.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", words.join(",")) };
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        assert!(value.is_finite() && value >= 0.0, "{line}");
        assert!(self.samples.insert(key, value).is_none(), "twice: {line}");
    }

    /// Buckets rise, and the last is the count.
    fn judge_histograms(&self) {
        for family in self.kinds.iter().filter(|(_, kind)| *kind == "histogram").map(|(name, _)| name) {
            let prefix = format!("{family}_bucket{{le=");
            let mut buckets: Vec<(f64, f64)> = self
                .samples
                .iter()
                .filter_map(|(key, count)| Some((key.strip_prefix(&prefix)?.strip_suffix('}')?, *count)))
                .map(|(bound, count)| (bound.parse().unwrap(), count))
                .collect();
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(buckets.len() > 2 && buckets.is_sorted_by(|one, next| one.1 <= next.1), "{family}");
            let (bound, count) = *buckets.last().unwrap();
            assert!(
                bound.is_infinite() && (count - self.value(&format!("{family}_count"))).abs() < 0.5,
                "{family}"
            );
            assert!(self.samples.contains_key(&format!("{family}_sum")), "{family}");
        }
    }

    /// A sample's value, by its name and its sorted labels: `name{label=value,label=value}`.
    pub(crate) fn value(&self, sample: &str) -> f64 {
        *self.samples.get(sample).unwrap_or_else(|| panic!("{sample} is not on the page"))
    }

    /// Every time series.
    pub(crate) fn series(&self) -> BTreeSet<&str> {
        self.samples.keys().map(String::as_str).collect()
    }

    /// Every family's name and type.
    pub(crate) fn families(&self) -> BTreeSet<(String, String)> {
        self.kinds.iter().map(|(name, kind)| (name.clone(), kind.clone())).collect()
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with("outgate_") && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// `a="1",b="2"`, sorted by name; a value's escapes are undone.
fn read_labels(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, quoted) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {text}"));
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        let end = loop {
            match letters.next().unwrap_or_else(|| panic!("a label's quotes do not end: {text}")) {
                (at, '"') => break at,
                (_, '\\') => match letters.next().unwrap().1 {
                    'n' => value.push('\n'),
                    c @ ('\\' | '"') => value.push(c),
                    c => panic!("no such escape: {c} in {text}"),
                },
                (_, c) => value.push(c),
            }
        };
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(plain && labels.insert(name.to_owned(), value).is_none(), "{text}");
        rest = &quoted[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    labels
}
