//! `outgate events`

use crate::desk::{Desk, keys, text};

#[test]
fn events_go_on_behind_a_cursor() {
    let desk = Desk::with_domain();
    let user = desk.user();
    let events = desk.json_lines("events");
    let kinds: Vec<&str> = events.iter().map(|event| text(&event["event"])).collect();
    assert_eq!(kinds, ["domain_added", "user_added"]);
    assert_eq!(keys(&events[0]), ["actor", "at", "cursor", "domain", "event", "name", "trusted"]);
    assert_eq!(events[0]["actor"]["kind"], "operator");
    assert_eq!(events[1]["username"], user["username"]);

    let behind = desk.json_lines(&format!("events --after {}", text(&events[0]["cursor"])));
    assert_eq!(behind, events[1..]);
    let end = text(&events[1]["cursor"]).to_owned();
    assert!(desk.json_lines(&format!("events --after {end}")).is_empty());
    assert!(desk.done(&format!("events --after {end}")).contains("--follow"));
    desk.done(&format!("user disable {}", text(&user["username"])));
    assert_eq!(desk.json_lines(&format!("events --after {end}"))[0]["event"], "user_disabled");
}

#[test]
fn events_are_sentences_for_people() {
    let desk = Desk::with_domain();
    let said = desk.done("events");
    assert!(said.contains("domain example.test added, trusted (by "), "{said}");
}

#[test]
fn what_is_no_cursor_is_a_usage_error() {
    let desk = Desk::with_domain();
    let why = desk.refused("events --after nonsense", 2);
    assert!(why.contains("outgate events --json"), "{why}");
}
