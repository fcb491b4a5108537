//! Backup, completions, manual pages, usage.

use crate::desk::{Desk, text};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_backup_is_a_store() {
    let desk = Desk::with_domain();
    let user = desk.user();
    std::fs::create_dir(desk.file("restored")).unwrap();
    let copy = desk.file("restored/outgate.db");
    let made = desk.json(&format!("backup {}", copy.display()));
    assert_eq!(made["bytes"], std::fs::metadata(&copy).unwrap().len());
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let listed = desk.json(&format!("user list --data {}", desk.file("restored").display()));
    assert_eq!(listed[0]["username"], user["username"]);

    desk.refused(&format!("backup {}", copy.display()), 4);
    let said = desk.done(&format!("backup {}", desk.file("other.db").display()));
    assert!(said.contains("master.key"), "{said}");
}

#[test]
fn completions_and_manual_pages_are_written() {
    let desk = Desk::empty();
    for shell in ["bash", "zsh", "fish"] {
        assert!(desk.done(&format!("completions {shell}")).contains("outgate"), "{shell}");
    }
    assert!(desk.done("man").contains(".TH"));
    assert!(desk.done("man domain add").contains("trusted"));
    desk.refused("man domain dance", 2);
}

#[test]
fn usage_errors_have_their_status() {
    let desk = Desk::empty();
    for wrong in ["", "dance", "domain", "domain add", "user reset", "completions"] {
        assert_eq!(desk.run(wrong).status, 2, "{wrong}");
    }
    assert_eq!(desk.run("--help").status, 0);
    assert!(desk.done("--version").starts_with("outgate "));
}

#[test]
fn the_show_goes_well_and_leaves_nothing() {
    let desk = Desk::empty();
    let temporary = desk.file("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let run = |words: &[&str]| {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_outgate"))
            .args(words)
            .env("TMPDIR", &temporary)
            .timeout(std::time::Duration::from_mins(2))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let complained = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}{complained}");
        assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "the folder is gone");
        said
    };
    let shown: serde_json::Value = serde_json::from_str(&run(&["try", "--once", "--json"])).unwrap();
    assert_eq!(shown["ok"], true);
    let steps: Vec<&str> = shown["steps"].as_array().unwrap().iter().map(|step| text(&step["step"])).collect();
    assert_eq!(
        steps,
        [
            "sink", "relay", "domain", "user", "signed_in", "accepted", "signed", "verified", "delivered", "reset",
            "old_password", "new_password"
        ]
    );
    let said = run(&["try", "--once"]);
    for part in ["✓ accepted       250", "✓ old password   535 5.7.8", "swaks --server 127.0.0.1:", "smtplib"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains('\u{1b}'), "no colours where there is no terminal");
    for line in said.lines().filter(|line| !line.contains("outgate-try-")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
