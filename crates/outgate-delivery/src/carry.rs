//! Carrying a parcel.

use crate::{
    classify::{Judgement, classify, words},
    config::{Config, RECIPIENTS_PER_TRANSACTION, Route, UNSETTLED_PER_CONNECTION},
    connection::Connection,
    failure::Failure,
    open::Opener,
    pool::{Permit, Pool},
    stopping::Stopping,
    story::Story,
    tls::{Tls, TlsSetupError},
};
use async_trait::async_trait;
use outgate_core::{
    Clock, Destination, EmailAddress, FailureClass, NetworkPath, Randomness, Recipient, Resolve,
};
use outgate_queue::{Carried, Carrier, Outcome, Parcel};
use outgate_smtp::client::{BeginError, Mail, Stage, Verdict};
use std::sync::Arc;
use tokio::time::Instant;

/// Carries parcels over the network.
pub struct NetworkCarrier {
    config: Arc<Config>,
    opener: Opener,
    pool: Arc<Pool>,
    stopping: Stopping,
}

impl NetworkCarrier {
    /// A carrier. It opens nothing before the first parcel; parcels are carried within a tokio runtime.
    pub fn new(
        config: Config,
        resolve: Arc<dyn Resolve>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, TlsSetupError> {
        let config = Arc::new(config);
        let tls = Tls::new(&config.extra_roots, Arc::clone(&clock))?;
        let pool = Pool::new(Arc::clone(&config));
        let stopping = Stopping::default();
        let opener = Opener {
            config: Arc::clone(&config),
            resolve,
            randomness,
            clock,
            tls,
            stopping: stopping.clone(),
        };
        Ok(Self { config, opener, pool, stopping })
    }

    /// Carries those recipients of a parcel that go to one destination; `left` are their places in it.
    async fn carry_to(
        &self,
        destination: &Destination,
        parcel: &Parcel,
        mut left: Vec<usize>,
        results: &mut Results,
        deadline: Instant,
    ) {
        // With less time than this a transaction is not begun, so nothing that comes before one may take longer either.
        let begin_by = deadline.checked_sub(self.config.timeouts.begin).unwrap_or(deadline);
        let permit = self.stopping.within(begin_by, self.pool.permit(destination)).await.flatten();
        let Some(permit) = permit else {
            if self.stopping.has_begun() {
                return results.leave_untried(&left);
            }
            let reason = "every connection to the destination was busy all the time";
            return results.fail(&left, &Failure::temporary(FailureClass::Rate, reason));
        };
        let mut kept = permit.idle();
        if let Some(connection) = &kept {
            connection.tell_reuse(&mut results.story);
        }
        let mut stale = false;
        let (mut avoid, mut earlier) = (Vec::new(), None);
        while !left.is_empty() {
            let stopping = self.stopping.has_begun();
            if stopping || Instant::now() >= begin_by {
                if stopping {
                    results.leave_untried(&left);
                } else if let Some(failure) = earlier {
                    results.fail(&left, &failure);
                }
                if let Some(connection) = kept {
                    permit.give_back(connection);
                }
                return;
            }
            let mut connection = if let Some(mut connection) = kept.take() {
                connection.begin_story(std::mem::take(&mut results.story));
                connection
            } else {
                let earlier = earlier.take();
                match self.opener.open(destination, &avoid, earlier, begin_by, &mut results.story).await {
                    Ok(connection) => connection,
                    Err(_) if self.stopping.has_begun() => return results.leave_untried(&left),
                    Err(failure) => return results.fail(&left, &failure),
                }
            };
            results.path = connection.path.clone();
            let used_before = connection.carried > 0;
            if settle_unfit(&connection, parcel, &mut left, results) {
                results.story = connection.take_story();
                permit.give_back(connection);
                return;
            }
            let most = connection.offered().recipients.unwrap_or(usize::MAX);
            let now: Vec<usize> = left.iter().copied().take(most.min(RECIPIENTS_PER_TRANSACTION)).collect();
            let verdicts = transact(&mut connection, parcel, &now, deadline).await;
            results.story = connection.take_story();
            if is_unheard(&verdicts) {
                // A connection that was kept may have died of old age meanwhile, unnoticed. What fails on it before MAIL
                // is answered was not said to anybody, and is said again on a fresh one, once.
                if used_before && !stale {
                    stale = true;
                    continue;
                }
                // RFC 5321 §5.1: a server that goes away on a fresh one leaves it to the next address.
                if let (Some(address), Ok([verdict, ..])) = (connection.path.address, verdicts.as_deref()) {
                    earlier = failure(&mut connection, verdict, false);
                    avoid.push(address);
                    continue;
                }
            }
            match verdicts {
                Ok(verdicts) => judge(&mut connection, &now, verdicts, results),
                Err(error) => {
                    results.fail(&left, &not_begun(&connection, error));
                    permit.give_back(connection);
                    return;
                }
            }
            left.drain(..now.len());
            kept = self.after(&permit, connection, &left, results);
            if kept.is_none() && results.are_settled(&left) {
                return;
            }
        }
    }

    /// What to do with a connection after a transaction: keep it for the recipients that are left, give it back, or
    /// leave what is left for another time when it broke.
    fn after(
        &self,
        permit: &Permit,
        mut connection: Connection,
        left: &[usize],
        results: &mut Results,
    ) -> Option<Connection> {
        if !connection.is_ready() {
            let reason = "the connection was lost before it was this recipient's turn";
            results.fail(left, &Failure::temporary(FailureClass::Connection, reason));
            return None;
        }
        let most = connection.offered().transactions.unwrap_or(usize::MAX);
        if !left.is_empty() && connection.carried < self.config.messages_per_connection.min(most) {
            return Some(connection);
        }
        permit.give_back(connection);
        None
    }
}

/// What becomes of a parcel, recipient by recipient.
struct Results {
    outcomes: Vec<Option<Outcome>>,
    path: NetworkPath,
    story: Story,
    /// Whether every server that took it announced DSN.
    dsn: bool,
}

impl Results {
    fn set(&mut self, place: usize, outcome: Outcome) {
        if let Some(slot) = self.outcomes.get_mut(place) {
            *slot = Some(outcome);
        }
    }

