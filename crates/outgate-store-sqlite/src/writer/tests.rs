//! The writer by itself, on tables of its own.

use super::*;
use crate::{connect, row};
use outgate_core::store::DirectoryError;
use std::{path::PathBuf, sync::mpsc, time::Duration};

type Answer<T> = Result<T, DirectoryError>;

/// A writer on a table of numbers whose constraints can be broken at once (`CHECK`) or at the commit (`REFERENCES`).
struct Bench {
    writer: Writer,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new(set_up: impl FnOnce(&Connection)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bench.db");
        let seed = Connection::open(&path).unwrap();
        seed.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        seed.execute_batch(
            "CREATE TABLE t (n INTEGER CHECK (n != 13), b BLOB,
                             other INTEGER REFERENCES p (n) DEFERRABLE INITIALLY DEFERRED);
             CREATE TABLE p (n INTEGER PRIMARY KEY)",
        )
        .unwrap();
        let connection = connect::writer(&path).unwrap();
        set_up(&connection);
        let writer = Writer::start(&path, connection, Arc::default()).unwrap();
        Self { writer, path, _folder: folder }
    }

    fn kept(&self) -> Vec<i64> {
        let reader = connect::reader(&self.path).unwrap();
        row::all(&reader, "SELECT n FROM t ORDER BY n", [], |row| row.get(0)).unwrap()
    }

    async fn put(&self, number: i64) -> Answer<()> {
        self.writer.run(0, move |tx| put(tx, number)).await
    }
}

