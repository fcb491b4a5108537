//! Submitting messages at full speed and measuring it.

use crate::{
    client::{Client, Failure, Target, TlsMode, Transaction},
    latency::Latencies,
    ledger::Ledger,
    message::{self, Numbered},
    tls,
};
use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Barrier;

/// Wait between two tries to reach a server that is not there.
const RECONNECT_PAUSE: Duration = Duration::from_millis(25);

#[derive(Args)]
pub(crate) struct Options {
    /// The server.
    #[arg(long)]
    server: SocketAddr,
    /// When TLS begins.
    #[arg(long, value_enum, default_value_t = TlsMode::Starttls)]
    tls: TlsMode,
    /// Trust the certificates in this PEM file; without it, any server.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Resume TLS sessions.
    #[arg(long)]
    resume: bool,
    /// Sign in as this SMTP user.
    #[arg(long, requires = "password_file")]
    user: Option<String>,
    /// The file that holds its password.
    #[arg(long, requires = "user")]
    password_file: Option<PathBuf>,
    /// Sessions at the same time.
    #[arg(long, default_value_t = 20)]
    sessions: usize,
    /// Messages of all sessions together.
    #[arg(long, default_value_t = 1000)]
    messages: u64,
    /// Messages on one connection; 0 for as many as there are.
    #[arg(long, default_value_t = 0)]
    per_connection: u64,
    /// Bytes of a message.
    #[arg(long, default_value_t = 10240)]
    size: usize,
    /// Recipients of each message.
    #[arg(long, default_value_t = 1)]
    recipients: usize,
    /// Domain of the sender.
    #[arg(long, default_value = "sender.test")]
    from_domain: String,
    /// Domain of the recipients.
    #[arg(long, default_value = "recipient.test")]
    to_domain: String,
    /// Name of the run; the sink takes any.
    #[arg(long, default_value = "run")]
    run: String,
    /// Send `MAIL`, `RCPT` and `DATA` together (RFC 2920).
    #[arg(long)]
    pipelining: bool,
    /// Open every session before the clock starts.
    #[arg(long)]
    preconnect: bool,
    /// File for the number of each message that was acknowledged.
    #[arg(long)]
    acked: Option<PathBuf>,
    /// File for the number of each message whose final dot was about to be sent.
    #[arg(long)]
    dotted: Option<PathBuf>,
    /// Break off each so-many-th message before its final dot.
    #[arg(long)]
    abandon_every: Option<u64>,
    /// Seconds for which a session tries to reach a server that is not there. No message is ever sent twice.
    #[arg(long, default_value_t = 0)]
    patience: u64,
    /// Seconds to wait for any reply.
    #[arg(long, default_value_t = 60)]
    deadline: u64,
}

/// What sessions share.
struct Run {
    options: Options,
    target: Target,
    next: AtomicU64,
    filler: Vec<u8>,
    acked: Option<Ledger>,
    dotted: Option<Ledger>,
}

/// What a session measured.
#[derive(Default)]
struct Tally {
    accepted: u64,
    errors: BTreeMap<String, u64>,
    transactions: Latencies,
    final_replies: Latencies,
    connections: Latencies,
}

impl Tally {
    fn error(&mut self, failure: &Failure) {
        *self.errors.entry(failure.to_string()).or_default() += 1;
    }

    fn absorb(&mut self, other: Self) {
        self.accepted += other.accepted;
        for (error, count) in other.errors {
            *self.errors.entry(error).or_default() += count;
        }
        self.transactions.absorb(other.transactions);
        self.final_replies.absorb(other.final_replies);
        self.connections.absorb(other.connections);
    }
}

pub(crate) async fn run(options: Options) -> anyhow::Result<Value> {
    anyhow::ensure!(options.size <= message::LARGEST, "--size is {} at most", message::LARGEST);
    let run = Arc::new(prepare(options)?);
    let sessions = run.options.sessions;
    let start = Arc::new(Barrier::new(sessions + 1));
    let tasks: Vec<_> =
        (0..sessions).map(|_| tokio::spawn(session(Arc::clone(&run), Arc::clone(&start)))).collect();
    start.wait().await;
    let began = Instant::now();
    let mut all = Tally::default();
    for task in tasks {
        all.absorb(task.await?);
    }
    let seconds = began.elapsed().as_secs_f64();
    let options = &run.options;
    let tried = run.next.load(Ordering::Relaxed).min(options.messages);
    Ok(json!({
        "command": "load", "tls": format!("{:?}", options.tls).to_lowercase(), "sessions": sessions,
        "per_connection": options.per_connection, "size": options.size, "recipients": options.recipients,
        "seconds": seconds, "messages": options.messages, "tried": tried, "accepted": all.accepted,
        "failed": tried - all.accepted, "errors": all.errors,
        "messages_per_second": all.accepted as f64 / seconds,
        "transaction_ms": all.transactions.report(), "final_reply_ms": all.final_replies.report(),
        "connection_ms": all.connections.report(),
    }))
}

