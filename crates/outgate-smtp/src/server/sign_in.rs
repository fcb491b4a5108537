//! AUTH (RFC 4954).

use super::{
    Refusal, Session,
    sasl::{self, Next},
    state::{Asked, Question, State},
};
use outgate_core::{Mechanism, SendRight};

impl Session {
    pub(super) fn auth(&mut self, argument: &str) {
        if let Err(refusal) = self.may_sign_in() {
            return self.refuse(refusal);
        }
        let mut words = argument.split(' ').filter(|word| !word.is_empty());
        let (name, initial, more) = (words.next(), words.next(), words.next());
        let (Some(name), None) = (name, more) else {
            return self.refuse(Refusal::BadArgument);
        };
        let offered = [Mechanism::Plain, Mechanism::Login];
        let Some(mechanism) = offered.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(name)) else {
            return self.refuse(Refusal::UnknownMechanism); // RFC 4954 §4: 504
        };
        self.go_on(sasl::begin(mechanism, initial.map(str::as_bytes)));
    }

    fn may_sign_in(&self) -> Result<(), Refusal> {
        if !self.config.auth {
            return Err(Refusal::NotOffered);
        }
        if self.facts.client.is_empty() {
            return Err(Refusal::HelloFirst);
        }
        if self.facts.tls.is_none() {
            return Err(Refusal::TlsRequired); // RFC 4954 §6: 538; law 6
        }
        if self.right.is_some() {
            return Err(Refusal::AlreadySignedIn); // RFC 4954 §4: 503
        }
        if self.mail.is_open() {
            return Err(Refusal::SignInDuringTransaction); // RFC 4954 §4: 503
        }
        Ok(())
    }

    pub(super) fn go_on(&mut self, next: Result<Next, Refusal>) {
        match next {
            Ok(Next::Challenge(text, exchange)) => {
                self.say(334, text);
                self.state = State::SigningIn(exchange);
            }
            Ok(Next::Claim { mechanism, username, password }) => {
                self.state = State::Ask(Question::SignIn { mechanism, username, password });
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Answers [`super::Step::SignIn`].
    pub fn signed_in(&mut self, answer: Result<SendRight, Refusal>) {
        let State::Asked(Asked::SignIn(mechanism)) = self.state else { return };
        self.state = State::Commands;
        match answer {
            Ok(right) => {
                self.right = Some(right);
                self.facts.mechanism = Some(mechanism);
                self.say(235, "2.7.0 Signed in");
            }
            Err(refusal) => self.refuse(refusal),
        }
    }
}
