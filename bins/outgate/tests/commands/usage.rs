//! Completions, manual pages, usage errors.

use crate::desk::Desk;

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
