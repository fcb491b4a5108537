//! The commands: exit statuses, and the JSON that scripts rely on, with the relay running and without it.

use outgate_tests::{Credentials, Program, Relay, Sink, Tls, binaries, wait};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    time::Duration,
};

const LIMIT: Duration = Duration::from_secs(30);

const DONE: i32 = 0;
const USAGE: i32 = 2;
const NOT_FOUND: i32 = 3;
const ALREADY_THERE: i32 = 4;
const NOT_CONFIRMED: i32 = 5;

fn running() -> (Relay, Sink) {
    let sink = Sink::start();
    (Relay::to(sink.address()), sink)
}

#[track_caller]
fn exits(relay: &Relay, words: &[&str], status: i32) {
    let outcome = relay.run(words);
    assert_eq!(outcome.status, status, "outgate {words:?}: {}{}", outcome.stdout, outcome.stderr);
    if status == DONE {
        return;
    }
    assert!(!outcome.stderr.trim().is_empty(), "outgate {words:?} says why");
    let json = relay.run(words.iter().copied().chain(["--json"]));
    assert_eq!(json.status, status, "outgate {words:?} --json");
    assert!(json.stdout.is_empty() || serde_json::from_str::<Value>(&json.stdout).is_ok(), "{}", json.stdout);
}

#[track_caller]
fn has_keys(value: &Value, keys: &[&str]) {
    let there: BTreeSet<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    let wanted: BTreeSet<&str> = keys.iter().copied().collect();
    assert!(there.is_superset(&wanted), "{wanted:?} in {value}");
}

#[test]
fn domains() {
    // The store is made by `domain add`, before any relay has run.
    let relay = Relay::prepare(|_| {});
    relay.ok(["domain", "add", "example.com", "--trusted"]);
    exits(&relay, &["domain", "add", "example.com"], ALREADY_THERE);
    exits(&relay, &["domain", "add", "EXAMPLE.com"], ALREADY_THERE);
    exits(&relay, &["domain", "add", "localhost"], USAGE);
    exits(&relay, &["domain", "add"], USAGE);
    exits(&relay, &["domain", "explode"], USAGE);
    for verb in ["show", "records", "check"] {
        exits(&relay, &["domain", verb, "missing.example"], NOT_FOUND);
    }
    exits(&relay, &["domain", "delete", "missing.example", "--yes"], NOT_FOUND);

    let shown = relay.json(&["domain", "show", "example.com"]);
    has_keys(&shown, &["id", "name", "state", "trusted", "created_at", "users"]);
    assert_eq!((&shown["name"], &shown["state"]), (&"example.com".into(), &"pending".into()));
    assert_eq!((&shown["trusted"], &shown["users"]), (&true.into(), &0.into()));

    let added = relay.json(&["domain", "add", "bücher.example", "--with-user", "Shop"]);
    assert_eq!(relay.json(&["domain", "show", "xn--bcher-kva.example"])["users"], 1, "{added}");
    assert_eq!(relay.json(&["domain", "list"]).as_array().map(Vec::len), Some(2));

    let records = relay.json(&["domain", "records", "example.com"]);
    let records = records.as_array().expect("a list");
    for record in records {
        has_keys(record, &["purpose", "type", "name", "value", "required"]);
        assert!(!record["value"].as_str().unwrap().starts_with('"'), "unquoted: {record}");
    }
    for purpose in ["ownership", "dkim", "spf", "dmarc"] {
        assert!(records.iter().any(|record| record["purpose"] == purpose), "{purpose} in {records:?}");
    }
    let rsa = |record: &&Value| record["value"].as_str().is_some_and(|value| value.contains("k=rsa"));
    let key = records.iter().find(rsa).expect("an RSA key");
    assert!(key["value"].as_str().unwrap().len() > 380, "2048 bits, unsplit: {key}");

    exits(&relay, &["domain", "delete", "example.com"], NOT_CONFIRMED);
    exits(&relay, &["domain", "show", "example.com"], DONE);
    relay.ok(["domain", "delete", "example.com", "--yes"]);
    exits(&relay, &["domain", "show", "example.com"], NOT_FOUND);
}

