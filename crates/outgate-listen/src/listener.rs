//! Listening sockets and their end.

use crate::{
    Counters, Opening, Rules, Service, Tls,
    connection::{canonical, serve, turn_away},
    counters::{Open, count},
    door::{Door, House},
    limits::Limiter,
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// Connections that the system holds until we accept them.
const BACKLOG: u32 = 1024;
/// Connections past the limit that are told so at the same time; the rest just end.
const TURNED_AWAY_AT_ONCE: usize = 64;
/// Rest after an accept that failed, so that a lack of file handles is no busy loop.
const REST: Duration = Duration::from_millis(100);
/// For sessions to say their last words and for messages being kept, once the grace is over.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A set of listeners that share their limits.
pub struct Listeners {
    house: Arc<House>,
    doors: Vec<(TcpListener, Arc<Door>)>,
}

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The socket could not be had.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// TLS is called for, and none was given.
    #[error("a listener that offers TLS needs a certificate")]
    NoTls,
}

/// How the listeners ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Drained {
    /// Connections that had not ended when we stopped waiting.
    pub left: usize,
}

impl Listeners {
    /// A set without listeners yet.
    pub fn new(rules: Rules, counters: Arc<Counters>) -> Self {
        let limiter = Limiter::new(rules.connections, rules.connections_per_address);
        let (drain, cut) = (CancellationToken::new(), CancellationToken::new());
        Self { house: Arc::new(House { rules, limiter, counters, drain, cut }), doors: Vec::new() }
    }

    /// Opens a listener and returns where it listens. Clients can connect from now on; they are served by
    /// [`Listeners::run`]. An IPv6 wildcard takes IPv4 too, where the system lets it (Linux does). To be called inside a
    /// tokio runtime.
    pub fn open(
        &mut self,
        address: SocketAddr,
        opening: Opening,
        service: Arc<dyn Service>,
        tls: Option<Arc<Tls>>,
    ) -> Result<SocketAddr, OpenError> {
        if tls.is_none() && (opening == Opening::Tls || service.config().starttls) {
            return Err(OpenError::NoTls);
        }
        let bound = |error| OpenError::Bind { address, error };
        let listener = bind(address).map_err(bound)?;
        let local = listener.local_addr().map_err(bound)?;
        self.doors.push((listener, Arc::new(Door { house: Arc::clone(&self.house), opening, service, tls })));
        Ok(local)
    }

    /// Serves until `stop`. Then nothing more is accepted, sessions without a transaction hear `421 4.3.2`, and those
    /// with one have `grace` to finish it.
    pub async fn run(self, stop: CancellationToken, grace: Duration) -> Drained {
        let Self { house, doors } = self;
        // Should this future be dropped, everything it started still ends.
        let _drain = house.drain.clone().drop_guard();
        let _cut = house.cut.clone().drop_guard();
        let tasks = TaskTracker::new();
        for (listener, door) in doors {
            tasks.spawn(accept(listener, door, tasks.clone()));
        }
        stop.cancelled().await;
        house.drain.cancel();
        tasks.close();
        if timeout(grace, tasks.wait()).await.is_err() {
            house.cut.cancel();
            let _ = timeout(LAST_WORDS, tasks.wait()).await;
        }
        Drained { left: tasks.len() }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for connections of the process before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: TcpListener, door: Arc<Door>, tasks: TaskTracker) {
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY_AT_ONCE));
    loop {
        let accepted = tokio::select! {
            biased;
            () = door.house.drain.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => admit(&door, stream, canonical(from), &tasks, &turned_away),
            // The client gave up before its turn came.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

fn admit(
    door: &Arc<Door>,
    stream: TcpStream,
    from: SocketAddr,
    tasks: &TaskTracker,
    turned_away: &Arc<Semaphore>,
) {
    let counters = &door.house.counters;
    let open = Open::new(counters);
    // Replies are written whole, so waiting to fill a packet only delays them.
    if stream.set_nodelay(true).is_err() {
        return; // it has gone already
    }
    let door = Arc::clone(door);
    if let Some(place) = door.house.limiter.enter() {
        let span = tracing::debug_span!("connection", %from);
        tasks.spawn(serve(door, stream, from, place, open).instrument(span));
        return;
    }
    count(&counters.turned_away);
    tracing::debug!(%from, "too many connections");
    if let Ok(permit) = Arc::clone(turned_away).try_acquire_owned() {
        tasks.spawn(async move {
            turn_away(&door, stream).await;
            drop((permit, open));
        });
    }
}
