//! TLS and signing in.

use crate::fake_mx::{FakeMx, Reaction, Seen, Zone, carrier, impatient, mx_config, parcel, say};
use outgate_core::{FailureClass, Secret};
use outgate_delivery::{Config, Route, SmartHost, SmartHostTls};
use outgate_queue::{Carried, Carrier, Outcome};
use outgate_smtp::client::Credentials;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// An authority, and a server's end of TLS with a certificate of it for `name`.
fn certified(name: &str) -> (CertificateDer<'static>, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    (authority.der().clone(), TlsAcceptor::from(Arc::new(config)))
}

fn offering(tls: TlsAcceptor) -> FakeMx {
    FakeMx {
        ehlo: "250-mx\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
        tls: Some(tls),
        ..FakeMx::good()
    }
}

async fn by_mx(mx: FakeMx, roots: Vec<CertificateDer<'static>>) -> (Carried, Arc<Seen>) {
    let (address, seen) = mx.start().await;
    let config = Config { extra_roots: roots, ..mx_config(address.port()) };
    let carrier = carrier(config, Zone::with("example.org", &["127.0.0.1"]));
    (carrier.carry(&parcel(&["a@example.org"], "x\r\n")).await, seen)
}

async fn by_smart_host(
    mx: FakeMx,
    tls: SmartHostTls,
    sign_in: bool,
    roots: Vec<CertificateDer<'static>>,
) -> (Carried, Arc<Seen>) {
    let (address, seen) = mx.start().await;
    let credentials = || Arc::new(Credentials { username: "relay".into(), password: Secret::new("secret") });
    let route = Route::SmartHost(SmartHost {
        host: "smart.example.net".into(),
        port: address.port(),
        tls,
        credentials: sign_in.then(credentials),
    });
    let config = Config {
        timeouts: impatient(),
        extra_roots: roots,
        ..Config::new("relay.example.net".parse().unwrap(), route)
    };
    let mut zone = Zone::default();
    zone.addresses.insert("smart.example.net".into(), vec!["127.0.0.1".parse().unwrap()]);
    let carrier = carrier(config, zone);
    let destination = carrier.destination(&"a@example.org".parse().unwrap());
    assert_eq!(destination.as_str(), "smart.example.net");
    (carrier.carry(&parcel(&["a@example.org", "b@example.com"], "x\r\n")).await, seen)
}

fn delivered(carried: &Carried) -> bool {
    carried.outcomes.iter().all(|outcome| matches!(outcome, Outcome::Delivered { .. }))
}

fn deferred(carried: &Carried, expected: FailureClass) -> bool {
    carried
        .outcomes
        .iter()
        .all(|outcome| matches!(outcome, Outcome::Deferred { class, .. } if *class == expected))
}

#[tokio::test]
async fn starttls_is_used_when_offered_and_the_certificate_noted() {
    for (name, trusted, verified) in
        [("mx0.example.org", true, true), ("mx0.example.org", false, false), ("other.example", true, false)]
    {
        let (authority, tls) = certified(name);
        let roots = if trusted { vec![authority] } else { Vec::new() };
        let (carried, seen) = by_mx(offering(tls), roots).await;
        assert!(delivered(&carried), "{carried:?}");
        let used = carried.path.tls.unwrap();
        assert_eq!((used.version.as_str(), used.verified), ("TLSv1.3", Some(verified)), "{name} {trusted}");
        assert!(used.cipher.starts_with("TLS13_"), "{used:?}");
        let fault = match (name, trusted) {
            ("other.example", _) => Some("the certificate is for another name"),
            (_, true) => None,
            (_, false) => Some("the certificate's issuer is not known"),
        };
        assert_eq!(used.fault.as_deref(), fault);
        let told =
            carried.path.transcript.lines().find(|line| line.starts_with("* TLSv1.3, TLS13_")).unwrap();
        assert_eq!(told.ends_with(": the certificate is valid"), verified, "{told}");
        assert!(carried.path.timings.tls.is_some());
        assert_eq!(seen.commands()[..3], ["EHLO relay.example.net", "STARTTLS", "EHLO relay.example.net"]);
        assert_eq!((seen.connections(), seen.messages().len()), (1, 1));
    }
}

