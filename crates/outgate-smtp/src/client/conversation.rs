//! The conversation: what is said, in which order, and what the answers mean for it.

use super::{
    BeginError, Capabilities, Closing, Mail, ReplyReader, Settings, Stage, StartTls, Step, Verdict,
    kept::shortened,
    transaction::{Break, Move, Transaction},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use outgate_core::{Recording, Reply};
use std::fmt;

/// A command of the opening whose reply is awaited.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    AuthLogin,
    AuthUsername,
    AuthPassword,
    Quit,
}

impl Asked {
    fn stage(self) -> Stage {
        match self {
            Self::Greeting => Stage::Greeting,
            Self::Ehlo | Self::Helo => Stage::Hello,
            Self::StartTls => Stage::StartTls,
            Self::AuthLogin | Self::AuthUsername | Self::AuthPassword => Stage::Auth,
            Self::Quit => Stage::Quit,
        }
    }

    /// Records what is said, but not what signs us in.
    fn record(self, bytes: &[u8], recording: &mut Recording) {
        match self {
            Self::AuthPassword if bytes.starts_with(AUTH_PLAIN.as_bytes()) => {
                recording.sent(format_args!("{AUTH_PLAIN}***"));
            }
            Self::AuthUsername | Self::AuthPassword => recording.sent("***"),
            _ => record_commands(bytes, recording),
        }
    }
}

fn record_commands(bytes: &[u8], recording: &mut Recording) {
    for line in String::from_utf8_lossy(bytes).split_terminator("\r\n") {
        recording.sent(line);
    }
}

/// What comes before the credentials.
const AUTH_PLAIN: &str = "AUTH PLAIN ";

enum State {
    Say(Vec<u8>, Asked),
    Await(Asked),
    Handshake,
    Ready,
    Transacting(Box<Transaction>),
    Over(Vec<Verdict>, Closing),
    Closed(Closing),
}

/// One conversation with a server.
pub struct Conversation {
    settings: Settings,
    reader: ReplyReader,
    state: State,
    offered: Capabilities,
    secured: bool,
    /// The server offered STARTTLS and then refused it.
    declined: bool,
    /// The last transaction is still open on the server's side.
    reset: bool,
    replies: u64,
    /// The answer to EHLO or HELO.
    hello: Option<Reply>,
    recording: Recording,
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").field("stage", &self.stage()).finish_non_exhaustive()
    }
}

impl Conversation {
    /// A conversation on a new connection, `secured` when that is inside TLS already.
    pub fn new(settings: Settings, secured: bool) -> Self {
        Self {
            settings,
            reader: ReplyReader::default(),
            state: State::Await(Asked::Greeting),
            offered: Capabilities::default(),
            secured,
            declined: false,
            reset: false,
            replies: 0,
            hello: None,
            recording: Recording::default(),
        }
    }

    /// What the server offers, as it last said.
    pub fn offered(&self) -> &Capabilities {
        &self.offered
    }

    /// The server's answer to EHLO or HELO, once it gave one.
    pub fn hello(&self) -> Option<&Reply> {
        self.hello.as_ref()
    }

    /// What was said on both sides, in order; for the driver to add to, and to take away. A message is in it by its size
    /// alone, and what signs us in not at all.
    pub fn recording(&mut self) -> &mut Recording {
        &mut self.recording
    }

    /// How many replies were read. A deadline for a reply runs from when this last changed or something was sent, so a
    /// reply that drips in has no more time than one that comes at once.
    pub fn replies(&self) -> u64 {
        self.replies
    }

