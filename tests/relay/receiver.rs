//! A real receiver: Debian's Postfix as the MX, found through BIND; the signatures verified there by dkimpy and by
//! OpenDKIM, with the records that `outgate domain records` says to publish.

use outgate_tests::{Bind, Postfix, Relay, Tls, dkim, txt_line};
use serde_json::Value;
use std::time::Duration;

const SUITE: &str = "receiver";
const ARRIVAL_LIMIT: Duration = Duration::from_mins(1);

/// The world outside: one domain by MX, one by address record only, one whose best MX is away, one that takes no
/// mail (RFC 7505), and one behind an alias (RFC 5321 §5.1).
const WORLD: &str = "receiver.test. MX 10 mx.receiver.test.\nmx.receiver.test. A 127.0.0.1\n\
                     plain.receiver.test. A 127.0.0.1\n\
                     two.receiver.test. MX 10 away.receiver.test.\ntwo.receiver.test. MX 20 mx.receiver.test.\n\
                     away.receiver.test. A 127.0.0.3\n\
                     null.receiver.test. MX 0 .\n\
                     alias.receiver.test. CNAME receiver.test.\n";
/// All of them are the same Postfix.
const DOMAINS: &str = "receiver.test, plain.receiver.test, two.receiver.test, alias.receiver.test";

struct Stage {
    relay: Relay,
    postfix: Postfix,
    bind: Bind,
}

impl Stage {
    fn set() -> Option<Self> {
        let bind = Bind::start(SUITE, WORLD)?;
        let postfix = Postfix::start(SUITE, "mx.receiver.test", DOMAINS)?;
        let relay = Relay::with(|config| {
            config
                .list("dns.servers", &[&bind.address().to_string()])
                .set("delivery.mx_port", i64::from(postfix.address().port()))
                .set("delivery.allow_private_destinations", true);
        });
        Some(Self { relay, postfix, bind })
    }

    fn delivery_to(&self, recipient: &str) -> Option<Value> {
        let lines = self.relay.json_lines(&["activity", "--recipient", recipient]);
        lines.into_iter().find(|line| line["recipient"] == recipient)
    }

    #[track_caller]
    fn ends_as(&self, recipient: &str, status: &str) -> Value {
        let ended = outgate_tests::wait::until(ARRIVAL_LIMIT, || {
            self.delivery_to(recipient).filter(|delivery| delivery["status"] == status)
        });
        ended.unwrap_or_else(|| panic!("{recipient} is not {status} but {:?}", self.delivery_to(recipient)))
    }
}

fn publish(bind: &Bind, records: &Value) {
    let lines: String = records
        .as_array()
        .expect("a list of records")
        .iter()
        .filter(|record| record["type"] == "TXT")
        .map(|record| {
            txt_line(record["name"].as_str().expect("a name"), record["value"].as_str().expect("a value"))
        })
        .collect();
    bind.publish(&format!("{WORLD}{lines}"));
}

#[test]
fn a_verified_domain_is_received_and_its_signatures_are_good() {
    let Some(stage) = Stage::set() else { return };
    let (relay, postfix, bind) = (&stage.relay, &stage.postfix, &stage.bind);
    relay.ok(["domain", "add", "sender.test"]);
    let user = relay.add_user("sender.test", "shop");
    let mut session = relay.session(Tls::Starttls);
    session.sign_in(&user).expect("235 2.7.0");

    // Before its records are published nothing may be sent.
    session.say("MAIL FROM:<shop@sender.test>").expect("550 5.7.1");
    relay.run(["domain", "check", "sender.test"]);
    assert_eq!(relay.json(&["domain", "show", "sender.test"])["state"], "pending");

    let records = relay.json(&["domain", "records", "sender.test"]);
    publish(bind, &records);
    let checked = relay.run(["domain", "check", "sender.test", "--json"]);
    assert_eq!(checked.status, 0, "{}{}", checked.stdout, checked.stderr);
    assert_eq!(relay.json(&["domain", "show", "sender.test"])["state"], "verified", "{}", checked.stdout);

    let body = "Dear all,\r\n..\r\n. \r\nÄöü  \r\n\tthe end\r\n";
    let content = format!(
        "From: Shop <shop@sender.test>\r\nTo: <b@receiver.test>\r\nSubject: mark-dkim\r\n folded\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}",
        body.replace("\r\n.", "\r\n..").trim_end()
    );
    session.submit("shop@sender.test", &["b@receiver.test"], content.as_bytes()).expect("250 2.");
    let mail = postfix.wait_for("mark-dkim", ARRIVAL_LIMIT);
    let mail = mail.unwrap_or_else(|| panic!("nothing arrived\n{}\n{}", postfix.log(), relay.log()));
    let text = String::from_utf8_lossy(&mail).into_owned();
    assert!(
        text.ends_with(&format!("\n\n{}", body.replace("\r\n", "\n"))),
        "the body is as it was sent:\n{text}"
    );
    assert!(text.contains("using TLSv1.3"), "opportunistic STARTTLS was taken:\n{text}");
    assert!(text.contains("with ESMTPSA"), "our trace says how it came:\n{text}");
    let delivery = stage.ends_as("b@receiver.test", "delivered");
    assert!(delivery["reply"].as_str().is_some_and(|reply| reply.starts_with("250 2.0.0")), "{delivery}");

    signatures_are_good(bind, &mail, &records);
    // A verifier that takes anything would prove nothing.
    let forged = text.replace("Dear all", "Dear you").into_bytes();
    if let Some(verdicts) = dkim::dkimpy(SUITE, bind.address(), &forged) {
        assert!(verdicts.iter().all(|verdict| verdict["verified"] == false), "{verdicts:?}");
    }
}

