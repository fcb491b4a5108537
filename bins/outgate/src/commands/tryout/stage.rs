//! What the show plays on: a relay and a sink on free loopback ports, a domain, an SMTP user.

use super::{
    paste::Submission,
    show::{Show, Stopped},
    sink::Sink,
};
use crate::{
    commands::user::reveal,
    output::{Endpoint, ports, view::Smtp},
};
use outgate_core::{
    AccountId, Actor, DomainName, User, UserName,
    domains::{self, AddDomain},
    users::{self, AddUser},
};
use outgate_inbound::Capture;
use outgate_relay::{Config, Http, Relay, SmartHost};
use std::{net::SocketAddr, path::Path, sync::Arc};

/// The relay's name.
pub(super) const HOST: &str = "relay.example.test";
/// The domain that sends.
const DOMAIN: &str = "example.test";
/// Who receives: nobody, since the sink delivers nothing.
pub(super) const RECIPIENT: &str = "you@example.org";
/// What the SMTP user is called.
const LABEL: &str = "A first application";

pub(super) struct Stage {
    pub(super) capture: Arc<Capture>,
    sink: Sink,
    pub(super) relay: Relay,
    pub(super) domain: DomainName,
    pub(super) user: User,
    pub(super) smtp: Smtp,
    /// The password that works now.
    pub(super) password: String,
    pub(super) submit_at: SocketAddr,
}

impl Stage {
    /// Sets everything up, telling each step.
    pub(super) async fn set_up(folder: &Path, show: &mut Show) -> Result<Self, Stopped> {
        let capture = Capture::new("sink.example.test", false);
        let sink = show.need("sink", Sink::open(&capture))?;
        show.done("sink", format!("takes all mail and delivers none, on {}", sink.address))?;

        let relay = show.need("relay", Relay::builder(config(folder, sink.address)).start().await)?;
        let (starttls, implicit) =
            (relay.addresses().starttls.clone(), relay.addresses().implicit_tls.clone());
        let Some(submit_at) = starttls.first().copied() else {
            return Err(show.failed("relay", "it listens nowhere"));
        };
        let smtp = Endpoint::at(
            submit_at.ip().to_string(),
            Some(submit_at.port()),
            implicit.first().map(SocketAddr::port),
        );
        show.done("relay", format!("{}, port {}", smtp.host, ports(&smtp)))?;

        let domain: DomainName = show.need("domain", DOMAIN.parse())?;
        let request = AddDomain { account: AccountId::DEFAULT, name: domain.clone(), trusted: true };
        let added = domains::add(relay.ports(), &*relay.key_maker(), &actor(), request).await;
        show.need("domain", added)?;
        show.done("domain", format!("{domain} added and trusted, with an RSA and an Ed25519 key"))?;

        let name: UserName = show.need("user", LABEL.parse())?;
        let request = AddUser { domain: domain.clone(), name, username: None };
        let issued = show.need("user", users::add(relay.ports(), &actor(), request).await)?;
        let password = show.need("user", reveal(issued.password))?.clone();
        show.done("user", format!("{} / {password}", issued.user.username))?;
        Ok(Self { capture, sink, relay, domain, user: issued.user, smtp, password, submit_at })
    }

    /// What ready-to-paste lines need.
    pub(super) fn submission(&self) -> Submission<'_> {
        Submission {
            address: self.submit_at,
            username: self.user.username.as_str(),
            password: &self.password,
            from: format!("anything@{}", self.domain),
            to: RECIPIENT,
        }
    }

    /// Ends relay and sink.
    pub(super) async fn strike(self) {
        self.relay.stop().await;
        self.sink.stop().await;
    }
}

/// Whoever changes something during the show.
pub(super) fn actor() -> Actor {
    Actor::System
}

fn config(folder: &Path, sink: SocketAddr) -> Config {
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let mut config = Config { hostname: HOST.to_owned(), data_dir: folder.to_owned(), ..Config::default() };
    config.submission.starttls = vec![any];
    config.submission.implicit_tls = vec![any];
    config.delivery.smart_host = Some(SmartHost::Address(sink.to_string()));
    config.http = Http { listen: any };
    config
}
