//! `outgate domain …`

use crate::desk::{Desk, keys, text};

#[test]
fn a_domain_is_added_shown_listed_and_deleted() {
    let desk = Desk::empty();
    let added = desk.json("domain add Example.COM");
    assert_eq!(keys(&added), ["created_at", "id", "name", "state", "trusted", "users"]);
    assert_eq!((text(&added["name"]), text(&added["state"])), ("example.com", "pending"));
    assert_eq!(added["trusted"], false);
    assert!(text(&added["created_at"]).ends_with('Z'));
    assert_eq!(desk.json("domain show example.com"), added);
    assert_eq!(desk.json("domain list")[0], added);

    desk.refused("domain add example.com", 4);
    let gone = desk.json("domain delete example.com --yes");
    assert_eq!(gone["id"], added["id"]);
    desk.refused("domain show example.com", 3);
    desk.refused("domain delete example.com --yes", 3);
    let again = desk.json("domain add example.com");
    assert_ne!(again["id"], added["id"], "added again, it is a new domain");
}

#[test]
fn only_adding_a_domain_makes_a_store() {
    let desk = Desk::empty();
    for words in ["domain list", "user list", "queue summary", "events", "activity", "backup copy.db"] {
        let why = desk.refused(words, 1);
        assert!(why.contains("outgate domain add"), "{words}: {why}");
        assert!(!desk.file("data").exists(), "{words}");
    }
    desk.done("domain add example.com");
    assert!(desk.file("data").exists());
}

#[test]
fn an_empty_list_names_the_next_command() {
    let desk = Desk::with_domain();
    assert!(desk.done("user list").contains("outgate user add DOMAIN"));
    assert!(desk.done("user list example.test").contains("outgate user add example.test"));
    desk.done("domain delete example.test --yes");
    assert!(desk.done("domain list").contains("outgate domain add"));
    assert_eq!(desk.json("domain list"), serde_json::json!([]));
}

#[test]
fn records_are_whole_and_copyable() {
    let desk = Desk::with_domain();
    let records = desk.json("domain records example.test");
    let records = records.as_array().unwrap();
    for record in records {
        assert_eq!(keys(record), ["name", "purpose", "required", "type", "value"]);
        assert!(!text(&record["value"]).contains('"'));
    }
    let purposes: Vec<&str> = records.iter().map(|record| text(&record["purpose"])).collect();
    assert_eq!(purposes, ["ownership", "dkim", "dkim", "spf", "dmarc"]);
    let shown = desk.done("domain records example.test");
    for record in records {
        let value = text(&record["value"]);
        assert!(shown.lines().any(|line| line == value), "on a line of its own: {value}");
    }
    assert!(shown.contains("a:relay.example.test"));
}

#[test]
fn a_user_can_be_made_with_the_domain() {
    let desk = Desk::empty();
    let added = desk.json("domain add example.com --trusted --with-user Shop");
    assert_eq!(added["users"], 1);
    assert_eq!(text(&added["user"]["name"]), "Shop");
    assert!(text(&added["user"]["password"]).len() > 20);
    assert_eq!(desk.json("user list")[0]["username"], added["user"]["username"]);

    let file = desk.file("secret");
    let words = format!("domain add example.org --with-user Shop --password-file {}", file.display());
    assert!(desk.json(&words)["user"].get("password").is_none());
    assert!(std::fs::read_to_string(&file).unwrap().len() > 20);
    desk.refused("domain add example.net --password-file x", 2);
}

#[test]
fn deleting_needs_a_confirmation() {
    let desk = Desk::with_domain();
    let why = desk.refused("domain delete example.test", 5);
    assert!(why.contains("--yes"), "{why}");
    desk.done("domain show example.test");
    desk.user();
    let said = desk.done("domain delete example.test --yes");
    assert!(said.contains("1 SMTP user with it"), "{said}");
    assert_eq!(desk.json("user list"), serde_json::json!([]));
}

#[test]
fn what_is_no_domain_is_a_usage_error() {
    let desk = Desk::empty();
    for wrong in ["localhost", "192.0.2.1", "example.com.", "a..b"] {
        desk.refused(&format!("domain add {wrong}"), 2);
    }
    let why = desk.refused("domain add co.uk", 2);
    assert!(why.contains("public suffix"), "{why}");
}