/// Where TLS is a bonus, its failure costs the bonus and not the mail.
#[tokio::test]
async fn a_failed_handshake_goes_on_in_clear() {
    let (_, tls) = certified("mx0.example.org");
    let script = |_: usize, line: &str| {
        (line == "STARTTLS").then(|| Reaction::SayAndDrop("220 go\r\nthis is not TLS at all".into()))
    };
    let mx = FakeMx { script: Arc::new(script), ..offering(tls.clone()) };
    let (carried, seen) = by_mx(mx, Vec::new()).await;
    assert!(delivered(&carried), "{carried:?}");
    assert_eq!((carried.path.tls, seen.connections()), (None, 2));

    let declined = FakeMx {
        script: Arc::new(|_, line| (line == "STARTTLS").then(|| say("454 no"))),
        tls: None,
        ..offering(tls)
    };
    let (carried, seen) = by_mx(declined, Vec::new()).await;
    assert!(delivered(&carried), "{carried:?}");
    assert_eq!((carried.path.tls, seen.connections()), (None, 1));
}

/// RFC 3207 §4.2; CVE-2011-0411.
#[tokio::test]
async fn what_is_injected_behind_starttls_counts_for_nothing() {
    let (authority, tls) = certified("smart.example.net");
    let script = |_: usize, line: &str| {
        (line == "STARTTLS").then(|| Reaction::Say("220 go\r\n250-evil\r\n250 AUTH LOGIN\r\n".into()))
    };
    let mx = FakeMx { script: Arc::new(script), ..offering(tls) };
    let (carried, seen) = by_smart_host(mx, SmartHostTls::Require, true, vec![authority]).await;
    assert!(delivered(&carried), "{carried:?}");
    assert!(seen.commands().iter().any(|line| line.starts_with("AUTH PLAIN ")), "{:?}", seen.commands());
}

#[tokio::test]
async fn a_smart_host_that_must_be_trusted_is_trusted_only_when_valid() {
    for tls in [SmartHostTls::Require, SmartHostTls::Implicit] {
        for (name, trusted) in
            [("smart.example.net", true), ("smart.example.net", false), ("other.example", true)]
        {
            let (authority, acceptor) = certified(name);
            let roots = if trusted { vec![authority] } else { Vec::new() };
            let mx = FakeMx { implicit: tls == SmartHostTls::Implicit, ..offering(acceptor) };
            let (carried, seen) = by_smart_host(mx, tls, true, roots).await;
            let good = trusted && name == "smart.example.net";
            assert_eq!(delivered(&carried), good, "{tls:?} {name} {trusted} {carried:?}");
            assert_eq!(deferred(&carried, FailureClass::Tls), !good);
            let said = seen.commands().join("\n");
            assert_eq!(said.contains("AUTH PLAIN AHJlbGF5AHNlY3JldA=="), good, "{said}");
            assert_eq!(said.contains("MAIL"), good);
            if good {
                assert_eq!(carried.path.tls.unwrap().verified, Some(true));
                assert_eq!(seen.messages().len(), 1, "two domains, one transaction");
            }
        }
    }
}

#[tokio::test]
async fn a_password_is_not_said_in_clear_nor_to_a_stranger() {
    let plain = FakeMx { ehlo: "250-mx\r\n250 AUTH PLAIN\r\n", ..FakeMx::good() };
    let (carried, seen) = by_smart_host(plain, SmartHostTls::Opportunistic, true, Vec::new()).await;
    assert!(deferred(&carried, FailureClass::Tls), "{carried:?}");
    assert!(!seen.commands().join("\n").contains("AUTH"));
    let (_, tls) = certified("smart.example.net");
    let (carried, seen) = by_smart_host(offering(tls), SmartHostTls::Opportunistic, true, Vec::new()).await;
    assert!(deferred(&carried, FailureClass::Tls), "{carried:?}");
    assert!(!seen.commands().join("\n").contains("AUTH"));
}

#[tokio::test]
async fn a_smart_host_in_clear_and_one_that_refuses_our_password() {
    let (carried, _) = by_smart_host(FakeMx::good(), SmartHostTls::Opportunistic, false, Vec::new()).await;
    assert!(delivered(&carried), "{carried:?}");
    let (authority, tls) = certified("smart.example.net");
    let script = |_: usize, line: &str| line.starts_with("AUTH").then(|| say("535 5.7.8 wrong"));
    let mx = FakeMx { script: Arc::new(script), ..offering(tls) };
    let (carried, _) = by_smart_host(mx, SmartHostTls::Require, true, vec![authority]).await;
    assert!(deferred(&carried, FailureClass::Local), "{carried:?}");
}
