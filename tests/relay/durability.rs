//! Law 7 and what stands around it: the order of sync and reply, a disk that fails, a disk that fills up, a stop, a
//! second relay on the same folder, a database that is not ours to open.

#[path = "durability/trace.rs"]
mod trace;

use outgate_tests::{Credentials, Program, Relay, Session, Sink, Tls, binaries, peers, ports, wait};
use std::{
    fs,
    net::TcpStream,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use trace::{attach, calls, can_trace};

const SUITE: &str = "durability";
const LIMIT: Duration = Duration::from_secs(30);
const CONTENT: &[u8] = b"From: a@example.com\r\nSubject: s\r\n\r\nHello";

fn running() -> (Relay, Sink, Credentials) {
    let sink = Sink::start();
    let relay = Relay::to(sink.address());
    relay.add_domain("example.com");
    let user = relay.add_user("example.com", "x");
    (relay, sink, user)
}

fn signed_in(relay: &Relay, user: &Credentials) -> Session {
    let mut session = relay.session(Tls::Implicit);
    session.sign_in(user).expect("235 2.7.0");
    session
}

/// Everything but the final dot.
fn up_to_the_dot(session: &mut Session, to: &str) {
    session.say("MAIL FROM:<a@example.com>").expect("250 2.1.0");
    session.say(&format!("RCPT TO:<{to}>")).expect("250 2.1.5");
    session.say("DATA").expect("354");
    session.send(CONTENT);
}

#[test]
fn the_sync_returns_before_the_reply_is_written() {
    if !can_trace(SUITE) {
        return;
    }
    let (mut relay, _sink, user) = running();
    relay.ok(["queue", "pause"]);
    let mut session = signed_in(&relay, &user);
    up_to_the_dot(&mut session, "x@recipient.test");
    // The sign-in's own note is committed within 250 ms; after that nothing is left to write.
    wait::for_it(LIMIT, "a note of the sign-in", || {
        relay.json(&["user", "show", &user.username])["last_connection"].is_object()
    });
    let log = relay.folder().join("trace");
    let tracer = attach(
        relay.program().id(),
        &log,
        &["-yy", "-e", "trace=fsync,fdatasync,write,writev,sendto,sendmsg"],
    );
    session.send(b"\r\n.\r\n");
    session.reply().expect("250 2.");
    drop(tracer);

    let calls = calls(&fs::read_to_string(&log).unwrap());
    let client = format!("->127.0.0.1:{}]", session.local_port());
    let replied = calls.iter().position(|call| call.what.contains(&client) && !call.name.contains("sync"));
    let replied = replied.unwrap_or_else(|| panic!("no reply in the trace: {calls:#?}"));
    let synced = calls[..replied].iter().find(|call| {
        call.name.contains("sync")
            && call.what.contains("outgate.db")
            && call.result == "0"
            && call.ended < calls[replied].began
    });
    assert!(synced.is_some(), "no sync of the database returned before the reply: {calls:#?}");
}

#[test]
fn a_sync_that_fails_is_never_a_250() {
    if !can_trace(SUITE) {
        return;
    }
    let (mut relay, sink, user) = running();
    let mut session = signed_in(&relay, &user);
    up_to_the_dot(&mut session, "failed@recipient.test");
    let log = relay.folder().join("trace");
    let inject = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"];
    let tracer = attach(relay.program().id(), &log, &inject);
    session.send(b"\r\n.\r\n");
    session.reply().expect("451 4.3.");
    drop(tracer);
    let injected = fs::read_to_string(&log).unwrap();
    assert!(injected.contains("INJECTED"), "{injected}");
    // The same disk, well again.
    if relay.program().runs() {
        assert_eq!(relay.terminate(LIMIT).map(|status| status.code().is_some()), Some(true));
    }
    relay.start();
    signed_in(&relay, &user).submit("a@example.com", &["well@recipient.test"], CONTENT).expect("250 2.");
    assert!(sink.wait_for("well@recipient.test", LIMIT).is_some());
}

#[test]
fn the_reserve_refuses_mail_before_the_disk_is_full() {
    let (mut relay, _sink, user) = running();
    assert!(relay.terminate(LIMIT).is_some());
    relay.config.set("store.reserve_bytes", 1_i64 << 60);
    relay.start();
    let mut session = signed_in(&relay, &user);
    session.say("MAIL FROM:<a@example.com>").expect("452 4.3.1");
    // Administration goes on.
    relay.reset(&user.username);
}

#[test]
fn a_disk_that_fills_up_stops_intake_until_there_is_room_again() {
    const MEBIBYTE: usize = 1024 * 1024;
    if !peers::have_root(SUITE) {
        return;
    }
    let Some(disk) = Disk::mount() else {
        peers::say(&format!("left out: {SUITE}: a small disk cannot be mounted here"));
        return;
    };
    let sink = Sink::start();
    let relay = Relay::with(|config| {
        config
            .set("delivery.smart_host", sink.address().to_string())
            .set("data_dir", disk.path().join("data").display().to_string())
            .set("store.reserve_bytes", 24 * MEBIBYTE as i64);
    });
    relay.add_domain("example.com");
    let user = relay.add_user("example.com", "x");
    let mut session = signed_in(&relay, &user);
    session.submit("a@example.com", &["before@recipient.test"], CONTENT).expect("250 2.");
    let filler = disk.path().join("filler");
    fs::write(&filler, vec![0; 48 * MEBIBYTE]).unwrap();
    let mail = |session: &mut Session| {
        let reply = session.say("MAIL FROM:<a@example.com>").text();
        session.say("RSET").expect_code(250);
        reply
    };
    wait::for_it(LIMIT, "452 4.3.1", || mail(&mut session).starts_with("452 4.3.1"));
    fs::remove_file(&filler).unwrap();
    wait::for_it(LIMIT, "intake again", || mail(&mut session).starts_with("250"));
    session.submit("a@example.com", &["after@recipient.test"], CONTENT).expect("250 2.");
    assert!(sink.wait_for("after@recipient.test", LIMIT).is_some());
}

/// A file system of 64 MiB in memory.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("outgate-disk-").tempdir().ok()?;
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m", "outgate-test"])
            .arg(folder.path())
            .output()
            .ok()?;
        mount.status.success().then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: what the relay still holds open goes with it.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}

