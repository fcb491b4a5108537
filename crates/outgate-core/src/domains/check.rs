//! Asking DNS whether a domain's records are right.

use super::{DnsRecord, DomainError, Purpose, records, show};
use crate::{Actor, DomainName, DomainState, Ports, Resolve, ResolveError};

/// What DNS says of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordVerdict {
    /// Published as it should be.
    Right,
    /// Not there.
    Missing,
    /// Something else is there.
    Wrong {
        /// What was found.
        found: Vec<String>,
    },
    /// DNS did not answer: nothing is known, nothing is changed.
    Unknown {
        /// Why.
        why: String,
    },
}

/// One record and what DNS says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordCheck {
    /// What should be published.
    pub record: DnsRecord,
    /// What is.
    pub verdict: RecordVerdict,
}

/// What a check found and made of it.
#[derive(Clone, Debug)]
pub struct Check {
    /// Every record.
    pub records: Vec<RecordCheck>,
    /// The domain's state before.
    pub before: DomainState,
    /// The domain's state now.
    pub state: DomainState,
}

/// Asks DNS for every record of a domain and records the state that follows.
///
/// Verified needs the ownership record and one DKIM key. A domain that was verified and is not any more becomes
/// failing. DNS that does not answer changes nothing (law 9).
pub async fn check(
    ports: Ports<'_>,
    resolve: &dyn Resolve,
    actor: &Actor,
    name: &DomainName,
    host: &str,
) -> Result<Check, DomainError> {
    let domain = show(ports.store, name).await?;
    let keys = ports.store.domain_keys(domain.id).await?;
    let mut checked = Vec::new();
    for record in records(&domain, &keys, host) {
        let verdict = judge(&record, resolve.txt(&record.name).await);
        checked.push(RecordCheck { record, verdict });
    }
    let state = next_state(domain.state, &checked);
    if state != domain.state {
        ports
            .store
            .record_verification(domain.id, state, actor, ports.clock.now())
            .await
            .map_err(|error| DomainError::of(name, error))?;
    }
    Ok(Check { records: checked, before: domain.state, state })
}

fn next_state(before: DomainState, checked: &[RecordCheck]) -> DomainState {
    let any = |purpose: Purpose, wanted: fn(&RecordVerdict) -> bool| {
        checked.iter().any(|c| c.record.purpose == purpose && wanted(&c.verdict))
    };
    let right = |verdict: &RecordVerdict| *verdict == RecordVerdict::Right;
    let unknown = |verdict: &RecordVerdict| matches!(verdict, RecordVerdict::Unknown { .. });
    let proven = |purpose| any(purpose, right);
    let open = |purpose| !any(purpose, right) && any(purpose, unknown);
    if proven(Purpose::Ownership) && proven(Purpose::Dkim) {
        DomainState::Verified
    } else if open(Purpose::Ownership) || open(Purpose::Dkim) || before == DomainState::Pending {
        before
    } else {
        DomainState::Failing
    }
}

fn judge(record: &DnsRecord, answer: Result<Vec<String>, ResolveError>) -> RecordVerdict {
    let found = match answer {
        Ok(found) => found,
        Err(ResolveError::NoSuchName | ResolveError::NoRecords) => return RecordVerdict::Missing,
        Err(ResolveError::Temporary(why)) => return RecordVerdict::Unknown { why },
    };
    let of_kind: Vec<String> = found.into_iter().filter(|text| is_of_kind(record.purpose, text)).collect();
    let right = match record.purpose {
        Purpose::Ownership => of_kind.iter().any(|text| text.trim() == record.value),
        // Two keys under one selector are undefined (RFC 6376 §3.6.2.2), two policies void (RFC 7208 §4.5, RFC 7489 §6.6.3).
        Purpose::Dkim => of_kind.len() == 1 && tag(&of_kind[0], "p") == tag(&record.value, "p"),
        Purpose::Spf => of_kind.len() == 1 && spf_names(&of_kind[0], &record.value),
        Purpose::Dmarc => of_kind.len() == 1,
    };
    match (right, of_kind.is_empty()) {
        (true, _) => RecordVerdict::Right,
        (false, true) => RecordVerdict::Missing,
        (false, false) => RecordVerdict::Wrong { found: of_kind },
    }
}