fn signatures_are_good(bind: &Bind, mail: &[u8], records: &Value) {
    let keys: Vec<&Value> =
        records.as_array().expect("records").iter().filter(|record| record["purpose"] == "dkim").collect();
    assert!(!keys.is_empty(), "{records}");
    if let Some(verdicts) = dkim::dkimpy(SUITE, bind.address(), mail) {
        assert_eq!(verdicts.len(), keys.len(), "a signature for each published key: {verdicts:?}");
        for verdict in &verdicts {
            assert_eq!(verdict["verified"], true, "{verdict}");
            assert_eq!(verdict["domain"], "sender.test");
            let from =
                verdict["headers"].as_array().expect("h=").iter().filter(|name| *name == "from").count();
            assert!(from >= 2, "From is oversigned (RFC 6376 §5.4.2): {verdict}");
        }
        let algorithms: Vec<&str> =
            verdicts.iter().filter_map(|verdict| verdict["algorithm"].as_str()).collect();
        assert!(algorithms.contains(&"rsa-sha256"), "{algorithms:?}");
    }
    if let Some((good, said)) = dkim::opendkim(SUITE, bind.address(), mail) {
        assert!(good, "{said}");
    }
    for key in keys {
        let (selector, domain) =
            key["name"].as_str().and_then(|name| name.split_once("._domainkey.")).expect("a selector");
        // OpenDKIM's tool judges RSA keys only.
        if key["value"].as_str().is_some_and(|value| !value.contains("k=ed25519"))
            && let Some((good, said)) = dkim::opendkim_testkey(SUITE, bind.address(), domain, selector)
        {
            assert!(good, "{said}");
        }
    }
}

#[test]
fn mx_records_are_followed_as_they_say() {
    let Some(stage) = Stage::set() else { return };
    stage.relay.add_domain("sender.test");
    let user = stage.relay.add_user("sender.test", "shop");
    let mut session = stage.relay.session(Tls::Implicit);
    session.sign_in(&user).expect("235 2.7.0");
    let content = b"From: shop@sender.test\r\nSubject: mark-mx\r\n\r\nHello";
    let good = ["a@plain.receiver.test", "a@two.receiver.test", "a@alias.receiver.test"];
    let bad = ["a@null.receiver.test", "a@missing.test", "a@other.test"];
    let all = [good.as_slice(), &bad].concat();
    session.submit("shop@sender.test", &all, content).expect("250 2.");
    for recipient in good {
        stage.ends_as(recipient, "delivered");
    }
    // RFC 7505 §3: a null MX ends a delivery at once.
    let null = stage.ends_as("a@null.receiver.test", "hard_bounced");
    assert!(null["reply"].as_str().is_some_and(|reply| reply.contains("5.1.10")), "{null}");
    stage.ends_as("a@missing.test", "hard_bounced");
    stage.ends_as("a@other.test", "hard_bounced");
}

#[test]
fn a_name_server_that_is_silent_ends_nothing() {
    let Some(mut stage) = Stage::set() else { return };
    stage.relay.add_domain("sender.test");
    let user = stage.relay.add_user("sender.test", "shop");
    // Servers that do not answer: law 9.
    stage.relay.terminate(Duration::from_secs(30)).expect("an end");
    let nobody = format!("127.0.0.1:{}", outgate_tests::ports::free());
    stage.relay.config.list("dns.servers", &[&nobody]);
    stage.relay.start();
    let mut session = stage.relay.session(Tls::Implicit);
    session.sign_in(&user).expect("235 2.7.0");
    let content = b"From: shop@sender.test\r\nSubject: mark-silent\r\n\r\nHello";
    session.submit("shop@sender.test", &["b@receiver.test"], content).expect("250 2.");
    let delivery = stage.ends_as("b@receiver.test", "deferred");
    assert!(delivery["next_attempt_at"].is_string(), "{delivery}");
    // And when they do again, it arrives.
    stage.relay.terminate(Duration::from_secs(30)).expect("an end");
    stage.relay.config.list("dns.servers", &[&stage.bind.address().to_string()]);
    stage.relay.start();
    assert!(stage.postfix.wait_for("mark-silent", ARRIVAL_LIMIT).is_some(), "{}", stage.relay.log());
}

#[test]
fn addresses_beyond_ascii_arrive() {
    let Some(stage) = Stage::set() else { return };
    stage.relay.add_domain("sender.test");
    let user = stage.relay.add_user("sender.test", "shop");
    let mut session = stage.relay.session(Tls::Starttls);
    session.sign_in(&user).expect("235 2.7.0");
    session.say("MAIL FROM:<büro@sender.test> SMTPUTF8 BODY=8BITMIME").expect("250 2.1.0");
    session.say("RCPT TO:<müller@receiver.test>").expect("250 2.1.5");
    session.say("DATA").expect("354");
    session.send("From: büro@sender.test\r\nSubject: mark-utf8 ä\r\n\r\nHello\r\n.\r\n".as_bytes());
    session.reply().expect("250 2.");
    let mail = stage.postfix.wait_for("mark-utf8", ARRIVAL_LIMIT);
    assert!(mail.is_some(), "{}\n{}", stage.postfix.log(), stage.relay.log());
}
