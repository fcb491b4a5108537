//! `outgate domain check`

use super::Invocation;
use crate::{
    exit::{CommandError, Status},
    output::{
        printable, prose,
        view::{CheckedDomain, CheckedRecord},
    },
};
use outgate_core::{
    DomainName, DomainState,
    domains::{self, Check, Purpose, RecordCheck, RecordVerdict},
};
use outgate_relay::Opening;

pub(super) async fn run(invocation: &Invocation, name: &DomainName) -> Result<Status, CommandError> {
    let admin = invocation.open(Opening::Existing).await?;
    let (resolver, host) = (admin.resolver()?, &admin.config().hostname);
    let check = domains::check(admin.ports(), &resolver, admin.actor(), name, host).await?;
    let trusted = domains::show(admin.store(), name).await?.trusted;
    let document = CheckedDomain {
        name,
        before: check.before,
        state: check.state,
        records: check.records.iter().map(|one| CheckedRecord::of(one, word(one), remedy(one))).collect(),
    };
    invocation.output.tell(&document, || {
        let blocks: Vec<String> = check.records.iter().map(block).collect();
        format!("{}\n\n{}", blocks.join("\n"), prose(&verdict(name, &check, trusted)))
    })?;
    Ok(if check.state == DomainState::Verified { Status::Done } else { Status::Failed })
}

fn word(check: &RecordCheck) -> &'static str {
    match check.verdict {
        RecordVerdict::Right => "right",
        RecordVerdict::Missing => "missing",
        RecordVerdict::Wrong { .. } => "wrong",
        RecordVerdict::Unknown { .. } => "unknown",
    }
}

/// What to do about a record, unless it is right.
fn remedy(check: &RecordCheck) -> Option<String> {
    let record = &check.record;
    let kind = record.record_type.as_str();
    match &check.verdict {
        RecordVerdict::Right => None,
        RecordVerdict::Missing => Some(format!("add the {kind} record with exactly this value")),
        RecordVerdict::Unknown { why } => Some(format!("{}; try again later", printable(why))),
        RecordVerdict::Wrong { found } => Some(match (record.purpose, found.len()) {
            (Purpose::Ownership, _) => "replace what is there by this value".to_owned(),
            (Purpose::Dkim, 1) => "another key is there: replace it by this value".to_owned(),
            (Purpose::Spf, 1) => {
                "add the a: term of this value to the record that is there, before its last term".to_owned()
            }
            (Purpose::Dkim | Purpose::Spf | Purpose::Dmarc, _) => {
                format!("{} records are there, and receivers take none of them then: keep one", found.len())
            }
        }),
    }
}

fn block(check: &RecordCheck) -> String {
    let record = &check.record;
    let (mark, need) = match (&check.verdict, record.required) {
        (RecordVerdict::Right, _) => ("✓", ""),
        (RecordVerdict::Unknown { .. }, _) => ("?", ""),
        (_, true) => ("✗", ""),
        (_, false) => ("–", ", not required"),
    };
    let mut lines =
        vec![format!("{mark} {:<10} {:<8} {}{need}", record.purpose.as_str(), word(check), record.name)];
    if let Some(remedy) = remedy(check) {
        lines.push(format!("    {remedy}"));
        lines.push(record.value.clone());
    }
    if let RecordVerdict::Wrong { found } = &check.verdict {
        lines.extend(found.iter().map(|text| format!("    found: {}", printable(text))));
    }
    lines.join("\n")
}

fn verdict(name: &DomainName, check: &Check, trusted: bool) -> String {
    let changed = if check.before == check.state {
        String::new()
    } else {
        format!(" (it was {})", check.before.as_str())
    };
    match check.state {
        DomainState::Verified => format!("{name} is verified{changed} and may send."),
        DomainState::Failing => format!(
            "{name} is failing{changed}: it still may send, but receivers cannot check its signature. \
             Put the records marked ✗ right, then check again."
        ),
        DomainState::Pending if trusted => format!(
            "{name} is not verified yet. It may send, since you vouched for it; receivers trust its mail \
             more once the records are there."
        ),
        DomainState::Pending => format!(
            "{name} is not verified yet: its mail is refused. Publish the records marked ✗, wait until DNS \
             has them (minutes to hours), then check again."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outgate_core::domains::{DnsRecord, RecordType};

    fn checked(purpose: Purpose, verdict: RecordVerdict) -> RecordCheck {
        let record = DnsRecord {
            purpose,
            record_type: RecordType::Txt,
            name: "example.test".to_owned(),
            value: "v=spf1 a:relay.test ~all".to_owned(),
            required: false,
        };
        RecordCheck { record, verdict }
    }

    #[test]
    fn every_wrong_record_has_a_remedy() {
        let found = |n: usize| RecordVerdict::Wrong { found: vec!["v=spf1 -all".to_owned(); n] };
        for (purpose, verdict, part) in [
            (Purpose::Spf, RecordVerdict::Missing, "add the TXT record"),
            (Purpose::Spf, found(1), "a: term"),
            (Purpose::Spf, found(2), "keep one"),
            (Purpose::Dkim, found(1), "another key"),
            (Purpose::Dmarc, found(2), "keep one"),
            (Purpose::Ownership, found(1), "replace"),
            (Purpose::Ownership, RecordVerdict::Unknown { why: "timeout".to_owned() }, "timeout; try again"),
        ] {
            let remedy = remedy(&checked(purpose, verdict)).unwrap();
            assert!(remedy.contains(part), "{purpose:?}: {remedy}");
        }
        assert_eq!(remedy(&checked(Purpose::Spf, RecordVerdict::Right)), None);
    }

    #[test]
    fn what_dns_holds_cannot_steer_the_terminal() {
        let verdict = RecordVerdict::Wrong { found: vec!["v=spf1 \u{1b}[2J".to_owned()] };
        let text = block(&checked(Purpose::Spf, verdict));
        assert!(!text.contains('\u{1b}'));
        assert!(text.starts_with("– spf        wrong    example.test, not required\n"), "{text}");
    }
}
