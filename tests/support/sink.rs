//! An SMTP server that keeps what it is given.

use crate::wait;
use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How long a client may be silent.
const SILENCE: Duration = Duration::from_mins(5);
/// Longest command line.
const LINE_LIMIT: u64 = 64 * 1024;

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// The whole `MAIL` line.
    pub mail: String,
    /// The envelope's sender.
    pub from: String,
    /// The whole `RCPT` lines that were taken.
    pub rcpt: Vec<String>,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Every byte of it, the final dot taken off.
    pub content: Vec<u8>,
}

impl Received {
    /// The header section, its last line end included.
    pub fn header(&self) -> String {
        String::from_utf8_lossy(&self.content[..self.body_at() - 2]).into_owned()
    }

    /// What comes after the header section.
    pub fn body(&self) -> &[u8] {
        &self.content[self.body_at()..]
    }

    fn body_at(&self) -> usize {
        self.content.windows(4).position(|four| four == b"\r\n\r\n").expect("an empty line") + 4
    }
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    rcpt_reply: Option<String>,
    replies: HashMap<String, String>,
    connections: usize,
    data_reply: Option<String>,
    delay: Duration,
}

/// A listening server; it answers as it is told from the next command on.
#[derive(Clone)]
pub struct Sink {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Sink {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let sink = Self { address: listener.local_addr().expect("an address"), state: Arc::default() };
        let ours = sink.clone();
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let ours = ours.clone();
                // A connection that breaks is the relay's to notice.
                thread::spawn(move || ours.converse(socket));
            }
        });
        sink
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers `RCPT` like this from now on; `None` takes everybody.
    pub fn reply_to_rcpt(&self, reply: Option<&str>) {
        self.state().rcpt_reply = reply.map(str::to_owned);
    }

    /// Answers `RCPT` for this one like this from now on; `None` goes by what holds for all.
    pub fn reply_to(&self, recipient: &str, reply: Option<&str>) {
        let mut state = self.state();
        match reply {
            Some(reply) => state.replies.insert(recipient.to_owned(), reply.to_owned()),
            None => state.replies.remove(recipient),
        };
    }

    /// How many connections have come.
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    /// Answers the final dot like this from now on; `None` takes everything.
    pub fn reply_to_data(&self, reply: Option<&str>) {
        self.state().data_reply = reply.map(str::to_owned);
    }

    /// Waits so long before it answers the final dot.
    pub fn delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// Everything so far.
    pub fn received(&self) -> Vec<Received> {
        self.state().received.clone()
    }

    /// What has come for this recipient.
    pub fn received_for(&self, recipient: &str) -> Vec<Received> {
        let mine = |message: &&Received| message.to.iter().any(|to| to == recipient);
        self.state().received.iter().filter(mine).cloned().collect()
    }

    /// Waits for a message for this recipient.
    pub fn wait_for(&self, recipient: &str, limit: Duration) -> Option<Received> {
        wait::until(limit, || self.received_for(recipient).into_iter().next())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn converse(&self, socket: TcpStream) -> Option<()> {
        socket.set_read_timeout(Some(SILENCE)).ok()?;
        let mut writer = socket.try_clone().ok()?;
        let mut reader = BufReader::new(socket);
        let mut say = |reply: &str| writer.write_all(format!("{reply}\r\n").as_bytes()).ok();
        say("220 sink.test ESMTP")?;
        self.state().connections += 1;
        let (mut mail, mut rcpt, mut to) = (String::new(), Vec::new(), Vec::new());
        loop {
            let mut line = String::new();
            if reader.by_ref().take(LINE_LIMIT).read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            match line.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "EHLO" => {
                    say("250-sink.test")?;
                    say("250-PIPELINING")?;
                    say("250-SMTPUTF8")?;
                    say("250-8BITMIME")?;
                    say("250-DSN")?;
                    say("250 ENHANCEDSTATUSCODES")?;
                }
                "MAIL" => {
                    line.clone_into(&mut mail);
                    rcpt.clear();
                    to.clear();
                    say("250 2.1.0 Ok")?;
                }
                "RCPT" => {
                    let state = self.state();
                    let refusal = state.replies.get(&path(line)).or(state.rcpt_reply.as_ref()).cloned();
                    drop(state);
                    if refusal.is_none() {
                        rcpt.push(line.to_owned());
                        to.push(path(line));
                    }
                    say(refusal.as_deref().unwrap_or("250 2.1.5 Ok"))?;
                }
                "DATA" if to.is_empty() => say("503 5.5.1 No recipients")?,
                "DATA" => {
                    say("354 Go on")?;
                    let content = content(&mut reader)?;
                    thread::sleep(self.state().delay);
                    let mut state = self.state();
                    let refusal = state.data_reply.clone();
                    if refusal.is_none() {
                        let (rcpt, to) = (std::mem::take(&mut rcpt), std::mem::take(&mut to));
                        state.received.push(Received {
                            from: path(&mail),
                            mail: mail.clone(),
                            rcpt,
                            to,
                            content,
                        });
                    }
                    drop(state);
                    say(refusal.as_deref().unwrap_or("250 2.0.0 Taken"))?;
                }
                "QUIT" => {
                    say("221 2.0.0 Bye")?;
                    return Some(());
                }
                "HELO" | "RSET" | "NOOP" => say("250 2.0.0 Ok")?,
                _ => say("502 5.5.1 Not here")?,
            }
        }
    }
}

/// Reads to the final dot and takes the stuffing off (RFC 5321 §4.5.2).
fn content(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut after_crlf = true;
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        if after_crlf && line == b".\r\n" {
            return Some(content);
        }
        let stuffed = after_crlf && line.starts_with(b".");
        after_crlf = line.ends_with(b"\r\n");
        content.extend_from_slice(&line[usize::from(stuffed)..]);
    }
}

fn path(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path).to_owned()
}
