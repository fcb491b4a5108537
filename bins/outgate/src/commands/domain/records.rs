//! `outgate domain records`

use super::Invocation;
use crate::{
    exit::CommandError,
    output::{prose, view::Record},
};
use outgate_core::{
    DomainName,
    domains::{self, DnsRecord},
};
use outgate_relay::Opening;

pub(super) async fn run(invocation: &Invocation, name: &DomainName) -> Result<(), CommandError> {
    let admin = invocation.open(Opening::Existing).await?;
    let (domain, keys) = domains::keys(admin.store(), name).await?;
    let records = domains::records(&domain, &keys, &admin.config().hostname);
    let document: Vec<Record<'_>> = records.iter().map(Record::of).collect();
    invocation.output.tell(&document, || {
        let blocks: Vec<String> = records.iter().map(block).collect();
        let how = format!(
            "Publish these records for {name}, each value in one piece and without quotes (your DNS may split it by \
             itself), then run `outgate domain check {name}`."
        );
        format!("{}\n\n{}", prose(&how), blocks.join("\n\n"))
    })?;
    Ok(())
}

/// A record with its value on a line of its own: never wrapped, never cut, ready to copy.
pub(super) fn block(record: &DnsRecord) -> String {
    let need = if record.required { "required" } else { "recommended" };
    let (purpose, kind) = (record.purpose.as_str(), record.record_type.as_str());
    let what = prose(&format!("{purpose} ({need}): {}", record.purpose.sentence()));
    format!("{what}\n{kind}  {}\n{}", record.name, record.value)
}
