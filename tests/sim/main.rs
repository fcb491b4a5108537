//! The relay's own code under a seeded world: real sessions, the real core, intake, runner and reference store; a clock
//! that only the world moves, destinations that deliver, defer, refuse, stall, forget to answer, and a process that dies
//! at any of it. A failure prints its seed; `OUTGATE_SIM_SEED=N` runs that one again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod judge;
mod mx;
mod world;

use world::World;

/// Worlds run by default; `OUTGATE_SIM_WORLDS` asks for more.
const WORLDS: u64 = 1000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Every message whose `250` was seen ends at each recipient on its own: delivered at least once, or reported; nothing
/// is delivered that was not accepted; a duplicate needs a crash or an answer that got lost. Every failure is told to
/// its sender exactly once.
#[test]
fn every_accepted_message_is_delivered_or_its_failure_reported() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let seeds = match number("OUTGATE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("OUTGATE_SIM_WORLDS").unwrap_or(WORLDS),
    };
    let mut seen = world::Tally::default();
    for seed in seeds.clone() {
        let told =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(World::live(seed))));
        match told {
            Ok(tally) => seen.add(tally),
            Err(cause) => {
                eprintln!("the world of seed {seed} went wrong; run it again with OUTGATE_SIM_SEED={seed}");
                std::panic::resume_unwind(cause);
            }
        }
    }
    println!("{} worlds: {seen:?}", seeds.end - seeds.start);
    if seeds.end - seeds.start > 20 {
        // A world in which nothing bad happens proves nothing.
        assert!(
            seen.crashes > 0
                && seen.deferrals > 0
                && seen.bounced > 0
                && seen.delivered > 0
                && seen.refused > 0
        );
        assert!(seen.failure_notices > 0 && seen.delay_notices > 0 && seen.relay_notices > 0);
        assert!(seen.undeliverable_notices > 0);
        assert!(seen.lost_answers > 0 && seen.stalls > 0 && seen.store_failures > 0);
    }
}
