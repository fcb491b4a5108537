//! `/metrics` of a whole relay: one message is sent, and the numbers move as they should.

#![expect(clippy::unwrap_used, reason = "a test")]

mod carrier;
mod client;
mod page;

use carrier::Pretended;
use client::Client;
use outgate_core::{
    AccountId, Actor,
    domains::{self, AddDomain},
    users::{self, AddUser},
};
use outgate_relay::{Argon2, Config, Http, Relay};
use outgate_store_conformance::MemoryStore;
use page::Page;
use std::{collections::BTreeSet, net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Long enough that only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at the page.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

fn config(folder: &Path) -> Config {
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let mut config =
        Config { hostname: "relay.test".into(), data_dir: folder.to_owned(), ..Config::default() };
    config.submission.starttls = vec![any];
    config.submission.implicit_tls = Vec::new();
    config.auth.argon2 = Argon2 { memory_kib: 8, iterations: 1, parallelism: 1 };
    config.http = Http { listen: any };
    config
}

/// Status line and body.
async fn get(relay: &Relay, path: &str) -> (String, String) {
    let ask = async {
        let mut stream = TcpStream::connect(relay.addresses().http).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: relay.test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = timeout(PATIENCE, ask).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(path != "/metrics" || head.contains("text/plain; version=0.0.4"), "{head}");
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

async fn numbers(relay: &Relay) -> Page {
    Page::read(&get(relay, "/metrics").await.1)
}

/// Looks until a sample has its value.
async fn numbers_once(relay: &Relay, sample: &str, value: f64) -> Page {
    let looking = async {
        loop {
            let page = numbers(relay).await;
            if page.value(sample) >= value {
                return page;
            }
            sleep(LOOK_AGAIN).await;
        }
    };
    timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{sample} never came to {value}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_moves_the_numbers_and_makes_no_new_series() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::builder(config(folder.path())).carrier(Arc::new(Pretended)).start().await.unwrap();
    let domain = "example.com".parse().unwrap();
    let request = AddDomain { account: AccountId::DEFAULT, name: domain, trusted: true };
    let domain = domains::add(relay.ports(), &*relay.key_maker(), &Actor::System, request).await.unwrap();
    let request = AddUser { domain: domain.name, name: "A shop".parse().unwrap(), username: None };
    let issued = users::add(relay.ports(), &Actor::System, request).await.unwrap();
    let (username, password) = (issued.user.username.to_string(), issued.password.reveal().unwrap());
    let before = numbers(&relay).await;

    let mut client = Client::connect(relay.addresses().starttls[0], folder.path()).await;
    client.says("MAIL FROM:<a@example.com>", "530").await;
    client.signs_in(&username, "og_wrong", "535").await;
    client.signs_in(&username, &password, "235").await;
    client.says("MAIL FROM:<a@example.net>", "550 5.7.1 [sender-domain]").await;
    client.says("MAIL FROM:<a@example.com>", "250").await;
    client.says("RCPT TO:<someone@example.net>", "250").await;
    client.says("RCPT TO:<full@example.net>", "250").await;
    client.says("RCPT TO:<nobody@example.net> NOTIFY=NEVER", "250").await;
    client.says("DATA", "354").await;
    client.says("From: a@example.com\r\nSubject: one\r\n\r\nHello.\r\n.", "250").await;
    let page = numbers_once(&relay, "outgate_queue_deliveries{state=deferred}", 1.0).await;

    for (sample, value) in [
        ("outgate_connections_open", 1.0),
        ("outgate_connections_total", 1.0),
        ("outgate_tls_handshakes_total{result=done}", 1.0),
        ("outgate_sessions_signed_in", 1.0),
        ("outgate_sign_ins_total{result=accepted}", 1.0),
        ("outgate_sign_ins_total{result=refused}", 1.0),
        ("outgate_refusals_total{code=sign-in-first}", 1.0),
        ("outgate_refusals_total{code=bad-credentials}", 1.0),
        ("outgate_refusals_total{code=sender-domain}", 1.0),
        ("outgate_messages_accepted_total", 1.0),
        ("outgate_recipients_accepted_total", 3.0),
        ("outgate_accepted_bytes_total", 45.0),
        ("outgate_acceptance_seconds_count", 1.0),
        ("outgate_attempts_total{tls=TLSv1.3,verified=yes}", 1.0),
        ("outgate_attempt_seconds_count", 1.0),
        ("outgate_recipients_total{class=none,result=delivered}", 1.0),
        ("outgate_recipients_total{class=mailbox_full,result=deferred}", 1.0),
        ("outgate_recipients_total{class=address,result=failed}", 1.0),
        ("outgate_store_answers", 1.0),
        ("outgate_store_has_room", 1.0),
        ("outgate_store_commits_total{result=failed}", 0.0),
        ("outgate_draining", 0.0),
    ] {
        assert!((page.value(sample) - value).abs() < f64::EPSILON, "{sample}: {}", page.value(sample));
    }
    for sample in [
        "outgate_store_commits_total{result=done}",
        "outgate_store_commit_bytes_total",
        "outgate_uptime_seconds",
    ] {
        assert!(page.value(sample) > before.value(sample), "{sample}: {}", page.value(sample));
    }
    assert!(page.value("outgate_memory_budget_limit_bytes") > 0.0);
    assert_eq!(page.series(), before.series(), "no traffic makes a new time series");
    documented(&page);
    assert_eq!(get(&relay, "/readyz").await, ("HTTP/1.1 200 OK".to_owned(), "ready\n".to_owned()));
    assert_eq!(get(&relay, "/healthz").await.1, "ok\n");
    client.says("QUIT", "221").await;
    relay.stop().await;
}

/// Every metric of the page is in `docs/metrics.md`, and the other way round.
fn documented(page: &Page) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let document = std::fs::read_to_string(file).unwrap();
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let told: BTreeSet<(String, String)> =
        rows.map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap().to_owned())).collect();
    assert_eq!(page.families(), told);
}

#[tokio::test]
async fn a_store_of_the_embedders_own_has_no_commits_to_tell_of() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::new());
    let relay = Relay::builder(config(folder.path()))
        .store(store)
        .carrier(Arc::new(Pretended))
        .start()
        .await
        .unwrap();
    let page = numbers(&relay).await;
    assert!(page.families().iter().all(|(name, _)| !name.starts_with("outgate_store_commit")));
    assert!(page.value("outgate_store_answers") > 0.0);
    relay.stop().await;
}
