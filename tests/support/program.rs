//! A child process that cannot outlive the test.

use crate::wait;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    ffi::OsString,
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, OnceLock, mpsc},
    thread,
    time::Duration,
};

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// A running program whose output goes to a file. Dropped, it is killed.
#[derive(Debug)]
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts a program; what it prints is added to `log`.
    pub fn start(command: &Command, log: &Path) -> Self {
        let mut command = bound_to_us(command);
        let file = OpenOptions::new().create(true).append(true).open(log).expect("log file");
        command.stdin(Stdio::null());
        command.stdout(file.try_clone().expect("log file"));
        command.stderr(file);
        let shown = format!("{command:?}");
        let child = spawn(command).unwrap_or_else(|error| panic!("starting {shown}: {error}"));
        Self { child, log: log.to_owned() }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        // One that has ended already needs no signal.
        let _ = kill_process(pid, signal);
    }

    /// Waits for its end.
    pub fn ended(&mut self, limit: Duration) -> Option<ExitStatus> {
        wait::until(limit, || self.child.try_wait().expect("waiting for a child"))
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The same command under `setpriv`, where there is one, so that it dies with us however we end.
fn bound_to_us(command: &Command) -> Command {
    let Some(setpriv) = crate::peers::find("setpriv") else {
        return again(command, command.get_program(), &[]);
    };
    let words = ["--pdeathsig".into(), "KILL".into(), command.get_program().to_owned()];
    again(command, setpriv.as_os_str(), &words)
}

fn again(command: &Command, program: &std::ffi::OsStr, before: &[OsString]) -> Command {
    let mut same = Command::new(program);
    same.args(before).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        same.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => same.env(name, value),
            None => same.env_remove(name),
        };
    }
    same
}

/// Spawns from a thread that lives as long as the process: a parent-death signal is sent when the *thread* that
/// forked ends, and the threads of single tests end early.
fn spawn(command: Command) -> std::io::Result<Child> {
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (sender, answer) = mpsc::channel();
    spawner.lock().expect("spawner").send((command, sender)).expect("spawner");
    answer.recv().expect("spawner")
}
