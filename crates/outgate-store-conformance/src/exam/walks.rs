//! Long random walks of verbs, beside the reference store and a naive recount.

mod walk;

use super::{
    laws::Verdict,
    room::{ALL, Room},
};
use crate::{Failure, MemoryStore, World, failure::ensure_eq, ports::SeededRandomness};
use outgate_core::{
    DeliveryStatus, EventKind,
    store::{DeliveryFilter, DeliveryRow, PauseScope, QueueSummary},
};
use std::{fmt::Write, sync::Arc};
use walk::Walk;

/// Steps of a walk, and how often everything is compared and the store reopened.
const STEPS: usize = 400;
const COMPARE_EVERY: usize = 8;
const REOPEN_EVERY: usize = 100;

/// The same walk in the store under examination and in the reference store: both answer alike at every step, and the
/// summary is what counting gives.
pub(super) async fn a_random_walk_goes_as_in_the_reference(room: Room) -> Verdict {
    walk(room, 1).await
}

/// Another walk.
pub(super) async fn another_random_walk_goes_as_in_the_reference(room: Room) -> Verdict {
    walk(room, 2).await
}

/// A third.
pub(super) async fn a_third_random_walk_goes_as_in_the_reference(room: Room) -> Verdict {
    walk(room, 3).await
}

async fn walk(mut room: Room, seed: u64) -> Verdict {
    let reference = World::new(Arc::new(MemoryStore::new()));
    let chance = SeededRandomness::new(seed);
    let mut examined = Walk::begin(&room).await?;
    let mut beside = Walk::begin(&reference).await?;
    for number in 0..STEPS {
        let step = examined.draw(&chance);
        let found = examined.take(&room, &step).await?;
        let wanted = beside.take(&reference, &step).await?;
        ensure_eq!(found, wanted, "the answer to step {number} of walk {seed}, {step:?}");
        if number % REOPEN_EVERY == REOPEN_EVERY - 1 {
            room = room.reopen().await;
        }
        if number % COMPARE_EVERY == 0 || number + 1 == STEPS {
            let (found, wanted) = (look(&room).await?, look(&reference).await?);
            ensure_eq!(found, wanted, "what there is after step {number} of walk {seed}, {step:?}");
        }
    }
    ensure_eq!(told(&room).await?, told(&reference).await?, "what the log tells of walk {seed}");
    Ok(())
}

/// What there is, as far as the contracts settle it; and the summary must be what counting gives.
async fn look(world: &World) -> Result<String, Failure> {
    let now = world.now();
    let mut rows: Vec<DeliveryRow> = Vec::new();
    let mut after = None;
    loop {
        let page = world.store.deliveries(&DeliveryFilter::default(), after.as_ref(), 50).await?;
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    rows.sort_by_key(|row| (row.message, row.delivery));
    let count = |status| rows.iter().filter(|row| row.status == status).count() as u64;
    let recount = QueueSummary {
        pending: count(DeliveryStatus::Pending),
        deferred: count(DeliveryStatus::Deferred),
        held: count(DeliveryStatus::Held),
        oldest_at: rows.iter().filter(|row| !row.status.is_final()).map(|row| row.at).min(),
        paused: world.store.paused().await?.contains(&PauseScope::Everything),
    };
    ensure_eq!(world.store.summary().await?, recount, "the summary beside a recount");
    let mut words = format!("{recount:?}\n");
    for due in world.store.due_destinations(now, None, ALL).await? {
        writeln!(words, "due: {}", due.destination)?;
    }
    for row in rows {
        // A time that has come may be told in more than one way.
        let next = row.next_attempt_at.filter(|next| *next > now);
        let DeliveryRow { delivery, at, status, attempts, reply, .. } = row;
        writeln!(words, "{delivery} {at} {status} {attempts} {reply:?} {next:?}")?;
    }
    Ok(words)
}

/// What the log tells, less the counts that a store may tell in several steps.
async fn told(world: &World) -> Result<Vec<EventKind>, Failure> {
    let (mut kinds, mut after) = (Vec::new(), None);
    loop {
        let page = world.store.events_after(after.as_ref(), ALL).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.cursor.clone());
        kinds.extend(page.into_iter().map(|logged| logged.event.kind));
    }
    kinds.retain(|kind| {
        !matches!(
            kind,
            EventKind::DeliveriesHeld { .. }
                | EventKind::DeliveriesReleased { .. }
                | EventKind::DeliveriesRetried { .. }
                | EventKind::DeliveriesCancelled { .. }
        )
    });
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks that met nothing would ask nothing.
    #[tokio::test]
    async fn walks_meet_every_answer() {
        let mut met = Vec::new();
        for seed in 1..=3 {
            let world = World::new(Arc::new(MemoryStore::new()));
            let chance = SeededRandomness::new(seed);
            let mut walk = Walk::begin(&world).await.unwrap();
            for _ in 0..STEPS {
                let step = walk.draw(&chance);
                let answer = walk.take(&world, &step).await.unwrap();
                let step = format!("{step:?}");
                let verb = step.split([' ', '(']).next().unwrap_or_default();
                met.push(format!("{verb} {answer}"));
            }
        }
        for (wanted, times) in [
            ("Accept Ok([])", 10),
            ("Accept Ok([Del", 10),
            ("Accept Err(StaleRight)", 10),
            ("Lease []", 10),
            ("Lease [(M", 10),
            ("Settle [Recorded]", 50),
            ("Settle [Already]", 10),
            ("Settle [LeaseLost]", 10),
            ("Renew true", 2),
            ("Renew false", 2),
            ("Reset signed in", 2),
            ("Disable the username or password is not right", 2),
            ("Hold 1", 2),
            ("Release 1", 2),
            ("Cancel 1", 2),
        ] {
            let found = met.iter().filter(|answer| answer.starts_with(wanted)).count();
            assert!(found >= times, "{wanted:?} was met {found} times");
        }
    }
}
