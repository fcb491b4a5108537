//! Tables without borders: they read well, and copy well.

use comfy_table::{ContentArrangement, Table, presets};
use std::io::IsTerminal;

/// A table with a header. Cells wrap on a terminal only, so that what is piped on stays one row a line.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(if std::io::stdout().is_terminal() {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    });
    table.set_header(header.iter().map(|title| title.to_uppercase()).collect::<Vec<_>>());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Names and values under each other.
pub(crate) fn facts(rows: &[(&str, String)]) -> String {
    let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("  {name:<widest$}  {value}").trim_end().to_owned())
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_no_borders() {
        let rows =
            vec![vec!["example.test".to_owned(), "2".to_owned()], vec!["a.test".to_owned(), "10".to_owned()]];
        assert_eq!(
            table(&["domain", "users"], rows),
            "DOMAIN        USERS\nexample.test  2\na.test        10"
        );
    }

    #[test]
    fn facts_line_up() {
        assert_eq!(facts(&[("Name", "a".into()), ("Server", String::new())]), "  Name    a\n  Server");
    }
}
