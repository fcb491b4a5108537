//! The habits of the house as failing tests: floors, sizes, lints, names, and what must not be there.

mod floors;
mod sources;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The checkout.
fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the checkout").to_owned()
}

/// What may lie at the top, beside dotfiles.
const TOP: [&str; 8] =
    ["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "bins", "crates", "docs", "examples"];
/// The tests themselves, and what is made there and ignored by version control.
const ALSO: [&str; 3] = ["tests", "target", "outgate-data"];

#[test]
fn nothing_else_at_the_top() {
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = name.starts_with('.') || TOP.contains(&name.as_str()) || ALSO.contains(&name.as_str());
        assert!(known, "{name} does not belong at the top: it has a place in one of the rooms");
    }
}

/// Second cryptography providers and C TLS libraries: aws-lc-rs does it all.
const UNWANTED: [&str; 4] = ["ring", "openssl", "openssl-sys", "native-tls"];

/// What a package is in the tree for, by Cargo: the lock file alone also names what no feature of ours asks for.
fn wanted_by(package: &str) -> String {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--edges", "all", "--offline", "--invert", package])
        .current_dir(root())
        .output()
        .expect("running cargo tree");
    let said = String::from_utf8_lossy(&tree.stderr);
    assert!(tree.status.success() || said.contains("did not match any packages"), "{said}");
    String::from_utf8_lossy(&tree.stdout).into_owned()
}

#[test]
fn one_cryptography_provider() {
    assert!(wanted_by("aws-lc-rs").contains("outgate-tests"), "the tree is read as it should be");
    for package in UNWANTED {
        assert_eq!(wanted_by(package), "", "{package} is in the tree");
    }
}
