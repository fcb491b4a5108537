//! `outgate serve` as a service manager sees it: lines when ready, one at a time, an end on a signal.

use crate::desk::{Desk, text};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

/// The longest that a relay without anything to do may take to end.
const END: Duration = Duration::from_secs(30);

const LISTEN: &str = "hostname = \"relay.example.test\"
[submission]
starttls = [\"127.0.0.1:0\"]
implicit_tls = [\"127.0.0.1:0\"]
[http]
listen = \"127.0.0.1:0\"
[auth]
argon2 = { memory_kib = 8, iterations = 1 }
";

struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Serving {
    fn start(desk: &Desk, words: &[&str]) -> Self {
        std::fs::write(desk.file("outgate.toml"), LISTEN).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_outgate"))
            .arg("serve")
            .args(words)
            .env_clear()
            .env("OUTGATE_CONFIG", desk.file("outgate.toml"))
            .env("OUTGATE_DATA", desk.file("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; returns the status and what was logged.
    fn end(mut self) -> (Option<i32>, String) {
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if began.elapsed() > END => panic!("it did not end"),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (status.code(), log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Gone already, when all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_says_when_it_is_ready_and_ends_on_a_signal() {
    let desk = Desk::empty();
    let mut serving = Serving::start(&desk, &["--json"]);
    let ready: Vec<Value> = (0..3).map(|_| serde_json::from_str(&serving.line()).unwrap()).collect();
    let names: Vec<&str> = ready.iter().map(|line| text(&line["listener"])).collect();
    assert_eq!(names, ["starttls", "implicit_tls", "http"]);
    let mut greeting = String::new();
    let mut client = BufReader::new(TcpStream::connect(text(&ready[0]["address"])).unwrap());
    client.read_line(&mut greeting).unwrap();
    assert!(greeting.starts_with("220 relay.example.test "), "{greeting}");

    let second = desk.run("serve");
    assert!(second.status == 1 && second.stderr.contains("--data"), "a second one on the folder: {second:?}");
    desk.done("domain add example.test --trusted");
    desk.user();
    assert_eq!(desk.json_lines("events").len(), 2, "commands work while it runs");

    serving.signal(Signal::HUP);
    serving.signal(Signal::TERM);
    let (status, log) = serving.end();
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains("self-signed") && log.contains("stopped"), "{log}");
    assert_eq!(desk.json("domain list")[0]["users"], 1, "and after it");
}

#[test]
fn people_read_one_line_a_listener() {
    let desk = Desk::empty();
    let mut serving = Serving::start(&desk, &[]);
    for words in ["STARTTLS on 127.0.0.1:", "TLS from the start on 127.0.0.1:", "HTTP on 127.0.0.1:"] {
        let line = serving.line();
        assert!(line.starts_with("ready: ") && line.contains(words), "{line}");
    }
    serving.signal(Signal::INT);
    assert_eq!(serving.end().0, Some(0));
}
