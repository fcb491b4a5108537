//! The sink's side of one connection.

use super::account::Account;
use crate::message;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Longest silence of a client (RFC 5321 §4.5.3.2.7).
const SILENCE: Duration = Duration::from_mins(5);
/// Longest command line that is kept.
const LINE_LIMIT: usize = 64 * 1024;

/// How the sink answers.
pub(crate) struct Behaviour {
    pub(crate) delay: Duration,
    pub(crate) tempfail_every: Option<u64>,
    pub(crate) filler: Vec<u8>,
}

/// Serves one connection to its end. Broken connections are the relay's trouble, which the account shows.
pub(crate) async fn converse(socket: TcpStream, account: Arc<Account>, behaviour: Arc<Behaviour>) {
    account.connected();
    let _ = Conversation { socket, account: &account, behaviour: &behaviour, unread: Vec::new() }.run().await;
    account.disconnected();
}

struct Conversation<'a> {
    socket: TcpStream,
    account: &'a Account,
    behaviour: &'a Behaviour,
    unread: Vec<u8>,
}

impl Conversation<'_> {
    async fn run(mut self) -> std::io::Result<()> {
        self.socket.set_nodelay(true)?;
        let mut replies = String::from("220 sink.test ESMTP\r\n");
        let mut recipients: Vec<String> = Vec::new();
        loop {
            // Answer a pipelined group in one write (RFC 2920 §3.2).
            let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') else {
                self.socket.write_all(replies.as_bytes()).await?;
                replies.clear();
                if self.unread.len() > LINE_LIMIT || !self.more().await? {
                    return Ok(());
                }
                continue;
            };
            let line = String::from_utf8_lossy(&self.unread[..end]).trim_end().to_owned();
            self.unread.drain(..=end);
            let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    replies += "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n\
                                250-ENHANCEDSTATUSCODES\r\n250 SIZE 0\r\n";
                }
                "RCPT" => {
                    recipients.push(path(&line));
                    replies += "250 2.1.5 Ok\r\n";
                }
                "DATA" if recipients.is_empty() => replies += "503 5.5.1 No recipients\r\n",
                "DATA" => {
                    replies += "354 Go on\r\n";
                    self.socket.write_all(replies.as_bytes()).await?;
                    replies.clear();
                    let Some(answer) = self.message(&recipients).await? else { return Ok(()) };
                    replies += answer;
                    recipients.clear();
                }
                "QUIT" => {
                    replies += "221 2.0.0 Bye\r\n";
                    return self.socket.write_all(replies.as_bytes()).await;
                }
                "HELO" | "MAIL" | "RSET" | "NOOP" => {
                    recipients.clear();
                    replies += "250 2.0.0 Ok\r\n";
                }
                _ => replies += "502 5.5.1 Not here\r\n",
            }
        }
    }

    /// Reads a message; its reply, or nothing when the connection ended before the final dot.
    async fn message(&mut self, recipients: &[String]) -> std::io::Result<Option<&'static str>> {
        const END: &[u8] = b"\r\n.\r\n";
        let mut searched = 0;
        let end = loop {
            // Only the end of data can end the buffer like this: any other such line would be dot-stuffed.
            if self.unread.ends_with(END) {
                break self.unread.len() - END.len();
            }
            if let Some(at) = message::find(&self.unread[searched..], END) {
                break searched + at;
            }
            searched = self.unread.len().saturating_sub(END.len() - 1);
            if !self.more().await? {
                return Ok(None);
            }
        };
        if !self.behaviour.delay.is_zero() {
            tokio::time::sleep(self.behaviour.delay).await;
        }
        let transaction = self.account.next_transaction();
        let reply = if self.behaviour.tempfail_every.is_some_and(|every| transaction.is_multiple_of(every)) {
            self.account.refused();
            "451 4.3.0 Later\r\n"
        } else {
            let seen = message::read(&self.unread[..end + 2], &self.behaviour.filler);
            self.account.arrived(&seen, recipients)?;
            "250 2.0.0 Taken\r\n"
        };
        self.unread.drain(..end + END.len());
        Ok(Some(reply))
    }

    /// Reads more; whether there was any.
    async fn more(&mut self) -> std::io::Result<bool> {
        self.unread.reserve(16 * 1024);
        match timeout(SILENCE, self.socket.read_buf(&mut self.unread)).await {
            Ok(read) => Ok(read? > 0),
            Err(_) => Ok(false),
        }
    }
}

/// What is between the angle brackets.
fn path(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(path("RCPT TO:<r0.1@b.test> NOTIFY=NEVER"), "r0.1@b.test");
        assert_eq!(path("RCPT TO:nobody"), "");
    }
}
