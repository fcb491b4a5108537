//! Every metric: its name, its kind, its labels with their fixed values, and what it means. `docs/metrics.md` is made from
//! here.

/// What every name begins with.
pub(super) const PREFIX: &str = "outgate_";

/// How a metric's numbers behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows, from 0 at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by how long something took.
    Histogram,
}

impl Kind {
    /// The format's word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric.
#[derive(Debug)]
pub(super) struct Family {
    /// Behind [`PREFIX`].
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Each label, and the values it takes.
    pub(super) labels: &'static [(&'static str, &'static str)],
    pub(super) help: &'static str,
}

/// A row: how the code calls it; name, kind, labels, meaning.
macro_rules! families {
    ($($id:ident $name:literal $kind:ident [$($label:literal: $values:literal),*] $help:literal;)+) => {
        $(pub(super) static $id: Family =
            Family { name: $name, kind: Kind::$kind, labels: &[$(($label, $values)),*], help: $help };)+

        /// All of them, in the catalogue's order.
        #[cfg(test)]
        pub(super) static ALL: &[&Family] = &[$(&$id),+];
    };
}

families! {
    BUILD_INFO "build_info" Gauge ["version": "the running one"]
        "Always 1; which version runs.";
    UPTIME "uptime_seconds" Gauge []
        "How long the process has been serving.";
    DRAINING "draining" Gauge []
        "1 from the moment the relay was told to stop.";

    CONNECTIONS_OPEN "connections_open" Gauge []
        "Connections open now.";
    CONNECTIONS "connections_total" Counter []
        "Connections that were accepted, those turned away too.";
    TURNED_AWAY "connections_turned_away_total" Counter []
        "Connections past a limit.";
    PROXY_REFUSED "proxy_headers_refused_total" Counter []
        "Connections from a proxy's network without a good PROXY header.";
    HANDSHAKES "tls_handshakes_total" Counter ["result": "`done`, `failed`"]
        "TLS handshakes with clients, by how they ended.";
    TIMED_OUT "sessions_timed_out_total" Counter []
        "Sessions ended because the client was too slow.";
    SIGNED_IN "sessions_signed_in" Gauge []
        "Signed-in sessions open now.";
    SIGN_INS "sign_ins_total" Counter ["result": "`accepted`, `refused`, `throttled`, `busy`, `unavailable`"]
        "Sign-ins that were judged or turned away: bad credentials are refused, busy is for want of hashing capacity.";
    HASHES "hashes" Gauge ["state": "`running`, `waiting`"]
        "Password hashes in the pool now.";
    HASHES_LIMIT "hashes_running_limit" Gauge []
        "Password hashes that may run at a time.";
    REFUSALS "refusals_total" Counter ["code": "the short codes in `docs/refusals.md`"]
        "Refusals said to clients.";

    MESSAGES "messages_accepted_total" Counter []
        "Messages durably kept and answered 250.";
    ACCEPTED_RECIPIENTS "recipients_accepted_total" Counter []
        "Recipients of those messages.";
    ACCEPTED_BYTES "accepted_bytes_total" Counter []
        "Bytes of those messages, as they were submitted.";
    ACCEPTANCE "acceptance_seconds" Histogram []
        "From the last byte of a message that was accepted to its 250.";
    BUDGET_USED "memory_budget_used_bytes" Gauge []
        "What messages take in memory.";
    BUDGET_LIMIT "memory_budget_limit_bytes" Gauge []
        "What they may take.";

    IN_FLIGHT "deliveries_in_flight" Gauge []
        "Parcels on their way: a message, to one destination.";
    ATTEMPTS "attempts_total" Counter [
        "tls": "`unconnected`, `none`, `TLSv1.2`, `TLSv1.3`, `other`",
        "verified": "`yes`, `no`, `unknown`"
    ]
        "Attempts to carry a parcel, by the TLS of the last connection used and whether its certificate was valid for the host.";
    ATTEMPT "attempt_seconds" Histogram []
        "How long attempts took, name resolution and waiting for a connection included.";
    RECIPIENTS "recipients_total" Counter [
        "result": "`delivered`, `deferred`, `failed`",
        "class": "`none`, `address`, `domain`, `mailbox_full`, `content`, `policy`, `greylisted`, `rate`, `dns`, `connection`, `tls`, `local`, `other`"
    ]
        "What attempts came to, a count for each recipient: failed is for good, deferred is tried again while its retry time lasts.";
    EXPIRED "recipients_expired_total" Counter []
        "Recipients given up because their retry time was over; their last attempt counts as deferred too.";

    QUEUE "queue_deliveries" Gauge ["state": "`pending`, `deferred`, `held`"]
        "Open deliveries.";
    OLDEST "queue_oldest_seconds" Gauge []
        "Age of the oldest open delivery; 0 when there is none.";
    PAUSED "queue_paused" Gauge []
        "1 while all deliveries are paused.";

    STORE_ANSWERS "store_answers" Gauge []
        "1 when the store answered for this page; while it does not, the queue's metrics are absent.";
    HAS_ROOM "store_has_room" Gauge []
        "1 while the disk is above its reserve; below it nothing is accepted.";
    COMMITS "store_commits_total" Counter ["result": "`done`, `failed`"]
        "Transactions, by how they ended. The store's commits are there for the built-in store only.";
    COMMIT_VERBS "store_commit_verbs_total" Counter []
        "Changes in transactions that were committed; over the commits it is the size of a group.";
    COMMIT_BYTES "store_commit_bytes_total" Counter []
        "Bytes of messages in transactions that were committed.";
    COMMIT_SECONDS "store_commit_seconds_total" Counter []
        "What those transactions took, to the medium.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::HashSet, fmt::Write as _, path::Path};

    const HEAD: &str = "# Metrics

`GET /metrics` on the HTTP listener (`[http] listen`) answers in Prometheus' text format 0.0.4. Counters begin at 0 with the
process. Every label's values are a fixed list: no client, recipient or remote server makes a new time series. Histograms have
buckets from 1 ms to 120 s.

`GET /healthz` answers `200` while the process lives; `GET /readyz` answers `200` while mail is taken, and `503` while the relay
stops, the disk is nearly full, or the store does not answer.
";

    const ALERTS: &str = "
## Two alerts to begin with

Mail does not leave: the oldest delivery is older than it should ever be, though nobody paused the queue.

```yaml
- alert: OutgateQueueOld
  expr: outgate_queue_oldest_seconds > 4 * 3600 and outgate_queue_paused == 0
  for: 15m
  annotations:
    summary: Mail has waited for more than four hours; see `outgate queue list --status deferred`
```

Mail is not taken: the relay refuses for trouble of its own.

```yaml
- alert: OutgateNotTaking
  expr: >
    outgate_store_has_room == 0 or outgate_store_answers == 0 or
    sum by (instance) (rate(outgate_refusals_total{code=~\"store-full|store-unavailable|memory-budget|sign-in-busy\"}[5m])) > 0.1
  for: 5m
  annotations:
    summary: Applications are told to try again later; see the relay's log, disk and memory budget
```
";

    fn document() -> String {
        let mut page = format!("{HEAD}\n| metric | type | labels | meaning |\n|---|---|---|---|\n");
        for family in ALL {
            let labels: Vec<String> =
                family.labels.iter().map(|(label, values)| format!("`{label}`: {values}")).collect();
            let (name, kind, labels) = (family.name, family.kind.word(), labels.join("; "));
            let labels = if labels.is_empty() { "–" } else { &labels };
            writeln!(page, "| `{PREFIX}{name}` | {kind} | {labels} | {} |", family.help).unwrap();
        }
        page + ALERTS
    }

    #[test]
    fn the_page_says_what_the_catalogue_says() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&file, document()).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == document(),
            "docs/metrics.md is out of date: run UPDATE_DOCS=1 cargo test -p outgate-relay"
        );
    }

    #[test]
    fn names_follow_the_convention() {
        let mut seen = HashSet::new();
        for Family { name, kind, labels, help } in ALL {
            assert!(seen.insert(name), "twice: {name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(*kind != Kind::Histogram || (name.ends_with("_seconds") && labels.is_empty()), "{name}");
            assert!(help.ends_with('.') && !help.contains('|'), "{name}: {help}");
        }
    }

    /// What the alerts speak of is there.
    #[test]
    fn alerts_name_metrics_that_exist() {
        let word = |c: char| !(c.is_ascii_lowercase() || c == '_');
        let named: Vec<&str> = ALERTS.split(word).filter_map(|word| word.strip_prefix(PREFIX)).collect();
        assert!(named.len() >= 5, "{named:?}");
        for name in named {
            assert!(ALL.iter().any(|family| family.name == name), "{name}");
        }
    }
}
