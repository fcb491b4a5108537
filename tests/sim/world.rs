//! One world: it lives through random days, calms down, and is then asked whether every promise was kept.

use crate::{
    client::{Submission, submit},
    mx::{Mx, NoSigner},
};
use outgate_core::{
    Actor, ByteBudget, Clock, EmailAddress, Randomness, Timestamp,
    store::{Holder, Store},
    users,
};
use outgate_queue::{Intake, Job, Notices, RetryLaw, Runner, RunnerParts};
use outgate_store_conformance::{
    World as Senders,
    memory::MemoryStore,
    ports::{ManualClock, SeededRandomness},
};
use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

/// Things that a world lives through.
const EVENTS: usize = 120;
/// Days that a world is given to come to rest; more than the retry time.
const CALM_HOURS: u64 = 100;

/// After this long a sender is told that its message is late.
const LATE: Duration = Duration::from_mins(10);

/// What happened in a world, or in many.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) delivered: u64,
    pub(crate) bounced: u64,
    pub(crate) duplicates: u64,
    pub(crate) crashes: u64,
    pub(crate) deferrals: u64,
    pub(crate) stalls: u64,
    pub(crate) lost_answers: u64,
    pub(crate) store_failures: u64,
    pub(crate) failure_notices: u64,
    pub(crate) delay_notices: u64,
    pub(crate) relay_notices: u64,
    pub(crate) undeliverable_notices: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.delivered += other.delivered;
        self.bounced += other.bounced;
        self.duplicates += other.duplicates;
        self.crashes += other.crashes;
        self.deferrals += other.deferrals;
        self.stalls += other.stalls;
        self.lost_answers += other.lost_answers;
        self.store_failures += other.store_failures;
        self.failure_notices += other.failure_notices;
        self.delay_notices += other.delay_notices;
        self.relay_notices += other.relay_notices;
        self.undeliverable_notices += other.undeliverable_notices;
    }
}

/// A submission whose `250` was seen.
pub(crate) struct Submitted {
    /// Empty: the null reverse path.
    pub(crate) sender: String,
    /// The `NOTIFY` of each recipient, or empty.
    pub(crate) notify: &'static str,
    pub(crate) recipients: Vec<EmailAddress>,
}

type Running = Pin<Box<dyn Future<Output = ()>>>;

/// One life of the relay's process.
struct Process {
    runner: Arc<Runner>,
    intake: Intake,
    running: Vec<Running>,
}

pub(crate) struct World {
    chance: SeededRandomness,
    clock: Arc<ManualClock>,
    pub(crate) store: MemoryStore,
    senders: Senders,
    pub(crate) mx: Arc<Mx>,
    process: Process,
    lives: u64,
    pub(crate) tally: Tally,
    users: Vec<(String, String, String)>,
    /// Marks whose `250` was seen, with what was submitted; and marks that were refused.
    pub(crate) accepted: HashMap<String, Submitted>,
    refused: Vec<String>,
}

impl World {
    /// Lives through the world of a seed, and checks it at its end.
    pub(crate) async fn live(seed: u64) -> Tally {
        let mut world = Self::begin(seed).await;
        for _ in 0..EVENTS {
            world.something_happens().await;
        }
        world.calm_down().await;
        world.judge().await;
        world.tally
    }

    async fn begin(seed: u64) -> Self {
        let chance = SeededRandomness::new(seed);
        let store = MemoryStore::new();
        let senders = Senders::seeded(Arc::new(store.clone()), seed);
        let clock = Arc::new(ManualClock::at(Timestamp::from_second(1_800_000_000).expect("a time")));
        let mx = Arc::new(Mx {
            chance: SeededRandomness::new(seed ^ 0x5eed),
            clock: Arc::clone(&clock),
            store: store.clone(),
            received: Mutex::default(),
            told: Mutex::default(),
            seen: Mutex::default(),
            calm: false.into(),
        });
        let process = Process::start(&store, &clock, &mx, seed, 0).await;
        let mut world = Self {
            chance,
            clock,
            store,
            senders,
            mx,
            process,
            lives: 1,
            tally: Tally::default(),
            users: Vec::new(),
            accepted: HashMap::new(),
            refused: Vec::new(),
        };
        for domain in ["one.test", "two.test"] {
            world.senders.add_domain(domain).await.expect("a domain");
            let sender = world.senders.add_user(domain).await.expect("a user");
            world.users.push((domain.to_owned(), sender.user.username.to_string(), sender.password.clone()));
        }
        world
    }

    async fn something_happens(&mut self) {
        match self.chance.below(20) {
            0..=6 => self.somebody_sends().await,
            7..=14 => self.the_relay_works(4).await,
            15 => {
                self.clock.advance(Duration::from_secs(self.chance.below(3600) as u64));
            }
            16 => self.store.fail_with(None),
            17 => self.a_password_is_reset().await,
            18 => self.an_operator_acts().await,
            _ => self.the_process_dies().await,
        }
        self.clock.advance(Duration::from_millis(self.chance.below(2000) as u64));
    }

