//! Pauses: few rows, read whenever something is to be taken up.

use crate::{
    fault::{Stop, damaged},
    log, row,
};
use outgate_core::{
    Actor, Destination, DomainName, EventKind, Timestamp,
    store::{PauseScope, StoreError},
};
use rusqlite::{Connection, Result, Row};

type Verb = std::result::Result<(), Stop<StoreError>>;

/// The rows of paused domains, as a subquery; a name may have had several.
pub(super) const PAUSED_DOMAINS: &str =
    "SELECT d.seq FROM pauses p CROSS JOIN domains d ON d.name = p.covers WHERE p.scope = 1";

/// Every pause.
#[derive(Default)]
pub(super) struct Pauses {
    pub(super) everything: bool,
    domains: Vec<DomainName>,
    destinations: Vec<Destination>,
}

impl Pauses {
    /// Reads them.
    pub(super) fn read(tx: &Connection) -> Result<Self> {
        let mut pauses = Self::default();
        for scope in list(tx)? {
            match scope {
                PauseScope::Everything => pauses.everything = true,
                PauseScope::Domain(name) => pauses.domains.push(name),
                PauseScope::Destination(destination) => pauses.destinations.push(destination),
            }
        }
        Ok(pauses)
    }

    /// Whether there is none.
    pub(super) fn none(&self) -> bool {
        !self.everything && self.domains.is_empty() && self.destinations.is_empty()
    }

    /// Whether one covers deliveries of this domain to this destination.
    pub(super) fn cover(&self, domain: &DomainName, destination: &Destination) -> bool {
        self.everything || self.domains.contains(domain) || self.destinations.contains(destination)
    }

    /// Whether one covers everything that goes to a destination.
    pub(super) fn cover_destination(&self, destination: &Destination) -> bool {
        self.everything || self.destinations.contains(destination)
    }
}

/// The rows of paused domains.
pub(super) fn domain_rows(tx: &Connection) -> Result<Vec<i64>> {
    row::all(tx, PAUSED_DOMAINS, [], |row| row.get(0))
}

/// The number and the text that a scope is kept as.
fn kept(scope: &PauseScope) -> (i64, &str) {
    match scope {
        PauseScope::Everything => (0, ""),
        PauseScope::Domain(name) => (1, name.as_str()),
        PauseScope::Destination(destination) => (2, destination.as_str()),
    }
}

fn read(row: &Row<'_>) -> Result<PauseScope> {
    match row.get(0)? {
        0 => Ok(PauseScope::Everything),
        1 => Ok(PauseScope::Domain(row::text(row, 1)?)),
        2 => Ok(PauseScope::Destination(Destination::new(row.get_ref(1)?.as_str()?))),
        other => Err(damaged(0, format!("no such scope: {other}"))),
    }
}

/// What is paused.
pub(super) fn list(tx: &Connection) -> Result<Vec<PauseScope>> {
    row::all(tx, "SELECT scope, covers FROM pauses ORDER BY scope, covers", [], read)
}

/// Begins a pause.
pub(super) fn begin(tx: &Connection, scope: &PauseScope, actor: &Actor, at: Timestamp) -> Verb {
    let sql = "INSERT INTO pauses (scope, covers) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    if row::run(tx, sql, kept(scope))? == 0 {
        return Ok(());
    }
    log::append(tx, at, actor, EventKind::DeliveryPaused { scope: scope.clone() })
}

/// Ends a pause.
pub(super) fn end(tx: &Connection, scope: &PauseScope, actor: &Actor, at: Timestamp) -> Verb {
    if row::run(tx, "DELETE FROM pauses WHERE scope = ?1 AND covers = ?2", kept(scope))? == 0 {
        return Ok(());
    }
    log::append(tx, at, actor, EventKind::DeliveryResumed { scope: scope.clone() })
}
