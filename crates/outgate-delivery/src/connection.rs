//! One connection to a server: bytes in and out of a conversation, each wait with its deadline.

use crate::{
    config::Timeouts,
    story::{Part, Spent, Story},
};
use outgate_core::{NetworkPath, Timestamp};
use outgate_smtp::client::{
    BeginError, Capabilities, Closing, Conversation, Mail, Stage, Step, Stuffing, Verdict,
};
use std::{
    io,
    pin::Pin,
    task::{Context, Waker},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::client::TlsStream;

/// How much is read at once; replies are short.
const READ: usize = 4096;
/// How much of a message is written at once. Most messages are one write.
const BLOCK: usize = 65_536;

/// A stream in clear or inside TLS.
pub(crate) enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Being made into another.
    None,
}

trait Both: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Both for T {}

impl Stream {
    fn both(&mut self) -> io::Result<&mut dyn Both> {
        match self {
            Self::Clear(stream) => Ok(stream),
            Self::Tls(stream) => Ok(stream),
            Self::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.both()?;
        stream.write_all(bytes).await?;
        stream.flush().await
    }

    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.both()?.read(buffer).await
    }
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    pub(crate) conversation: Conversation,
    /// Which way it goes.
    pub(crate) path: NetworkPath,
    timeouts: Timeouts,
    buffer: Box<[u8]>,
    /// What became of the connection, when something did.
    trouble: Option<String>,
    /// A message broke off: the server has only a little time left to say why.
    aftermath: bool,
    spent: Spent,
    opened_at: Timestamp,
    /// Messages that were carried.
    pub(crate) carried: usize,
    pub(crate) idle_since: Instant,
}

impl Connection {
    pub(crate) fn new(
        stream: Stream,
        conversation: Conversation,
        path: NetworkPath,
        timeouts: Timeouts,
        opened_at: Timestamp,
    ) -> Self {
        Self {
            stream,
            conversation,
            path,
            timeouts,
            buffer: vec![0; READ].into_boxed_slice(),
            trouble: None,
            aftermath: false,
            spent: Spent::default(),
            opened_at,
            carried: 0,
            idle_since: Instant::now(),
        }
    }

    /// Goes on with the story of an attempt.
    pub(crate) fn begin_story(&mut self, story: Story) {
        *self.conversation.recording() = story.recording;
        self.spent = story.spent;
    }

    /// Counts the time since then.
    pub(crate) fn count(&mut self, part: Part, began: Instant) {
        self.spent.add(part, began.elapsed());
    }

    /// Gives the story of the attempt back.
    pub(crate) fn take_story(&mut self) -> Story {
        let recording = std::mem::take(self.conversation.recording());
        Story { recording, spent: std::mem::take(&mut self.spent) }
    }

    /// Tells that this connection was there before the attempt, and what the server had said that it offers.
    pub(crate) fn tell_reuse(&self, story: &mut Story) {
        let recording = &mut story.recording;
        let opened_at = self.opened_at.strftime("%Y-%m-%d %H:%M:%SZ");
        let (before, plural) = (self.carried, if self.carried == 1 { "" } else { "s" });
        recording
            .note(format_args!("connection reused, opened at {opened_at}, {before} message{plural} before"));
        if let Some(hello) = self.conversation.hello() {
            recording.heard(hello);
        }
    }

    pub(crate) fn offered(&self) -> Capabilities {
        *self.conversation.offered()
    }

    /// Whether another transaction can begin.
    pub(crate) fn is_ready(&mut self) -> bool {
        matches!(self.conversation.step(), Step::Ready)
    }

