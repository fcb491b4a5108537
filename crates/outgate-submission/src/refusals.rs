//! Every error of the floors below, and what a client hears for it. No wildcards: a new error asks for its refusal here.

use outgate_core::{
    DomainBar, HashError, SendRight,
    store::{AcceptError, StoreError},
    users::LoginError,
};
use outgate_mail::{FromRefusal, HeaderFault};
use outgate_queue::IntakeError;
use outgate_smtp::server::{ClientFacts, Refusal};

/// For a sign-in. RFC 4954 §6: `535` only for credentials that are not right, `454` for what may pass.
pub(crate) fn of_login(error: &LoginError, client: &ClientFacts) -> Refusal {
    match error {
        LoginError::Refused => {
            // Not the username: people type passwords into that field.
            tracing::info!(address = %client.address, "a sign-in was refused");
            Refusal::BadCredentials
        }
        LoginError::Throttled => {
            tracing::debug!(address = %client.address, "a sign-in was throttled");
            Refusal::SignInThrottled
        }
        LoginError::Hash(HashError::Busy) => {
            tracing::warn!("a sign-in found too many others waiting for the password hasher");
            Refusal::SignInBusy
        }
        LoginError::Hash(HashError::Failed(_)) | LoginError::Store(_) => {
            tracing::error!(%error, "a sign-in could not be judged");
            Refusal::SignInUnavailable
        }
    }
}

/// For a domain that nothing may be sent as.
pub(crate) fn of_bar(bar: DomainBar, right: &SendRight) -> Refusal {
    match bar {
        DomainBar::Pending => Refusal::DomainPending { domain: right.domain_name().to_string() },
        DomainBar::AccountSuspended => Refusal::AccountSuspended,
    }
}

/// For trouble of the store while a message is taken: temporary, always (law 9).
pub(crate) fn of_store(error: &StoreError) -> Refusal {
    match error {
        StoreError::Full => Refusal::StoreFull,
        StoreError::Unavailable(_) | StoreError::Damaged(_) => {
            tracing::error!(%error, "a message cannot be taken");
            Refusal::StoreUnavailable
        }
    }
}

/// For a message that was not kept.
pub(crate) fn of_intake(error: &IntakeError, right: &SendRight) -> Refusal {
    match error {
        IntakeError::From(refusal) => of_from(refusal, right),
        IntakeError::TooManyHops => Refusal::TooManyHops,
        IntakeError::Accept(AcceptError::StaleRight) => Refusal::StaleRight,
        IntakeError::Accept(AcceptError::Barred(bar)) => of_bar(*bar, right),
        IntakeError::Accept(AcceptError::Store(error)) => of_store(error),
    }
}

/// For a message whose `From:` or `Sender:` is not the user's (law 4). The reason in full is in the log.
fn of_from(refusal: &FromRefusal, right: &SendRight) -> Refusal {
    tracing::info!(username = %right.username(), reason = %refusal, "a message was refused");
    match refusal {
        FromRefusal::NotYours { .. } => Refusal::FromNotYours { allowed: right.domain_name().to_string() },
        FromRefusal::Header(fault) => of_header(*fault),
        FromRefusal::Missing | FromRefusal::Several(_) | FromRefusal::Unreadable(..) => Refusal::BadFrom,
    }
}

/// For a header section that cannot be read with certainty.
fn of_header(fault: HeaderFault) -> Refusal {
    let why = match fault {
        HeaderFault::NotAField => {
            "a line of its header is no header field; look for a missing colon, a byte order mark or an mbox From \
             line before it, or a missing empty line behind it"
                .to_owned()
        }
        HeaderFault::BlankLine | HeaderFault::TooManyFields | HeaderFault::TooLong => fault.to_string(),
    };
    Refusal::BadHeader { why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outgate_store_conformance::{MemoryStore, World};
    use std::{net::Ipv4Addr, sync::Arc};

    async fn right() -> SendRight {
        World::new(Arc::new(MemoryStore::new())).add_sender("example.com").await.unwrap().right
    }

    fn lost() -> StoreError {
        StoreError::Unavailable("the disk is gone".to_owned())
    }

    #[test]
    fn a_sign_in_hears_535_for_bad_credentials_only() {
        let client = ClientFacts {
            address: Ipv4Addr::LOCALHOST.into(),
            client: String::new(),
            esmtp: true,
            tls: None,
            mechanism: None,
        };
        for (error, refusal) in [
            (LoginError::Refused, Refusal::BadCredentials),
            (LoginError::Throttled, Refusal::SignInThrottled),
            (LoginError::Hash(HashError::Busy), Refusal::SignInBusy),
            (LoginError::Hash(HashError::Failed("no memory".to_owned())), Refusal::SignInUnavailable),
            (LoginError::Store(lost()), Refusal::SignInUnavailable),
            (LoginError::Store(StoreError::Full), Refusal::SignInUnavailable),
        ] {
            let heard = of_login(&error, &client);
            assert_eq!(heard, refusal, "{error:?}");
            assert_eq!(heard.code() == 535, error == LoginError::Refused, "{error:?}");
        }
    }

    #[tokio::test]
    async fn trouble_of_ours_is_temporary_and_a_broken_rule_is_not() {
        let right = right().await;
        let missing = IntakeError::From(FromRefusal::Missing);
        for (error, code, enhanced) in [
            (IntakeError::Accept(AcceptError::StaleRight), 421, "4.7.0"),
            (IntakeError::Accept(AcceptError::Store(StoreError::Full)), 452, "4.3.1"),
            (IntakeError::Accept(AcceptError::Store(lost())), 451, "4.3.0"),
            (IntakeError::Accept(AcceptError::Store(StoreError::Damaged("x".to_owned()))), 451, "4.3.0"),
            (IntakeError::Accept(AcceptError::Barred(DomainBar::Pending)), 550, "5.7.1"),
            (IntakeError::Accept(AcceptError::Barred(DomainBar::AccountSuspended)), 550, "5.7.1"),
            (IntakeError::TooManyHops, 554, "5.4.6"),
            (missing, 550, "5.6.0"),
        ] {
            let heard = of_intake(&error, &right);
            assert_eq!((heard.code(), heard.enhanced()), (code, enhanced), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_header_that_cannot_be_read_is_not_called_a_bad_from() {
        let right = right().await;
        let many = "X: y\r\n".repeat(5000);
        for header in [
            "From: a@example.com\r\nno colon here",
            "\u{feff}From: a@example.com",
            "From a@example.com Thu Jan  1 00:00:00 1970\r\nFrom: a@example.com",
            many.as_str(),
        ] {
            let content = format!("{header}\r\n\r\nHello.\r\n");
            let error = outgate_mail::check_from(content.as_bytes(), right.domain_name()).unwrap_err();
            let heard = of_intake(&error.into(), &right);
            assert_eq!(
                (heard.code(), heard.enhanced(), heard.short()),
                (550, "5.6.0", "bad-header"),
                "{header:.40}"
            );
            assert!(heard.to_string().len() + 2 <= 512, "{heard}");
        }
    }

    #[tokio::test]
    async fn a_foreign_from_is_told_what_is_allowed() {
        let right = right().await;
        let content = b"From: a@sub.example.com\r\n\r\n";
        let error = outgate_mail::check_from(content, right.domain_name()).unwrap_err();
        let allowed = "example.com".to_owned();
        assert_eq!(of_intake(&error.into(), &right), Refusal::FromNotYours { allowed });
    }
}
