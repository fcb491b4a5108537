//! One session of an application.

use crate::{
    cutoff::{Cutoff, Seat},
    notes::Notes,
    refusals,
    submission::Parts,
};
use async_trait::async_trait;
use outgate_core::{
    EmailAddress, ReversePath, SendRight, Standing,
    users::{SignIn, login},
};
use outgate_listen::{Attempt, Closer, Handler};
use outgate_queue::{Claimed, Origin};
use outgate_smtp::server::{ClientFacts, QueuedAs, Refusal, Transaction};
use std::sync::Arc;

/// Answers one session.
pub(crate) struct Application {
    parts: Arc<Parts>,
    notes: Arc<Notes>,
    cutoff: Arc<Cutoff>,
    closer: Closer,
    /// Where it can be found, once signed in.
    seat: Option<Seat>,
}

impl Application {
    pub(crate) fn new(parts: Arc<Parts>, notes: Arc<Notes>, cutoff: Arc<Cutoff>, closer: Closer) -> Self {
        Self { parts, notes, cutoff, closer, seat: None }
    }

    fn is_stale(standing: &Result<Standing, outgate_core::store::StoreError>) -> bool {
        matches!(standing, Ok(Standing::Stale))
    }
}

#[async_trait]
impl Handler for Application {
    async fn sign_in(&mut self, attempt: Attempt, client: &ClientFacts) -> Result<SendRight, Refusal> {
        let Some(tls) = &client.tls else {
            // The session never asks outside TLS (law 6).
            return Err(Refusal::SignInUnavailable);
        };
        let checks = self.cutoff.checks();
        let attempt = SignIn {
            username: attempt.username,
            password: attempt.password,
            address: client.address,
            tls: tls.version.clone(),
            mechanism: attempt.mechanism,
            client: client.client.clone(),
        };
        let signed_in = login(self.parts.ports(), &*self.parts.throttle, attempt)
            .await
            .map_err(|error| refusals::of_login(&error, client))?;
        let right = signed_in.right;
        self.seat = Some(self.cutoff.seat(right.clone(), self.closer.clone()));
        // A cut-off that looked while the password was judged did not see this session: what it would have found is
        // asked here. Rare, so it costs nothing.
        if self.cutoff.checks() != checks && Self::is_stale(&self.parts.store.standing(&right).await) {
            self.seat = None;
            return Err(Refusal::BadCredentials);
        }
        // `235` does not wait for it.
        self.notes.note(right.user(), signed_in.record).await;
        Ok(right)
    }

    async fn mail(&mut self, _: &ReversePath, _: &ClientFacts) -> Result<(), Refusal> {
        let Some(seat) = &self.seat else {
            return Err(Refusal::StaleRight);
        };
        if !self.parts.store.has_room() {
            return Err(Refusal::StoreFull);
        }
        match self.parts.store.standing(seat.right()).await {
            Ok(Standing::InForce) => Ok(()),
            Ok(Standing::Stale) => Err(Refusal::StaleRight),
            Ok(Standing::Barred(bar)) => Err(refusals::of_bar(bar, seat.right())),
            Err(error) => Err(refusals::of_store(&error)),
        }
    }

    async fn recipient(&mut self, _: &EmailAddress, _: &ClientFacts) -> Result<(), Refusal> {
        Ok(())
    }

    async fn keep(&mut self, transaction: Transaction) -> Result<QueuedAs, Refusal> {
        let Transaction { right, envelope, content, reservation, client } = transaction;
        let Some(right) = right else {
            return Err(Refusal::StaleRight);
        };
        let origin = Origin {
            address: client.address,
            client: client.client,
            esmtp: client.esmtp,
            tls: client.tls.map(|tls| (tls.version, tls.cipher)),
        };
        let claimed = Claimed { right: right.clone(), envelope, content, origin, memory: reservation };
        match self.parts.intake.keep(claimed).await {
            Ok(message) => Ok(QueuedAs(message.to_string())),
            Err(error) => Err(refusals::of_intake(&error, &right)),
        }
    }
}
