//! The PROXY protocol, versions 1 and 2: who the client is, told by a proxy that we were told to believe.
//!
//! The sections cited are those of HAProxy's "The PROXY protocol", versions 1 & 2, of 2020/03/05. The header is read to
//! its last octet and not one further, since TLS may follow.

mod v1;
mod v2;

use std::{io, net::SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What a header tells of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The client is there.
    Client(SocketAddr),
    /// Nothing that we may use: the proxy speaks for itself (`LOCAL`), or it does not know (`UNKNOWN`). The connection's
    /// own address counts.
    Nothing,
}

/// Why a header was not believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    #[error("the connection began without a PROXY header")]
    Missing,
    #[error("the PROXY header is malformed: {0}")]
    Malformed(&'static str),
    #[error("the connection ended within the PROXY header: {0}")]
    Io(#[from] io::Error),
}

/// Reads the header that a connection from a proxy begins with.
pub(crate) async fn read_header(stream: &mut (impl AsyncRead + Unpin)) -> Result<Told, ProxyError> {
    // Both versions have at least this many octets, so reading them never reads too far (§2.1, §2.2).
    let mut head = [0; v2::SIGNATURE.len()];
    stream.read_exact(&mut head).await?;
    if head == v2::SIGNATURE {
        let mut rest = [0; v2::REST];
        stream.read_exact(&mut rest).await?;
        let head = v2::head(rest)?;
        let mut body = vec![0; head.length];
        stream.read_exact(&mut body).await?;
        v2::body(head, &body)
    } else if head.starts_with(v1::START) {
        let mut line = Vec::with_capacity(v1::LONGEST);
        line.extend_from_slice(&head);
        while !line.ends_with(b"\n") {
            if line.len() == v1::LONGEST {
                return Err(ProxyError::Malformed("the line is too long"));
            }
            line.push(stream.read_u8().await?);
        }
        v1::line(&line)
    } else {
        Err(ProxyError::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(input: &[u8]) -> (Result<Told, String>, usize) {
        let mut rest = input;
        let told = read_header(&mut rest).await.map_err(|error| error.to_string());
        (told, rest.len())
    }

    #[tokio::test]
    async fn not_one_octet_is_read_behind_the_header() {
        let client = Ok(Told::Client("192.0.2.1:5000".parse().unwrap()));
        let (told, left) = read(b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 587\r\nEHLO x\r\n").await;
        assert_eq!((told, left), (client.clone(), 8));

        let mut two = v2::SIGNATURE.to_vec();
        two.extend_from_slice(&[0x21, 0x11, 0, 12, 192, 0, 2, 1, 192, 0, 2, 2, 0x13, 0x88, 2, 0x4b]);
        two.extend_from_slice(b"\x16\x03\x01");
        let (told, left) = read(&two).await;
        assert_eq!((told, left), (client, 3));
    }

    #[tokio::test]
    async fn anything_else_is_no_header() {
        for input in [
            &b"EHLO client.example\r\n"[..],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00",
            b"proxy TCP4 192",
        ] {
            let (told, _) = read(input).await;
            assert_eq!(told.unwrap_err(), ProxyError::Missing.to_string());
        }
    }

    #[tokio::test]
    async fn an_end_within_the_header_is_an_error() {
        for input in [&b""[..], b"PROXY TCP4 1", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01"] {
            assert!(read(input).await.0.unwrap_err().contains("ended within"), "{input:?}");
        }
    }

    #[tokio::test]
    async fn a_line_without_end_is_given_up() {
        let mut input = b"PROXY UNKNOWN ".to_vec();
        input.resize(4096, b'x');
        let (told, left) = read(&input).await;
        assert!(told.unwrap_err().contains("too long"));
        assert_eq!(left, 4096 - v1::LONGEST);
    }
}