    fn fail(&mut self, which: &[usize], failure: &Failure) {
        if *failure.path != NetworkPath::default() {
            self.path = NetworkPath::clone(&failure.path);
        }
        for place in which {
            self.set(*place, failure.outcome());
        }
    }

    /// Nothing was said to anybody, because the relay stops.
    fn leave_untried(&mut self, which: &[usize]) {
        for place in which {
            self.set(*place, Outcome::Untried);
        }
    }

    fn are_settled(&self, which: &[usize]) -> bool {
        which.iter().all(|place| self.outcomes.get(*place).is_none_or(Option::is_some))
    }
}

#[async_trait]
impl Carrier for NetworkCarrier {
    fn destination(&self, recipient: &EmailAddress) -> Destination {
        match &self.config.route {
            Route::Mx { .. } => Destination::new(recipient.domain().as_str()),
            Route::SmartHost(host) => Destination::new(&host.host),
        }
    }

    fn concurrency(&self, _: &Destination) -> usize {
        UNSETTLED_PER_CONNECTION * self.config.connections_per_destination.max(1)
    }

    async fn carry(&self, parcel: &Parcel) -> Carried {
        let deadline = Instant::now() + self.config.timeouts.carry;
        let deliveries = &parcel.message.deliveries;
        let mut results = Results {
            outcomes: vec![None; deliveries.len()],
            path: NetworkPath::default(),
            story: Story::default(),
            dsn: true,
        };
        // One group as a rule. A parcel from before the route was changed may have recipients of several destinations.
        let mut groups: Vec<(Destination, Vec<usize>)> = Vec::new();
        for (place, delivery) in deliveries.iter().enumerate() {
            let destination = self.destination(&delivery.recipient.address);
            match groups.iter_mut().find(|(known, _)| *known == destination) {
                Some((_, places)) => places.push(place),
                None => groups.push((destination, vec![place])),
            }
        }
        for (destination, places) in groups {
            self.carry_to(&destination, parcel, places, &mut results, deadline).await;
        }
        let missing = Failure::temporary(
            FailureClass::Local,
            "this recipient's turn did not come in the time there is",
        );
        let Story { recording, spent } = results.story;
        Carried {
            path: NetworkPath { transcript: recording.finish(), timings: spent.timings(), ..results.path },
            dsn: results.dsn,
            outcomes: results
                .outcomes
                .into_iter()
                .map(|outcome| outcome.unwrap_or_else(|| missing.outcome()))
                .collect(),
        }
    }

    /// What waits for a connection or opens one comes back untried, at once.
    fn wind_down(&self) {
        self.stopping.begin();
    }

