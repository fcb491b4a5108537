//! MAIL and RCPT: who sends, who receives.

use super::{
    Refusal, Session, parameters, path,
    state::{Asked, Mail, Open, Question, State},
};
use outgate_core::{EmailAddress, Envelope, Recipient, ReversePath};
use std::collections::HashSet;

impl Session {
    /// What must have happened before any command of a transaction.
    pub(super) fn may_send(&self) -> Result<(), Refusal> {
        if self.config.auth && self.right.is_none() {
            // RFC 6409 §4.3: 530, at once
            let in_clear = self.facts.tls.is_none() && self.config.starttls;
            return Err(if in_clear { Refusal::StartTlsFirst } else { Refusal::SignInFirst });
        }
        if self.facts.client.is_empty() {
            return Err(Refusal::HelloFirst); // RFC 5321 §4.1.4
        }
        Ok(())
    }

    pub(super) fn mail_from(&mut self, argument: &str) {
        if self.right.is_some() && !self.mail.is_open() {
            self.content_octets = 0;
        }
        match self.read_mail(argument) {
            Ok(open) => self.state = State::Ask(Question::Mail(Box::new(open))),
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn read_mail(&self, argument: &str) -> Result<Open, Refusal> {
        self.may_send()?;
        if self.mail.is_open() {
            return Err(Refusal::NestedMail); // RFC 5321 §4.1.4: 503
        }
        let path = path::read("FROM", argument).ok_or(Refusal::MailSyntax)?;
        let parameters = parameters::mail(path.parameters, &self.config.limits)?;
        let reverse_path = if path.text.is_empty() {
            ReversePath::Null
        } else {
            let address =
                path::address(path.text, parameters.smtputf8).map_err(path::PathFault::of_sender)?;
            ReversePath::Address(address)
        };
        // RFC 6409 §6.1: 550 5.7.1. The null sender names no domain; the From: field still binds it (law 4).
        if let (Some(right), Some(domain)) = (&self.right, reverse_path.domain())
            && !right.covers(domain)
        {
            return Err(Refusal::SenderNotYours { allowed: right.domain_name().to_string() });
        }
        let envelope = Envelope {
            reverse_path,
            recipients: Vec::new(),
            body: parameters.body,
            smtputf8: parameters.smtputf8,
            return_content: parameters.return_content,
            envelope_id: parameters.envelope_id,
        };
        Ok(Open {
            envelope,
            known: HashSet::new(),
            reservation: self.config.budget.open(),
            announced: parameters.size,
            refused: 0,
        })
    }

    /// Answers [`super::Step::Mail`].
    pub fn mail(&mut self, answer: Result<(), Refusal>) {
        let open = match std::mem::replace(&mut self.state, State::Commands) {
            State::Asked(Asked::Mail(open)) => open,
            other => return self.state = other,
        };
        match answer {
            Ok(()) => {
                self.mail = Mail::Open(open);
                self.content_octets = 0;
                self.say(250, "2.1.0 Sender ok");
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    pub(super) fn rcpt_to(&mut self, argument: &str) {
        if let Err(refusal) = self.may_send() {
            return self.refuse(refusal);
        }
        let open = match &self.mail {
            Mail::Open(open) => open,
            Mail::Chunks(_) => return self.refuse(Refusal::ChunksBegun),
            Mail::None | Mail::ChunkRefused => return self.refuse(Refusal::MailFirst), // RFC 5321 §3.3: 503
        };
        let Some(path) = path::read("TO", argument) else {
            return self.refuse(Refusal::RcptSyntax);
        };
        let parameters = match parameters::rcpt(path.parameters) {
            Ok(parameters) => parameters,
            Err(refusal) => return self.refuse(refusal),
        };
        let address = match self.recipient_address(path.text, open.envelope.smtputf8) {
            Ok(address) => address,
            Err(refusal) => return self.refuse_recipient(&refusal),
        };
        if open.known.contains(&address) {
            // Local part exactly, domain folded (RFC 5321 §2.4): the same mailbox, so one delivery.
            return self.say(250, "2.1.5 Recipient ok");
        }
        let limit = self.config.limits.recipients;
        if open.known.len() >= limit {
            return self.refuse_recipient(&Refusal::TooManyRecipients { limit }); // RFC 5321 §4.5.3.1.10
        }
        let recipient = Recipient { address, notify: parameters.notify, original: parameters.original };
        self.state = State::Ask(Question::Recipient(Box::new(recipient)));
    }

    fn recipient_address(&self, text: &str, smtputf8: bool) -> Result<EmailAddress, Refusal> {
        if text.is_empty() {
            return Err(Refusal::BadRecipient { why: "it is empty".into() });
        }
        if text.eq_ignore_ascii_case("postmaster") {
            // RFC 5321 §4.5.1 wants this taken where mail is delivered, not where it is submitted.
            let own = format!("{text}@{}", self.config.hostname);
            return match own.parse() {
                Ok(address) if !self.config.auth => Ok(address),
                _ => Err(Refusal::BarePostmaster),
            };
        }
        path::address(text, smtputf8).map_err(path::PathFault::of_recipient)
    }

    /// Answers [`super::Step::Recipient`].
    pub fn recipient(&mut self, answer: Result<(), Refusal>) {
        let recipient = match std::mem::replace(&mut self.state, State::Commands) {
            State::Asked(Asked::Recipient(recipient)) => recipient,
            other => return self.state = other,
        };
        match (answer, &mut self.mail) {
            (Ok(()), Mail::Open(open)) => {
                if open.add(*recipient) {
                    self.say(250, "2.1.5 Recipient ok");
                } else {
                    self.refuse_recipient(&Refusal::MemoryBudget);
                }
            }
            (Ok(()), _) => self.refuse(Refusal::MailFirst),
            (Err(refusal), _) => self.refuse_recipient(&refusal),
        }
    }

    /// A list with dead addresses in it is no attack: refused recipients are no errors of the client.
    fn refuse_recipient(&mut self, refusal: &Refusal) {
        if let Mail::Open(open) = &mut self.mail {
            open.refused += 1;
        }
        self.refuse_uncounted(refusal);
    }
}
