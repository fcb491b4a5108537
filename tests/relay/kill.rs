//! The kill test: the relay is killed with SIGKILL at random moments under load. Every message whose `250` the client
//! saw arrives; none arrives whose final dot was never sent; duplicates stay within what a crash may cost.
//!
//! Twenty kills; with `OUTGATE_TESTS_LONG` set (`tests/run --long`) two hundred over 100,000 messages.

use outgate_tests::{Program, Relay, binaries, peers, ports, wait};
use rustix::process::Signal;
use serde_json::Value;
use std::{env, fs, net::Ipv4Addr, net::SocketAddr, path::Path, process::Command, thread, time::Duration};

/// Messages of one outbound connection that may be delivered and not yet settled when the relay is killed: one whose
/// `250` is on its way, and one in the pipeline behind it.
const UNSETTLED_PER_CONNECTION: u64 = 2;
/// How long the queue may take to empty once the killing is over.
const DRAIN_LIMIT: Duration = Duration::from_mins(5);
/// Sessions that submit at the same time.
const SESSIONS: &str = "16";
/// Each so-many-th message is broken off before its final dot: none of these may arrive.
const ABANDON_EVERY: &str = "37";

struct Plan {
    kills: u64,
    messages: u64,
    /// Milliseconds between a start and the kill: at least, and at most so many more.
    life: (u64, u64),
}

fn plan() -> Plan {
    if env::var_os("OUTGATE_TESTS_LONG").is_some() {
        Plan { kills: 200, messages: 100_000, life: (50, 1500) }
    } else {
        Plan { kills: 20, messages: 4_000, life: (20, 600) }
    }
}

#[test]
fn nothing_acknowledged_is_lost() {
    let plan = plan();
    let sink = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
    let mut relay = Relay::to(sink);
    relay.add_domain("sender.test");
    let file = |name: &str| relay.folder().join(name);
    let (acked, dotted, received, secret) = (file("acked"), file("dotted"), file("received"), file("secret"));
    let user = relay.add_user("sender.test", "load");
    fs::write(&secret, &user.password).unwrap();

    let mut command = Command::new(binaries::outgate_bench());
    command.args(["sink", "--listen", &sink.to_string(), "--received"]).arg(&received);
    let mut taker = Program::start(&command, &file("sink.json"));
    let mut command = Command::new(binaries::outgate_bench());
    command
        .args(["load", "--server", &relay.implicit_tls().to_string(), "--tls", "implicit", "--run", "kill"])
        .args(["--user", &user.username, "--password-file"])
        .arg(&secret)
        .args([
            "--sessions",
            SESSIONS,
            "--messages",
            "1000000000",
            "--size",
            "2048",
            "--per-connection",
            "20",
        ])
        .args(["--patience", "600", "--abandon-every", ABANDON_EVERY, "--acked"])
        .arg(&acked)
        .arg("--dotted")
        .arg(&dotted);
    let mut load = Program::start(&command, &file("load.json"));

    let seed = env::var("OUTGATE_TESTS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_121);
    let mut chance = Chance(seed);
    for kill in 0..plan.kills {
        // Each life takes its share of the messages, so that the kills are spread over all of them.
        let share = plan.messages * kill / plan.kills;
        wait::for_it(DRAIN_LIMIT, "acknowledged messages", || lines(&acked) >= share);
        thread::sleep(Duration::from_millis(plan.life.0 + chance.below(plan.life.1)));
        assert!(load.runs() && taker.runs(), "load and sink run: {} {}", load.output(), taker.output());
        relay.kill();
        relay.start();
    }
    wait::for_it(DRAIN_LIMIT, "the last messages", || lines(&acked) >= plan.messages);
    load.signal(Signal::TERM);
    load.ended(DRAIN_LIMIT).expect("the load ends");
    relay.drained(DRAIN_LIMIT);
    taker.signal(Signal::TERM);
    taker.ended(DRAIN_LIMIT).expect("the sink ends");

    let account: Value = serde_json::from_str(taker.output().trim()).expect("the sink's report");
    let verdict = verify(&acked, &dotted, &received);
    let count = |name: &str| verdict[name].as_u64().unwrap_or_else(|| panic!("{name} in {verdict}"));
    let connections = account["most_connections"].as_u64().expect("connections");
    let bound = plan.kills * connections * UNSETTLED_PER_CONNECTION;
    peers::say(&format!(
        "kill test: {} kills, seed {seed}, {} acknowledged, {} received: losses {}, phantoms {}, duplicates {} \
         (at most {bound}: {UNSETTLED_PER_CONNECTION} for each of {connections} connections and kill)",
        plan.kills,
        count("acknowledged"),
        count("received"),
        count("losses"),
        count("phantoms"),
        count("duplicates"),
    ));
    assert!(count("acknowledged") >= plan.messages);
    assert_eq!(count("losses"), 0, "acknowledged and never arrived: {verdict}");
    assert_eq!(count("phantoms"), 0, "arrived though the final dot was never sent: {verdict}");
    assert_eq!((&account["damaged"], &account["foreign"]), (&0.into(), &0.into()), "{account}");
    assert!(count("duplicates") <= bound, "{verdict}");
    assert!(count("received") < lines(&dotted) + plan.kills, "the files are what they should be");
}

fn verify(acked: &Path, dotted: &Path, received: &Path) -> Value {
    let mut command = Command::new(binaries::outgate_bench());
    command
        .arg("verify")
        .arg("--acked")
        .arg(acked)
        .arg("--dotted")
        .arg(dotted)
        .arg("--received")
        .arg(received);
    let output = command.output().expect("running outgate-bench");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn lines(path: &Path) -> u64 {
    fs::read_to_string(path).map_or(0, |text| text.lines().count() as u64)
}

/// Random enough moments, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
