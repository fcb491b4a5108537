//! A carrier that goes nowhere.

use async_trait::async_trait;
use outgate_core::{Destination, EmailAddress, FailureClass, NetworkPath, Reply, TlsUsed};
use outgate_queue::{Carried, Carrier, Outcome, Parcel};

/// Says that every mail was delivered, but to `full@` and `nobody@`.
pub(crate) struct Pretended;

#[async_trait]
impl Carrier for Pretended {
    fn destination(&self, recipient: &EmailAddress) -> Destination {
        Destination::new(recipient.domain().as_str())
    }

    fn concurrency(&self, _: &Destination) -> usize {
        5
    }

    async fn carry(&self, parcel: &Parcel) -> Carried {
        let outcomes =
            parcel.message.deliveries.iter().map(|delivery| become_of(&delivery.recipient.address));
        let (version, cipher) = ("TLSv1.3".to_owned(), "TLS_AES_128_GCM_SHA256".to_owned());
        let tls = TlsUsed { version, cipher, verified: Some(true), fault: None };
        let path = NetworkPath {
            host: Some("mx.example.net".to_owned()),
            address: Some(([192, 0, 2, 1], 25).into()),
            tls: Some(tls),
            ..NetworkPath::default()
        };
        // Announces DSN, so that nobody here is told of a failure that never was.
        Carried { path, dsn: true, outcomes: outcomes.collect() }
    }
}

fn become_of(recipient: &EmailAddress) -> Outcome {
    let reason = "pretended".to_owned();
    let address = recipient.to_string();
    if address.starts_with("full@") {
        Outcome::Deferred { class: FailureClass::MailboxFull, reply: None, reason }
    } else if address.starts_with("nobody@") {
        Outcome::Failed { class: FailureClass::Address, reply: None, reason }
    } else {
        Outcome::Delivered { reply: Reply { code: 250, enhanced: None, lines: vec!["ok".to_owned()] } }
    }
}
