//! What the relay tells a Prometheus server of itself.
//!
//! The promise: a sample costs an atomic addition, and no client, recipient or remote server can make a new time series:
//! every label's values are a fixed list. Nothing is global: what counts is handed around, and stands as a decorator
//! before the port that it counts at.
//!
//! The map: `measure`: counters and histograms; `taking` and `carrying`: the decorators; `catalogue`: every metric's name and
//! meaning, told in `docs/metrics.md`; `report`: gathers the page, in the form that `page` writes.

mod carrying;
mod catalogue;
mod measure;
mod page;
mod report;
mod taking;

pub(crate) use carrying::CountedCarrier;
pub(crate) use page::CONTENT_TYPE;
pub(crate) use report::Observed;
pub(crate) use taking::CountedService;

use std::time::Instant;

/// Everything that is counted by this crate itself.
#[derive(Debug)]
pub(crate) struct Metrics {
    taking: taking::Counts,
    carrying: carrying::Counts,
    started: Instant,
}

impl Metrics {
    /// Nothing counted yet; the uptime begins.
    pub(crate) fn new() -> Self {
        Self {
            taking: taking::Counts::default(),
            carrying: carrying::Counts::default(),
            started: Instant::now(),
        }
    }
}
