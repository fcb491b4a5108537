//! Laws 1 to 3 and 5, seen from outside: a reset is at once and total, last connection tells the truth, what is
//! deleted stays deleted.

use outgate_tests::{Credentials, Program, Relay, Session, Shared, Sink, Tls, password, wait};
use serde_json::Value;
use std::{fs, thread, time::Duration};

const FROM: &str = "a@example.com";
const CONTENT: &[u8] = b"From: a@example.com\r\nSubject: s\r\n\r\nHello";
/// How soon an open session of a user that was reset is closed.
const CUT_OFF: Duration = Duration::from_secs(1);

static STAGE: Shared<Stage> = Shared::new();

struct Stage {
    relay: Relay,
    sink: Sink,
}

impl Stage {
    fn new() -> Self {
        let sink = Sink::start();
        let relay = Relay::to(sink.address());
        relay.add_domain("example.com");
        Self { relay, sink }
    }

    fn signed_in(&self, user: &Credentials) -> Session {
        let mut session = self.relay.session(Tls::Starttls);
        session.sign_in(user).expect("235 2.7.0");
        session
    }

    /// How the relay answers a sign-in.
    fn sign_in(&self, user: &Credentials) -> String {
        self.relay.session(Tls::Implicit).sign_in(user).text()
    }

    fn last_connection(&self, username: &str) -> Value {
        self.relay.json(&["user", "show", username])["last_connection"].clone()
    }
}

/// The session is told 421 and closed, within the limit.
#[track_caller]
fn is_cut_off(session: &mut Session) {
    let (said, closed) = session.rest(CUT_OFF);
    assert!(closed, "the session is still open; it was told {:?}", String::from_utf8_lossy(&said));
    let said = String::from_utf8_lossy(&said);
    assert!(said.is_empty() || said.starts_with("421 4.7.0") || said.starts_with("421 4."), "{said}");
}

#[test]
fn a_reset_is_at_once_for_sessions_that_are_open() {
    let stage = STAGE.get(Stage::new);
    let old = stage.relay.add_user("example.com", "reset");
    let mut speaking = stage.signed_in(&old);
    speaking.submit(FROM, &["before@recipient.test"], CONTENT).expect("250 2.");
    let mut idle = stage.signed_in(&old);
    let mut inside = stage.signed_in(&old);
    inside.say(&format!("MAIL FROM:<{FROM}>")).expect("250 2.1.0");
    inside.say("RCPT TO:<inside@recipient.test>").expect("250 2.1.5");
    inside.say("DATA").expect("354");
    inside.send(CONTENT);

    let new = stage.relay.reset(&old.username);
    assert_ne!(new.password, old.password);
    assert_eq!(new.username, old.username);

    // The next message of a session that is signed in: refused, or the session is gone already.
    if speaking.try_send(format!("MAIL FROM:<{FROM}>\r\n").as_bytes()).is_ok()
        && let Ok(reply) = speaking.try_reply()
    {
        reply.expect("421 4.7.0");
    }
    is_cut_off(&mut speaking);
    is_cut_off(&mut idle);
    // A message on its way at that moment is not taken either: accept looks at the right again.
    if inside.try_send(b"\r\n.\r\n").is_ok()
        && let Ok(reply) = inside.try_reply()
    {
        assert_ne!(reply.code, 250, "{}", reply.text());
    }
    assert!(stage.sign_in(&old).starts_with("535 5.7.8"));
    assert!(stage.sign_in(&new).starts_with("235 2.7.0"));
    stage.relay.drained(Duration::from_secs(30));
    assert!(stage.sink.received_for("inside@recipient.test").is_empty());
}

#[test]
fn disabling_and_deleting_are_at_once_too() {
    let stage = STAGE.get(Stage::new);
    let user = stage.relay.add_user("example.com", "disable");
    let mut session = stage.signed_in(&user);
    stage.relay.ok(["user", "disable", &user.username]);
    is_cut_off(&mut session);
    assert!(stage.sign_in(&user).starts_with("535 5.7.8"));
    assert_eq!(stage.relay.json(&["user", "show", &user.username])["state"], "disabled");
    stage.relay.ok(["user", "enable", &user.username]);
    let mut session = stage.signed_in(&user);
    stage.relay.ok(["user", "delete", &user.username, "--yes"]);
    is_cut_off(&mut session);
    assert!(stage.sign_in(&user).starts_with("535 5.7.8"));
}

