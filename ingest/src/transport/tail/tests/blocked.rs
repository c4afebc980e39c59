//! A ledger whose writer stands still while files grow.

use ledger::{SystemClock, TimeSource, Timestamp};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::*;

/// A clock that gives no time while somebody holds it: the writer asks for one with each commit.
#[derive(Debug, Default)]
struct Gate(Mutex<()>);

impl TimeSource for Gate {
    fn now(&self) -> Timestamp {
        let _open = self.0.blocking_lock();
        SystemClock.now()
    }
}

#[tokio::test(start_paused = true)]
async fn the_lag_grows_behind_a_writer_that_is_blocked() {
    let gate = Arc::new(Gate::default());
    let fixture = Fixture::new("a", Origin::Beginning).act(write("a", "1\n2\n")).await;
    let mut fixture = fixture.restart(Options { clock: gate.clone(), ..Options::default() }).await;
    let (metrics, path, now) = (fixture.metrics.clone(), fixture.path("a"), fixture.now);
    let lag = || metrics.collector("files").lag.get();
    let held = gate.0.lock().await;
    {
        let behind = fixture.tailer.behind();
        let channel = Channel::new("files", dialect::by_name("native").unwrap(), &metrics);
        let mut blocked = std::pin::pin!(behind.shown_during(&channel, fixture.tailer.step(now)));
        timeout(Duration::from_mins(1), &mut blocked).await.unwrap_err();
        assert_eq!(lag(), 4, "what is on its way is not recorded");
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"3\n").unwrap();
        timeout(Duration::from_mins(1), &mut blocked).await.unwrap_err();
        assert_eq!(lag(), 6);
        drop(held);
        blocked.await.unwrap();
    }
    let fixture = fixture.act(Step).await;
    assert_eq!((fixture.house.records(), lag()), (vec!["1".to_owned(), "2".to_owned(), "3".to_owned()], 0));
}
