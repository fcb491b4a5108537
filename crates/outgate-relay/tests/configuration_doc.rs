//! `docs/configuration.md` is what the types say. `UPDATE_DOCS=1` writes it anew.

use outgate_relay::Config;
use serde_json::Value;
use std::{fmt::Write, path::Path};

const HEAD: &str = "# Configuration

One TOML file: `--config FILE` (`OUTGATE_CONFIG`), else `/etc/outgate/outgate.toml` if it is there. Every key has a default;
unknown keys are an error that names the nearest known one. With no file at all, `outgate serve` listens on 2587 (STARTTLS),
2465 (TLS) and 8025 (HTTP) of the loopback interface and keeps its data in `./outgate-data`.

Durations are written `\"500ms\"`, `\"5s\"`, `\"10m\"`, `\"72h\"`; sizes in bytes or like `\"64MiB\"`; rates like `\"30/5m\"`;
networks like `\"10.0.0.0/8\"`. `outgate config check` judges the file, `outgate config show` prints what is in force.

SIGHUP reads the file and the certificates again; the log names every changed key that waits for the next start.

The master key that seals private DKIM keys is not configured here: it comes from the variable `OUTGATE_MASTER_KEY` (base64 of
32 bytes), else from the systemd credential `outgate-master-key`, else from `master.key` in the data folder (mode 0600, made at
the first start). A backup of the store without it reveals no private key; keep it somewhere else.
";

#[test]
fn the_page_says_what_the_types_say() {
    let page = page();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == page,
        "docs/configuration.md is out of date: run UPDATE_DOCS=1 cargo test -p outgate-relay"
    );
}

#[expect(clippy::unwrap_used, reason = "a test's own helpers may fail loudly")]
fn page() -> String {
    let schema = serde_json::to_value(schemars::schema_for!(Config)).unwrap();
    // The machine's own name is no documentation.
    let config = Config { hostname: "relay.example.net".into(), ..Config::default() };
    let defaults = serde_json::to_value(&config).unwrap();
    let mut page = HEAD.to_owned();
    section(&mut page, &schema, &schema, &defaults, "");
    page
}

/// One table of plain keys, then the sections below it.
#[expect(clippy::unwrap_used, reason = "a test's own helpers may fail loudly")]
fn section(page: &mut String, root: &Value, schema: &Value, defaults: &Value, path: &str) {
    let title = if path.is_empty() { "Top level".to_owned() } else { format!("`[{path}]`") };
    write!(page, "\n## {title}\n\n").unwrap();
    if let Some(text) = schema["description"].as_str().filter(|_| !path.is_empty()) {
        write!(page, "{}\n\n", one_line(text)).unwrap();
    }
    let mut sections = Vec::new();
    let mut rows = String::new();
    for (key, property) in schema["properties"].as_object().unwrap() {
        let target = resolve(root, property);
        if target["properties"].is_object() && target["anyOf"].is_null() {
            let text =
                property["description"].as_str().or(target["description"].as_str()).unwrap_or_default();
            sections.push((key, target, text));
        } else {
            let text =
                property["description"].as_str().or(target["description"].as_str()).unwrap_or_default();
            let default = match &defaults[key] {
                Value::Null => "–".to_owned(),
                value => format!("`{value}`"),
            };
            writeln!(rows, "| `{key}` | {default} | {}{} |", one_line(text), choices(target)).unwrap();
        }
    }
    if !rows.is_empty() {
        write!(page, "| key | default | meaning |\n|---|---|---|\n{rows}").unwrap();
    }
    for (key, target, _) in sections {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        section(page, root, target, &defaults[key], &path);
    }
}

/// Follows a reference, also the one inside an optional section.
fn resolve<'a>(root: &'a Value, property: &'a Value) -> &'a Value {
    let reference = property["$ref"].as_str().or_else(|| property["anyOf"][0]["$ref"].as_str());
    match reference.and_then(|reference| reference.strip_prefix("#/$defs/")) {
        Some(name) => &root["$defs"][name],
        None => property,
    }
}

/// The words that an enumeration takes.
fn choices(target: &Value) -> String {
    let Some(words) = target["oneOf"].as_array() else { return String::new() };
    let words: Vec<String> =
        words.iter().filter_map(|word| Some(format!("`{}`", word["const"].as_str()?))).collect();
    if words.is_empty() { String::new() } else { format!(" One of {}.", words.join(", ")) }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
