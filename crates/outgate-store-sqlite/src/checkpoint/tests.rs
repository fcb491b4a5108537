//! Checkpoints by themselves, on tables of their own.

use super::*;

#[test]
fn a_log_that_grew_is_started_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let seed = Connection::open(&path).unwrap();
    seed.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    seed.execute_batch("CREATE TABLE t (b BLOB)").unwrap();
    let writer = connect::writer(&path).unwrap();
    writer.pragma_update(None, "synchronous", "OFF").unwrap();
    let shared = Shared::default();
    let mut work = Work::default();
    let fill = || {
        while std::fs::metadata(crate::header::log_of(&path)).unwrap().len() < LONG + DUE {
            writer.execute("INSERT INTO t VALUES (zeroblob(1 << 20))", []).unwrap();
        }
    };
    fill();
    assert_eq!(work.go(&path, &shared).unwrap(), 0);
    writer.execute("INSERT INTO t VALUES (1)", []).unwrap();
    let connection = work.connection.as_ref().unwrap();
    let started_over = checkpoint(connection, "PASSIVE").unwrap().bytes;
    assert!(started_over < DUE, "the log still has {started_over} bytes");
    assert!(!shared.state().barred);
}

#[test]
fn what_a_checkpoint_leaves_is_counted_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let seed = Connection::open(&path).unwrap();
    seed.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    seed.execute_batch("CREATE TABLE t (b BLOB)").unwrap();
    let (writer, reader) = (connect::writer(&path).unwrap(), connect::reader(&path).unwrap());
    reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
    writer.execute("INSERT INTO t VALUES (zeroblob(1 << 20))", []).unwrap();
    let shared = Shared::default();
    let mut work = Work::default();
    shared.wrote(5 << 20);
    assert!(shared.state().begin());
    assert_eq!(shared.unmoved(), 5 << 20, "until the checkpoint is made");
    let left = work.go(&path, &shared).unwrap();
    assert!(left > 1 << 20, "{left}");
    shared.state().left = left;
    assert_eq!(shared.unmoved(), left);
    reader.execute_batch("COMMIT").unwrap();
    assert!(shared.state().begin(), "also with nothing written since");
    assert_eq!(work.go(&path, &shared).unwrap(), 0);
    shared.state().left = 0;
    assert!(!shared.state().begin());
}

#[test]
fn the_writer_is_kept_back_only_when_the_rest_is_small() {
    let outcome =
        |left: u64, moved: u64| Outcome { busy: false, bytes: (left + moved) * FRAME, left: left * FRAME };
    let table = [
        ("little is left at once", vec![outcome(2_000, 9_000)], 0, true),
        ("each pass leaves less", vec![outcome(9_000, 1), outcome(5_000, 9), outcome(90, 99)], 2, true),
        ("a reader is in the way", vec![outcome(9_000, 5), outcome(9_500, 5)], 1, false),
        ("the writer is as fast", (1..9).map(|n| outcome(9_000, n * 9_000)).collect(), PASSES - 1, true),
    ];
    for (what, outcomes, passes, down) in table {
        let mut outcomes = outcomes.into_iter();
        let (first, mut made) = (outcomes.next().unwrap(), 0);
        let brought = bring_down(first, || {
            made += 1;
            Ok(outcomes.next().unwrap())
        });
        assert_eq!((made, matches!(brought.unwrap(), Brought::Down)), (passes, down), "{what}");
    }
}

#[test]
fn nobody_is_kept_back_while_a_reader_is_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let seed = Connection::open(&path).unwrap();
    seed.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    seed.execute_batch("CREATE TABLE t (b BLOB)").unwrap();
    let (writer, reader) = (connect::writer(&path).unwrap(), connect::reader(&path).unwrap());
    writer.pragma_update(None, "synchronous", "OFF").unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
    while header::length(&header::log_of(&path)).unwrap() < LONG + DUE {
        writer.execute("INSERT INTO t VALUES (zeroblob(1 << 20))", []).unwrap();
    }
    let mut work = Work::default();
    assert!(work.go(&path, &Shared::default()).unwrap() > LONG);
    assert_eq!(work.patience, None, "it was not even tried");
    // With little left it is tried, ever less often.
    reader.execute_batch("COMMIT; BEGIN; SELECT * FROM t").unwrap();
    work.go(&path, &Shared::default()).unwrap();
    assert_eq!(work.patience, Some(PATIENCE));
    work.not_before = None;
    work.go(&path, &Shared::default()).unwrap();
    assert_eq!(work.patience, Some(PATIENCE * 2));
    reader.execute_batch("COMMIT").unwrap();
    work.not_before = None;
    work.go(&path, &Shared::default()).unwrap();
    assert_eq!(work.patience, None);
}

#[test]
fn the_writer_passes_when_nobody_bars_it_and_waits_when_somebody_does() {
    let shared = Arc::new(Shared::default());
    shared.pass();
    shared.bar(true);
    let theirs = shared.clone();
    let waiting = std::thread::spawn(move || theirs.pass());
    assert!(!waiting.is_finished());
    shared.bar(false);
    waiting.join().unwrap();
}
