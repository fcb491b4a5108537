use outgate_core::store::*;
use outgate_store_conformance::World;
use outgate_store_sqlite::*;
use std::{sync::Arc, time::{Duration, Instant}};

#[test]
fn timing() {
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    rt.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&folder.path().join("o.db"), &OpenOptions { create: true, ..Default::default() }).unwrap());
        let world = World::new(store.clone());
        let sender = world.add_sender("example.com").await.unwrap();
        let n: usize = std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(2000);
        let per = n / 50;
        for round in 0..4 {
            let settle = round % 2 == 1;
            let mut all = Vec::new();
            for _ in 0..50 {
                let mut mine = Vec::new();
                for _ in 0..per {
                    let mut m = world.message(&sender.right, &["a@dest.example"]).unwrap();
                    m.content = vec![b'x'; 10240].into();
                    m.lease = Some(world.lease("me"));
                    m.deliveries[0].leased = true;
                    let s = Settlement { message: m.id, holder: Holder("me".into()), results: vec![world.delivered(m.deliveries[0].id)] };
                    mine.push((m, s));
                }
                all.push(mine);
            }
            let at = world.now();
            let start = Instant::now();
            let mut tasks = Vec::new();
            for mine in all {
                let (store, right) = (store.clone(), sender.right.clone());
                tasks.push(tokio::spawn(async move {
                    let mut worst = Duration::ZERO;
                    for (m, s) in mine {
                        let t = Instant::now();
                        store.accept(&right, m, at).await.unwrap();
                        worst = worst.max(t.elapsed());
                        if settle { store.settle(s).await.unwrap(); }
                    }
                    worst
                }));
            }
            let mut worst = Duration::ZERO;
            for t in tasks { worst = worst.max(t.await.unwrap()); }
            let took = start.elapsed();
            println!("settle={settle}: {:.0}/s worst accept {worst:?}", n as f64 / took.as_secs_f64());
            let t = Instant::now();
            for _ in 0..2000 { store.standing(&sender.right).await.unwrap(); }
            for t in std::fs::read_dir("/proc/self/task").unwrap() {
                let t = t.unwrap().path();
                let name = std::fs::read_to_string(t.join("comm")).unwrap();
                let stat = std::fs::read_to_string(t.join("stat")).unwrap();
                let f: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
                if name.starts_with("sqlite") { println!("   {} user {}0ms sys {}0ms", name.trim(), f[11], f[12]); }
            }
            println!("standing idle {:?}", t.elapsed() / 2000);
            let t = Instant::now();
            for _ in 0..2000 { store.credential(&sender.user.username).await.unwrap(); }
            println!("credential idle {:?}", t.elapsed() / 2000);
            let t = Instant::now();
            for _ in 0..200 { store.next_due().await.unwrap(); store.due_destinations(at, None, 100).await.unwrap(); }
            println!("next_due+due {:?}", t.elapsed() / 200);
        }
        println!("{:?}", store.summary().await.unwrap());
        for f in std::fs::read_dir(folder.path()).unwrap() { let f = f.unwrap(); println!("{:?} {}", f.file_name(), f.metadata().unwrap().len()); }
    });
}