    /// Whether the server has been silent since the last transaction: it has neither closed the connection nor said
    /// anything that would be mistaken for an answer. Costs no system call when nothing came.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut buffer = [0; 1];
        let mut context = Context::from_waker(Waker::noop());
        match self.stream.both() {
            Ok(stream) => {
                Pin::new(stream).poll_read(&mut context, &mut ReadBuf::new(&mut buffer)).is_pending()
            }
            Err(_) => false,
        }
    }

    /// In words, why there was no answer.
    pub(crate) fn trouble(&self, closing: Option<&Closing>) -> String {
        match (&self.trouble, closing) {
            (Some(trouble), _) => trouble.clone(),
            (None, Some(Closing::Garbled(error))) => error.to_string(),
            (None, Some(Closing::Nonsense { at, reply })) => {
                format!("the server answered {at} with {}, which makes no sense there", reply.code)
            }
            (None, Some(Closing::OutOfStep)) => "the server spoke when nothing had been asked".to_owned(),
            (None, _) => "the server closed the connection".to_owned(),
        }
    }

    /// In words, why there was no answer to what was said last.
    pub(crate) fn why_closed(&mut self) -> String {
        match self.conversation.step() {
            Step::Close(closing) => self.trouble(Some(&closing)),
            _ => self.trouble(None),
        }
    }

    /// Carries one message. `Err`: it did not begin.
    pub(crate) async fn transact(
        &mut self,
        mail: &Mail<'_>,
        message: [&[u8]; 2],
        deadline: Instant,
    ) -> Result<Vec<Verdict>, BeginError> {
        self.conversation.begin(mail)?;
        self.carried += 1;
        loop {
            match self.advance(deadline).await {
                Step::Content => {
                    let began = Instant::now();
                    let whole = self.send(message, deadline).await;
                    self.count(Part::Content, began);
                    self.aftermath = !whole;
                    self.conversation.content_sent(whole);
                }
                Step::Finished(verdicts) => return Ok(verdicts),
                // A transaction always finishes before its conversation does anything else.
                _ => return Err(BeginError::NotReady),
            }
        }
    }

    /// Does what the conversation asks, until it asks for what only the caller can do.
    pub(crate) async fn advance(&mut self, deadline: Instant) -> Step {
        let mut wait = None;
        let mut heard = self.conversation.replies();
        loop {
            match self.conversation.step() {
                Step::Send(bytes) => {
                    wait = None;
                    let until = deadline.min(Instant::now() + self.timeouts.hello);
                    // After a failed write the server may still have said why; reading tells.
                    if self.write(&bytes, until).await == Written::Late {
                        self.conversation.lost();
                    }
                }
                Step::NeedInput(stage) => {
                    // The time for a reply runs from the last one, not from the last byte.
                    if heard != self.conversation.replies() {
                        heard = self.conversation.replies();
                        wait = None;
                    }
                    let most = if self.aftermath { self.timeouts.quit } else { self.timeouts.of(stage) };
                    let began = Instant::now();
                    // The message is with the server now. Whoever gives up before the time that RFC 5321 §4.5.3.2.6 asks
                    // for sends it again, however long the parcel had to wait before.
                    let last =
                        if stage == Stage::Content { began + most } else { deadline.min(began + most) };
                    let until = *wait.get_or_insert(last);
                    self.read(until).await;
                    if let Some(part) = Part::of(stage) {
                        self.count(part, began);
                    }
                }
                other => return other,
            }
        }
    }

    async fn read(&mut self, until: Instant) {
        let trouble = match timeout_at(until, self.stream.read(&mut self.buffer)).await {
            Ok(Ok(0)) => "the server closed the connection".to_owned(),
            Ok(Ok(count)) => {
                self.conversation.receive(&self.buffer[..count]);
                return;
            }
            Ok(Err(error)) => format!("the connection broke: {error}"),
            Err(_) => "the server did not answer in time".to_owned(),
        };
        self.note_trouble(trouble);
        self.conversation.lost();
    }

    /// The first trouble is the cause of the others.
    fn note_trouble(&mut self, trouble: String) {
        if self.trouble.is_none() {
            self.conversation.recording().note(&trouble);
            self.trouble = Some(trouble);
        }
    }

    async fn write(&mut self, bytes: &[u8], until: Instant) -> Written {
        match timeout_at(until, self.stream.write(bytes)).await {
            Ok(Ok(())) => Written::Whole,
            Ok(Err(error)) => {
                self.note_trouble(format!("the connection broke: {error}"));
                Written::Broken
            }
            Err(_) => {
                self.note_trouble("the server did not take what was sent in time".to_owned());
                Written::Late
            }
        }
    }

    /// Sends the message's bytes; says whether all of them went.
    async fn send(&mut self, message: [&[u8]; 2], deadline: Instant) -> bool {
        let [block, content] = message;
        let mut stuffing = Stuffing::new(block, content);
        let mut out = Vec::with_capacity((block.len() + content.len() + 256).min(BLOCK + 1024));
        loop {
            out.clear();
            let more = stuffing.fill(&mut out, BLOCK);
            let until = deadline.min(Instant::now() + self.timeouts.block);
            if self.write(&out, until).await != Written::Whole {
                return false;
            }
            if !more {
                return true;
            }
        }
    }

    /// Says goodbye, and waits a little for the answer (RFC 5321 §4.1.1.10).
    pub(crate) async fn quit(mut self) {
        self.conversation.quit();
        let most: Duration = self.timeouts.quit;
        let _closed = self.advance(Instant::now() + most).await;
        if let Ok(stream) = self.stream.both() {
            // The answer does not matter: whoever does not take a goodbye is left without one.
            let _left = timeout_at(Instant::now() + most, stream.shutdown()).await;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Whole,
    Broken,
    Late,
}