#[test]
fn a_stop_finishes_what_is_under_way() {
    let (mut relay, sink, user) = running();
    let mut under_way = signed_in(&relay, &user);
    up_to_the_dot(&mut under_way, "under-way@recipient.test");
    let mut idle = signed_in(&relay, &user);
    relay.program().signal(rustix::process::Signal::TERM);
    let began = Instant::now();
    idle.reply().expect("421 4.3.2");
    assert!(idle.rest(LIMIT).1, "an idle session is closed");
    wait::for_it(LIMIT, "closed doors", || TcpStream::connect(relay.starttls()).is_err());
    under_way.send(b"\r\n.\r\n");
    under_way.reply().expect("250 2.");
    let status = relay.program().ended(LIMIT);
    assert!(
        status.is_some_and(|status| status.success()),
        "{status:?} after {:?}\n{}",
        began.elapsed(),
        relay.log()
    );
    if sink.received_for("under-way@recipient.test").is_empty() {
        relay.start();
        assert!(sink.wait_for("under-way@recipient.test", LIMIT).is_some());
    }
    assert_eq!(sink.received_for("under-way@recipient.test").len(), 1);
}

#[test]
fn a_stop_is_bounded_whoever_dawdles() {
    let (mut relay, sink, user) = running();
    sink.delay(Duration::from_mins(5));
    let mut session = signed_in(&relay, &user);
    session.submit("a@example.com", &["slow@recipient.test"], CONTENT).expect("250 2.");
    let mut dawdling = signed_in(&relay, &user);
    up_to_the_dot(&mut dawdling, "never@recipient.test");
    let status = relay.terminate(Duration::from_mins(1));
    assert!(status.is_some_and(|status| status.success()), "{status:?}\n{}", relay.log());
}

#[test]
fn a_second_relay_on_the_same_folder_is_refused() {
    let (relay, _sink, user) = running();
    let mut config = relay.config.clone();
    for (key, port) in [("submission.starttls", ports::free()), ("submission.implicit_tls", ports::free())] {
        config.list(key, &[&format!("127.0.0.1:{port}")]);
    }
    config.set("http.listen", format!("127.0.0.1:{}", ports::free()));
    let path = relay.folder().join("second.toml");
    fs::write(&path, config.text()).unwrap();
    let mut command = Command::new(binaries::outgate());
    command.arg("serve").arg("--config").arg(&path);
    let mut second = Program::start(&command, &relay.folder().join("second.log"));
    let status = second.ended(LIMIT);
    assert!(status.is_some_and(|status| !status.success()), "the second one runs: {}", second.output());
    signed_in(&relay, &user);
}

