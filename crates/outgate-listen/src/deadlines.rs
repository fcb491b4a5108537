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
/// For the answer to a question: RFC 6409 §5.3 asks for a reply to the final dot within two minutes.
pub(crate) const ANSWER: Duration = Duration::from_secs(110);
/// For the last words to a client whose session ends from our side. With [`LINGER`] it stays below a second.
pub(crate) const FAREWELL: Duration = Duration::from_millis(500);
/// For the client to close its side, so that the last words are not lost with what it still sends (RFC 9112 §9.6 tells
/// the same of HTTP).
pub(crate) const LINGER: Duration = Duration::from_millis(300);

/// Octets a second that a client must send of its messages on average.
const PACE: u64 = 500;
/// What a message may take beyond its pace.
const PACE_GRACE: Duration = Duration::from_mins(1);

/// The pace of a message: time spent waiting for it against its octets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    waited: Duration,
    octets: u64,
}

impl Pace {
    /// Notes a wait and what it brought.
    pub(crate) fn note(&mut self, waited: Duration, octets: usize) {
        self.waited += waited;
        self.octets += octets as u64;
    }

    /// How long the next wait may be.
    pub(crate) fn allowance(&self) -> Duration {
        let earned = Duration::from_millis(self.octets.saturating_mul(1000) / PACE);
        PACE_GRACE.saturating_add(earned).saturating_sub(self.waited)
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
        assert_eq!(steady.allowance(), PACE_GRACE);
        assert_eq!(slow.allowance(), Duration::ZERO);
    }

    #[test]
    fn the_grace_is_all_that_silence_gets() {
        let mut pace = Pace::default();
        pace.note(Duration::from_secs(59), 0);
        assert_eq!(pace.allowance(), Duration::from_secs(1));
    }
}
