//! The peers themselves, without the relay: a failure here is no fault of Outgate's.

use outgate_tests::{Bind, Postfix, Session, dkim, peers, txt_line};
use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

const SUITE: &str = "peers";

#[test]
fn postfix_keeps_what_it_is_sent() {
    let Some(postfix) = Postfix::start(SUITE, "mx.receiver.test", "receiver.test") else { return };
    let mut session = Session::connect(postfix.address());
    session.say("EHLO client.test").expect_code(250);
    let content = b"From: a@sender.test\r\nSubject: mark-1\r\n\r\nHello\r\n..dot";
    session.submit("a@sender.test", &["b@receiver.test"], content).expect_code(250);
    let mail = postfix.wait_for("mark-1", Duration::from_secs(20));
    assert!(mail.is_some_and(|mail| mail.ends_with(b"Hello\n.dot\n")), "{}", postfix.log());
    session.submit("a@sender.test", &["b@other.test"], content).expect_code(554);
}

#[test]
fn bind_serves_what_is_published() {
    let Some(bind) = Bind::start(SUITE, "a.test. A 127.0.0.9\n") else { return };
    bind.publish(&txt_line("a.test", &"long \"quoted\" ".repeat(40)));
    bind.publish("b.test. A 127.0.0.9\n");
}

#[test]
fn verifiers_tell_right_from_wrong() {
    let Some(bind) = Bind::start(SUITE, "") else { return };
    let Some(python) = peers::python(SUITE, "dkim") else { return };
    if !peers::have(SUITE, &["opendkim-genkey", "openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let genkey = peers::find("opendkim-genkey").unwrap();
    let made = Command::new(genkey)
        .args(["-d", "sender.test", "-s", "sel", "-b", "2048"])
        .current_dir(&folder)
        .status();
    assert!(made.unwrap().success());
    let record = std::fs::read_to_string(folder.path().join("sel.txt")).unwrap();
    let key: String = record.split('"').skip(1).step_by(2).collect();
    bind.publish(&txt_line("sel._domainkey.sender.test", &key));

    let message = b"From: a@sender.test\r\nSubject: s\r\n\r\nBody\r\n";
    let signed = sign(&python, folder.path(), message);
    let broken = String::from_utf8(signed.clone()).unwrap().replace("Body", "Bodi").into_bytes();
    for (message, good) in [(&signed, true), (&broken, false)] {
        if let Some(verdicts) = dkim::dkimpy(SUITE, bind.address(), message) {
            assert_eq!(verdicts.len(), 1);
            assert_eq!(verdicts[0]["verified"], good, "{}", verdicts[0]);
        }
        if let Some((verified, said)) = dkim::opendkim(SUITE, bind.address(), message) {
            assert_eq!(verified, good, "{said}");
        }
    }
    if let Some((good, said)) = dkim::opendkim_testkey(SUITE, bind.address(), "sender.test", "sel") {
        assert!(good, "{said}");
    }
    if let Some((good, said)) = dkim::opendkim_testkey(SUITE, bind.address(), "sender.test", "other") {
        assert!(!good, "{said}");
    }
}

/// Signs with dkimpy: `opendkim-testmsg` signs nothing that comes by a pipe.
fn sign(python: &Path, folder: &Path, message: &[u8]) -> Vec<u8> {
    const SCRIPT: &str = "import dkim, sys; m = sys.stdin.buffer.read(); key = open('sel.private', 'rb').read(); \
                          sys.stdout.buffer.write(dkim.sign(m, b'sel', b'sender.test', key) + m)";
    let mut child = Command::new(python)
        .args(["-c", SCRIPT])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("running Python");
    child.stdin.take().expect("a pipe").write_all(message).expect("writing");
    child.wait_with_output().expect("running Python").stdout
}
