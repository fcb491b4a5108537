//! The relay under test.

use crate::{Admin, Certificate, Config, Program, Session, Tls, binaries, ports, wait};
use rustix::process::Signal;
use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    ops::Deref,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};
use tempfile::TempDir;

/// How long a start may take; builds for tests are slow, and so are machines that run them.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A relay in a folder of its own. The commands of [`Admin`] can be called on it directly.
#[derive(Debug)]
pub struct Relay {
    program: Option<Program>,
    admin: Admin,
    /// What its file says; changes count from the next start.
    pub config: Config,
    /// What it shows to clients.
    pub certificate: Certificate,
    starttls: SocketAddr,
    implicit_tls: SocketAddr,
    http: SocketAddr,
    // Last, so that the folder goes after the program.
    folder: TempDir,
}

impl Relay {
    /// Makes the folder and the configuration, changed by `change`; starts nothing.
    pub fn prepare(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::Builder::new().prefix("outgate-test-").tempdir().expect("temporary folder");
        let certificate = Certificate::make(folder.path(), "relay.test");
        let [starttls, implicit_tls, http] =
            [(); 3].map(|()| SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free())));
        let text = |path: &Path| path.display().to_string();
        let mut config = Config::default();
        config
            .set("hostname", "relay.test")
            .set("data_dir", text(&folder.path().join("data")))
            .list("submission.starttls", &[&starttls.to_string()])
            .list("submission.implicit_tls", &[&implicit_tls.to_string()])
            .set("http.listen", http.to_string())
            .set("tls.certificate", text(&certificate.chain))
            .set("tls.private_key", text(&certificate.key))
            // Cheap hashes and a throttle out of the way: tests of those two set them again.
            .set("auth.argon2.memory_kib", 256)
            .set("auth.argon2.iterations", 1)
            .set("auth.argon2.parallelism", 1)
            .set("auth.throttle.per_address", "100000/1m")
            .set("auth.throttle.per_username", "100000/1m")
            .set("delivery.retry.first", "1s");
        change(&mut config);
        let admin = Admin { config: folder.path().join("outgate.toml") };
        let relay = Self { program: None, admin, config, certificate, starttls, implicit_tls, http, folder };
        relay.write_config();
        relay
    }

    /// A running relay that delivers everything to `smart_host`.
    pub fn to(smart_host: SocketAddr) -> Self {
        Self::with(|config| {
            config.set("delivery.smart_host", smart_host.to_string());
        })
    }

    /// A running relay with the configuration changed by `change`.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut relay = Self::prepare(change);
        relay.start();
        relay
    }

    /// Writes the configuration file.
    pub fn write_config(&self) {
        std::fs::write(&self.admin.config, self.config.text()).expect("writing the configuration");
    }

    /// Starts `serve` and waits until both doors are open.
    pub fn start(&mut self) {
        self.start_under(Command::new(binaries::outgate()));
    }

    /// Starts `serve` under another program, whose words end with the relay's path.
    pub fn start_under(&mut self, mut command: Command) {
        self.write_config();
        command.arg("serve").arg("--config").arg(&self.admin.config);
        let mut program = Program::start(&command, &self.log_path());
        for door in [self.starttls, self.implicit_tls] {
            let open = wait::until(START_LIMIT, || {
                if !program.runs() {
                    return Some(false);
                }
                TcpStream::connect(door).ok().map(|_| true)
            });
            assert_eq!(open, Some(true), "the relay did not start:\n{}", program.output());
        }
        self.program = Some(program);
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        self.program().kill();
        self.program = None;
    }

    /// Sends SIGTERM and waits for its end, `limit` at most.
    pub fn terminate(&mut self, limit: Duration) -> Option<ExitStatus> {
        self.program().signal(Signal::TERM);
        self.program().ended(limit)
    }

    /// The running program.
    pub fn program(&mut self) -> &mut Program {
        self.program.as_mut().expect("the relay runs")
    }

    /// What it has logged, over all its starts.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The file with what it has logged.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("serve.log")
    }

    /// Its folder: configuration, data, certificates, log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its configuration file.
    pub fn config_path(&self) -> PathBuf {
        self.admin.config.clone()
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its database file.
    pub fn database(&self) -> PathBuf {
        self.data().join("outgate.db")
    }

    /// Where it takes submissions with STARTTLS.
    pub fn starttls(&self) -> SocketAddr {
        self.starttls
    }

    /// Where it takes submissions with TLS from the start.
    pub fn implicit_tls(&self) -> SocketAddr {
        self.implicit_tls
    }

    /// Where it tells its health.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// A client of it, past EHLO inside TLS.
    pub fn session(&self, tls: Tls) -> Session {
        let mut session = match tls {
            Tls::Starttls => {
                let mut session = Session::connect(self.starttls);
                session.starttls(&self.certificate.authority);
                session
            }
            Tls::Implicit => Session::implicit(self.implicit_tls, &self.certificate.authority),
        };
        session.say("EHLO client.test").expect_code(250);
        session
    }

    /// Waits until the queue holds nothing to be delivered.
    pub fn drained(&self, limit: Duration) {
        wait::for_it(limit, "an empty queue", || {
            let summary = self.json(&["queue", "summary"]);
            ["pending", "deferred", "held"].iter().all(|state| summary[state] == 0)
        });
    }
}

impl Deref for Relay {
    type Target = Admin;

    fn deref(&self) -> &Admin {
        &self.admin
    }
}
