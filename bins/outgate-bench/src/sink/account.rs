//! What has arrived, each (message, recipient) pair counted.

use crate::{
    ledger::Ledger,
    message::{Numbered, Seen},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The count of everything that arrived.
pub(crate) struct Account {
    counts: Mutex<Counts>,
    received: Option<Ledger>,
    began: Instant,
}

#[derive(Default)]
struct Counts {
    pairs: HashMap<(u64, u32), u64>,
    transactions: u64,
    damaged: u64,
    foreign: u64,
    refused: u64,
    connections: u64,
    open: u64,
    most_open: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Account {
    /// An empty one; `received` gets a line for each arrival.
    pub(crate) fn new(received: Option<Ledger>) -> Self {
        Self { counts: Mutex::default(), received, began: Instant::now() }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection came.
    pub(crate) fn connected(&self) {
        let mut counts = self.counts();
        counts.connections += 1;
        counts.open += 1;
        counts.most_open = counts.most_open.max(counts.open);
    }

    /// A connection went.
    pub(crate) fn disconnected(&self) {
        self.counts().open -= 1;
    }

    /// The number of the transaction that is about to be answered, from 1.
    pub(crate) fn next_transaction(&self) -> u64 {
        let mut counts = self.counts();
        counts.transactions += 1;
        counts.transactions
    }

    /// A transaction was answered with a temporary failure.
    pub(crate) fn refused(&self) {
        self.counts().refused += 1;
    }

    /// A message arrived for these recipients.
    pub(crate) fn arrived(&self, seen: &Seen<'_>, recipients: &[String]) -> std::io::Result<()> {
        let mut counts = self.counts();
        let now = Instant::now();
        counts.first.get_or_insert(now);
        counts.last = Some(now);
        let Numbered { number, .. } = match *seen {
            Seen::Whole(which) => which,
            Seen::Damaged(which) => {
                counts.damaged += 1;
                which
            }
            Seen::Foreign => {
                counts.foreign += 1;
                return Ok(());
            }
        };
        for recipient in recipients {
            let Some(place) = place(recipient, number) else {
                counts.foreign += 1;
                continue;
            };
            *counts.pairs.entry((number, place)).or_default() += 1;
            if let Some(received) = &self.received {
                received.note(format_args!("{number} {place}"))?;
            }
        }
        Ok(())
    }

    /// Different pairs so far.
    pub(crate) fn distinct(&self) -> u64 {
        self.counts().pairs.len() as u64
    }

    /// How long nothing has arrived.
    pub(crate) fn quiet_for(&self) -> Duration {
        self.counts().last.unwrap_or(self.began).elapsed()
    }

    /// Everything, as JSON.
    pub(crate) fn report(&self, expected: Option<u64>) -> Value {
        let counts = self.counts();
        let distinct = counts.pairs.len() as u64;
        let seconds = counts.first.zip(counts.last).map(|(first, last)| (last - first).as_secs_f64());
        json!({
            "command": "sink", "distinct": distinct,
            "duplicates": counts.pairs.values().map(|count| count - 1).sum::<u64>(),
            "missing": expected.map(|expected| expected.saturating_sub(distinct)),
            // Numbers run from 0, so one that should not be there is at or above what was expected of one recipient.
            "phantoms": expected.map(|expected| counts.pairs.keys().filter(|(n, _)| *n >= expected).count()),
            "damaged": counts.damaged, "foreign": counts.foreign, "tempfailed": counts.refused,
            "transactions": counts.transactions, "connections": counts.connections,
            "most_connections": counts.most_open, "seconds": seconds,
            "messages_per_second": seconds.filter(|s| *s > 0.0).map(|s| distinct as f64 / s),
        })
    }
}

/// The place in `rPLACE.NUMBER@…`, when the number is this message's.
fn place(recipient: &str, number: u64) -> Option<u32> {
    let (place, of) = recipient.strip_prefix('r')?.split_once('@')?.0.split_once('.')?;
    (of.parse() == Ok(number)).then(|| place.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_once() {
        let account = Account::new(None);
        let which = |number| Seen::Whole(Numbered { run: "x", number });
        account.arrived(&which(0), &["r0.0@b.test".into(), "r1.0@b.test".into()]).unwrap();
        account.arrived(&which(0), &["r0.0@b.test".into()]).unwrap();
        account.arrived(&which(9), &["r0.9@b.test".into()]).unwrap();
        account.arrived(&which(1), &["r0.2@b.test".into()]).unwrap();
        let report = account.report(Some(4));
        for (name, wanted) in
            [("distinct", 3), ("duplicates", 1), ("missing", 1), ("phantoms", 1), ("foreign", 1)]
        {
            assert_eq!(report[name], wanted, "{name} in {report}");
        }
    }
}
