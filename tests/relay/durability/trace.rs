//! Watching a relay's system calls.

use outgate_tests::{Program, peers, wait};
use std::{path::Path, process::Command, time::Duration};

/// How long strace may take to attach.
const ATTACH_LIMIT: Duration = Duration::from_secs(20);

/// A finished system call.
#[derive(Debug)]
pub(crate) struct Call {
    /// Its name.
    pub(crate) name: String,
    /// What it was called with, file descriptors with what they stand for.
    pub(crate) what: String,
    /// What it gave back.
    pub(crate) result: String,
    /// The line of the trace at which it began,
    pub(crate) began: usize,
    /// and the one at which it was over.
    pub(crate) ended: usize,
}

/// Whether processes can be traced here; says so when they cannot.
pub(crate) fn can_trace(suite: &str) -> bool {
    if !peers::have(suite, &["strace"]) {
        return false;
    }
    let allowed =
        Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|s| s.success());
    if !allowed {
        peers::say(&format!("left out: {suite}: tracing is not allowed here"));
    }
    allowed
}

/// Attaches to a process and its threads; let go when dropped.
pub(crate) fn attach(process: u32, log: &Path, words: &[&str]) -> Tracer {
    let mut command = Command::new("strace");
    command.args(["-f", "-s", "16", "-o"]).arg(log).args(words).args(["-p", &process.to_string()]);
    let said = log.with_extension("said");
    let program = Program::start(&command, &said);
    // Attached it is when every thread has a tracer.
    let attached = || {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("threads");
        tasks.flatten().all(|task| {
            let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            !status.contains("TracerPid:\t0\n")
        })
    };
    wait::for_it(ATTACH_LIMIT, "an attached strace", attached);
    Tracer(program)
}

/// A strace at work.
#[derive(Debug)]
pub(crate) struct Tracer(Program);

impl Drop for Tracer {
    fn drop(&mut self) {
        // It detaches and writes out what it has; killed outright it would do neither.
        self.0.signal(rustix::process::Signal::INT);
        let _ = self.0.ended(ATTACH_LIMIT);
    }
}

/// Reads a trace, in the order in which calls began. A call that others interrupt has two lines.
pub(crate) fn calls(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut open: Vec<(String, usize)> = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(char::is_whitespace) else { continue };
        let rest = rest.trim_start();
        let result = rest.rsplit_once(" = ").map_or("", |(_, result)| result).to_owned();
        if rest.starts_with("<... ") {
            let Some(place) = open.iter().position(|(of, _)| of == thread) else { continue };
            let (_, index) = open.swap_remove(place);
            calls[index].ended = at;
            calls[index].result = result;
        } else if let Some((name, what)) = rest.split_once('(') {
            let unfinished = rest.ends_with("<unfinished ...>");
            let ended = if unfinished { usize::MAX } else { at };
            calls.push(Call { name: name.to_owned(), what: what.to_owned(), result, began: at, ended });
            if unfinished {
                open.push((thread.to_owned(), calls.len() - 1));
            }
        }
    }
    calls
}

#[test]
fn a_trace_is_read() {
    let calls = calls(
        "7 fdatasync(9</d/outgate.db-wal> <unfinished ...>\n\
         8 write(3<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"x\", 1) = 1\n\
         7 <... fdatasync resumed>) = 0\n",
    );
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0].name.as_str(), calls[0].result.as_str()), ("fdatasync", "0"));
    assert_eq!((calls[0].began, calls[0].ended), (0, 2));
    assert!(calls[0].what.contains("outgate.db-wal") && calls[1].what.contains("->127.0.0.1:2]"));
}
