//! Programs that may or may not be installed.
//!
//! Where one is missing the suite is left out, with a word on standard error. With `OUTGATE_TESTS_REQUIRE_PEERS` set,
//! as `tests/run` does once it has installed them, a missing one is a failure.

use std::{
    env,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

/// Where Debian keeps programs that are not in everybody's `PATH`.
const MORE_PLACES: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];
/// Where Debian keeps PHPMailer.
const PHPMAILER: &str = "/usr/share/php/libphp-phpmailer/autoload.php";

/// The path of a program, if it is installed.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(MORE_PLACES.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Whether the suite can run; says so when it cannot.
pub fn have(suite: &str, programs: &[&str]) -> bool {
    programs.iter().all(|program| need(suite, program, find(program).is_some()))
}

/// Whether the suite can run as this user; says so when it cannot.
pub fn have_root(suite: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        say(&format!("left out: {suite}: it needs root"));
    }
    root
}

/// A Python interpreter that can import `module`; says so when there is none.
pub fn python(suite: &str, module: &str) -> Option<PathBuf> {
    let candidates = [Some(PathBuf::from("/usr/bin/python3")), find("python3")];
    let found = candidates.into_iter().flatten().find(|python| {
        let import = format!("import {module}");
        Command::new(python).args(["-c", &import]).output().is_ok_and(|output| output.status.success())
    });
    need(suite, &format!("python3 with {module}"), found.is_some()).then_some(found)?
}

/// The folder that has Node's `nodemailer`; says so when there is none.
pub fn nodemailer(suite: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers/node_modules");
    let folder = env::var_os("OUTGATE_NODE_MODULES").map_or(here, PathBuf::from);
    let there = find("node").is_some() && folder.join("nodemailer").is_dir();
    need(suite, "nodemailer", there).then_some(folder)
}

/// The file that loads PHPMailer; says so when there is none.
pub fn phpmailer(suite: &str) -> Option<&'static Path> {
    let there = find("php").is_some() && Path::new(PHPMAILER).is_file();
    need(suite, "libphp-phpmailer", there).then_some(Path::new(PHPMAILER))
}

fn need(suite: &str, what: &str, there: bool) -> bool {
    if !there {
        let required = env::var_os("OUTGATE_TESTS_REQUIRE_PEERS").is_some();
        assert!(!required, "{suite}: {what} is not installed, and peers are required");
        say(&format!("left out: {suite}: {what} is not installed"));
    }
    there
}

/// Prints a line past the test harness, which hides what passing tests print.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
