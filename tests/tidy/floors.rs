//! A crate depends only on strictly lower floors, and every crate takes the workspace's lints.

use crate::root;
use serde_json::Value;
use std::{collections::HashMap, path::Path, process::Command};

/// The floors, from the ground up (docs/architecture.md).
const FLOORS: [&[&str]; 6] = [
    &["outgate-core"],
    &["outgate-auth", "outgate-smtp", "outgate-mail", "outgate-store-conformance"],
    &["outgate-queue", "outgate-listen", "outgate-store-sqlite", "outgate-store-postgres"],
    &[
        "outgate-submission",
        "outgate-inbound",
        "outgate-delivery",
        "outgate-dns",
        "outgate-webhook",
        "outgate-api",
        "outgate-console",
    ],
    &["outgate-relay"],
    &["outgate", "outgate-bench", "outgate-examples", "outgate-tests"],
];

fn members() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("running cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

#[test]
fn dependencies_point_down() {
    let floor: HashMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(number, crates)| crates.iter().map(move |name| (*name, number)))
        .collect();
    let members = members();
    assert!(members.len() >= 15, "the metadata is read as it should be");
    for member in &members {
        let name = member["name"].as_str().unwrap();
        let ours = floor.get(name).unwrap_or_else(|| panic!("{name} has no floor: give it one here"));
        for dependency in member["dependencies"].as_array().unwrap() {
            let below = dependency["name"].as_str().unwrap();
            let Some(theirs) = floor.get(below) else { continue };
            assert!(
                theirs < ours,
                "{name} (floor {ours}) depends on {below} (floor {theirs}), {}",
                dependency["kind"]
            );
        }
    }
}

#[test]
fn a_folder_is_named_as_its_package() {
    for member in members() {
        let manifest = Path::new(member["manifest_path"].as_str().unwrap());
        let folder = manifest.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let name = member["name"].as_str().unwrap();
        assert!(folder == name || format!("outgate-{folder}") == name, "{name} lies in {folder}");
    }
}

#[test]
fn lints_are_the_workspaces() {
    let workspace: toml::Table = std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    assert_eq!(workspace["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    for member in members() {
        let manifest = std::fs::read_to_string(member["manifest_path"].as_str().unwrap()).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let taken =
            manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        assert_eq!(taken, Some(true), "{} takes `lints.workspace = true`", member["name"]);
    }
}
