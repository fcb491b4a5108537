//! What is told of an attempt afterwards: what was said, and how long its steps took.

use outgate_core::{Recording, Timings};
use outgate_smtp::client::Stage;
use std::time::Duration;

/// An attempt as it goes: through the servers that were tried, and from one transaction to the next.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) recording: Recording,
    pub(crate) spent: Spent,
}

/// A step that takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Dns,
    Connect,
    Tls,
    Greeting,
    Hello,
    Mail,
    Recipients,
    Data,
    Content,
}

impl Part {
    /// What a wait for an answer is counted as. A goodbye is no part of an attempt.
    pub(crate) fn of(stage: Stage) -> Option<Self> {
        Some(match stage {
            Stage::Greeting => Self::Greeting,
            Stage::Hello | Stage::Auth => Self::Hello,
            Stage::StartTls => Self::Tls,
            Stage::Reset | Stage::Mail => Self::Mail,
            Stage::Recipient => Self::Recipients,
            Stage::Data => Self::Data,
            Stage::Content => Self::Content,
            Stage::Quit => return None,
        })
    }
}

/// The time that each part took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent([Option<Duration>; Part::Content as usize + 1]);

impl Spent {
    pub(crate) fn add(&mut self, part: Part, time: Duration) {
        *self.0[part as usize].get_or_insert_default() += time;
    }

    pub(crate) fn timings(&self) -> Timings {
        let of = |part: Part| {
            self.0[part as usize].map(|time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
        };
        Timings {
            dns: of(Part::Dns),
            connect: of(Part::Connect),
            tls: of(Part::Tls),
            greeting: of(Part::Greeting),
            hello: of(Part::Hello),
            mail: of(Part::Mail),
            rcpt: of(Part::Recipients),
            data: of(Part::Data),
            content: of(Part::Content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_part_add_up_before_they_are_rounded() {
        let mut spent = Spent::default();
        for _ in 0..10 {
            spent.add(Part::Recipients, Duration::from_micros(600));
        }
        spent.add(Part::Content, Duration::ZERO);
        let expected = Timings { rcpt: Some(6), content: Some(0), ..Timings::default() };
        assert_eq!(spent.timings(), expected);
    }
}