    /// Says goodbye on every connection that is kept for the next message.
    async fn close(&self) {
        self.pool.close().await;
    }
}

fn recipient(parcel: &Parcel, place: usize) -> Option<&Recipient> {
    parcel.message.deliveries.get(place).map(|delivery| &delivery.recipient)
}

async fn transact(
    connection: &mut Connection,
    parcel: &Parcel,
    which: &[usize],
    deadline: Instant,
) -> Result<Vec<Verdict>, BeginError> {
    let recipients: Vec<&Recipient> = which.iter().filter_map(|place| recipient(parcel, *place)).collect();
    let message = &parcel.message;
    let mail = Mail {
        reverse_path: &message.reverse_path,
        recipients: &recipients,
        body: message.body,
        smtputf8: message.smtputf8,
        return_content: message.return_content,
        envelope_id: message.envelope_id.as_ref(),
        size: size(parcel),
    };
    connection.transact(&mail, [&parcel.signature, &parcel.content], deadline).await
}

fn size(parcel: &Parcel) -> u64 {
    (parcel.signature.len() + parcel.content.len()) as u64
}

/// Settles, before a byte is sent, what this server cannot be given; takes it out of `left`, and says whether nothing is.
fn settle_unfit(
    connection: &Connection,
    parcel: &Parcel,
    left: &mut Vec<usize>,
    results: &mut Results,
) -> bool {
    let offered = connection.offered();
    let host = connection.path.host.as_deref().unwrap_or_default();
    // RFC 1870 §6.1
    if let Some(limit) = offered.size.filter(|limit| *limit > 0 && size(parcel) > *limit) {
        let reason =
            format!("552 5.3.4 the message has {} octets, and {host} takes at most {limit}", size(parcel));
        results.fail(left, &Failure::permanent(FailureClass::Content, reason));
        left.clear();
    }
    // RFC 6531 §3.2: without SMTPUTF8 neither UTF-8 addresses nor UTF-8 header fields may be sent. Domains are
    // A-labels here, so only a local part can be the trouble.
    if !offered.smtputf8 {
        let message = &parcel.message;
        let whole = !message.reverse_path.to_string().is_ascii()
            || (message.smtputf8 && !header(&parcel.content).is_ascii());
        let reason = format!("553 5.6.7 {host} does not take UTF-8 in addresses and header fields");
        let failure = Failure::permanent(FailureClass::Content, reason);
        left.retain(|place| {
            let fit =
                !whole && recipient(parcel, *place).is_some_and(|recipient| recipient.address.is_ascii());
            if !fit {
                results.fail(&[*place], &failure);
            }
            fit
        });
    }
    left.is_empty()
}

/// The header section of a message.
fn header(content: &[u8]) -> &[u8] {
    let end = content.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(content.len());
    &content[..end]
}

/// Whether the server went away before it had heard anything: nothing of the transaction can have come of it.
fn is_unheard(verdicts: &Result<Vec<Verdict>, BeginError>) -> bool {
    match verdicts {
        Err(error) => *error == BeginError::NotReady,
        Ok(verdicts) => verdicts.iter().all(|verdict| match verdict {
            Verdict::Unanswered { at } => matches!(at, Stage::Mail | Stage::Reset),
            Verdict::Refused { at: Stage::Reset, .. } => true,
            Verdict::Refused { at, reply } => *at == Stage::Mail && reply.code == 421,
            Verdict::Taken(_) => false,
        }),
    }
}

fn not_begun(connection: &Connection, error: BeginError) -> Failure {
    match error {
        BeginError::NotReady => Failure::temporary(FailureClass::Connection, connection.trouble(None)),
        BeginError::TooLarge { .. } | BeginError::NeedsSmtpUtf8 => {
            Failure::permanent(FailureClass::Content, error.to_string())
        }
        BeginError::NoRecipients | BeginError::Unwritable => {
            Failure::temporary(FailureClass::Local, error.to_string())
        }
    }
}

/// Notes what became of each recipient of a transaction.
fn judge(connection: &mut Connection, which: &[usize], verdicts: Vec<Verdict>, results: &mut Results) {
    let mut accepted_before = false;
    for (place, verdict) in which.iter().zip(verdicts) {
        let refused = matches!(verdict, Verdict::Refused { at: Stage::Mail | Stage::Recipient, .. });
        match failure(connection, &verdict, accepted_before) {
            Some(failure) => results.set(*place, failure.outcome()),
            None => {
                if let Verdict::Taken(reply) = verdict {
                    results.dsn &= connection.offered().dsn;
                    results.set(*place, Outcome::Delivered { reply });
                }
            }
        }
        accepted_before |= !refused;
    }
}

/// What a verdict comes to, unless it is success.
fn failure(connection: &mut Connection, verdict: &Verdict, accepted_before: bool) -> Option<Failure> {
    let host = connection.path.host.clone().unwrap_or_default();
    let failure = match verdict {
        Verdict::Taken(_) => return None,
        Verdict::Refused { at, reply } => {
            let Judgement { permanent, class } = classify(*at, reply, accepted_before);
            let reason = format!("{host} refused {at} with {}: {}", reply.code, words(class));
            Failure { permanent, reply: Some(reply.clone()), ..Failure::temporary(class, reason) }
        }
        Verdict::Unanswered { at } => {
            let trouble = connection.why_closed();
            let reason = if *at == Stage::Content {
                format!("{host} did not confirm the message ({trouble}); it may have arrived all the same")
            } else {
                format!("{host}, at {at}: {trouble}")
            };
            Failure::temporary(FailureClass::Connection, reason)
        }
    };
    Some(failure.at(connection.path.clone()))
}