#[test]
fn a_database_that_is_not_right_is_refused_and_left_as_it_is() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 6] = [
        ("no database", |path| fs::write(path, b"something else entirely".repeat(500)).unwrap()),
        ("empty", |path| fs::write(path, b"").unwrap()),
        ("cut short", |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("damaged inside", |path| {
            let mut bytes = fs::read(path).unwrap();
            let page = bytes.len().min(4096);
            for byte in &mut bytes[page..] {
                *byte = 0xA5;
            }
            fs::write(path, bytes).unwrap();
        }),
        ("of a newer version", |path| sql(path, "PRAGMA user_version = 1000000")),
        ("of another program", |path| sql(path, "PRAGMA application_id = 1234")),
    ];
    let (mut relay, _sink, _user) = running();
    assert!(relay.terminate(LIMIT).is_some_and(|status| status.success()));
    sql(&relay.database(), "PRAGMA wal_checkpoint(TRUNCATE)");
    let whole = fs::read(relay.database()).unwrap();
    for (name, harm) in harms {
        for beside in ["outgate.db-wal", "outgate.db-shm"] {
            let _ = fs::remove_file(relay.data().join(beside));
        }
        fs::write(relay.database(), &whole).unwrap();
        harm(&relay.database());
        let before = fs::read(relay.database()).unwrap();
        let mut command = Command::new(binaries::outgate());
        command.arg("serve").arg("--config").arg(relay.config_path());
        let log = relay.folder().join("refused.log");
        let mut program = Program::start(&command, &log);
        let status = program.ended(LIMIT);
        assert!(status.is_some_and(|status| !status.success()), "{name}: it runs: {}", program.output());
        let shown = relay.run(["user", "list"]);
        assert_ne!(shown.status, 0, "{name}: {}", shown.stdout);
        assert!(fs::read(relay.database()).unwrap() == before, "{name}: the file was changed");
    }
    // What was refused was the harm.
    fs::write(relay.database(), &whole).unwrap();
    relay.start();
}

#[test]
fn a_damaged_message_is_set_aside_and_the_rest_goes_on() {
    let (mut relay, sink, user) = running();
    relay.ok(["queue", "pause"]);
    let mut session = signed_in(&relay, &user);
    for name in ["first", "damaged", "last"] {
        let content = format!("From: a@example.com\r\nSubject: s\r\n\r\nmark-{name}");
        session
            .submit("a@example.com", &[&format!("{name}@recipient.test")], content.as_bytes())
            .expect("250 2.");
    }
    assert!(relay.terminate(LIMIT).is_some_and(|status| status.success()));
    assert_eq!(damage(&relay.database(), b"mark-damaged"), 1, "one place holds the message's bytes");
    relay.start();
    relay.ok(["queue", "resume"]);
    for name in ["first", "last"] {
        assert!(sink.wait_for(&format!("{name}@recipient.test"), LIMIT).is_some(), "{name}");
    }
    let event = "damaged";
    wait::for_it(LIMIT, "an event that says so", || relay.ok(["events", "--json"]).stdout.contains(event));
    assert!(sink.received_for("damaged@recipient.test").is_empty(), "damaged bytes went out");
}

/// Turns a bit wherever the bytes are, table by table; in how many places they were.
fn damage(path: &Path, bytes: &[u8]) -> usize {
    let database = rusqlite::Connection::open(path).expect("a database");
    let read = |query: &str| -> Vec<String> {
        let mut statement = database.prepare(query).expect("a query");
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        rows.map(|row| row.expect("a name")).collect()
    };
    let mut places = 0;
    for table in read("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%BLOB%'") {
        for column in read(&format!("SELECT name FROM pragma_table_info('{table}') WHERE type = 'BLOB'")) {
            let hex: String = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
            // What is found is replaced by bytes of the same length, so that only the checksum can tell.
            let other: String =
                bytes.iter().rev().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
            places += database
                .execute(
                    &format!(
                        "UPDATE \"{table}\" SET \"{column}\" = CAST(replace(\"{column}\", x'{hex}', x'{other}') AS BLOB)
                         WHERE instr(\"{column}\", x'{hex}') > 0"
                    ),
                    [],
                )
                .expect("an update");
        }
    }
    places
}

fn sql(path: &Path, statement: &str) {
    let database = rusqlite::Connection::open(path).expect("a database");
    database.execute_batch(statement).expect("a statement");
    // Into the file itself, so that nothing lies beside it.
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
}
