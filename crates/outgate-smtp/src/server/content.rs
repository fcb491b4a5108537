//! DATA and BDAT: the message.

use super::{
    QueuedAs, Refusal, Session, Transaction,
    body::{Body, Form},
    command::{self, ChunkArgument},
    reply,
    state::{Asked, Chunk, Mail, Open, Question, Receiving, State},
};
use crate::Limits;

impl Session {
    pub(super) fn data(&mut self, argument: &str) {
        if let Err(refusal) = self.may_begin_data(argument) {
            return self.refuse(refusal);
        }
        if let Mail::Open(open) = std::mem::replace(&mut self.mail, Mail::None) {
            self.say(354, "End data with <CR><LF>.<CR><LF>"); // RFC 5321 §4.1.1.4
            self.state = State::Data(self.begin(*open, Form::Dotted));
        }
    }

    fn may_begin_data(&self, argument: &str) -> Result<(), Refusal> {
        self.may_send()?;
        if !argument.is_empty() {
            return Err(Refusal::BadArgument);
        }
        match &self.mail {
            Mail::Open(open) => open.ready(),
            Mail::Chunks(_) => Err(Refusal::ChunksBegun), // RFC 3030 §2: 503
            Mail::None | Mail::ChunkRefused => Err(Refusal::MailFirst), // RFC 5321 §3.3: 503
        }
    }

    fn begin(&self, open: Open, form: Form) -> Box<Receiving> {
        let body = Body::new(form, &self.config.limits, open.announced, open.reservation);
        Box::new(Receiving { envelope: open.envelope, body })
    }

    /// RFC 3030 §2: a chunk's octets are read, also when it is refused; they are never commands.
    pub(super) fn bdat(&mut self, argument: &str) {
        match command::chunk(argument) {
            Ok(chunk) => {
                let last = chunk.last == Ok(true);
                let into = self.chunk_goes_into(&chunk);
                self.state = State::Chunk(Chunk { octets: chunk.octets, left: chunk.octets, last, into });
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn chunk_goes_into(&mut self, chunk: &ChunkArgument) -> Result<Box<Receiving>, Refusal> {
        self.may_send()?;
        if let Err(refusal) = &chunk.last {
            // Without this chunk the message is not what was meant.
            if self.mail.is_open() {
                self.mail = Mail::ChunkRefused;
            }
            return Err(refusal.clone());
        }
        let mut receiving = match std::mem::replace(&mut self.mail, Mail::None) {
            Mail::None => return Err(Refusal::MailFirst),
            Mail::ChunkRefused => {
                self.mail = Mail::ChunkRefused;
                return Err(Refusal::ChunkAfterRefusal);
            }
            Mail::Open(open) => {
                if let Err(refusal) = open.ready() {
                    self.mail = Mail::Open(open);
                    return Err(refusal);
                }
                self.begin(*open, Form::Counted)
            }
            Mail::Chunks(receiving) => receiving,
        };
        let limit = self.config.limits.message_bytes;
        let room = limit - receiving.body.len().min(limit);
        if usize::try_from(chunk.octets).map_or(true, |octets| octets > room) {
            receiving.body.refuse(Refusal::TooLarge { limit });
        }
        Ok(receiving)
    }

    /// Hands bytes to the message that is being read; returns how many it took.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> usize {
        let read = match &mut self.state {
            State::Data(receiving) => receiving.feed(bytes),
            State::Chunk(chunk) => {
                let octets = usize::try_from(chunk.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                if let Ok(receiving) = &mut chunk.into {
                    receiving.feed(&bytes[..octets]);
                }
                chunk.left -= octets as u64;
                octets
            }
            _ => 0,
        };
        self.content_octets += read as u64;
        read
    }

    /// Whether more comes only to be thrown away than anybody is read for: by now, or by what a chunk has announced.
    fn discards_too_much(&self) -> bool {
        let (refused, to_come, belongs) = match &self.state {
            State::Data(receiving) => (receiving.body.refused().is_some(), 0, true),
            State::Chunk(Chunk { into: Ok(receiving), left, .. }) => {
                (receiving.body.refused().is_some(), *left, true)
            }
            State::Chunk(Chunk { into: Err(_), left, .. }) => {
                (true, *left, self.right.is_some() || !matches!(self.mail, Mail::None))
            }
            _ => return false,
        };
        let most = self.most_discarded(belongs) as u64;
        refused && self.content_octets.saturating_add(to_come) > most
    }

    /// How many octets are read only to be thrown away: for a client that may send, and for anybody.
    pub(super) fn most_discarded(&self, may_send: bool) -> usize {
        let message = if may_send { self.config.limits.message_bytes.saturating_mul(2) } else { 0 };
        message.max(Limits::DISCARDED)
    }

    /// Reads on in a message; `false` when its bytes have not all come.
    pub(super) fn read_content(&mut self) -> bool {
        let mut input = std::mem::take(&mut self.input);
        let read = self.feed(input.unread());
        input.consume(read);
        self.input = input;
        if self.discards_too_much() {
            self.refuse_uncounted(&Refusal::TooMuchDiscarded);
            return true;
        }
        match std::mem::replace(&mut self.state, State::Commands) {
            State::Data(receiving) if receiving.body.ended() => self.conclude(*receiving),
            State::Chunk(chunk) if chunk.left == 0 => self.conclude_chunk(chunk),
            other => {
                self.state = other;
                return false;
            }
        }
        true
    }

    fn conclude_chunk(&mut self, chunk: Chunk) {
        let receiving = match chunk.into {
            Ok(receiving) => receiving,
            Err(refusal) => return self.refuse(refusal),
        };
        if let Some(refusal) = receiving.body.refused().cloned() {
            if !chunk.last {
                self.mail = Mail::ChunkRefused;
            }
            self.refuse(refusal);
        } else if chunk.last {
            self.conclude(*receiving);
        } else {
            self.mail = Mail::Chunks(receiving);
            let text = format!("2.0.0 {} octets taken", chunk.octets);
            self.say(250, &text);
        }
    }

    fn conclude(&mut self, receiving: Receiving) {
        match receiving.body.finish() {
            Ok((content, reservation)) => {
                let transaction = Transaction {
                    right: self.right.clone(),
                    envelope: receiving.envelope,
                    content,
                    reservation,
                    client: self.facts.clone(),
                };
                self.state = State::Ask(Question::Keep(Box::new(transaction)));
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Answers [`super::Step::Keep`].
    pub fn kept(&mut self, answer: Result<QueuedAs, Refusal>) {
        if !matches!(self.state, State::Asked(Asked::Keep)) {
            return;
        }
        self.state = State::Commands;
        match answer {
            // RFC 5321 §4.2.5: from here on the message is ours
            Ok(QueuedAs(name)) => {
                let text = format!("2.0.0 Queued as {}", reply::printable(&name));
                self.say(250, &text);
            }
            Err(refusal) => self.refuse(refusal),
        }
    }
}