#[test]
fn users() {
    let (relay, _sink) = running();
    exits(&relay, &["user", "add", "missing.example", "--name", "x"], NOT_FOUND);
    relay.add_domain("example.com");
    exits(&relay, &["user", "add", "example.com"], USAGE);
    let added = relay.json(&["user", "add", "example.com", "--name", "WordPress"]);
    has_keys(
        &added,
        &["id", "domain", "name", "username", "password", "created_at", "smtp", "example_sender"],
    );
    assert_eq!((&added["domain"], &added["name"]), (&"example.com".into(), &"WordPress".into()));
    assert_eq!(added["example_sender"], "anything@example.com");
    assert_eq!(added["smtp"]["host"], "relay.test");
    assert_eq!(added["smtp"]["starttls_port"], relay.starttls().port());
    assert_eq!(added["smtp"]["implicit_tls_port"], relay.implicit_tls().port());
    assert_eq!(added["smtp"]["mechanisms"], serde_json::json!(["PLAIN", "LOGIN"]));
    let user = Credentials::of(&added);
    assert!(user.password.len() >= 27 && user.password.chars().all(|c| c.is_ascii_alphanumeric()));

    let shown = relay.json(&["user", "show", &user.username]);
    has_keys(&shown, &["id", "domain", "name", "username", "created_at", "smtp", "state", "last_connection"]);
    assert!(shown.get("password").is_none(), "{shown}");
    assert_eq!(shown["state"], "active");
    assert_eq!(shown["last_connection"], Value::Null);
    for words in [&["user", "list"][..], &["user", "list", "example.com"]] {
        assert_eq!(relay.json(words), Value::Array(vec![shown.clone()]), "{words:?}");
    }
    exits(&relay, &["user", "list", "missing.example"], NOT_FOUND);
    for verb in ["show", "disable", "enable"] {
        exits(&relay, &["user", verb, "nobody"], NOT_FOUND);
    }
    for verb in ["reset", "delete"] {
        exits(&relay, &["user", verb, "nobody", "--yes"], NOT_FOUND);
        exits(&relay, &["user", verb, &user.username], NOT_CONFIRMED);
    }
    relay.session(Tls::Starttls).sign_in(&user).expect("235");
    relay.ok(["user", "rename", &user.username, "--name", "Shop"]);
    let renamed = relay.json(&["user", "show", &user.username]);
    assert_eq!((&renamed["name"], &renamed["username"]), (&"Shop".into(), &user.username.as_str().into()));
    exits(&relay, &["user", "rename", &user.username, "--name", ""], USAGE);
    relay.ok(["user", "delete", &user.username, "--yes"]);
    exits(&relay, &["user", "show", &user.username], NOT_FOUND);
}

#[test]
fn a_password_file_is_private_and_made_before_anything_is_changed() {
    let (relay, _sink) = running();
    relay.add_domain("example.com");
    let file = relay.folder().join("secret");
    let path = file.to_str().unwrap();
    let added = relay.json(&["user", "add", "example.com", "--name", "x", "--password-file", path]);
    assert!(added.get("password").is_none(), "{added}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let password = fs::read_to_string(&file).unwrap().trim().to_owned();
    let user = Credentials { username: added["username"].as_str().unwrap().to_owned(), password };
    relay.session(Tls::Implicit).sign_in(&user).expect("235");

    let again = relay.run(["user", "reset", &user.username, "--yes", "--password-file", path]);
    assert_eq!(again.status, ALREADY_THERE, "a file that is there is not written over: {}", again.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), user.password);
    relay.session(Tls::Implicit).sign_in(&user).expect("235");
}

