//! The bytes of a connection, in clear or inside TLS.

use crate::deadlines::LINGER;
use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::server::TlsStream;
use zeroize::Zeroize;

/// What is read at once. It lies on the stack while bytes are there to be read, so a session that waits has no buffer.
const CHUNK: usize = 16 * 1024;
/// What is thrown away at once while a client still sends to a closed session.
const RUBBISH: usize = 2048;

/// A connection's bytes.
#[derive(Debug)]
pub(crate) enum Wire {
    /// In clear.
    Clear(TcpStream),
    /// Inside TLS.
    Tls(Box<TlsStream<TcpStream>>),
    /// Nothing: a handshake has it, or had it and failed.
    Gone,
}

impl Wire {
    /// Waits for bytes and hands them to `take`; returns how many, none at the end.
    pub(crate) async fn receive(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
        poll_fn(|cx| {
            let mut room = [const { MaybeUninit::<u8>::uninit() }; CHUNK];
            let mut chunk = ReadBuf::uninit(&mut room);
            ready!(self.poll_read(cx, &mut chunk))?;
            let octets = chunk.filled().len();
            take(chunk.filled());
            chunk.filled_mut().zeroize(); // there may have been a password in it
            Poll::Ready(Ok(octets))
        })
        .await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, chunk: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Clear(stream) => Pin::new(stream).poll_read(cx, chunk),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, chunk),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }

    /// Sends all of `bytes`, to the network.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Closes our side, then waits a little for the client to close its own: bytes that arrive at a closed socket would
    /// make the system take back what we said last.
    pub(crate) async fn close(self) {
        let goodbye = async {
            let mut stream = match self {
                Self::Clear(mut stream) => {
                    stream.shutdown().await?;
                    stream
                }
                Self::Tls(mut tls) => {
                    tls.shutdown().await?; // close_notify, then the socket's own
                    tls.into_inner().0
                }
                Self::Gone => return Ok(()),
            };
            let mut rubbish = [0; RUBBISH];
            while stream.read(&mut rubbish).await? > 0 {}
            io::Result::Ok(())
        };
        // However it ends, the socket is closed with it.
        let _ = timeout(LINGER, Box::pin(goodbye)).await;
    }
}
