//! One transaction: MAIL, RCPT, DATA, the content, and what became of each recipient.

use super::{
    Capabilities,
    command::{Script, Unwritable},
    kept::shortened,
    reply::{ReplyError, ReplyReader},
};
use outgate_core::{Body, Recipient, Recording, Reply, ReturnContent, ReversePath, Xtext};
use std::{collections::VecDeque, fmt, ops::Range};

/// The envelope of a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Mail<'a> {
    /// Who sends.
    pub reverse_path: &'a ReversePath,
    /// Who receives.
    pub recipients: &'a [&'a Recipient],
    /// The content's type. Content of eight bits goes to a server without 8BITMIME as it is: it is never re-encoded
    /// (law 8), and servers that cannot take it are a memory.
    pub body: Body,
    /// Whether SMTPUTF8 is asked for (RFC 6531).
    pub smtputf8: bool,
    /// What a failure notification should carry; passed on to servers with DSN.
    pub return_content: Option<ReturnContent>,
    /// The sender's own name for the envelope; passed on to servers with DSN.
    pub envelope_id: Option<&'a Xtext>,
    /// Octets of the message, before dots are doubled (RFC 1870 §5).
    pub size: u64,
}

/// Where in a conversation something was said, or not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The server's greeting.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS.
    StartTls,
    /// AUTH.
    Auth,
    /// RSET, before a transaction.
    Reset,
    /// MAIL.
    Mail,
    /// RCPT.
    Recipient,
    /// DATA.
    Data,
    /// The content and its final dot.
    Content,
    /// QUIT.
    Quit,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "the greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Reset => "RSET",
            Self::Mail => "MAIL",
            Self::Recipient => "RCPT",
            Self::Data => "DATA",
            Self::Content => "the message",
            Self::Quit => "QUIT",
        })
    }
}

/// What a transaction came to for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server took the message for this recipient: `2xx` after the final dot.
    Taken(Reply),
    /// The server refused, for now (`4xx`) or for good (`5xx`).
    Refused {
        /// What it refused.
        at: Stage,
        /// What it said.
        reply: Reply,
    },
    /// No answer that means anything: the message may have been taken or not.
    Unanswered {
        /// What was not answered.
        at: Stage,
    },
}

/// What a transaction asks for.
#[derive(Debug)]
pub(super) enum Move {
    Send(Vec<u8>),
    Content,
    NeedInput(Stage),
    /// It is over; the connection is fit for another, after RSET if so said.
    Over {
        verdicts: Vec<Verdict>,
        reset: bool,
    },
    /// It is over, and so is the connection.
    Broken {
        verdicts: Vec<Verdict>,
        why: Break,
    },
}

/// Why a transaction leaves its connection unusable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// `421` (RFC 5321 §3.8), or RSET refused.
    Refused(Stage, Reply),
    /// A reply that is none.
    Garbled(ReplyError),
    /// A reply that makes no sense here.
    Nonsense(Stage, Reply),
    /// The driver said so.
    Lost(Stage),
}

/// A command whose reply is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Reset,
    Mail,
    Recipient(usize),
    Data,
    Content,
    LoneDot,
}

impl Asked {
    fn stage(self) -> Stage {
        match self {
            Self::Reset => Stage::Reset,
            Self::Mail => Stage::Mail,
            Self::Recipient(_) => Stage::Recipient,
            Self::Data => Stage::Data,
            Self::Content | Self::LoneDot => Stage::Content,
        }
    }
}

#[derive(Debug)]
enum Standing {
    Open,
    Accepted,
    Settled(Verdict),
}

#[derive(Debug)]
pub(super) struct Transaction {
    script: Vec<u8>,
    /// Commands not sent yet, and where in the script they are.
    unsent: VecDeque<(Asked, Range<usize>)>,
    awaited: VecDeque<Asked>,
    pipelining: bool,
    /// Octets of the message.
    size: u64,
    recipients: Vec<Standing>,
    /// Bytes that are no command of the script, to be sent next.
    extra: Option<Vec<u8>>,
    /// The driver is sending the content.
    sending: bool,
    /// The content was not sent to its end, or the server spoke before it was: no `2xx` can be about it.
    cut: bool,
    /// The transaction is over on the server's side too.
    closed: bool,
}

impl Transaction {
    pub(super) fn new(mail: &Mail<'_>, offered: &Capabilities, reset: bool) -> Result<Self, Unwritable> {
        let mut script = Script::default();
        let mut unsent = VecDeque::with_capacity(mail.recipients.len() + 3);
        let mut add = |asked, script: &mut Script, from: usize| unsent.push_back((asked, from..script.len()));
        if reset {
            script.plain("RSET")?;
            add(Asked::Reset, &mut script, 0);
        }
        let from = script.len();
        script.mail(mail, offered)?;
        add(Asked::Mail, &mut script, from);
        for (n, recipient) in mail.recipients.iter().enumerate() {
            let from = script.len();
            script.recipient(recipient, offered)?;
            add(Asked::Recipient(n), &mut script, from);
        }
        let from = script.len();
        script.plain("DATA")?;
        add(Asked::Data, &mut script, from);
        Ok(Self {
            script: script.into_bytes(),
            unsent,
            awaited: VecDeque::with_capacity(mail.recipients.len() + 3),
            pipelining: offered.pipelining,
            size: mail.size,
            recipients: mail.recipients.iter().map(|_| Standing::Open).collect(),
            extra: None,
            sending: false,
            cut: false,
            closed: false,
        })
    }

