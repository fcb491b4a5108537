//! Verifying, by mail-auth, against records that are given: nothing is looked up.

use futures_util::FutureExt;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, DnsError, Error, MessageAuthenticator, Parameters,
    ResolverCache, Txt,
    common::{crypto::Algorithm, parse::TxtRecordParser, verify::DomainKey},
    hickory_resolver::{
        config::{ResolverConfig, ResolverOpts},
        proto::op::ResponseCode,
    },
};
use std::{borrow::Borrow, collections::HashMap, hash::Hash, time::Instant};

/// What came of one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The domain that signed (`d=`); empty when the field cannot be read.
    pub domain: String,
    /// Its selector (`s=`); empty when the field cannot be read.
    pub selector: String,
    /// How (`a=`).
    pub algorithm: &'static str,
    /// Nothing, or why it does not hold.
    pub outcome: Result<(), String>,
}

/// Verifies every signature of a message. `records` are the TXT records that DNS would give, by full name
/// (`selector._domainkey.domain`); a key that is not among them counts as not published.
pub fn verify(content: &[u8], records: &[(&str, &str)]) -> Vec<Verdict> {
    let Some(message) = AuthenticatedMessage::parse(content) else {
        return Vec::new();
    };
    // A resolver without servers, never asked: the records above it answer every question.
    let Ok(judge) = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default()) else {
        return Vec::new();
    };
    let records = Given::new(records);
    let parameters = Parameters::new(&message).with_txt_cache(&records);
    let outputs = judge.verify_dkim(parameters).now_or_never().unwrap_or_default();
    outputs.iter().map(Verdict::of).collect()
}

impl Verdict {
    fn of(output: &DkimOutput<'_>) -> Self {
        let outcome = match output.result() {
            DkimResult::Pass => Ok(()),
            DkimResult::Neutral(error)
            | DkimResult::Fail(error)
            | DkimResult::PermError(error)
            | DkimResult::TempError(error) => Err(error.to_string()),
            DkimResult::None => Err("not signed".to_owned()),
        };
        let signature = output.signature();
        Self {
            domain: signature.map(|found| found.d.clone()).unwrap_or_default(),
            selector: signature.map(|found| found.s.clone()).unwrap_or_default(),
            algorithm: match signature.map(|found| found.a) {
                Some(Algorithm::RsaSha256) => "rsa-sha256",
                Some(Algorithm::Ed25519Sha256) => "ed25519-sha256",
                Some(Algorithm::RsaSha1) => "rsa-sha1",
                None => "",
            },
            outcome,
        }
    }
}

/// The records, in the place of the judge's DNS cache.
struct Given(HashMap<Box<str>, Txt>);

impl Given {
    fn new(records: &[(&str, &str)]) -> Self {
        let fqdn = |name: &str| format!("{}.", name.trim_end_matches('.').to_ascii_lowercase()).into();
        Self(
            records
                .iter()
                .map(|(name, value)| (fqdn(name), DomainKey::parse(value.as_bytes()).into()))
                .collect(),
        )
    }
}

impl ResolverCache<Box<str>, Txt> for Given {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let missing = || Txt::Error(Error::Dns(DnsError::RecordNotFound(ResponseCode::NXDomain)));
        Some(self.0.get(name).cloned().unwrap_or_else(missing))
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}
