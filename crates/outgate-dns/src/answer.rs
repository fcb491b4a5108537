//! What an answer means.

use hickory_resolver::{
    lookup::Lookup,
    net::{DnsError, NetError},
    proto::{op::ResponseCode, rr::RData},
};
use outgate_core::ResolveError;

/// The records of an answer that `pick` takes. An answer may hold others beside them (CNAMEs on the way, RRSIGs).
pub(crate) fn records<T>(
    answer: Result<Lookup, NetError>,
    pick: impl Fn(&RData) -> Option<T>,
) -> Result<Vec<T>, ResolveError> {
    let answer = answer.map_err(|error| reason(&error))?;
    let records: Vec<T> = answer.answers().iter().filter_map(|record| pick(&record.data)).collect();
    if records.is_empty() { Err(ResolveError::NoRecords) } else { Ok(records) }
}

/// What a failed lookup means. Only a server that knows can say that something is not there; all else may be
/// otherwise later.
fn reason(error: &NetError) -> ResolveError {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(nothing)) => match nothing.response_code {
            ResponseCode::NXDomain => ResolveError::NoSuchName,
            // A referral is no answer: the server does not look up for us, and knows nothing of the name.
            ResponseCode::NoError if nothing.soa.is_none() && nothing.ns.is_some() => {
                ResolveError::Temporary("the DNS server refers us to others".to_owned())
            }
            ResponseCode::NoError => ResolveError::NoRecords,
            code => ResolveError::Temporary(format!("the DNS server answered {code}")),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => {
            ResolveError::Temporary(format!("the DNS server answered {code}"))
        }
        NetError::Timeout => ResolveError::Temporary("the DNS server did not answer in time".to_owned()),
        other => ResolveError::Temporary(other.to_string()),
    }
}