    /// Octets of the message.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The content was sent, final dot included, or broke off before.
    pub(super) fn content_sent(&mut self, whole: bool) {
        if self.sending {
            self.sending = false;
            self.cut |= !whole;
            self.awaited.push_back(Asked::Content);
        }
    }

    /// What is being waited for.
    pub(super) fn stage(&self) -> Stage {
        let next = self.awaited.front().copied().or_else(|| self.unsent.front().map(|(asked, _)| *asked));
        next.map_or(Stage::Content, Asked::stage)
    }

    pub(super) fn step(
        &mut self,
        reader: &mut ReplyReader,
        replies: &mut u64,
        recording: &mut Recording,
    ) -> Move {
        loop {
            if let Some(bytes) = self.extra.take() {
                return Move::Send(bytes);
            }
            if self.sending {
                return Move::Content;
            }
            let Some(asked) = self.awaited.front().copied() else {
                if let Some(bytes) = self.next_commands() {
                    return Move::Send(bytes);
                }
                return Move::Over { verdicts: self.verdicts(Stage::Content), reset: !self.closed };
            };
            let reply = match reader.next_reply() {
                Ok(None) => return Move::NeedInput(asked.stage()),
                Ok(Some(reply)) => reply,
                Err(error) => {
                    recording.note(error);
                    return self.broken(Break::Garbled(error));
                }
            };
            *replies += 1;
            recording.heard(&reply);
            self.awaited.pop_front();
            if let Err(why) = self.heard(asked, shortened(reply), reader) {
                return self.broken(why);
            }
        }
    }

    /// Ends the transaction here and now.
    pub(super) fn broken(&mut self, why: Break) -> Move {
        let at = match &why {
            Break::Refused(at, _) | Break::Nonsense(at, _) | Break::Lost(at) => *at,
            Break::Garbled(_) => self.stage(),
        };
        if let Break::Refused(at, reply) = &why {
            self.settle(&Verdict::Refused { at: *at, reply: reply.clone() }, |_| true);
        }
        Move::Broken { verdicts: self.verdicts(at), why }
    }

    /// The commands to be sent now: all of them, or the next one (RFC 2920 §3.1).
    fn next_commands(&mut self) -> Option<Vec<u8>> {
        if self.pipelining && !self.unsent.is_empty() {
            self.awaited.extend(self.unsent.drain(..).map(|(asked, _)| asked));
            return Some(std::mem::take(&mut self.script));
        }
        let (asked, range) = self.unsent.pop_front()?;
        if asked == Asked::Data && !self.any_accepted() {
            return None; // nobody to send it to
        }
        self.awaited.push_back(asked);
        Some(self.script[range].to_vec())
    }

    fn heard(&mut self, asked: Asked, reply: Reply, reader: &ReplyReader) -> Result<(), Break> {
        let at = asked.stage();
        if reply.code == 421 {
            return Err(Break::Refused(at, reply)); // RFC 5321 §3.8: the server closes
        }
        match (asked, reply.code / 100) {
            (Asked::Reset | Asked::Mail, 2) | (Asked::LoneDot, _) => {}
            (Asked::Reset, 4 | 5) => return Err(Break::Refused(at, reply)),
            (Asked::Mail, 4 | 5) => {
                self.unsent.clear();
                self.settle(&Verdict::Refused { at, reply }, |_| true);
            }
            (Asked::Recipient(n), 2) => {
                if let Some(standing @ Standing::Open) = self.recipients.get_mut(n) {
                    *standing = Standing::Accepted;
                }
            }
            (Asked::Recipient(n), 4 | 5) => {
                if let Some(standing @ Standing::Open) = self.recipients.get_mut(n) {
                    *standing = Standing::Settled(Verdict::Refused { at, reply });
                }
            }
            (Asked::Data, 3) => {
                self.closed = true;
                if self.any_accepted() {
                    self.sending = true;
                    // What has already been said cannot be about a content that is still to come.
                    self.cut = !reader.is_empty();
                } else {
                    // RFC 2920 §3.1: a server that wants the content although it refused everybody gets a lone dot.
                    self.extra = Some(b".\r\n".to_vec());
                    self.awaited.push_back(Asked::LoneDot);
                }
            }
            (Asked::Content, 4 | 5) if self.cut => return Err(Break::Refused(at, reply)),
            (Asked::Data | Asked::Content, 4 | 5) => {
                self.settle(&Verdict::Refused { at, reply }, |standing| {
                    matches!(standing, Standing::Accepted)
                });
            }
            (Asked::Content, 2) if !self.cut => {
                self.settle(&Verdict::Taken(reply), |standing| matches!(standing, Standing::Accepted));
            }
            _ => return Err(Break::Nonsense(at, reply)),
        }
        Ok(())
    }

    fn any_accepted(&self) -> bool {
        self.recipients.iter().any(|standing| matches!(standing, Standing::Accepted))
    }

    fn settle(&mut self, verdict: &Verdict, which: impl Fn(&Standing) -> bool) {
        for standing in &mut self.recipients {
            if !matches!(standing, Standing::Settled(_)) && which(standing) {
                *standing = Standing::Settled(verdict.clone());
            }
        }
    }

    /// One verdict for each recipient; who has none was not answered.
    fn verdicts(&mut self, at: Stage) -> Vec<Verdict> {
        let settled = |standing| match standing {
            Standing::Settled(verdict) => verdict,
            Standing::Open | Standing::Accepted => Verdict::Unanswered { at },
        };
        std::mem::take(&mut self.recipients).into_iter().map(settled).collect()
    }
}