#[test]
fn the_queue_and_the_activity() {
    let (relay, sink) = running();
    relay.add_domain("example.com");
    let user = relay.add_user("example.com", "x");
    let empty = relay.json(&["queue", "summary"]);
    assert_eq!(
        empty,
        serde_json::json!({"pending": 0, "deferred": 0, "held": 0, "oldest_at": null, "paused": false})
    );
    let mut session = relay.session(Tls::Starttls);
    session.sign_in(&user).expect("235");
    let mut send = |to: &[&str], subject: &str| {
        let content = format!("From: a@example.com\r\nSubject: {subject}\r\n\r\nHello");
        session.submit("a@example.com", to, content.as_bytes()).expect("250 2.");
    };

    // Paused: submissions go on, deliveries wait.
    relay.ok(["queue", "pause"]);
    send(&["a@recipient.test"], "Paused");
    let summary = relay.json(&["queue", "summary"]);
    assert_eq!((&summary["pending"], &summary["paused"]), (&1.into(), &true.into()), "{summary}");
    assert!(summary["oldest_at"].is_string(), "{summary}");
    let listed = relay.json_lines(&["queue", "list"]);
    assert_eq!(listed.len(), 1);
    let id = listed[0]["delivery_id"].as_str().expect("a delivery_id").to_owned();
    exits(&relay, &["queue", "show", &id], DONE);
    exits(&relay, &["queue", "show", "01890000-0000-7000-8000-000000000000"], NOT_FOUND);
    relay.ok(["queue", "hold", &id]);
    assert_eq!(relay.json(&["queue", "summary"])["held"], 1);
    relay.ok(["queue", "resume"]);
    assert!(sink.received().is_empty(), "held or paused, nothing goes out");
    relay.ok(["queue", "release", &id]);
    assert!(sink.wait_for("a@recipient.test", LIMIT).is_some());

    // A temporary answer stays temporary; a retry asks again at once; cancelled is the end.
    sink.reply_to_rcpt(Some("451 4.2.1 Later"));
    send(&["b@recipient.test", "c@recipient.test"], "Deferred");
    wait::for_it(LIMIT, "two deferred", || relay.json(&["queue", "summary"])["deferred"] == 2);
    let deferred = relay.json_lines(&["activity", "--status", "deferred"]);
    assert_eq!(deferred.len(), 2, "{deferred:?}");
    for delivery in &deferred {
        has_keys(
            delivery,
            &[
                "message_id",
                "delivery_id",
                "at",
                "domain",
                "username",
                "sender",
                "recipient",
                "subject",
                "status",
                "reply",
                "attempts",
                "next_attempt_at",
            ],
        );
        assert_eq!(delivery["reply"], "451 4.2.1 Later");
        assert_eq!(
            (&delivery["domain"], &delivery["sender"]),
            (&"example.com".into(), &"a@example.com".into())
        );
        assert_eq!(
            (&delivery["username"], &delivery["subject"]),
            (&user.username.as_str().into(), &"Deferred".into())
        );
        assert!(
            delivery["next_attempt_at"].is_string() && delivery["attempts"].as_u64() >= Some(1),
            "{delivery}"
        );
    }
    let id_of = |recipient: &str| {
        let of = |delivery: &&Value| delivery["recipient"] == recipient;
        deferred.iter().find(of).and_then(|d| d["delivery_id"].as_str()).expect("an id").to_owned()
    };
    relay.ok(["queue", "cancel", &id_of("b@recipient.test"), "--yes"]);
    sink.reply_to_rcpt(None);
    relay.ok(["queue", "retry", &id_of("c@recipient.test")]);
    assert!(sink.wait_for("c@recipient.test", LIMIT).is_some());

    // A permanent answer ends it.
    sink.reply_to_rcpt(Some("550 5.1.1 Nobody here"));
    send(&["d@recipient.test"], "Refused");
    let status = |recipient: &str| {
        let lines = relay.json_lines(&["activity", "--recipient", recipient]);
        lines.first().map_or(Value::Null, |line| line["status"].clone())
    };
    wait::for_it(LIMIT, "a hard bounce", || status("d@recipient.test") == "hard_bounced");
    wait::for_it(LIMIT, "a delivery", || status("c@recipient.test") == "delivered");
    assert_eq!(status("b@recipient.test"), "cancelled");
    assert!(sink.received_for("b@recipient.test").is_empty());
    let filtered = relay.json_lines(&["activity", "--subject", "Refused", "--sender", "a@example.com"]);
    assert_eq!(filtered.len(), 1, "{filtered:?}");
    assert!(relay.json_lines(&["activity", "--domain", "example.com", "--user", &user.username]).len() >= 4);
}

#[test]
fn the_queue_in_bulk() {
    let (mut relay, sink) = running();
    relay.add_domain("example.com");
    relay.add_domain("example.org");
    let summary = |relay: &Relay, state: &str| relay.json(&["queue", "summary"])[state].as_u64();
    relay.ok(["queue", "pause", "--domain", "example.com"]);
    let mut com = Vec::new();
    for (domain, to) in [("example.com", "a"), ("example.com", "b"), ("example.org", "c")] {
        let user = relay.add_user(domain, "x");
        let mut session = relay.session(Tls::Implicit);
        session.sign_in(&user).expect("235");
        let content = format!("From: a@{domain}\r\n\r\nHello");
        let to = format!("{to}@recipient.test");
        session.submit(&format!("a@{domain}"), &[&to], content.as_bytes()).expect("250 2.");
        com.push(user.username);
    }
    assert!(sink.wait_for("c@recipient.test", LIMIT).is_some(), "the other domain is not paused");
    wait::for_it(LIMIT, "two that wait", || summary(&relay, "pending") == Some(2));
    // A pause lasts over a restart.
    relay.kill();
    relay.start();
    wait::for_it(LIMIT, "two that still wait", || summary(&relay, "pending") == Some(2));
    relay.ok(["queue", "hold", "--user", &com[0]]);
    assert_eq!((summary(&relay, "pending"), summary(&relay, "held")), (Some(1), Some(1)));
    exits(&relay, &["queue", "cancel", "--user", &com[0]], NOT_CONFIRMED);
    relay.ok(["queue", "cancel", "--user", &com[0], "--yes"]);
    relay.ok(["queue", "hold", "--domain", "example.com"]);
    relay.ok(["queue", "resume", "--domain", "example.com"]);
    let host = sink.address().to_string();
    relay.ok(["queue", "pause", "--destination", &host]);
    relay.ok(["queue", "release", "--domain", "example.com"]);
    wait::for_it(LIMIT, "one that waits", || summary(&relay, "pending") == Some(1));
    assert_eq!(sink.received().len(), 1, "the smart host is paused");
    relay.ok(["queue", "resume", "--destination", &host]);
    assert!(sink.wait_for("b@recipient.test", LIMIT).is_some());
    relay.drained(LIMIT);
    assert!(sink.received_for("a@recipient.test").is_empty(), "cancelled");
    assert_eq!(sink.received().len(), 2);
    exits(&relay, &["queue", "hold"], USAGE);
}

