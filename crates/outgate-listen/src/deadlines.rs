//! How long a connection may take for anything.

use std::time::Duration;

/// The longest wait for a command, whatever the rules say.
pub(crate) const LONGEST: Duration = Duration::from_hours(24);
/// For a TLS handshake.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(30);
/// For a PROXY header; it is the first thing a proxy sends.
pub(crate) const PROXY_HEADER: Duration = Duration::from_secs(5);
/// For a reply to be taken by a client that does not read.
pub(crate) const WRITE: Duration = Duration::from_mins(1);
/// For the answer to a question: RFC 6409 §5.3 asks for a reply to the final dot within two minutes. A message that is
/// not kept by then is answered `451`, and nobody waits for it any more; a store that has not begun with it skips it
/// then. One that is writing it at that moment keeps it, and the client sends it again: twice is better than never
/// (RFC 5321 §6.1, RFC 1047).
pub(crate) const ANSWER: Duration = Duration::from_secs(110);
/// For the last words to a client whose session ends from our side. With [`LINGER`] it stays below a second.
pub(crate) const FAREWELL: Duration = Duration::from_millis(500);
/// For the client to close its side, so that the last words are not lost with what it still sends (RFC 9112 §9.6 tells
/// the same of HTTP).
pub(crate) const LINGER: Duration = Duration::from_millis(300);

/// Octets a second that a client must send of its messages, over any stretch longer than the credit.
const PACE: u64 = 500;
/// What a message may lag behind its pace. No haste earns more: a client that is fast and then all but stops would
/// hold the memory of what it has sent for as long as it likes.
const PACE_CREDIT: Duration = Duration::from_mins(1);
/// What a transaction may take from `MAIL` to its end, however it keeps its pace; large messages get more.
const TRANSACTION: Duration = Duration::from_mins(30);
/// Octets of a message that get it another second.
const TRANSACTION_PACE: u64 = 4096;

/// The pace of a message: time spent waiting for it against its octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    credit: Duration,
    octets: u64,
}

impl Default for Pace {
    /// A message of which nothing has come.
    fn default() -> Self {
        Self { credit: PACE_CREDIT, octets: 0 }
    }
}

impl Pace {
    /// Notes a wait and what it brought.
    pub(crate) fn note(&mut self, waited: Duration, octets: usize) {
        let octets = octets as u64;
        let earned = Duration::from_millis(octets.saturating_mul(1000) / PACE);
        self.credit = self.credit.saturating_sub(waited).saturating_add(earned).min(PACE_CREDIT);
        self.octets = self.octets.saturating_add(octets);
    }

    /// How long the next wait may be.
    pub(crate) fn allowance(&self) -> Duration {
        self.credit
    }

    /// How long all of the transaction may take.
    pub(crate) fn transaction(&self) -> Duration {
        TRANSACTION.saturating_add(Duration::from_secs(self.octets / TRANSACTION_PACE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_at_the_pace_goes_on_and_a_slower_one_does_not() {
        let mut steady = Pace::default();
        let mut slow = Pace::default();
        for _ in 0..3600 {
            steady.note(Duration::from_secs(1), 500);
            slow.note(Duration::from_secs(1), 400);
        }
        assert_eq!(steady.allowance(), PACE_CREDIT);
        assert!(
            slow.allowance() < Duration::from_secs(1),
            "its next wait is cut short: {:?}",
            slow.allowance()
        );
    }

    #[test]
    fn the_credit_is_all_that_silence_gets() {
        let mut pace = Pace::default();
        pace.note(Duration::from_secs(59), 0);
        assert_eq!(pace.allowance(), Duration::from_secs(1));
    }

    #[test]
    fn haste_earns_no_leave_to_stop() {
        let mut pace = Pace::default();
        pace.note(Duration::from_millis(1), 195_000);
        for _ in 0..3 {
            pace.note(Duration::from_secs(20), 1);
        }
        assert!(pace.allowance() < Duration::from_secs(1), "{:?}", pace.allowance());
    }

    #[test]
    fn a_large_message_has_more_time_and_no_end_of_it() {
        assert_eq!(Pace::default().transaction(), TRANSACTION);
        let mut pace = Pace::default();
        pace.note(Duration::ZERO, 25 << 20);
        assert_eq!(pace.transaction(), TRANSACTION + Duration::from_secs(6400));
    }
}
