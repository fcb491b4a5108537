//! A connection from accept to close: proxy header, limits, TLS, then the conversation.

use crate::{
    Closer, Peer,
    conversation::Conversation,
    counters::{Open, count},
    deadlines::{FAREWELL, HANDSHAKE, PROXY_HEADER},
    door::{Door, Opening},
    limits::Place,
    proxy::{ProxyError, Told, read_header},
    tls,
    wire::Wire,
};
use outgate_smtp::server::{Refusal, Session, TlsFacts};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{net::TcpStream, time::timeout};

/// Serves one connection to its end.
pub(crate) async fn serve(
    door: Arc<Door>,
    stream: TcpStream,
    from: SocketAddr,
    mut place: Place,
    open: Open,
) {
    // On the heap, so that what only the beginning needs is not kept for the session's life.
    let begun = Box::pin(begin(&door, stream, from, &mut place));
    let begun = tokio::select! {
        biased;
        () = door.house.drain.cancelled() => None,
        begun = begun => begun,
    };
    if let Some(mut conversation) = begun {
        conversation.run().await;
        // The handler goes first: a session that only lingers is nobody's any more.
        let wire = conversation.into_wire();
        wire.close().await;
    }
    drop((place, open));
}

/// Everything before the greeting; `None` when there will be none.
async fn begin(
    door: &Arc<Door>,
    mut stream: TcpStream,
    from: SocketAddr,
    place: &mut Place,
) -> Option<Box<Conversation>> {
    let house = &door.house;
    let (local, from) = (canonical(stream.local_addr().ok()?), canonical(from));
    let remote = if house.rules.is_proxy(from.ip()) {
        match told(&mut stream).await {
            Ok(Told::Client(client)) => client,
            Ok(Told::Nothing) => from,
            Err(error) => {
                count(&house.counters.proxy_refused);
                tracing::debug!(proxy = %from, %error, "a proxy's connection is closed");
                return None;
            }
        }
    } else {
        from
    };
    if !place.take_for(remote.ip()) {
        count(&house.counters.turned_away);
        tracing::debug!(%remote, "too many connections from this address");
        turn_away(door, stream).await;
        return None;
    }
    let (wire, facts) = match door.opening {
        Opening::Clear => (Wire::Clear(stream), None),
        Opening::Tls => {
            let (wire, facts) = handshake(door, stream).await?;
            (wire, Some(facts))
        }
    };
    let closer = Closer::default();
    let session = Session::new(door.service.config(), remote.ip(), facts)
        .counted_by(Arc::clone(&house.counters.refusals));
    let handler = door.service.open(&Peer { remote, local }, closer.clone());
    tracing::debug!(%remote, %local, "a session begins");
    Some(Box::new(Conversation::new(Arc::clone(door), wire, session, handler, closer)))
}

async fn told(stream: &mut TcpStream) -> Result<Told, ProxyError> {
    match timeout(PROXY_HEADER, read_header(stream)).await {
        Ok(told) => told,
        Err(_) => Err(ProxyError::Io(io::ErrorKind::TimedOut.into())),
    }
}

/// The TLS handshake; `None` when it failed, which is logged and counted.
pub(crate) async fn handshake(door: &Door, stream: TcpStream) -> Option<(Wire, TlsFacts)> {
    let tls = door.tls.as_ref()?;
    let counters = &door.house.counters;
    let error = match timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            count(&counters.tls);
            let facts = tls::facts(stream.get_ref().1);
            return Some((Wire::Tls(stream), facts));
        }
        Ok(Err(error)) => error,
        Err(_) => io::ErrorKind::TimedOut.into(),
    };
    count(&counters.tls_failed);
    tracing::debug!(%error, "a TLS handshake failed");
    None
}

/// Says `421 4.7.0` and closes; where TLS comes first there is nothing to say it in.
pub(crate) async fn turn_away(door: &Door, stream: TcpStream) {
    if door.opening == Opening::Tls {
        return;
    }
    door.house.counters.refusals.note(&Refusal::TooManyConnections);
    let mut wire = Wire::Clear(stream);
    // RFC 5321 §3.1, §3.8: `421` in place of the greeting.
    let words = format!("{}\r\n", Refusal::TooManyConnections);
    if let Ok(Ok(())) = timeout(FAREWELL, wire.send(words.as_bytes())).await {
        wire.close().await;
    }
}

/// An IPv4 client of an IPv6 socket is an IPv4 client.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counters, Handler, Rules, Service, door::House, limits::Limiter};
    use outgate_core::ByteBudget;
    use outgate_smtp::{Limits, server::Config};
    use tokio::net::TcpListener;
    use tokio_rustls::server::TlsStream;
    use tokio_util::sync::CancellationToken;

    struct Nobody;

    impl Service for Nobody {
        fn config(&self) -> Arc<Config> {
            let (limits, budget) = (Limits::default(), ByteBudget::new(0));
            Arc::new(Config { hostname: String::new(), limits, starttls: false, auth: false, budget })
        }

        fn open(&self, _: &Peer, _: Closer) -> Box<dyn Handler> {
            unreachable!("no session begins")
        }
    }

    /// What an idle session costs besides rustls's own buffers. Not a law, but a growth to be noticed: thousands of
    /// sessions idle at a time.
    #[tokio::test]
    async fn an_idle_session_is_small() {
        let rules = Rules::default();
        let counters = Arc::new(Counters::default());
        let limiter = Limiter::new(1, 1);
        let (place, open) = (limiter.enter().unwrap(), Open::new(&counters));
        let (drain, cut) = (CancellationToken::new(), CancellationToken::new());
        let house = Arc::new(House { rules, limiter, counters, drain, cut });
        let door = Arc::new(Door { house, opening: Opening::Clear, service: Arc::new(Nobody), tls: None });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let from = stream.local_addr().unwrap();

        let task = size_of_val(&serve(door, stream, from, place, open));
        let (conversation, tls) = (size_of::<Conversation>(), size_of::<TlsStream<TcpStream>>());
        assert!(task <= 2048, "the task has {task} octets");
        assert!(conversation <= 2048, "the conversation has {conversation} octets");
        assert!(tls <= 2048, "TLS has {tls} octets, its buffers aside");
    }
}
