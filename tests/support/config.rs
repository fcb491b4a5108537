//! The relay's configuration file.

use toml::{Table, Value};

/// A configuration, key by key.
#[derive(Clone, Debug, Default)]
pub struct Config(Table);

impl Config {
    /// Sets a key, written as in `delivery.retry.first`.
    ///
    /// # Panics
    /// When a part of the way is there and is no table.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        let (way, last) = key.rsplit_once('.').unwrap_or(("", key));
        let mut table = &mut self.0;
        for part in way.split('.').filter(|part| !part.is_empty()) {
            table = table
                .entry(part)
                .or_insert_with(|| Value::Table(Table::new()))
                .as_table_mut()
                .expect("a table on the way");
        }
        table.insert(last.to_owned(), value.into());
        self
    }

    /// Sets a key to a list of strings.
    pub fn list(&mut self, key: &str, values: &[&str]) -> &mut Self {
        self.set(key, values.iter().map(|value| Value::from(*value)).collect::<Vec<_>>())
    }

    /// Takes a key or a table out.
    pub fn unset(&mut self, key: &str) -> &mut Self {
        let (way, last) = key.rsplit_once('.').unwrap_or(("", key));
        let mut table = Some(&mut self.0);
        for part in way.split('.').filter(|part| !part.is_empty()) {
            table = table.and_then(|table| table.get_mut(part)).and_then(Value::as_table_mut);
        }
        if let Some(table) = table {
            table.remove(last);
        }
        self
    }

    /// As it stands in the file.
    pub fn text(&self) -> String {
        toml::to_string(&self.0).expect("a configuration can be written")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_make_tables() {
        let mut config = Config::default();
        config.set("a", 1).set("b.c.d", "x").list("b.e", &["y"]).set("b.f", true).unset("b.f").unset("q.r");
        assert_eq!(
            config.text().parse::<Table>().unwrap(),
            "a = 1\nb = {c = {d = 'x'}, e = ['y']}".parse().unwrap()
        );
    }
}
