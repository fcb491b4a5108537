//! The doors: both families of addresses, both versions of TLS, certificates that change, proxies, and limits.

use outgate_tests::{Certificate, Credentials, Relay, Session, Sink, Tls, password, peers, ports, wait};
use std::{
    fs,
    net::{Ipv6Addr, SocketAddr, TcpListener},
    path::Path,
    process::Command,
    time::Duration,
};

const SUITE: &str = "doors";
const LIMIT: Duration = Duration::from_secs(30);

fn relay(change: impl FnOnce(&mut outgate_tests::Config)) -> (Relay, Credentials) {
    let relay = Relay::with(|config| {
        config.set("delivery.smart_host", "127.0.0.1:9");
        change(config);
    });
    relay.add_domain("example.com");
    let user = relay.add_user("example.com", "x");
    (relay, user)
}

/// Signs in with curl and says good-bye; whether that went well.
fn curl(relay: &Relay, user: &Credentials, words: &[&str]) -> bool {
    let url = format!("smtps://localhost:{}", relay.implicit_tls().port());
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--user", &format!("{}:{}", user.username, user.password)])
        .args(words)
        .args(["--request", "NOOP", &url])
        .output()
        .expect("running curl");
    output.status.success()
}

#[test]
fn two_versions_of_tls_and_no_older_one() {
    if !peers::have(SUITE, &["curl"]) {
        return;
    }
    let (relay, user) = relay(|_| {});
    let authority = relay.certificate.authority.display().to_string();
    let at_most = |version: &str| curl(&relay, &user, &["--cacert", &authority, "--tls-max", version]);
    for (version, named) in [("1.3", "TLSv1.3"), ("1.2", "TLSv1.2")] {
        assert!(at_most(version), "{version}");
        wait::for_it(LIMIT, named, || {
            relay.json(&["user", "show", &user.username])["last_connection"]["tls"] == named
        });
    }
    // RFC 8997: nothing older.
    assert!(!curl(
        &relay,
        &user,
        &["--cacert", &authority, "--tls-max", "1.1", "--tlsv1.0", "--ciphers", "DEFAULT@SECLEVEL=0"]
    ));
}

/// The certificate that is shown, in PEM.
fn certificate_of(relay: &Relay) -> String {
    let url = format!("smtps://localhost:{}", relay.implicit_tls().port());
    let words = ["--silent", "--insecure", "--request", "NOOP", "--write-out", "%{certs}"];
    let output = Command::new("curl").args(words).arg(url).output().expect("running curl");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn without_a_certificate_one_is_made_and_kept() {
    if !peers::have(SUITE, &["curl"]) {
        return;
    }
    let (mut relay, user) = relay(|config| {
        config.unset("tls");
    });
    assert!(curl(&relay, &user, &["--insecure"]));
    let before = certificate_of(&relay);
    assert!(before.contains("BEGIN CERTIFICATE"), "{before}");
    relay.kill();
    relay.start();
    assert!(curl(&relay, &user, &["--insecure"]));
    let after = certificate_of(&relay);
    assert_eq!(before, after, "the same one after a restart");
}

#[test]
fn a_new_certificate_is_shown_without_a_restart() {
    let (relay, user) = relay(|_| {});
    let folder = tempfile::tempdir().unwrap();
    let new = Certificate::make(folder.path(), "relay.test");
    let accepts = |authority: &Path| Session::implicit_behind(relay.implicit_tls(), b"", authority).is_ok();
    assert!(accepts(&relay.certificate.authority) && !accepts(&new.authority));
    let mut open = relay.session(Tls::Implicit);
    // Key first, then certificate, as renewing tools do; in between they do not match, and the old pair stays.
    fs::copy(&new.key, &relay.certificate.key).unwrap();
    fs::copy(&new.chain, &relay.certificate.chain).unwrap();
    wait::for_it(Duration::from_secs(90), "the new certificate", || accepts(&new.authority));
    open.sign_in(&user).expect("235 2.7.0");
}

#[test]
fn both_families_of_addresses() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        peers::say(&format!("left out: {SUITE}: no IPv6 here"));
        return;
    }
    let six = SocketAddr::from((Ipv6Addr::LOCALHOST, ports::free()));
    let four = SocketAddr::from(([127, 0, 0, 1], ports::free()));
    let (relay, user) = relay(|config| {
        let starttls = [config_address(config, "submission.starttls"), six.to_string(), four.to_string()];
        config.list("submission.starttls", &starttls.each_ref().map(String::as_str));
    });
    for (door, address) in [(six, "::1"), (four, "127.0.0.1")] {
        let mut session = Session::connect(door);
        session.starttls(&relay.certificate.authority);
        session.say("EHLO client.test").expect_code(250);
        session.sign_in(&user).expect("235 2.7.0");
        wait::for_it(LIMIT, address, || last_address(&relay, &user) == address);
    }
}

fn config_address(config: &outgate_tests::Config, key: &str) -> String {
    let table: toml::Table = config.text().parse().expect("TOML");
    let (table_name, name) = key.split_once('.').expect("a table");
    table[table_name][name][0].as_str().expect("an address").to_owned()
}

fn last_address(relay: &Relay, user: &Credentials) -> String {
    let shown = relay.json(&["user", "show", &user.username]);
    shown["last_connection"]["address"].as_str().unwrap_or_default().to_owned()
}

/// A PROXY protocol header, version 1.
fn proxied(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 192.0.2.1 40000 465\r\n").into_bytes()
}

/// And version 2: signature, PROXY over TCP and IPv4, twelve octets of addresses.
fn proxied_v2(client: [u8; 4]) -> Vec<u8> {
    let ports = [0x9C, 0x40, 0x01, 0xD1];
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C"[..], &client, &[192, 0, 2, 1], &ports].concat()
}