/// Whether a TXT record at the name is meant for this purpose at all: other uses of TXT stand beside ours.
fn is_of_kind(purpose: Purpose, text: &str) -> bool {
    let text = text.trim_start().to_ascii_lowercase();
    match purpose {
        Purpose::Ownership => text.starts_with("outgate-verification="),
        Purpose::Dkim => tag(&text, "p").is_some(),
        Purpose::Spf => text == "v=spf1" || text.starts_with("v=spf1 "),
        Purpose::Dmarc => text.starts_with("v=dmarc1"),
    }
}

/// The value of a tag in a tag list, white space removed (RFC 6376 §3.2).
fn tag(list: &str, name: &str) -> Option<String> {
    list.split(';').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        (key.trim() == name).then(|| value.split_whitespace().collect())
    })
}

/// Whether an SPF record has our `a:` term, with whichever qualifier that passes.
fn spf_names(found: &str, wanted: &str) -> bool {
    let term = wanted.split(' ').find(|term| term.starts_with("a:")).unwrap_or_default();
    found.split_whitespace().any(|t| t.strip_prefix('+').unwrap_or(t).eq_ignore_ascii_case(term))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domains::RecordType;

    fn record(purpose: Purpose, value: &str) -> DnsRecord {
        DnsRecord {
            purpose,
            record_type: RecordType::Txt,
            name: "n".into(),
            value: value.into(),
            required: true,
        }
    }

    fn verdict(purpose: Purpose, wanted: &str, found: &[&str]) -> RecordVerdict {
        judge(&record(purpose, wanted), Ok(found.iter().map(|s| (*s).to_owned()).collect()))
    }

    #[test]
    fn records_compare_by_meaning() {
        use Purpose::{Dkim, Dmarc, Ownership, Spf};
        use RecordVerdict::{Missing, Right};
        let key = "v=DKIM1; k=rsa; p=AAAABBBB";
        assert_eq!(verdict(Dkim, key, &["p=AAAA BBBB;k=rsa;v=DKIM1"]), Right);
        assert_eq!(verdict(Dkim, key, &["google-site-verification=x"]), Missing);
        assert!(matches!(verdict(Dkim, key, &["v=DKIM1; p=CCCC"]), RecordVerdict::Wrong { .. }));
        assert!(matches!(verdict(Dkim, key, &[key, key]), RecordVerdict::Wrong { .. }));
        assert_eq!(verdict(Ownership, "outgate-verification=x", &["other", "outgate-verification=x"]), Right);
        let spf = "v=spf1 a:relay.test ~all";
        assert_eq!(verdict(Spf, spf, &["v=spf1 include:x.test +a:Relay.test -all"]), Right);
        assert!(matches!(verdict(Spf, spf, &["v=spf1 -all"]), RecordVerdict::Wrong { .. }));
        assert_eq!(verdict(Dmarc, "v=DMARC1; p=none", &["v=DMARC1; p=reject"]), Right);
    }

    #[test]
    fn silence_changes_nothing_and_loss_is_failing() {
        use DomainState::{Failing, Pending, Verified};
        use RecordVerdict::{Missing, Right};
        let checks = |ownership: RecordVerdict, dkim: RecordVerdict| {
            vec![
                RecordCheck { record: record(Purpose::Ownership, "o"), verdict: ownership },
                RecordCheck { record: record(Purpose::Dkim, "d"), verdict: dkim },
            ]
        };
        let silent = || RecordVerdict::Unknown { why: "timeout".into() };
        for (before, ownership, dkim, after) in [
            (Pending, Right, Right, Verified),
            (Pending, Right, Missing, Pending),
            (Verified, Right, Missing, Failing),
            (Verified, Missing, Right, Failing),
            (Verified, silent(), Right, Verified),
            (Verified, Right, silent(), Verified),
            (Failing, Right, Right, Verified),
        ] {
            assert_eq!(next_state(before, &checks(ownership, dkim)), after, "from {before:?}");
        }
    }
}