fn put(tx: &Connection, number: i64) -> Result<(), Stop<DirectoryError>> {
    Ok(row::run(tx, "INSERT INTO t (n) VALUES (?1)", [number]).map(drop)?)
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Keeps the writer at work from `begun` until told, so that what is asked meanwhile comes in one batch.
fn stall(bench: &Bench) -> (impl Future<Output = Answer<()>>, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (go, told) = mpsc::channel();
    let (begins, begun) = mpsc::channel();
    let stalled = bench.writer.run(0, move |_| {
        begins.send(()).unwrap_or_default();
        // Told, or the one who tells is gone.
        told.recv().unwrap_or_default();
        Ok(())
    });
    (stalled, begun, go)
}

/// Runs verbs in one batch.
fn together<T: Send>(bench: &Bench, verbs: Vec<std::pin::Pin<Box<dyn Future<Output = T> + '_>>>) -> Vec<T> {
    wait(async {
        let (stalled, begun, go) = stall(bench);
        let mut begun = Some(begun);
        let mut stalled = Some(Box::pin(stalled));
        let mut verbs = verbs;
        let mut answers: Vec<Option<T>> = verbs.iter().map(|_| None).collect();
        let mut go = Some(go);
        std::future::poll_fn(|cx| {
            if stalled.as_mut().is_some_and(|stalled| stalled.as_mut().poll(cx).is_ready()) {
                stalled = None;
            }
            if let Some(begun) = begun.take() {
                begun.recv().unwrap();
            }
            for (verb, answer) in verbs.iter_mut().zip(&mut answers) {
                if answer.is_none()
                    && let std::task::Poll::Ready(ready) = verb.as_mut().poll(cx)
                {
                    *answer = Some(ready);
                }
            }
            go = None;
            if answers.iter().all(Option::is_some) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        answers.into_iter().flatten().collect()
    })
}

#[test]
fn a_refusal_undoes_its_own_verb_and_no_other() {
    let bench = Bench::new(|_| {});
    let half_way = bench.writer.run(0, |tx| {
        put(tx, 7)?;
        Err::<(), _>(DirectoryError::UserNotFound.into())
    });
    let broken = bench.writer.run(0, |tx| {
        put(tx, 8)?;
        put(tx, 13)
    });
    let answers = together(
        &bench,
        vec![
            Box::pin(bench.put(1)),
            Box::pin(half_way),
            Box::pin(bench.put(2)),
            Box::pin(broken),
            Box::pin(bench.put(3)),
        ],
    );
    assert!(
        matches!(
            answers.as_slice(),
            [Ok(()), Err(DirectoryError::UserNotFound), Ok(()), Err(DirectoryError::Store(_)), Ok(())]
        ),
        "{answers:?}"
    );
    assert_eq!(bench.kept(), [1, 2, 3]);
}

#[test]
fn a_verb_that_panics_takes_nobody_along() {
    let bench = Bench::new(|_| {});
    let panics = bench.writer.run(0, |tx| {
        put(tx, 9)?;
        panic!("on purpose")
    });
    let answers: Vec<Answer<()>> =
        together(&bench, vec![Box::pin(bench.put(1)), Box::pin(panics), Box::pin(bench.put(2))]);
    assert!(matches!(answers.as_slice(), [Ok(()), Err(DirectoryError::Store(_)), Ok(())]), "{answers:?}");
    assert_eq!(bench.kept(), [1, 2]);
}

#[test]
fn a_commit_that_fails_is_nobodys_success() {
    let bench = Bench::new(|_| {});
    let spoiler =
        bench.writer.run(0, |tx| Ok(row::run(tx, "INSERT INTO t (n, other) VALUES (5, 99)", []).map(drop)?));
    let refused = bench.writer.run(0, |_| Err::<(), _>(DirectoryError::UserNotFound.into()));
    let answers: Vec<Answer<()>> =
        together(&bench, vec![Box::pin(bench.put(1)), Box::pin(refused), Box::pin(spoiler)]);
    let failed =
        |answer: &Answer<()>| matches!(answer, Err(DirectoryError::Store(StoreError::Unavailable(_))));
    assert!(answers.iter().all(failed), "{answers:?}");
    assert_eq!(bench.kept(), [] as [i64; 0]);
    wait(bench.put(2)).unwrap();
    assert_eq!(bench.kept(), [2]);
}

#[test]
fn a_full_medium_is_told_and_intake_resumes() {
    let bench = Bench::new(|connection| {
        connection.pragma_update_and_check(None, "max_page_count", 8, |_| Ok(())).unwrap();
    });
    let big = || {
        bench.writer.run(1 << 20, |tx| -> Result<(), Stop<DirectoryError>> {
            Ok(row::run(tx, "INSERT INTO t (n, b) VALUES (1, zeroblob(1 << 20))", []).map(drop)?)
        })
    };
    assert_eq!(wait(big()), Err(StoreError::Full.into()));
    assert_eq!(bench.kept(), [] as [i64; 0]);
    wait(bench.writer.run(0, |tx| -> Result<(), Stop<DirectoryError>> {
        tx.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(()))?;
        Ok(())
    }))
    .unwrap();
    wait(big()).unwrap();
    assert_eq!(bench.kept(), [1]);
}

#[test]
fn another_process_that_writes_too_long_is_told_and_waited_for() {
    let bench = Bench::new(|connection| connection.busy_timeout(Duration::ZERO).unwrap());
    let other = Connection::open(&bench.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = wait(bench.put(1));
    assert!(matches!(answer, Err(DirectoryError::Store(StoreError::Unavailable(_)))), "{answer:?}");
    other.execute_batch("COMMIT").unwrap();
    wait(bench.put(2)).unwrap();
    assert_eq!(bench.kept(), [2]);
}

/// Asks, and does not wait.
async fn begin(asked: std::pin::Pin<&mut impl Future>) {
    let mut asked = asked;
    std::future::poll_fn(|cx| {
        assert!(asked.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
}

#[test]
fn what_nobody_waits_for_is_not_begun_if_it_may_lapse() {
    let bench = Bench::new(|_| {});
    wait(async {
        let (stalled, begun, go) = stall(&bench);
        let mut stalled = std::pin::pin!(stalled);
        begin(stalled.as_mut()).await;
        begun.recv().unwrap();
        begin(std::pin::pin!(bench.writer.run_while_wanted(0, |tx| put(tx, 1)))).await;
        begin(std::pin::pin!(bench.put(2))).await;
        go.send(()).unwrap();
        stalled.await.unwrap();
        bench.writer.run_while_wanted(0, |tx| put(tx, 3)).await.unwrap();
    });
    assert_eq!(bench.kept(), [2, 3]);
}

#[test]
fn what_was_asked_before_the_end_is_written() {
    let bench = Bench::new(|_| {});
    let (reply, answer) = oneshot::channel::<Answer<()>>();
    let verb = Waiting { bytes: 0, lapses: false, work: |tx: &Connection| put(tx, 1), found: None, reply };
    assert!(bench.writer.queue.as_ref().unwrap().try_send(Box::new(verb)).is_ok());
    let Bench { writer, path, _folder } = bench;
    drop(writer);
    answer.blocking_recv().unwrap().unwrap();
    let found = row::first(&connect::reader(&path).unwrap(), "SELECT n FROM t", [], |row| row.get(0));
    assert_eq!(found.unwrap(), Some(1));
}

#[test]
fn commits_are_counted_with_what_they_brought() {
    let bench = Bench::new(|connection| connection.busy_timeout(Duration::ZERO).unwrap());
    let brings = |number| bench.writer.run(100, move |tx| put(tx, number));
    together(&bench, vec![Box::pin(brings(1)), Box::pin(brings(2))]);
    let other = Connection::open(&bench.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    wait(bench.put(3)).unwrap_err();
    let counts = bench.writer.commits.read();
    // The verb that kept the writer at work went alone.
    assert_eq!((counts.done, counts.failed, counts.verbs, counts.bytes), (2, 1, 3, 200));
    assert!(counts.time > Duration::ZERO);
}
