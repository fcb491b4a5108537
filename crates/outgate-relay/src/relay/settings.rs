//! What the configuration means to each part, in the part's own words.

use crate::Config;
use outgate_auth::Throttle;
use outgate_core::ByteBudget;
use outgate_listen::Rules;
use outgate_queue::{Notices, RetryLaw};
use outgate_smtp::{Limits, server};
use std::sync::Arc;

/// What sessions offer, and how much they take.
pub(super) fn session(config: &Config, budget: &Arc<ByteBudget>) -> server::Config {
    server::Config {
        hostname: config.hostname.clone(),
        limits: Limits {
            message_bytes: usize::try_from(config.submission.max_message_bytes.0).unwrap_or(usize::MAX),
            recipients: config.submission.max_recipients,
            line_octets: config.submission.max_line_octets,
            errors: config.submission.max_errors,
        },
        starttls: true,
        auth: true,
        budget: Arc::clone(budget),
    }
}

/// What messages may take in memory.
pub(super) fn memory(config: &Config) -> usize {
    usize::try_from(config.submission.memory_budget.0).unwrap_or(usize::MAX)
}

/// What connections may cost.
pub(super) fn rules(config: &Config) -> Rules {
    Rules {
        connections: config.submission.max_connections,
        connections_per_address: config.submission.max_connections_per_address,
        command_timeout: config.submission.command_timeout.0,
        data_timeout: config.submission.data_timeout.0,
        proxies: config.submission.proxy_protocol_from.iter().map(|network| network.0).collect(),
    }
}

/// How many failed sign-ins are taken.
pub(super) fn throttle(config: &Config) -> Throttle {
    let rate = |rate: crate::Rate| outgate_auth::Rate { count: rate.count, per: rate.per.0 };
    Throttle::new(outgate_auth::ThrottleConfig {
        per_address: rate(config.auth.throttle.per_address),
        per_username: rate(config.auth.throttle.per_username),
    })
}

/// When deliveries are tried again.
pub(super) fn law(config: &Config) -> RetryLaw {
    let retry = &config.delivery.retry;
    RetryLaw { first: retry.first.0, most: retry.most.0, give_up_after: retry.give_up_after.0 }
}

/// What senders are told, and when.
pub(super) fn notices(config: &Config) -> Notices {
    Notices { hostname: config.hostname.clone(), delay_after: config.delivery.delay_notice_after.0 }
}
