//! What clients see of TLS.

use crate::{
    client::{Client, start_tls},
    house::House,
};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, SupportedProtocolVersion, version};

/// One session, to its end; how its handshake went.
async fn handshake(house: &House, config: &Arc<ClientConfig>) -> HandshakeKind {
    let stream = TcpStream::connect(house.tls).await.unwrap();
    let stream = start_tls(stream, config).await.unwrap();
    let kind = stream.get_ref().1.handshake_kind().unwrap();
    // The tickets of TLS 1.3 come behind the handshake, with the first bytes that are read.
    let mut client = Client::over(stream);
    client.hears("220").await;
    client.says("QUIT", "221").await;
    client.ends().await;
    kind
}

#[tokio::test]
async fn both_versions_work_and_resume() {
    let house = House::new();
    let versions: [&'static SupportedProtocolVersion; 2] = [&version::TLS12, &version::TLS13];
    for version in versions {
        let config = house.trust_with(&[version]);
        assert_ne!(handshake(&house, &config).await, HandshakeKind::Resumed);
        assert_eq!(handshake(&house, &config).await, HandshakeKind::Resumed, "{:?}", version.version);
    }
}

#[tokio::test]
async fn a_new_certificate_is_used_at_once_and_open_sessions_go_on() {
    let house = House::new();
    let old = house.trust();
    let mut open = house.tls_client().await;
    house.renew_certificate();
    house.certificates.reload().unwrap();
    handshake(&house, &house.trust()).await;
    let stream = TcpStream::connect(house.tls).await.unwrap();
    assert!(start_tls(stream, &old).await.is_err(), "the old one is not shown any more");
    open.says("NOOP", "250").await;
}

#[tokio::test]
async fn rubbish_instead_of_a_handshake_ends_the_connection() {
    let house = House::new();
    let mut client = Client::connect(house.tls).await;
    client.send("EHLO client.test\r\n").await;
    client.ends_somehow().await;
    assert_eq!(house.counters.read().tls_failed, 1);
}
