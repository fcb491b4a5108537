//! `outgate queue …`, `outgate activity`: what they say of an empty queue.

use crate::desk::{Desk, text};

const NOTHING: &str = "01935000-0000-7000-8000-000000000000";

#[test]
fn an_empty_queue_is_told_so() {
    let desk = Desk::with_domain();
    let empty =
        serde_json::json!({"pending": 0, "deferred": 0, "held": 0, "oldest_at": null, "paused": false});
    assert_eq!(desk.json("queue summary"), empty);
    assert!(desk.done("queue summary").contains("empty"));
    assert!(desk.done("queue list").contains("outgate activity"));
    assert!(desk.json_lines("queue list").is_empty());
    assert!(desk.json_lines("activity").is_empty());
    assert!(desk.done("activity --since 2h --status delivered,deferred").contains("--follow"));
}

#[test]
fn what_is_not_there_is_not_found() {
    let desk = Desk::with_domain();
    for verb in ["show", "retry", "hold", "release", "cancel"] {
        desk.refused(&format!("queue {verb} {NOTHING}"), 3);
        desk.refused(&format!("queue {verb} not-an-id"), 2);
    }
    desk.refused(&format!("queue hold --message {NOTHING}"), 3);
    desk.refused("queue hold --user nobody", 3);
    desk.refused("queue hold --domain example.org", 3);
}

#[test]
fn a_change_names_one_thing_and_a_bulk_cancel_asks() {
    let desk = Desk::with_domain();
    desk.refused("queue hold", 2);
    desk.refused(&format!("queue hold {NOTHING} --domain example.test"), 2);
    desk.refused("queue hold --user a --domain example.test", 2);
    assert_eq!(
        desk.json("queue hold --domain example.test"),
        serde_json::json!({"action": "hold", "count": 0})
    );
    assert_eq!(desk.json("queue retry --destination Example.ORG")["count"], 0);
    let why = desk.refused("queue cancel --domain example.test", 5);
    assert!(why.contains("--yes"), "{why}");
    assert_eq!(desk.json("queue cancel --domain example.test --yes")["count"], 0);
    assert!(desk.done("queue release --domain example.test").contains("nothing to release"));
}

#[test]
fn a_pause_lasts_until_it_is_resumed() {
    let desk = Desk::with_domain();
    assert_eq!(desk.json("queue pause")["paused"], serde_json::json!([{"scope": "everything"}]));
    assert_eq!(desk.json("queue summary")["paused"], true);
    assert!(desk.done("queue summary").contains("outgate queue resume"));
    let paused = desk.json("queue pause --destination Example.ORG");
    assert_eq!(paused["paused"].as_array().unwrap().len(), 2);
    desk.done("queue resume");
    assert_eq!(desk.json("queue summary")["paused"], false);
    assert!(desk.done("queue summary").contains("--destination example.org"));
    desk.done("queue pause --domain example.test");
    desk.done("queue resume --destination example.org");
    assert_eq!(desk.json("queue resume --domain example.test")["paused"], serde_json::json!([]));
    desk.refused("queue pause --domain example.test --destination example.org", 2);
}

#[test]
fn filters_that_make_no_sense_are_usage_errors() {
    let desk = Desk::with_domain();
    for wrong in [
        "--status lost",
        "--since yesterday",
        "--recipient nobody",
        "--domain localhost",
        "--follow --until 1h",
    ] {
        let why = desk.refused(&format!("activity {wrong}"), 2);
        assert!(why.contains("error:"), "{why}");
    }
    let why = desk.refused("activity --since tomorrow", 2);
    assert!(text(&serde_json::Value::from(why)).contains("2h"));
}
