//! Comparing what was acknowledged with what arrived.

use crate::ledger;
use clap::Args;
use serde_json::{Value, json};
use std::{collections::HashMap, path::PathBuf};

#[derive(Args)]
pub(crate) struct Options {
    /// Written by `load --acked`.
    #[arg(long)]
    acked: PathBuf,
    /// Written by `sink --received`.
    #[arg(long)]
    received: PathBuf,
    /// Written by `load --dotted`; without it phantoms are not counted.
    #[arg(long)]
    dotted: Option<PathBuf>,
    /// Recipients of each message, as given to `load`.
    #[arg(long, default_value_t = 1)]
    recipients: usize,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Value> {
    let acked = ledger::read(&options.acked)?;
    let received = ledger::read(&options.received)?;
    let dotted = options.dotted.as_deref().map(ledger::read).transpose()?;
    Ok(compare(&acked, &received, dotted.as_ref(), options.recipients))
}

/// `acked` and `dotted` hold numbers, `received` holds `number place` pairs.
fn compare(
    acked: &HashMap<String, u64>,
    received: &HashMap<String, u64>,
    dotted: Option<&HashMap<String, u64>>,
    recipients: usize,
) -> Value {
    let arrived = |number: &String, place| received.contains_key(&format!("{number} {place}"));
    let expected = acked.keys().flat_map(|number| (0..recipients).map(move |place| (number, place)));
    let losses = expected.filter(|(number, place)| !arrived(number, *place)).count();
    let duplicates: u64 = received.values().map(|count| count - 1).sum();
    let phantoms = dotted.map(|dotted| {
        let number = |pair: &str| pair.split(' ').next().unwrap_or_default().to_owned();
        received.keys().filter(|pair| !dotted.contains_key(&number(pair))).count()
    });
    json!({
        "command": "verify", "acknowledged": acked.len(), "received": received.len(),
        "losses": losses, "phantoms": phantoms, "duplicates": duplicates,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(lines: &[(&str, u64)]) -> HashMap<String, u64> {
        lines.iter().map(|(line, count)| ((*line).to_owned(), *count)).collect()
    }

    #[test]
    fn every_kind_is_counted() {
        let acked = counts(&[("1", 1), ("2", 1), ("3", 1)]);
        let dotted = counts(&[("1", 1), ("2", 1), ("3", 1), ("4", 1)]);
        let received = counts(&[("1 0", 1), ("2 0", 3), ("4 0", 1), ("5 0", 1)]);
        let verdict = compare(&acked, &received, Some(&dotted), 1);
        assert_eq!(verdict["losses"], 1, "3 never came");
        assert_eq!(verdict["phantoms"], 1, "5 was never finished; 4 was, so it may come");
        assert_eq!(verdict["duplicates"], 2, "2 came three times");
    }

    #[test]
    fn each_recipient_counts() {
        let received = counts(&[("1 0", 1)]);
        let verdict = compare(&counts(&[("1", 1)]), &received, None, 2);
        assert_eq!((&verdict["losses"], &verdict["phantoms"]), (&json!(1), &Value::Null));
    }
}