    /// Takes bytes from the server.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.reader.receive(bytes);
    }

    /// What to do next.
    pub fn step(&mut self) -> Step {
        loop {
            match &mut self.state {
                State::Say(bytes, asked) => {
                    let (bytes, asked) = (std::mem::take(bytes), *asked);
                    asked.record(&bytes, &mut self.recording);
                    self.state = State::Await(asked);
                    return Step::Send(bytes);
                }
                State::Await(asked) => {
                    let asked = *asked;
                    let reply = match self.reader.next_reply() {
                        Ok(None) => return Step::NeedInput(asked.stage()),
                        Ok(Some(reply)) => reply,
                        Err(error) => {
                            self.recording.note(error);
                            self.state = State::Closed(Closing::Garbled(error));
                            continue;
                        }
                    };
                    self.replies += 1;
                    self.recording.heard(&reply);
                    self.state = self.heard(asked, reply);
                }
                State::Handshake => return Step::StartTls,
                State::Ready => return Step::Ready,
                State::Transacting(transaction) => {
                    match transaction.step(&mut self.reader, &mut self.replies, &mut self.recording) {
                        Move::Send(bytes) => {
                            record_commands(&bytes, &mut self.recording);
                            return Step::Send(bytes);
                        }
                        Move::Content => return Step::Content,
                        Move::NeedInput(stage) => return Step::NeedInput(stage),
                        Move::Over { verdicts, reset } => {
                            self.reset = reset;
                            self.state = State::Ready;
                            return Step::Finished(verdicts);
                        }
                        Move::Broken { verdicts, why } => self.state = State::Over(verdicts, closing(why)),
                    }
                }
                State::Over(verdicts, closing) => {
                    let (verdicts, closing) = (std::mem::take(verdicts), closing.clone());
                    self.state = State::Closed(closing);
                    return Step::Finished(verdicts);
                }
                State::Closed(closing) => return Step::Close(closing.clone()),
            }
        }
    }

    /// The TLS handshake that [`Step::StartTls`] asked for is done. What the server sent in clear behind its reply is
    /// forgotten, and so is what it offered (RFC 3207 §4.2).
    pub fn tls_started(&mut self) {
        if matches!(self.state, State::Handshake) {
            self.reader.discard();
            self.secured = true;
            self.offered = Capabilities::default();
            self.hello = None;
            self.state = self.ehlo();
        }
    }

    /// Begins a transaction.
    pub fn begin(&mut self, mail: &Mail<'_>) -> Result<(), BeginError> {
        if !matches!(self.state, State::Ready) {
            return Err(BeginError::NotReady);
        }
        if !self.reader.is_empty() {
            self.recording.note("the server spoke when nothing had been asked");
            self.state = State::Closed(Closing::OutOfStep);
            return Err(BeginError::NotReady);
        }
        if mail.recipients.is_empty() {
            return Err(BeginError::NoRecipients);
        }
        if let Some(limit) = self.offered.size.filter(|limit| *limit > 0 && mail.size > *limit) {
            return Err(BeginError::TooLarge { limit });
        }
        let ascii = mail.recipients.iter().all(|recipient| recipient.address.is_ascii())
            && mail.reverse_path.to_string().is_ascii();
        if !self.offered.smtputf8 && !ascii {
            return Err(BeginError::NeedsSmtpUtf8);
        }
        let mail = Mail { smtputf8: mail.smtputf8 || !ascii, ..*mail };
        let transaction =
            Transaction::new(&mail, &self.offered, self.reset).map_err(|_| BeginError::Unwritable)?;
        self.state = State::Transacting(Box::new(transaction));
        Ok(())
    }

    /// The content that [`Step::Content`] asked for was sent: `whole`, with its final dot, or broken off. After a break
    /// the server's refusal, if there is one, is still heard; a `2xx` counts for nothing.
    pub fn content_sent(&mut self, whole: bool) {
        if let State::Transacting(transaction) = &mut self.state {
            let size = transaction.size();
            if whole {
                self.recording.note(format_args!("the message was sent, {size} octets"));
            } else {
                self.recording.note(format_args!("the message, {size} octets, was not sent to its end"));
            }
            transaction.content_sent(whole);
        }
    }

    /// Says goodbye; only at [`Step::Ready`].
    pub fn quit(&mut self) {
        if matches!(self.state, State::Ready) {
            self.state = State::Say(b"QUIT\r\n".to_vec(), Asked::Quit);
        }
    }

    /// The connection went away, or an answer took too long: what is open ends.
    pub fn lost(&mut self) {
        let at = self.stage();
        self.state = match &mut self.state {
            State::Transacting(transaction) => match transaction.broken(Break::Lost(at)) {
                Move::Broken { verdicts, why } => State::Over(verdicts, closing(why)),
                _ => State::Closed(Closing::Lost { at }),
            },
            State::Over(..) | State::Closed(_) => return,
            _ => State::Closed(Closing::Lost { at }),
        };
    }

    /// What is being said or waited for.
    fn stage(&self) -> Stage {
        match &self.state {
            State::Say(_, asked) | State::Await(asked) => asked.stage(),
            State::Handshake => Stage::StartTls,
            State::Transacting(transaction) => transaction.stage(),
            State::Ready => Stage::Mail,
            State::Over(..) | State::Closed(_) => Stage::Quit,
        }
    }

    fn ehlo(&self) -> State {
        State::Say(format!("EHLO {}\r\n", self.settings.name).into_bytes(), Asked::Ehlo)
    }

    fn heard(&mut self, asked: Asked, reply: Reply) -> State {
        let at = asked.stage();
        // What a server offers may take more room than is kept of it.
        let offered = Capabilities::of(&reply);
        let reply = shortened(reply);
        match (asked, reply.code / 100) {
            (Asked::Quit, _) => State::Closed(Closing::Quit),
            (Asked::Greeting, 2) => self.ehlo(),
            (Asked::Ehlo, 2) => {
                self.offered = offered;
                self.hello = Some(reply);
                self.opened()
            }
            // RFC 5321 §3.2: a server that does not know EHLO is asked with HELO.
            (Asked::Ehlo, 5) => {
                State::Say(format!("HELO {}\r\n", self.settings.name).into_bytes(), Asked::Helo)
            }
            (Asked::Helo, 2) => {
                self.offered = Capabilities::default();
                self.hello = Some(reply);
                self.opened()
            }
            (Asked::StartTls, 2) => {
                self.reader.discard();
                State::Handshake
            }
            (Asked::StartTls, 4 | 5)
                if reply.code != 421 && self.settings.starttls == StartTls::WhenOffered =>
            {
                self.declined = true;
                self.opened()
            }
            (Asked::AuthPassword, 2) => State::Ready,
            (Asked::AuthLogin, 3) => match &self.settings.credentials {
                Some(credentials) => {
                    State::Say(encoded("", credentials.username.as_bytes()), Asked::AuthUsername)
                }
                None => State::Closed(Closing::Nonsense { at, reply }),
            },
            (Asked::AuthUsername, 3) => match &self.settings.credentials {
                Some(credentials) => State::Say(
                    credentials.password.with_bytes(|password| encoded("", password)),
                    Asked::AuthPassword,
                ),
                None => State::Closed(Closing::Nonsense { at, reply }),
            },
            (_, 4 | 5) => State::Closed(Closing::Refused { at, reply }),
            _ => State::Closed(Closing::Nonsense { at, reply }),
        }
    }

    /// The server has told what it offers: TLS first, then the sign-in.
    fn opened(&self) -> State {
        let wanted = match self.settings.starttls {
            StartTls::Never => false,
            StartTls::WhenOffered => self.offered.starttls && !self.declined,
            StartTls::Always => true,
        };
        if !self.secured && wanted {
            return if self.offered.starttls {
                State::Say(b"STARTTLS\r\n".to_vec(), Asked::StartTls)
            } else {
                State::Closed(Closing::NoTls)
            };
        }
        match &self.settings.credentials {
            None => State::Ready,
            Some(_) if !self.secured => State::Closed(Closing::NoTls),
            Some(credentials) if self.offered.auth_plain => {
                // RFC 4616 §2: no authorization identity, the username, the password.
                let message = credentials.password.with_bytes(|password| {
                    [b"\0", credentials.username.as_bytes(), b"\0", password].concat()
                });
                State::Say(encoded(AUTH_PLAIN, &message), Asked::AuthPassword)
            }
            Some(_) if self.offered.auth_login => State::Say(b"AUTH LOGIN\r\n".to_vec(), Asked::AuthLogin),
            Some(_) => State::Closed(Closing::NoAuth),
        }
    }
}

fn encoded(command: &str, bytes: &[u8]) -> Vec<u8> {
    format!("{command}{}\r\n", STANDARD.encode(bytes)).into_bytes()
}

fn closing(why: Break) -> Closing {
    match why {
        Break::Refused(at, reply) => Closing::Refused { at, reply },
        Break::Garbled(error) => Closing::Garbled(error),
        Break::Nonsense(at, reply) => Closing::Nonsense { at, reply },
        Break::Lost(at) => Closing::Lost { at },
    }
}
