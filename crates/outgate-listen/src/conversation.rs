//! Drives one session: does what it says, asks the handler what it asks, and keeps the time.

use crate::{
    Attempt, Closer, Handler,
    connection::handshake,
    counters::count,
    deadlines::{ANSWER, FAREWELL, LONGEST, Pace, WRITE},
    door::Door,
    ends::Ends,
    wire::Wire,
};
use outgate_smtp::server::{Phase, Refusal, Session, Step};
use std::{mem, pin::pin, sync::Arc};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

/// A session with all that drives it.
pub(crate) struct Conversation {
    door: Arc<Door>,
    wire: Wire,
    session: Session,
    handler: Box<dyn Handler>,
    ends: Ends,
    /// Until when the command that is waited for must be whole.
    command_until: Option<Instant>,
    pace: Pace,
    /// When the transaction began that is open, or the message that is read without one.
    transaction_since: Option<Instant>,
    /// Until when everything must be said, once the session ends from our side.
    last_words_until: Option<Instant>,
    /// Whether the session was told that it ends.
    shut: bool,
}

/// The client is not there any more, or not listening.
struct Gone;

impl Conversation {
    pub(crate) fn new(
        door: Arc<Door>,
        wire: Wire,
        session: Session,
        handler: Box<dyn Handler>,
        closer: Closer,
    ) -> Self {
        let ends = Ends { closer, house: Arc::clone(&door.house) };
        Self {
            door,
            wire,
            session,
            handler,
            ends,
            command_until: None,
            pace: Pace::default(),
            transaction_since: None,
            last_words_until: None,
            shut: false,
        }
    }

    /// Runs the session to its end.
    pub(crate) async fn run(&mut self) {
        while let Ok(true) = self.advance().await {}
    }

    /// What is left of it.
    pub(crate) fn into_wire(self: Box<Self>) -> Wire {
        self.wire
    }

    /// Does one step; `false` was the last.
    async fn advance(&mut self) -> Result<bool, Gone> {
        if !self.shut
            && let Some(reason) = self.ends.now()
        {
            self.shut_down(reason);
        }
        let step = self.session.step();
        if !matches!(step, Step::NeedInput(Phase::Command)) {
            self.command_until = None;
        }
        match step {
            Step::Send(replies) => self.send(&replies).await?,
            Step::NeedInput(_) if self.shut => return Ok(false),
            Step::NeedInput(phase) => self.listen(phase).await?,
            Step::StartTls => self.start_tls().await?,
            Step::SignIn { mechanism, username, password } => {
                let attempt = Attempt { mechanism, username, password };
                let answer = self.handler.sign_in(attempt, self.session.facts());
                match ask(&self.ends, answer, Refusal::SignInUnavailable).await {
                    Ok(answer) => self.session.signed_in(answer),
                    Err(reason) => self.shut_down(reason),
                }
            }
            // Behind a message that was let finish a client may have pipelined the next one, and the one behind that.
            Step::Mail(_) if self.ends.draining() => self.shut_down(Refusal::ShuttingDown),
            Step::Mail(sender) => {
                self.pace = Pace::default();
                self.transaction_since = Some(Instant::now());
                let answer = self.handler.mail(&sender, self.session.facts());
                match ask(&self.ends, answer, Refusal::StoreUnavailable).await {
                    Ok(answer) => self.session.mail(answer),
                    Err(reason) => self.shut_down(reason),
                }
            }
            Step::Recipient(recipient) => {
                let answer = self.handler.recipient(&recipient, self.session.facts());
                match ask(&self.ends, answer, Refusal::StoreUnavailable).await {
                    Ok(answer) => self.session.recipient(answer),
                    Err(reason) => self.shut_down(reason),
                }
            }
            Step::Keep(transaction) => {
                // Nothing ends this early: what was kept is to be answered `250`, or it comes twice.
                let answer = timeout(ANSWER, self.handler.keep(*transaction)).await;
                self.session.kept(answer.unwrap_or(Err(Refusal::StoreUnavailable)));
            }
            Step::Close => return Ok(false),
        }
        Ok(true)
    }

    /// Ends the session from our side. What it has answered already is still said.
    fn shut_down(&mut self, reason: Refusal) {
        tracing::debug!(?reason, "the session ends from our side");
        self.shut = true;
        self.last_words_until.get_or_insert_with(|| Instant::now() + FAREWELL);
        self.session.shut_down(reason);
    }

    /// Sends replies, for as long as a client may take to read them.
    async fn send(&mut self, replies: &[u8]) -> Result<(), Gone> {
        let mut sending = pin!(self.wire.send(replies));
        let until = if let Some(until) = self.last_words_until {
            until
        } else {
            tokio::select! {
                biased;
                sent = &mut sending => return sent.map_err(|_| Gone),
                _ = self.ends.cut() => *self.last_words_until.insert(Instant::now() + FAREWELL),
                () = sleep(WRITE) => {
                    count(&self.door.house.counters.timed_out);
                    return Err(Gone);
                }
            }
        };
        match timeout_at(until, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// Waits for bytes, or for the end.
    async fn listen(&mut self, phase: Phase) -> Result<(), Gone> {
        let rules = &self.door.house.rules;
        let idle = self.session.is_idle();
        let began = Instant::now();
        let mut until = match phase {
            Phase::Command => *self.command_until.get_or_insert(began + rules.command_timeout.min(LONGEST)),
            Phase::Data => began + rules.data_timeout.min(self.pace.allowance()),
        };
        if idle {
            self.transaction_since = None;
        } else {
            // What a transaction holds in memory is not held by commands in between either.
            let since = *self.transaction_since.get_or_insert(began);
            until = until.min(since + self.pace.transaction());
        }
        let session = &mut self.session;
        let reason = tokio::select! {
            biased;
            reason = self.ends.wait(idle) => reason,
            received = self.wire.receive(|bytes| session.receive(bytes)) => {
                return match received {
                    Ok(0) | Err(_) => Err(Gone),
                    Ok(octets) => {
                        if phase == Phase::Data {
                            self.pace.note(began.elapsed(), octets);
                        }
                        Ok(())
                    }
                };
            }
            () = sleep_until(until) => {
                count(&self.door.house.counters.timed_out);
                Refusal::Timeout
            }
        };
        self.shut_down(reason);
        Ok(())
    }

    /// Goes on inside TLS. What came in clear behind the command is thrown away by the session, and nothing was read
    /// ahead of it (RFC 3207 §4.2).
    async fn start_tls(&mut self) -> Result<(), Gone> {
        let Wire::Clear(stream) = mem::replace(&mut self.wire, Wire::Gone) else { return Err(Gone) };
        let began = tokio::select! {
            biased;
            _ = self.ends.wait(true) => None,
            began = Box::pin(handshake(&self.door, stream)) => began,
        };
        let (wire, facts) = began.ok_or(Gone)?;
        self.wire = wire;
        self.session.tls_started(facts);
        Ok(())
    }
}

/// Waits for an answer; `Err` when the session has to end before it. One that does not come counts as `late`.
async fn ask<T>(
    ends: &Ends,
    answer: impl Future<Output = Result<T, Refusal>>,
    late: Refusal,
) -> Result<Result<T, Refusal>, Refusal> {
    tokio::select! {
        biased;
        answer = timeout(ANSWER, answer) => Ok(answer.unwrap_or(Err(late))),
        reason = ends.cut() => Err(reason),
    }
}
