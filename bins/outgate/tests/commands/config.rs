//! `outgate config …`

use crate::desk::{Desk, keys, text};

#[test]
fn a_good_configuration_says_where_it_comes_from() {
    let desk = Desk::empty();
    let checked = desk.json("config check");
    assert_eq!(keys(&checked), ["data_dir", "file", "hostname"]);
    assert_eq!(text(&checked["file"]), desk.file("outgate.toml").display().to_string());
    assert_eq!(text(&checked["data_dir"]), desk.file("data").display().to_string(), "--data counts");
    let said = desk.done("config check");
    assert!(said.contains("fine") && said.contains("outgate.toml"), "{said}");
}

#[test]
fn a_wrong_configuration_says_what_and_where() {
    let desk = Desk::empty();
    for (text, part) in [
        ("hostnam = \"a.test\"\n", "`hostname`"),
        ("[log]\nlevel = \"loud\"\n", "log.level"),
        ("[submission]\ncommand_timeout = 5\n", "line 2"),
    ] {
        std::fs::write(desk.file("wrong.toml"), text).unwrap();
        for command in ["config check", "config show", "domain list", "serve"] {
            let why = desk.refused(&format!("{command} --config wrong.toml"), 1);
            assert!(why.contains(part), "{command}: {why}");
        }
    }
    let why = desk.refused("config check --config nowhere.toml", 1);
    assert!(why.contains("nowhere.toml"), "{why}");
}

#[test]
fn files_that_are_named_must_be_readable() {
    let desk = Desk::empty();
    std::fs::write(desk.file("tls.toml"), "[tls]\ncertificate = \"no.pem\"\nprivate_key = \"no.key\"\n")
        .unwrap();
    let why = desk.refused("config check --config tls.toml", 1);
    assert!(why.contains("tls.certificate") && why.contains("no.pem"), "{why}");
}

#[test]
fn what_is_shown_can_be_used() {
    let desk = Desk::empty();
    let shown = desk.done("config show");
    std::fs::write(desk.file("shown.toml"), &shown).unwrap();
    assert_eq!(desk.json("config show --config shown.toml"), desk.json("config show"));
    assert_eq!(desk.json("config show")["hostname"], "relay.example.test");
}
