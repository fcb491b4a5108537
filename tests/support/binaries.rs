//! The built programs.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The relay: `OUTGATE_BIN`, else the one beside this test's own build, brought up to date first.
pub fn outgate() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| locate("OUTGATE_BIN", "outgate"))
}

/// The load generator: `OUTGATE_BENCH_BIN`, else the one beside this test's own build, brought up to date first.
pub fn outgate_bench() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| locate("OUTGATE_BENCH_BIN", "outgate-bench"))
}

fn locate(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = env::var_os(variable) {
        return PathBuf::from(path);
    }
    // target/PROFILE/deps/this-test
    let ourselves = env::current_exe().expect("the path of this test");
    let folder = ourselves.ancestors().nth(2).expect("target/PROFILE");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    // Cargo names no binary of another package to a test, nor builds it; with --workspace the features are the same
    // as those of `cargo test --workspace`.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--bins", "--profile", profile])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .status()
        .expect("running cargo");
    assert!(status.success(), "building {name}");
    folder.join(name)
}
