//! Law 1: after a session of creating, resetting, failing, deleting and crashing, no password is found anywhere: data
//! folder, logs, backup, or what the commands print later.

use outgate_tests::{Credentials, Relay, Sink, Tls, base64, password};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

#[test]
fn no_password_is_found_anywhere() {
    let sink = Sink::start();
    let mut relay = Relay::with(|config| {
        config.set("delivery.smart_host", sink.address().to_string()).set("log.level", "trace");
    });
    relay.add_domain("example.com");
    let mut secrets = Vec::new();

    let user = relay.add_user("example.com", "shop");
    secrets.push(user.clone());
    send(&relay, &user, "one@recipient.test");
    // Guesses: somebody's password elsewhere, perhaps.
    for number in 0..3 {
        let guess = Credentials { password: password::guess(number), ..user.clone() };
        relay.session(Tls::Starttls).sign_in(&guess).expect("535 5.7.8");
        secrets.push(guess);
    }
    let malformed = Credentials { password: "correct-horse-battery-staple".into(), ..user.clone() };
    relay.session(Tls::Starttls).sign_in(&malformed).expect("535 5.7.8");
    secrets.push(malformed);
    // Typed where it does not belong.
    let stray = password::guess(100);
    let mut session = relay.session(Tls::Starttls);
    session.say("AUTH LOGIN").expect("334");
    session.say(&base64(stray.as_bytes())).expect("334");
    session.say(&base64(stray.as_bytes())).expect("535 5.7.8");
    session.say(&format!("AUTH PLAIN {stray}")).expect("5");

    let new = relay.reset(&user.username);
    secrets.push(new.clone());
    send(&relay, &new, "two@recipient.test");
    let deleted = relay.add_user("example.com", "deleted");
    secrets.push(deleted.clone());
    send(&relay, &deleted, "three@recipient.test");
    relay.ok(["user", "delete", &deleted.username, "--yes"]);

    assert_private(&relay.data());
    // A crash with a sign-in and a message on their way.
    let mut session = relay.session(Tls::Implicit);
    session.sign_in(&new).expect("235");
    session.say("MAIL FROM:<a@example.com>").expect("250");
    let mut signing_in = relay.session(Tls::Implicit);
    let response = base64(format!("\0{}\0{}", new.username, new.password).as_bytes());
    signing_in.send(format!("AUTH PLAIN {response}\r\n").as_bytes());
    relay.kill();
    let (mut places, backup) = (vec![relay.data(), relay.log_path()], relay.folder().join("backup"));
    search(&places, &secrets);
    relay.start();
    send(&relay, &new, "four@recipient.test");
    relay.ok(["backup".as_ref(), backup.as_os_str()]);
    assert!(backup.exists());
    places.push(backup);

    let said = relay.folder().join("said");
    let mut text = String::new();
    for words in [
        &["events"][..],
        &["activity"],
        &["user", "list"],
        &["user", "show", &user.username],
        &["queue", "list"],
        &["config", "show"],
    ] {
        let outcome = relay.run(words.iter().copied().chain(["--json"]));
        text += &outcome.stdout;
        text += &outcome.stderr;
    }
    fs::write(&said, text).unwrap();
    places.push(said);
    assert!(relay.terminate(Duration::from_secs(30)).is_some_and(|status| status.success()));
    assert!(relay.log().len() > 200, "there is a log to search");
    search(&places, &secrets);

    // The search itself can find.
    let planted = relay.folder().join("planted");
    for form in forms(&secrets[0]) {
        fs::write(&planted, [b"\0\0".as_slice(), form.1.as_bytes(), b"\0"].concat()).unwrap();
        assert!(found(&planted, &secrets).is_some(), "{} is not looked for", form.0);
    }
}

/// Nobody but the owner may read what is in the data folder: keys, messages, hashes.
fn assert_private(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} can be read by others: {mode:o}", path.display());
    }
}

fn send(relay: &Relay, user: &Credentials, to: &str) {
    let mut session = relay.session(Tls::Starttls);
    session.sign_in(user).expect("235 2.7.0");
    session.submit("a@example.com", &[to], b"From: a@example.com\r\n\r\nHello").expect("250 2.");
}

/// What a password looks like when it leaks: in the clear, in base64 at any offset, as AUTH PLAIN sends it, in hex.
fn forms(secret: &Credentials) -> Vec<(&'static str, String)> {
    let bytes = secret.password.as_bytes();
    // Behind 0, 1 or 2 other bytes; the letters that depend on neighbours are cut off.
    let shifted = |shift: usize| {
        let text = base64(&[vec![0; shift], bytes.to_vec()].concat());
        let (from, to) = ([0, 2, 3][shift], (shift + bytes.len()) * 4 / 3);
        text[from..to - 1].to_owned()
    };
    let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    vec![
        ("clear text", secret.password.clone()),
        ("base64", shifted(0)),
        ("base64 behind one byte", shifted(1)),
        ("base64 behind two bytes", shifted(2)),
        ("AUTH PLAIN", base64(format!("\0{}\0{}", secret.username, secret.password).as_bytes())),
        ("hex", hex),
    ]
}

fn search(places: &[PathBuf], secrets: &[Credentials]) {
    for place in places {
        assert!(place.exists(), "{} is not there to search", place.display());
        if let Some(leak) = found(place, secrets) {
            panic!("a password was found: {leak}");
        }
    }
}

fn found(place: &Path, secrets: &[Credentials]) -> Option<String> {
    if place.is_dir() {
        return fs::read_dir(place)
            .expect("a folder")
            .find_map(|entry| found(&entry.expect("an entry").path(), secrets));
    }
    let bytes = fs::read(place).unwrap_or_default();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    secrets
        .iter()
        .flat_map(forms)
        .find_map(|(name, form)| holds(&form).then(|| format!("{name} in {}", place.display())))
}