#[test]
fn a_trusted_proxy_tells_who_the_client_is() {
    let (relay, user) = relay(|config| {
        config.list("submission.proxy_protocol_from", &["127.0.0.0/8"]);
    });
    for (header, address) in
        [(proxied("203.0.113.7"), "203.0.113.7"), (proxied_v2([203, 0, 113, 8]), "203.0.113.8")]
    {
        let mut session =
            Session::implicit_behind(relay.implicit_tls(), &header, &relay.certificate.authority).unwrap();
        session.say("EHLO client.test").expect_code(250);
        session.sign_in(&user).expect("235 2.7.0");
        wait::for_it(LIMIT, address, || last_address(&relay, &user) == address);
        let mut session = Session::connect_behind(relay.starttls(), &header);
        session.starttls(&relay.certificate.authority);
        session.say("EHLO client.test").expect_code(250);
        session.sign_in(&user).expect("235 2.7.0");
    }
}

#[test]
fn anybody_else_is_not_believed() {
    let (relay, user) = relay(|_| {});
    let mut session = Session::connect_behind(relay.starttls(), &proxied("203.0.113.7"));
    assert_eq!(session.greeting.code, 220);
    // It is a command that nobody knows.
    assert_eq!(session.reply().code / 100, 5);
    session.starttls(&relay.certificate.authority);
    session.say("EHLO client.test").expect_code(250);
    session.sign_in(&user).expect("235 2.7.0");
    wait::for_it(LIMIT, "the real address", || last_address(&relay, &user) == "127.0.0.1");
}

#[test]
fn guesses_are_throttled_and_the_application_is_not_locked_out() {
    let (relay, user) = relay(|config| {
        config
            .list("submission.proxy_protocol_from", &["127.0.0.0/8"])
            .set("auth.throttle.per_username", "5/5m")
            .set("auth.throttle.per_address", "8/5m");
    });
    let from = |address: &str| {
        let authority = &relay.certificate.authority;
        let mut session =
            Session::implicit_behind(relay.implicit_tls(), &proxied(address), authority).unwrap();
        session.say("EHLO client.test").expect_code(250);
        session
    };
    from("192.0.2.10").sign_in(&user).expect("235 2.7.0");
    // Guesses at one username from many addresses.
    let mut replies = Vec::new();
    for number in 0..12_u64 {
        let guess = Credentials { password: password::guess(number), ..user.clone() };
        replies.push(from(&format!("198.51.100.{}", number + 1)).sign_in(&guess).text());
    }
    assert!(replies[0].starts_with("535 5.7.8"), "{}", replies[0]);
    assert!(replies[11].starts_with("454 4.7.0"), "{}", replies[11]);
    // Law 2's neighbour: where it signed in of late it still does, right password or not refused by the throttle.
    from("192.0.2.10").sign_in(&user).expect("235 2.7.0");
    // Guesses at many usernames from one address.
    let mut last = String::new();
    for number in 0..12_u64 {
        let guess =
            Credentials { username: format!("nobody{number}"), password: password::guess(100 + number) };
        last = from("198.51.100.200").sign_in(&guess).text();
    }
    assert!(last.starts_with("454 4.7.0"), "{last}");
    from("192.0.2.10").sign_in(&user).expect("235 2.7.0");
}

#[test]
fn connections_from_one_address_have_a_limit() {
    let (relay, _user) = relay(|config| {
        config.set("submission.max_connections_per_address", 3);
    });
    let open: Vec<Session> = (0..3).map(|_| Session::connect(relay.starttls())).collect();
    assert!(open.iter().all(|session| session.greeting.code == 220));
    let mut fourth = Session::connect(relay.starttls());
    assert!(fourth.greeting.text().starts_with("421 4.7.0"), "{}", fourth.greeting.text());
    assert!(fourth.rest(LIMIT).1, "and it is closed");
    drop(open);
    wait::for_it(LIMIT, "room again", || Session::connect(relay.starttls()).greeting.code == 220);
}

#[test]
fn silence_has_an_end() {
    let (relay, user) = relay(|config| {
        config.set("submission.command_timeout", "1s").set("submission.data_timeout", "1s");
    });
    let mut session = relay.session(Tls::Starttls);
    session.reply().expect("421 4.4.2");
    assert!(session.rest(LIMIT).1);
    let mut session = relay.session(Tls::Implicit);
    session.sign_in(&user).expect("235 2.7.0");
    session.say("MAIL FROM:<a@example.com>").expect("250");
    session.say("RCPT TO:<b@recipient.test>").expect("250");
    session.say("DATA").expect("354");
    session.send(b"From: a@example.com\r\n");
    session.reply().expect("421 4.4.2");
    assert!(session.rest(LIMIT).1);
}

#[test]
fn too_many_errors_end_a_session() {
    let (relay, _user) = relay(|config| {
        config.set("submission.max_errors", 3);
    });
    let mut session = relay.session(Tls::Starttls);
    for _ in 0..2 {
        session.say("NONSENSE").expect("500 5.5.");
    }
    let (said, closed) = {
        session.send(b"NONSENSE\r\nNONSENSE\r\n");
        session.rest(LIMIT)
    };
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(closed && said.contains("421 4.7.0"), "{said}");
}

#[test]
fn health_is_told() {
    if !peers::have(SUITE, &["curl"]) {
        return;
    }
    let sink = Sink::start();
    let relay = Relay::to(sink.address());
    for page in ["healthz", "readyz", "metrics"] {
        let url = format!("http://{}/{page}", relay.http());
        let output =
            Command::new("curl").args(["--silent", "--show-error", "--fail", &url]).output().unwrap();
        assert!(output.status.success(), "{page}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
