//! `outgate user …`

use crate::desk::{Desk, keys, text};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_new_user_has_everything_that_an_application_asks_for() {
    let desk = Desk::with_domain();
    let user = desk.user();
    assert_eq!(
        keys(&user),
        ["created_at", "domain", "example_sender", "id", "name", "password", "smtp", "username"]
    );
    assert_eq!((text(&user["domain"]), text(&user["name"])), ("example.test", "WordPress"));
    assert_eq!(text(&user["example_sender"]), "anything@example.test");
    assert!(text(&user["created_at"]).ends_with('Z'));
    let smtp = serde_json::json!({
        "host": "relay.example.test", "starttls_port": 587, "implicit_tls_port": 465, "mechanisms": ["PLAIN", "LOGIN"]
    });
    assert_eq!(user["smtp"], smtp);

    let said = desk.done("user add example.test --name Cron");
    for part in ["Username", "Password", "relay.example.test", "587", "465", "not be shown again"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
}

#[test]
fn a_user_is_shown_without_its_password() {
    let desk = Desk::with_domain();
    let user = desk.user();
    let username = text(&user["username"]);
    let shown = desk.json(&format!("user show {username}"));
    assert!(shown.get("password").is_none());
    assert_eq!((text(&shown["state"]), &shown["last_connection"]), ("active", &serde_json::Value::Null));
    assert_eq!(desk.json("user list"), serde_json::json!([shown]));
    assert_eq!(desk.json("user list example.test")[0], shown);
    assert_eq!(shown["smtp"], user["smtp"]);
    let said = desk.done(&format!("user show {username}"));
    assert!(said.contains("never") && !said.contains(text(&user["password"])), "{said}");
    desk.refused("user show nobody", 3);
    desk.refused("user list example.org", 3);
    desk.refused("user add example.org --name X", 3);
}

#[test]
fn a_user_is_renamed_disabled_and_enabled() {
    let desk = Desk::with_domain();
    let user = desk.user();
    let username = text(&user["username"]);
    assert_eq!(desk.json(&format!("user rename {username} --name Shop"))["name"], "Shop");
    assert_eq!(desk.json(&format!("user disable {username}"))["state"], "disabled");
    assert_eq!(desk.json(&format!("user show {username}"))["state"], "disabled");
    assert_eq!(desk.json(&format!("user enable {username}"))["state"], "active");
    assert_eq!(desk.json(&format!("user show {username}"))["username"], user["username"]);
    for words in ["user rename nobody --name X", "user disable nobody", "user enable nobody"] {
        desk.refused(words, 3);
    }
    let ran = desk.run_with(&["user", "rename", username, "--name", "a\u{202e}b"]);
    assert_eq!(ran.status, 2, "a name that could pose as another");
}

#[test]
fn a_reset_gives_another_password_and_needs_a_confirmation() {
    let desk = Desk::with_domain();
    let user = desk.user();
    let username = text(&user["username"]);
    desk.refused(&format!("user reset {username}"), 5);
    let reset = desk.json(&format!("user reset {username} --yes"));
    assert_eq!(keys(&reset), keys(&user));
    assert_eq!(reset["id"], user["id"]);
    assert_ne!(reset["password"], user["password"]);
    desk.refused("user reset nobody --yes", 3);
    desk.refused("user reset nobody", 3);
}

#[test]
fn a_username_is_never_issued_again() {
    let desk = Desk::with_domain();
    let user = desk.json("user add example.test --name Info --username Info");
    assert_eq!(text(&user["username"]), "info@example.test");
    desk.refused("user add example.test --name Other --username info", 4);
    desk.refused("user delete info@example.test", 5);
    desk.done("user delete info@example.test --yes");
    desk.refused("user show info@example.test", 3);
    desk.refused("user delete info@example.test --yes", 3);
    desk.refused("user add example.test --name Other --username info", 4);
    desk.refused("user add example.test --name Other --username in@fo", 2);
    desk.refused("user add example.test", 2);
}

#[test]
fn a_password_file_is_private_new_and_the_only_copy() {
    let desk = Desk::with_domain();
    let file = desk.file("secret");
    let add = format!("user add example.test --name A --password-file {}", file.display());
    let user = desk.json(&add);
    assert!(user.get("password").is_none());
    let first = std::fs::read_to_string(&file).unwrap();
    assert!(first.ends_with('\n') && first.trim().len() > 20);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let users = || desk.json("user list").as_array().unwrap().len();
    desk.refused(&add, 4);
    assert_eq!(users(), 1, "nothing was changed");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first, "nothing was overwritten");

    let username = text(&user["username"]);
    let other = desk.file("other");
    let said = desk.done(&format!("user reset {username} --yes --password-file {}", other.display()));
    let second = std::fs::read_to_string(&other).unwrap();
    assert_ne!(second, first);
    assert!(!said.contains(second.trim()) && said.contains(&other.display().to_string()), "{said}");
}

#[test]
fn a_password_file_goes_when_the_change_fails() {
    let desk = Desk::with_domain();
    let file = desk.file("secret");
    for words in ["user add example.org --name A", "user add example.test --name A --username a@b"] {
        assert_ne!(desk.run(&format!("{words} --password-file {}", file.display())).status, 0);
        assert!(!file.exists(), "{words}");
    }
    desk.refused(&format!("user reset nobody --yes --password-file {}", file.display()), 3);
    assert!(!file.exists());
    desk.refused("user add example.test --name A --password-file no/such/folder/secret", 1);
    assert_eq!(desk.json("user list"), serde_json::json!([]), "nothing was changed");
}

#[test]
fn no_password_is_kept_anywhere() {
    let desk = Desk::with_domain();
    let user = desk.user();
    let reset = desk.json(&format!("user reset {} --yes", text(&user["username"])));
    desk.done(&format!("backup {}", desk.file("data/copy.db").display()));
    for entry in std::fs::read_dir(desk.file("data")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for password in [text(&user["password"]), text(&reset["password"])] {
            let found = bytes.windows(password.len()).any(|window| window == password.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}