fn prepare(options: Options) -> anyhow::Result<Run> {
    let credentials = match (&options.user, &options.password_file) {
        (Some(user), Some(path)) => {
            let password =
                std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
            Some((user.clone(), password.trim_end().to_owned()))
        }
        _ => None,
    };
    Ok(Run {
        target: Target {
            server: options.server,
            tls: options.tls,
            connector: tls::connector(options.ca.as_deref(), options.resume)?,
            credentials,
            pipelining: options.pipelining,
            deadline: Duration::from_secs(options.deadline),
        },
        next: AtomicU64::new(0),
        filler: message::filler(options.size),
        acked: options.acked.as_deref().map(Ledger::create).transpose()?,
        dotted: options.dotted.as_deref().map(Ledger::create).transpose()?,
        options,
    })
}

struct Open {
    client: Client,
    since: Instant,
    used: u64,
}

async fn session(run: Arc<Run>, start: Arc<Barrier>) -> Tally {
    let mut tally = Tally::default();
    let mut open = None;
    if run.options.preconnect {
        open = connect(&run, &mut tally).await;
    }
    start.wait().await;
    let mut content = Vec::with_capacity(run.options.size + 512);
    while run.next.load(Ordering::Relaxed) < run.options.messages {
        // A number is drawn only inside an open session, so a server that is away costs none.
        let mut current = match open.take() {
            Some(current) => current,
            None => match connect(&run, &mut tally).await {
                Some(current) => current,
                None => break,
            },
        };
        let number = run.next.fetch_add(1, Ordering::Relaxed);
        if number >= run.options.messages {
            open = Some(current);
            break;
        }
        match submit(&run, &mut current.client, number, &mut content, &mut tally).await {
            Ok(()) => {
                current.used += 1;
                if current.used == run.options.per_connection {
                    finish(current, &mut tally).await;
                } else {
                    open = Some(current);
                }
            }
            Err(failure) => tally.error(&failure),
        }
    }
    if let Some(current) = open {
        finish(current, &mut tally).await;
    }
    tally
}

async fn connect(run: &Run, tally: &mut Tally) -> Option<Open> {
    let since = Instant::now();
    loop {
        match Client::open(&run.target).await {
            Ok(client) => return Some(Open { client, since, used: 0 }),
            Err(failure) => {
                tally.error(&failure);
                if since.elapsed() >= Duration::from_secs(run.options.patience) {
                    return None;
                }
                tokio::time::sleep(RECONNECT_PAUSE).await;
            }
        }
    }
}

async fn submit(
    run: &Run,
    client: &mut Client,
    number: u64,
    content: &mut Vec<u8>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let options = &run.options;
    let which = Numbered { run: &options.run, number };
    message::write(content, which, &options.from_domain, &options.to_domain, options.size, &run.filler);
    let to: Vec<String> =
        (0..options.recipients).map(|place| which.recipient(place, &options.to_domain)).collect();
    let began = Instant::now();
    let waited = client
        .send(&Transaction {
            number,
            from: &format!("bench@{}", options.from_domain),
            to: &to,
            content,
            dotted: run.dotted.as_ref(),
            abandon: options.abandon_every.is_some_and(|every| (number + 1).is_multiple_of(every)),
        })
        .await?;
    tally.transactions.note(began.elapsed());
    tally.final_replies.note(waited);
    tally.accepted += 1;
    if let Some(acked) = &run.acked {
        acked.note(number).map_err(|e| Failure::Lost { at: "ledger", kind: e.kind() })?;
    }
    Ok(())
}

async fn finish(open: Open, tally: &mut Tally) {
    match open.client.quit().await {
        Ok(()) => tally.connections.note(open.since.elapsed()),
        Err(failure) => tally.error(&failure),
    }
}
