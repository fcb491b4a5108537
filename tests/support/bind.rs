//! BIND, serving a root of its own on loopback.

use crate::{Program, peers, ports, wait};
use rustix::process::Signal;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tempfile::TempDir;

/// How long BIND may take to load a zone.
const LOAD_LIMIT: Duration = Duration::from_secs(30);
/// Longest string of a TXT record (RFC 1035 §3.3).
const TXT_STRING: usize = 255;

/// A name server that answers for every name there is: what its zone does not hold does not exist.
#[derive(Debug)]
pub struct Bind {
    program: Program,
    address: SocketAddr,
    serial: AtomicU32,
    folder: TempDir,
}

impl Bind {
    /// Starts one with these zone lines; `None`, and a word on it, where BIND is not installed.
    pub fn start(suite: &str, lines: &str) -> Option<Self> {
        if !peers::have(suite, &["named"]) {
            return None;
        }
        let folder = tempfile::Builder::new().prefix("outgate-bind-").tempdir().expect("temporary folder");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
        let path = folder.path().display();
        let config = format!(
            "options {{ directory \"{path}\"; pid-file \"{path}/named.pid\"; session-keyfile \"{path}/session.key\";\n\
             listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; dnssec-validation no;\n\
             notify no; minimal-responses yes; allow-query {{ 127.0.0.0/8; }}; }};\n\
             controls {{ }};\n\
             zone \".\" {{ type primary; file \"{path}/root.zone\"; }};\n",
            port = address.port(),
        );
        fs::write(folder.path().join("named.conf"), config).expect("writing named.conf");
        fs::write(folder.path().join("root.zone"), zone(1, lines)).expect("writing a zone");
        let mut command = Command::new(peers::find("named")?);
        command.arg("-c").arg(folder.path().join("named.conf")).args(["-g", "-n", "1"]);
        let program = Program::start(&command, &folder.path().join("named.log"));
        let bind = Self { program, address, serial: AtomicU32::new(1), folder };
        bind.wait_for("running");
        bind.wait_for("zone ./IN: loaded serial 1\n");
        Some(bind)
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves these lines instead from now on.
    pub fn publish(&self, lines: &str) {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) + 1;
        fs::write(self.zone_path(), zone(serial, lines)).expect("writing a zone");
        self.program.signal(Signal::HUP);
        self.wait_for(&format!("zone ./IN: loaded serial {serial}\n"));
    }

    fn zone_path(&self) -> PathBuf {
        self.folder.path().join("root.zone")
    }

    fn wait_for(&self, line: &str) {
        let there = || self.program.output().contains(line).then_some(());
        assert!(
            wait::until(LOAD_LIMIT, there).is_some(),
            "named never said {line:?}:\n{}",
            self.program.output()
        );
    }
}

/// A TXT record for a zone, split into strings.
pub fn txt_line(name: &str, value: &str) -> String {
    let escaped = |piece: &[u8]| {
        let piece = String::from_utf8_lossy(piece).replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{piece}\"")
    };
    let strings: Vec<String> = value.as_bytes().chunks(TXT_STRING).map(escaped).collect();
    format!("{name}. TXT ( {} )\n", strings.join(" "))
}

/// A time to live of one second, so that what is published is seen.
fn zone(serial: u32, lines: &str) -> String {
    format!(
        "$ORIGIN .\n$TTL 1\n. SOA ns.test. admin.test. {serial} 60 60 60 1\n. NS ns.test.\nns.test. A 127.0.0.1\n{lines}"
    )
}
