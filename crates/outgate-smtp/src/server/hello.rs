//! The greeting, EHLO and HELO, STARTTLS, and the commands that change nothing.

use super::{
    Refusal, Session, TlsFacts,
    command::{self, Verb},
    state::{Mail, State},
};
use outgate_core::Mechanism;

impl Session {
    /// RFC 5321 §4.3.1; without a version, which helps attackers only.
    pub(super) fn greet(&mut self) {
        let text = format!("{} ESMTP", self.config.hostname);
        self.say(220, &text);
    }

    pub(super) fn obey(&mut self, verb: Verb, argument: &str) {
        match verb {
            Verb::Ehlo => self.ehlo(argument),
            Verb::Helo => self.helo(argument),
            Verb::StartTls => self.start_tls(argument),
            Verb::Auth => self.auth(argument),
            Verb::Mail => self.mail_from(argument),
            Verb::Rcpt => self.rcpt_to(argument),
            Verb::Data => self.data(argument),
            Verb::Bdat => self.bdat(argument),
            // RFC 5321 §4.1.1: these take no argument
            Verb::Rset | Verb::Quit if !argument.is_empty() => self.refuse(Refusal::BadArgument),
            Verb::Rset => {
                self.mail = Mail::None; // RFC 5321 §4.1.1.5
                self.say(250, "2.0.0 Ok");
            }
            Verb::Noop => self.say(250, "2.0.0 Ok"), // RFC 5321 §4.1.1.9
            Verb::Quit => {
                self.say(221, "2.0.0 Bye"); // RFC 5321 §4.1.1.10
                self.mail = Mail::None;
                self.state = State::Closed;
            }
            Verb::Vrfy if argument.is_empty() => self.refuse(Refusal::BadArgument),
            // RFC 5321 §7.3: no telling whether an address is there
            Verb::Vrfy => self.say(252, "2.5.0 Cannot tell; send a message and see"),
            Verb::Help => self.say(214, "2.0.0 EHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT"),
            Verb::NotOffered => self.refuse(Refusal::NotOffered),
            Verb::Unknown => self.refuse(Refusal::UnknownCommand),
        }
    }

    fn ehlo(&mut self, argument: &str) {
        let name = match command::client_name(argument) {
            Ok(name) => name.to_owned(),
            Err(refusal) => return self.refuse(refusal), // RFC 5321 §4.1.4: and all stays as it was
        };
        self.mail = Mail::None; // RFC 5321 §4.1.4: EHLO again is like RSET
        self.facts.client = name;
        self.facts.esmtp = true;
        let limits = &self.config.limits;
        let mut lines = vec![
            self.config.hostname.clone(),
            "PIPELINING".into(),                             // RFC 2920
            format!("SIZE {}", limits.message_bytes),        // RFC 1870
            "8BITMIME".into(),                               // RFC 6152
            "SMTPUTF8".into(),                               // RFC 6531
            "ENHANCEDSTATUSCODES".into(),                    // RFC 2034
            "CHUNKING".into(),                               // RFC 3030
            "DSN".into(),                                    // RFC 3461
            format!("LIMITS RCPTMAX={}", limits.recipients), // RFC 9422
        ];
        if self.config.starttls && self.facts.tls.is_none() {
            lines.push("STARTTLS".into()); // RFC 3207 §4.2: not again inside TLS
        }
        if self.config.auth && self.facts.tls.is_some() && self.right.is_none() {
            // RFC 4954 §3; outside TLS nobody signs in (law 6)
            lines.push(format!("AUTH {} {}", Mechanism::Plain.as_str(), Mechanism::Login.as_str()));
        }
        self.replies.say_lines(250, &lines);
    }

    /// RFC 5321 §3.2: no extended reply to HELO.
    fn helo(&mut self, argument: &str) {
        match command::client_name(argument) {
            Ok(name) => {
                self.mail = Mail::None;
                name.clone_into(&mut self.facts.client);
                self.facts.esmtp = false;
                let hostname = self.config.hostname.clone();
                self.say(250, &hostname);
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn start_tls(&mut self, argument: &str) {
        if !argument.is_empty() {
            self.refuse(Refusal::BadArgument); // RFC 3207 §4: 501
        } else if self.facts.tls.is_some() {
            self.refuse(Refusal::TlsAlready);
        } else if !self.config.starttls {
            self.refuse(Refusal::NotOffered);
        } else {
            self.say(220, "2.0.0 Ready for TLS");
            self.state = State::Handshake;
        }
    }

    /// Answers [`super::Step::StartTls`] once the handshake is done. All that the client said before is forgotten, EHLO
    /// too (RFC 3207 §4.2).
    pub fn tls_started(&mut self, tls: TlsFacts) {
        if !matches!(self.state, State::Handshake) {
            return;
        }
        self.input.clear();
        self.facts.tls = Some(tls);
        self.facts.client = String::new();
        self.facts.esmtp = false;
        self.facts.mechanism = None;
        self.right = None;
        self.mail = Mail::None;
        self.state = State::Commands;
    }
}
