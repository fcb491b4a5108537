//! `outgate try`

use crate::desk::{Desk, text};

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
    let steps: Vec<&str> =
        shown["steps"].as_array().unwrap().iter().map(|step| text(&step["step"])).collect();
    assert_eq!(
        steps,
        [
            "sink",
            "relay",
            "domain",
            "user",
            "signed_in",
            "accepted",
            "signed",
            "verified",
            "delivered",
            "reset",
            "old_password",
            "new_password"
        ]
    );
    let said = run(&["try", "--once"]);
    for part in ["✓ accepted      250", "✓ old password  535 5.7.8", "swaks --server 127.0.0.1:", "smtplib"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains('\u{1b}'), "no colours where there is no terminal");
    for line in said.lines().filter(|line| !line.contains("outgate-try-")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
