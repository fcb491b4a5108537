//! The last messages, in bounds.

use bytes::Bytes;
use outgate_core::Envelope;
use outgate_smtp::server::ClientFacts;
use std::{collections::VecDeque, sync::Arc};

/// A message that was captured.
#[derive(Clone, Debug)]
pub struct Captured {
    /// Its number: the first is 1.
    pub number: u64,
    /// Who sent, who should have received.
    pub envelope: Envelope,
    /// Its bytes, dot-unstuffed, every line ended by CR LF.
    pub content: Bytes,
    /// Who brought it.
    pub client: ClientFacts,
}

/// The last messages, as far as they fit.
#[derive(Debug)]
pub(super) struct Kept {
    most: usize,
    most_octets: usize,
    messages: VecDeque<Arc<Captured>>,
    octets: usize,
    came: u64,
}

impl Kept {
    pub(super) fn new(most: usize, most_octets: usize) -> Self {
        Self { most, most_octets, messages: VecDeque::new(), octets: 0, came: 0 }
    }

    /// Keeps a message and lets go of the oldest that do not fit beside it; it stays itself, whatever its size. Returns
    /// its number.
    pub(super) fn push(&mut self, envelope: Envelope, content: Bytes, client: ClientFacts) -> u64 {
        self.came += 1;
        self.octets += content.len();
        self.messages.push_back(Arc::new(Captured { number: self.came, envelope, content, client }));
        while self.messages.len() > 1 && (self.messages.len() > self.most || self.octets > self.most_octets) {
            let gone = self.messages.pop_front();
            self.octets -= gone.map_or(0, |gone| gone.content.len());
        }
        self.came
    }

    /// Oldest first.
    pub(super) fn messages(&self) -> Vec<Arc<Captured>> {
        self.messages.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outgate_core::{Body, ReversePath};
    use std::net::Ipv4Addr;

    fn push(kept: &mut Kept, octets: usize) -> u64 {
        let envelope = Envelope {
            reverse_path: ReversePath::Null,
            recipients: Vec::new(),
            body: Body::SevenBit,
            smtputf8: false,
            return_content: None,
            envelope_id: None,
        };
        let client = ClientFacts {
            address: Ipv4Addr::LOCALHOST.into(),
            client: String::new(),
            esmtp: true,
            tls: None,
            mechanism: None,
        };
        kept.push(envelope, vec![b'x'; octets].into(), client)
    }

    fn numbers(kept: &Kept) -> Vec<u64> {
        kept.messages().iter().map(|message| message.number).collect()
    }

    #[test]
    fn the_oldest_go_by_count_and_by_size() {
        let mut kept = Kept::new(3, 100);
        for _ in 0..4 {
            push(&mut kept, 10);
        }
        assert_eq!(numbers(&kept), [2, 3, 4]);
        push(&mut kept, 85);
        assert_eq!(numbers(&kept), [4, 5]);
        push(&mut kept, 101);
        assert_eq!(numbers(&kept), [6], "one too large for the box is kept alone");
        assert_eq!(push(&mut kept, 1), 7);
        assert_eq!(numbers(&kept), [7]);
        assert_eq!(kept.octets, 1);
    }
}
