//! Lookups against real DNS servers on the loopback interface.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use hickory_server::{
    Server,
    proto::rr::{
        Name, RData, Record,
        rdata::{A, AAAA, CNAME, MX, SOA, TXT},
    },
    store::in_memory::InMemoryZoneHandler,
    zone_handler::{AxfrPolicy, Catalog, ZoneType},
};
use outgate_core::{DomainName, Mx, Resolve, ResolveError};
use outgate_dns::Resolver;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::{TcpListener, UdpSocket};

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn domain(text: &str) -> DomainName {
    text.parse().unwrap()
}

/// A server for `example.org`, over UDP and TCP.
async fn zone() -> (Server<Catalog>, SocketAddr) {
    let origin = name("example.org.");
    let mut zone: InMemoryZoneHandler =
        InMemoryZoneHandler::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny);
    let long = (0..40).map(|n| format!("{n:03}{}", "x".repeat(200))).collect();
    for (owner, data) in [
        ("example.org.", RData::SOA(SOA::new(origin.clone(), origin.clone(), 1, 60, 60, 60, 60))),
        ("example.org.", RData::MX(MX::new(10, name("MX1.example.org.")))),
        ("example.org.", RData::MX(MX::new(20, name("mx2.example.org.")))),
        ("null.example.org.", RData::MX(MX::new(0, Name::root()))),
        ("mx1.example.org.", RData::A(A::new(192, 0, 2, 1))),
        ("mx1.example.org.", RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))),
        ("mx2.example.org.", RData::A(A::new(192, 0, 2, 2))),
        ("alias.example.org.", RData::CNAME(CNAME(name("mx2.example.org.")))),
        ("txt.example.org.", RData::TXT(TXT::new(vec!["v=DKIM1; ".into(), "p=abc".into()]))),
        ("long.example.org.", RData::TXT(TXT::new(long))),
    ] {
        assert!(zone.upsert_mut(Record::from_rdata(name(owner), 60, data), 1), "{owner}");
    }
    let mut catalog = Catalog::new();
    catalog.upsert(origin.into(), vec![Arc::new(zone)]);
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = udp.local_addr().unwrap();
    let tcp = TcpListener::bind(address).await.unwrap();
    let mut server = Server::new(catalog);
    server.register_socket(udp);
    server.register_listener(tcp, Duration::from_secs(5), 32);
    (server, address)
}

fn asking(server: SocketAddr) -> Resolver {
    Resolver::asking_within(&[server], Duration::from_secs(2), Duration::from_secs(10)).unwrap()
}

#[tokio::test]
async fn answers() {
    let (_server, address) = zone().await;
    let resolver = asking(address);
    let mut mx = resolver.mx(&domain("example.org")).await.unwrap();
    mx.sort();
    let expected = [(10, "mx1.example.org"), (20, "mx2.example.org")]
        .map(|(preference, exchange)| Mx { preference, exchange: exchange.into() });
    assert_eq!(mx, expected);
    let null = [Mx { preference: 0, exchange: String::new() }];
    assert_eq!(resolver.mx(&domain("null.example.org")).await.unwrap(), null);

    let addresses = |host: &'static str| {
        let resolver = resolver.clone();
        async move {
            let found = resolver.addresses(host).await?;
            Ok::<_, ResolveError>(found.iter().map(ToString::to_string).collect::<Vec<_>>())
        }
    };
    assert_eq!(addresses("mx1.example.org").await.unwrap(), ["2001:db8::1", "192.0.2.1"]);
    assert_eq!(addresses("MX2.example.org.").await.unwrap(), ["192.0.2.2"], "one kind is enough");
    assert_eq!(addresses("alias.example.org").await.unwrap(), ["192.0.2.2"], "CNAMEs are followed");
    assert_eq!(addresses("txt.example.org").await, Err(ResolveError::NoRecords));
    assert_eq!(addresses("nobody.example.org").await, Err(ResolveError::NoSuchName));
    assert_eq!(addresses("localhost").await.unwrap(), ["::1", "127.0.0.1"], "nobody is asked");
    assert_eq!(addresses("..").await, Err(ResolveError::NoSuchName));
    assert_eq!(resolver.mx(&domain("mx1.example.org")).await, Err(ResolveError::NoRecords));
    assert_eq!(resolver.mx(&domain("nobody.example.org")).await, Err(ResolveError::NoSuchName));
    assert_eq!(resolver.txt("txt.example.org").await.unwrap(), ["v=DKIM1; p=abc"]);
}

#[tokio::test]
async fn an_answer_too_long_for_udp_comes_over_tcp() {
    let (_server, address) = zone().await;
    let long = asking(address).txt("long.example.org").await.unwrap();
    assert_eq!(long[0].len(), 40 * 203);
}

#[tokio::test]
async fn a_server_that_does_not_know_the_zone_is_trouble() {
    let (_server, address) = zone().await;
    let answer = asking(address).mx(&domain("example.com")).await;
    assert!(matches!(answer, Err(ResolveError::Temporary(_))), "{answer:?}");
}

/// A server that answers every query with a response code, or never.
async fn answering(code: Option<u8>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let Some(code) = code else { continue };
            // RFC 1035 §4.1.1: a response; the question stays, and the record of EDNS behind it is left out.
            buffer[2] |= 0x80;
            buffer[3] = 0x80 | code;
            buffer[6..12].fill(0);
            let question = 12 + buffer[12..length].iter().position(|byte| *byte == 0).unwrap() + 5;
            socket.send_to(&buffer[..question], peer).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn trouble_is_temporary() {
    for code in [Some(2), Some(5), Some(4), Some(1), None] {
        let server = answering(code).await;
        let quick = Duration::from_millis(200);
        let resolver = Resolver::asking_within(&[server], quick, Duration::from_secs(2)).unwrap();
        for answer in [
            resolver.mx(&domain("example.org")).await.map(|_| ()),
            resolver.addresses("mx.example.org").await.map(|_| ()),
            resolver.txt("example.org").await.map(|_| ()),
        ] {
            assert!(matches!(answer, Err(ResolveError::Temporary(_))), "{code:?} {answer:?}");
        }
    }
    let nobody = answering(Some(3)).await;
    assert_eq!(asking(nobody).mx(&domain("example.org")).await, Err(ResolveError::NoSuchName));
    let nothing = answering(Some(0)).await;
    assert_eq!(asking(nothing).mx(&domain("example.org")).await, Err(ResolveError::NoRecords));
}

#[tokio::test]
async fn a_lookup_has_a_deadline() {
    let silent = answering(None).await;
    let resolver =
        Resolver::asking_within(&[silent], Duration::from_mins(1), Duration::from_millis(50)).unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(5), resolver.txt("example.org")).await.unwrap();
    assert!(matches!(answer, Err(ResolveError::Temporary(_))), "{answer:?}");
}

#[test]
fn a_resolver_needs_a_server() {
    assert!(matches!(Resolver::asking(&[]), Err(outgate_dns::ResolverError::NoServers)));
}
