//! The whole relay inside another program: start it, add a domain and an SMTP user, hand the credentials to whoever
//! needs them, stop it.
//!
//! `cargo run -p outgate-examples --bin embed`

use anyhow::{Context, Result};
use outgate_core::{
    AccountId, Actor,
    domains::{self, AddDomain},
    users::{self, AddUser},
};
use outgate_relay::{Config, Relay};

#[tokio::main]
async fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("outgate-embed-{}", std::process::id()));
    let mut config = Config::without_file();
    config.data_dir.clone_from(&folder);
    // Port 0: the system chooses; `addresses` tells.
    config.submission.starttls = vec![([127, 0, 0, 1], 0).into()];
    config.submission.implicit_tls = vec![([127, 0, 0, 1], 0).into()];
    config.http.listen = ([127, 0, 0, 1], 0).into();

    let relay = Relay::builder(config).start().await.context("starting the relay")?;
    let actor = Actor::Operator { name: "embed".to_owned() };
    let keys = relay.key_maker();
    let domain = AddDomain { account: AccountId::DEFAULT, name: "example.test".parse()?, trusted: true };
    let domain = domains::add(relay.ports(), &*keys, &actor, domain).await?;
    let user = AddUser { domain: domain.name.clone(), name: "Embedded".parse()?, username: None };
    let issued = users::add(relay.ports(), &actor, user).await?;

    println!(
        "submit to {:?} with STARTTLS, or to {:?} with TLS",
        relay.addresses().starttls,
        relay.addresses().implicit_tls
    );
    println!("username {}", issued.user.username);
    println!("password {}", issued.password.reveal().context("a generated password is text")?.as_str());

    relay.stop().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