#[test]
fn last_connection_tells_the_last_sign_in_and_nothing_else() {
    let stage = STAGE.get(Stage::new);
    let user = stage.relay.add_user("example.com", "shown");
    assert_eq!(stage.last_connection(&user.username), Value::Null);
    let known = |wanted: &str| {
        wait::for_it(Duration::from_secs(2), "last connection", || {
            stage.last_connection(&user.username)["mechanism"] == wanted
        });
        stage.last_connection(&user.username)
    };
    stage.signed_in(&user);
    let first = known("PLAIN");
    assert_eq!(first["address"], "127.0.0.1");
    assert_eq!(first["tls"], "TLSv1.3");
    assert_eq!(first["client"], "client.test");
    assert!(first["at"].as_str().is_some_and(|at| at.contains('T') && at.ends_with('Z')), "{first}");

    let wrong = Credentials { password: password::guess(1), ..user.clone() };
    assert!(stage.sign_in(&wrong).starts_with("535 5.7.8"));
    // A sign-in of another user passes through the same door behind it, so a note of the failure would be there.
    let other = stage.relay.add_user("example.com", "other");
    stage.signed_in(&other);
    wait::for_it(Duration::from_secs(2), "the other's", || {
        stage.last_connection(&other.username).is_object()
    });
    assert_eq!(stage.last_connection(&user.username), first);

    let mut session = stage.relay.session(Tls::Starttls);
    session.say("AUTH LOGIN").expect("334");
    session.say(&outgate_tests::base64(user.username.as_bytes())).expect("334");
    session.say(&outgate_tests::base64(user.password.as_bytes())).expect("235 2.7.0");
    let second = known("LOGIN");
    assert!(second["at"].as_str() >= first["at"].as_str(), "{first} then {second}");
}

#[test]
fn what_is_deleted_is_never_issued_again() {
    let stage = STAGE.get(Stage::new);
    stage.relay.add_domain("gone.example");
    let add = ["user", "add", "gone.example", "--name", "Info", "--username", "info", "--json"];
    let user = Credentials::of(&stage.relay.ok(add).json());
    assert_eq!(user.username, "info@gone.example");
    assert!(stage.sign_in(&user).starts_with("235"));
    assert_eq!(stage.relay.run(add).status, 4, "while it is there");
    stage.relay.ok(["user", "delete", &user.username, "--yes"]);
    assert!(stage.sign_in(&user).starts_with("535 5.7.8"));
    assert_eq!(stage.relay.run(add).status, 4, "when it is gone");
    assert_eq!(stage.relay.run(["user", "show", &user.username]).status, 3);

    let sales = Credentials::of(
        &stage
            .relay
            .ok(["user", "add", "gone.example", "--name", "S", "--username", "sales", "--json"])
            .json(),
    );
    let mut session = stage.signed_in(&sales);
    let keys = stage.relay.json(&["domain", "records", "gone.example"]);
    stage.relay.ok(["domain", "delete", "gone.example", "--yes"]);
    is_cut_off(&mut session);
    assert!(stage.sign_in(&sales).starts_with("535 5.7.8"), "its users go with it");
    stage.relay.add_domain("gone.example");
    assert_ne!(stage.relay.json(&["domain", "records", "gone.example"]), keys, "added again it has new keys");
    assert_eq!(stage.relay.json(&["domain", "show", "gone.example"])["users"], 0);
    for name in ["info", "sales"] {
        let again = stage.relay.run(["user", "add", "gone.example", "--name", "I", "--username", name]);
        assert_eq!(again.status, 4, "{name} in the new domain: {}", again.stderr);
    }
}

#[test]
fn killed_in_the_middle_of_a_reset_exactly_one_password_works() {
    let stage = STAGE.get(Stage::new);
    let mut user = stage.relay.add_user("example.com", "killed");
    let log = stage.relay.folder().join("reset.log");
    let (mut kept, mut changed) = (0, 0);
    for round in 0..24_u64 {
        let file = stage.relay.folder().join(format!("secret.{round}"));
        let words = ["user", "reset", &user.username, "--yes", "--password-file"];
        let mut command = stage.relay.command(words);
        command.arg(&file);
        let mut reset = Program::start(&command, &log);
        thread::sleep(Duration::from_millis(round * 4));
        reset.kill();
        let written = fs::read_to_string(&file).unwrap_or_default().trim().to_owned();
        let new = Credentials { password: written, ..user.clone() };
        let works = |user: &Credentials| !user.password.is_empty() && stage.sign_in(user).starts_with("235");
        match (works(&user), works(&new)) {
            (true, false) => kept += 1,
            (false, true) => {
                changed += 1;
                user = new;
            }
            (old, new) => panic!("round {round}: the old works: {old}, the new works: {new}"),
        }
    }
    println!("killed resets: {kept} kept the old password, {changed} have the new one");
    assert!(kept > 0, "no reset was killed before its end");
}