    async fn somebody_sends(&mut self) {
        let (domain, username, password) = self.users[self.chance.below(self.users.len())].clone();
        let mark = format!("m{}", self.accepted.len() + self.refused.len());
        let honest = self.chance.below(5) != 0;
        let from = if honest { format!("app@{domain}") } else { format!("app@sub.{domain}") };
        let mut recipients: Vec<String> = (0..=self.chance.below(4))
            .map(|n| {
                let local = if self.chance.below(6) == 0 { "nobody".to_owned() } else { format!("r{n}") };
                format!("{local}@d{}.test", self.chance.below(3))
            })
            .collect();
        recipients.sort();
        recipients.dedup();
        let sender = match self.chance.below(8) {
            0 => String::new(),
            // What it is told cannot be delivered, and must cause nothing more.
            1 => format!("nobody@{domain}"),
            _ => format!("app@{domain}"),
        };
        let notify = ["", "", "NEVER", "SUCCESS,FAILURE"][self.chance.below(4)];
        let submission = Submission {
            username,
            password,
            sender: sender.clone(),
            from,
            recipients: recipients.clone(),
            notify,
            mark: mark.clone(),
        };
        if submit(&self.senders, &self.process.intake, &submission).await {
            assert!(honest, "law 4: {mark} was accepted with a From: of a subdomain");
            let recipients = recipients.iter().map(|r| r.parse().expect("an address")).collect();
            self.accepted.insert(mark, Submitted { sender, notify, recipients });
            self.tally.accepted += 1;
        } else {
            self.refused.push(mark);
            self.tally.refused += 1;
        }
    }

    /// Steps the runner and moves what runs, a little.
    async fn the_relay_works(&mut self, turns: usize) {
        for _ in 0..turns {
            let step = self.process.runner.step().await;
            for job in step.jobs {
                self.process.start_job(job);
            }
            self.process.turn().await;
        }
    }

    async fn a_password_is_reset(&mut self) {
        self.store.fail_with(None);
        let n = self.chance.below(self.users.len());
        let username = self.users[n].1.parse().expect("a username");
        let issued =
            users::reset_password(self.senders.ports(), &Actor::System, &username).await.expect("a reset");
        self.users[n].2 = issued.password.reveal().expect("text").to_string();
    }

    /// Holds, releases, pauses or resumes, and always undoes it sooner or later.
    async fn an_operator_acts(&mut self) {
        use outgate_core::store::{PauseScope, Queue, Selector};
        self.store.fail_with(None);
        let (now, who) = (self.clock.now(), Actor::System);
        let destination = outgate_core::Destination::new(&format!("d{}.test", self.chance.below(3)));
        let all = Selector::Destination(destination.clone());
        let scope = PauseScope::Destination(destination);
        let done = match self.chance.below(5) {
            0 => self.store.hold(&all, &who, now).await.map(|_| ()),
            1 => self.store.release(&all, &who, now).await.map(|_| ()),
            2 => self.store.pause(&scope, &who, now).await,
            3 => self.store.retry(&all, &who, now).await.map(|_| ()),
            _ => self.store.resume(&scope, &who, now).await,
        };
        done.expect("a store that works");
    }

    /// The process dies: what was running is gone, what was kept is not.
    async fn the_process_dies(&mut self) {
        self.store.fail_with(None);
        self.tally.crashes += 1;
        let seed = u64::from_le_bytes(self.bytes());
        self.process = Process::start(&self.store, &self.clock, &self.mx, seed, self.lives).await;
        self.lives += 1;
    }

    fn bytes(&self) -> [u8; 8] {
        let mut bytes = [0; 8];
        self.chance.fill(&mut bytes);
        bytes
    }

    async fn calm_down(&mut self) {
        use outgate_core::store::{PauseScope, Queue, Selector};
        self.mx.calm.store(true, Ordering::Relaxed);
        self.store.fail_with(None);
        for n in 0..3 {
            let destination = outgate_core::Destination::new(&format!("d{n}.test"));
            let now = self.clock.now();
            self.store
                .resume(&PauseScope::Destination(destination.clone()), &Actor::System, now)
                .await
                .expect("resume");
            self.store
                .release(&Selector::Destination(destination), &Actor::System, now)
                .await
                .expect("release");
        }
        for _ in 0..CALM_HOURS {
            self.the_relay_works(8).await;
            self.clock.advance(Duration::from_hours(1));
        }
        let summary = self.store.summary().await.expect("a store that works");
        assert_eq!((summary.pending, summary.deferred, summary.held), (0, 0, 0), "something never ended");
        let seen = *self.mx.seen.lock().unwrap();
        self.tally.deferrals = seen.deferrals;
        self.tally.stalls = seen.stalls;
        self.tally.lost_answers = seen.lost_answers;
        self.tally.store_failures = seen.store_failures;
    }
}

impl Process {
    async fn start(
        store: &MemoryStore,
        clock: &Arc<ManualClock>,
        mx: &Arc<Mx>,
        seed: u64,
        life: u64,
    ) -> Self {
        let store: Arc<dyn Store> = Arc::new(store.clone());
        let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
        let randomness: Arc<dyn Randomness> = Arc::new(SeededRandomness::new(seed));
        let runner = Runner::new(RunnerParts {
            store: Arc::clone(&store),
            carrier: Arc::clone(mx) as Arc<dyn outgate_queue::Carrier>,
            signer: Arc::new(NoSigner),
            clock: Arc::clone(&clock),
            randomness: Arc::clone(&randomness),
            law: RetryLaw::default(),
            notices: Notices { hostname: "relay.test".into(), delay_after: LATE },
            holder: Holder(format!("life {life}").into()),
            budget: ByteBudget::new(1 << 20),
        });
        runner.take_over().await.expect("a store that works");
        let intake = Intake::new(store, Arc::clone(&runner), clock, randomness, "relay.test".into());
        Self { runner, intake, running: Vec::new() }
    }

    fn start_job(&mut self, job: Job) {
        let runner = Arc::clone(&self.runner);
        self.running.push(Box::pin(async move { runner.run(job).await }));
    }

    /// Polls everything that runs once.
    async fn turn(&mut self) {
        let mut running = std::mem::take(&mut self.running);
        std::future::poll_fn(|context| {
            running.retain_mut(|job| job.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        self.running = running;
    }
}
