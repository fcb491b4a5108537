//! Holds `docs/refusals.md` to the catalogue; with `UPDATE_DOCS=1` it is written anew.

#![expect(clippy::unwrap_used, reason = "a test")]

use outgate_smtp::server::Refusal;
use std::{fmt::Write as _, path::Path};

const HEAD: &str = "# Refusals

When Outgate refuses something, its reply carries a reply code, an enhanced status code and a short code of its own in
brackets, as in `550 5.7.1 [sender-domain] You may send only as addresses of example.com: …`. The short code is stable:
search for it here, and let scripts go by it. Codes that begin with 4 are temporary: the same command may succeed later,
and every mail library tries again. Codes that begin with 5 stay until somebody changes something. `421`, and
`[chunk-size]`, end the session.

This page is made from the catalogue in `crates/outgate-smtp/src/server/refusal/catalogue.rs`; names and numbers in the
replies are examples.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut group = "";
    for refusal in Refusal::all() {
        if refusal.group() != group {
            group = refusal.group();
            writeln!(page, "\n## {group}").unwrap();
        }
        writeln!(page, "\n### `{}`\n\n    {refusal}\n", refusal.short()).unwrap();
        writeln!(page, "{}\n\n**What to do:** {}", refusal.meaning(), refusal.remedy()).unwrap();
    }
    page
}

#[test]
fn the_page_tells_every_refusal() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/refusals.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/refusals.md has drifted: run with UPDATE_DOCS=1 and read the difference");
}
