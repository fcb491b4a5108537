//! Domains and their DNS records.

use super::Credentials;
use outgate_core::{
    Domain, DomainId, DomainName, DomainState, Timestamp,
    domains::{DnsRecord, RecordCheck, RecordVerdict},
};
use serde::Serialize;

/// `domain show`, and each item of `domain list`.
#[derive(Debug, Serialize)]
pub(crate) struct ShownDomain<'a> {
    id: DomainId,
    name: &'a DomainName,
    state: DomainState,
    trusted: bool,
    created_at: Timestamp,
    users: u64,
}

impl<'a> ShownDomain<'a> {
    pub(crate) fn of(domain: &'a Domain) -> Self {
        Self {
            id: domain.id,
            name: &domain.name,
            state: domain.state,
            trusted: domain.trusted,
            created_at: domain.created_at,
            users: domain.users,
        }
    }
}

/// `domain add`: the domain, and the user that was made with it.
#[derive(Debug, Serialize)]
pub(crate) struct AddedDomain<'a> {
    #[serde(flatten)]
    pub(crate) domain: ShownDomain<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<Credentials<'a>>,
}

/// Each item of `domain records`.
#[derive(Debug, Serialize)]
pub(crate) struct Record<'a> {
    purpose: &'static str,
    r#type: &'static str,
    name: &'a str,
    value: &'a str,
    required: bool,
}

impl<'a> Record<'a> {
    pub(crate) fn of(record: &'a DnsRecord) -> Self {
        Self {
            purpose: record.purpose.as_str(),
            r#type: record.record_type.as_str(),
            name: &record.name,
            value: &record.value,
            required: record.required,
        }
    }
}

/// `domain check`.
#[derive(Debug, Serialize)]
pub(crate) struct CheckedDomain<'a> {
    pub(crate) name: &'a DomainName,
    /// Before the check.
    pub(crate) before: DomainState,
    pub(crate) state: DomainState,
    pub(crate) records: Vec<CheckedRecord<'a>>,
}

/// One record in `domain check`.
#[derive(Debug, Serialize)]
pub(crate) struct CheckedRecord<'a> {
    #[serde(flatten)]
    record: Record<'a>,
    /// `right`, `missing`, `wrong`, or `unknown` when DNS did not answer.
    verdict: &'static str,
    found: &'a [String],
    remedy: Option<String>,
}

impl<'a> CheckedRecord<'a> {
    pub(crate) fn of(check: &'a RecordCheck, verdict: &'static str, remedy: Option<String>) -> Self {
        let found = match &check.verdict {
            RecordVerdict::Wrong { found } => found.as_slice(),
            RecordVerdict::Right | RecordVerdict::Missing | RecordVerdict::Unknown { .. } => &[],
        };
        Self { record: Record::of(&check.record), verdict, found, remedy }
    }
}