#[test]
fn what_is_followed_comes_by_itself() {
    let (relay, _sink) = running();
    relay.add_domain("example.com");
    let user = relay.add_user("example.com", "x");
    let file = |name: &str| relay.folder().join(name);
    let follow = |words: &[&str], name: &str| Program::start(&relay.command(words), &file(name));
    let events = follow(&["events", "--follow", "--json"], "events");
    let activity = follow(&["activity", "--follow", "--json"], "activity");
    wait::for_it(LIMIT, "what was before", || events.output().contains("user_added"));
    let mut session = relay.session(Tls::Starttls);
    session.sign_in(&user).expect("235");
    session
        .submit("a@example.com", &["b@recipient.test"], b"From: a@example.com\r\n\r\nHello")
        .expect("250 2.");
    for (program, word) in [(&events, "message_accepted"), (&activity, "delivered")] {
        wait::for_it(LIMIT, word, || program.output().contains(word));
        let all_json = program.output().lines().all(|line| serde_json::from_str::<Value>(line).is_ok());
        assert!(all_json, "{}", program.output());
    }
}

#[test]
fn events_tell_every_change_once() {
    let (relay, _sink) = running();
    relay.add_domain("example.com");
    let user = relay.add_user("example.com", "x");
    relay.reset(&user.username);
    relay.ok(["user", "delete", &user.username, "--yes"]);
    let events = relay.json_lines(&["events"]);
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    let wanted = ["domain_added", "user_added", "password_reset", "user_deleted"];
    let ours: Vec<&str> = kinds.iter().copied().filter(|kind| wanted.contains(kind)).collect();
    assert_eq!(ours, wanted, "{events:?}");
    let cursor = events[0]["cursor"].as_str().map_or_else(|| events[0]["cursor"].to_string(), str::to_owned);
    let after = relay.json_lines(&["events", "--after", &cursor]);
    assert_eq!(after, events[1..], "what comes after the first");
}

#[test]
fn configuration_backup_and_the_rest() {
    let (mut relay, _sink) = running();
    relay.add_domain("example.com");
    let user = relay.add_user("example.com", "x");
    exits(&relay, &["config", "check"], DONE);
    exits(&relay, &["config", "show"], DONE);
    for words in [&["completions", "bash"][..], &["man"], &["--help"], &["--version"]] {
        assert!(relay.ok(words).stdout.len() > 5, "{words:?}");
    }
    exits(&relay, &["no-such-command"], USAGE);

    let backup = relay.folder().join("backup.db");
    relay.ok(["backup".as_ref(), backup.as_os_str()]);
    let copy = rusqlite::Connection::open(&backup).unwrap();
    let verdict: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    drop(copy);

    // A backup put in place of the database is the relay as it was.
    assert!(relay.terminate(LIMIT).is_some_and(|status| status.success()));
    let later = relay.add_user("example.com", "after the backup");
    for beside in ["outgate.db-wal", "outgate.db-shm"] {
        let _ = fs::remove_file(relay.data().join(beside));
    }
    fs::copy(&backup, relay.database()).unwrap();
    relay.start();
    relay.session(Tls::Starttls).sign_in(&user).expect("235");
    exits(&relay, &["user", "show", &later.username], NOT_FOUND);

    relay.config.set("submission.max_recipient", 5);
    relay.write_config();
    let check = relay.run(["config", "check"]);
    assert_ne!(check.status, DONE);
    assert!(check.stderr.contains("max_recipients"), "the nearest known key is named: {}", check.stderr);
}

#[test]
fn the_show_ends_well() {
    // Its own folder and ports: no configuration is asked for, and none is there.
    let folder = tempfile::tempdir().unwrap();
    let shown = Command::new(binaries::outgate())
        .args(["try", "--once"])
        .current_dir(&folder)
        .env_remove("OUTGATE_CONFIG")
        .env_remove("OUTGATE_DATA")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&[shown.stdout, shown.stderr].concat()).into_owned();
    assert!(shown.status.success(), "{text}");
    for word in ["swaks", "smtplib", "example.test", "535"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "nothing is left behind");
}
