//! What a relay refuses to start with, and that it always ends.

use outgate_core::{AccountId, Actor, domains};
use outgate_relay::{Config, Relay, StartError, master_key};
use std::{io::Write, path::Path, time::Duration};

fn config(folder: &Path) -> Config {
    let mut config = Config::without_file();
    folder.clone_into(&mut config.data_dir);
    config.hostname = "relay.test".into();
    config.auth.argon2.memory_kib = 64;
    config.auth.argon2.iterations = 1;
    config.submission.starttls = vec![([127, 0, 0, 1], 0).into()];
    config.submission.implicit_tls = Vec::new();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_sealed_keys_needs_its_own_master_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join(master_key::FILE);
    let relay = Relay::builder(config(folder.path())).start().await.unwrap();
    let request = domains::AddDomain {
        account: AccountId::DEFAULT,
        name: "example.test".parse().unwrap(),
        trusted: true,
    };
    domains::add(relay.ports(), &*relay.key_maker(), &Actor::System, request).await.unwrap();
    relay.stop().await;

    let right = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let missing = Relay::builder(config(folder.path())).start().await.err().unwrap();
    assert!(matches!(missing, StartError::MasterKey(master_key::MasterKeyError::Missing(_))), "{missing}");
    assert!(!key.exists(), "no other key was made in its place");

    std::fs::write(&key, [b'A'; 43].iter().chain(b"=\n").copied().collect::<Vec<u8>>()).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let wrong = Relay::builder(config(folder.path())).start().await.err().unwrap();
    assert!(matches!(wrong, StartError::MasterKey(master_key::MasterKeyError::Wrong(_))), "{wrong}");

    std::fs::write(&key, right).unwrap();
    Relay::builder(config(folder.path())).start().await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_http_request_holds_no_stop_up() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::builder(config(folder.path())).start().await.unwrap();
    let mut half = std::net::TcpStream::connect(relay.addresses().http).unwrap();
    half.write_all(b"GET /he").unwrap();
    tokio::time::timeout(Duration::from_secs(15), relay.stop()).await.expect("a stop in bounded time");
}
