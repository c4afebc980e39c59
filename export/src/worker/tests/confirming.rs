//! A batch that was accepted is not sent again while the question whether it is safe cannot be asked.

use super::*;

/// How often the collector got a batch of one record until its receipt, if it answers the first questions like this.
fn posts(refusals: Vec<Response>, unnumbered: bool) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let world = Shared::default();
    *world.lock().unwrap() = World {
        ledger: Some(LedgerName::Events),
        entries: vec![json!({"kind": "note"})],
        lines_max: 9,
        acks: Some(Vec::new()),
        refusals: refusals.into(),
        unnumbered,
        ..World::default()
    };
    paused().block_on(async {
        tokio::select! {
            ended = worker(&world, dir.path(), 7, "beginning").run() => panic!("the worker ended: {ended:?}"),
            () = until_done(&world) => {}
        }
    });
    let world = world.lock().unwrap();
    check(&world);
    assert!(world.refusals.is_empty());
    world.taken[&0].len()
}

#[test]
fn a_parked_question_is_asked_again_and_the_batch_is_not_sent_again() {
    assert_eq!(posts(vec![answer(403, &json!({"code": 1})); 5], false), 1);
}

#[test]
fn a_question_that_nobody_answers_outlasts_the_time_in_which_a_batch_is_lost() {
    assert_eq!(posts(vec![answer(503, &json!({"code": 9})); 30], false), 1);
}

#[test]
fn a_batch_whose_number_is_forgotten_is_sent_again() {
    assert_eq!(posts(vec![answer(400, &json!({"code": 11}))], false), 2);
}

#[test]
fn a_batch_without_a_number_is_sent_again_once_batches_are_numbered() {
    assert_eq!(posts(vec![answer(400, &json!({"code": 14})); 5], true), 2);
}

#[test]
fn a_sink_that_waits_for_an_acknowledgement_says_so_and_its_lag_grows() {
    let dir = tempfile::tempdir().unwrap();
    let world = Shared::default();
    *world.lock().unwrap() = World {
        ledger: Some(LedgerName::Events),
        entries: vec![json!({"kind": "note"})],
        faults: vec![Fault::Unacknowledged].into(),
        acks: Some(Vec::new()),
        lines_max: 9,
        ..World::default()
    };
    let mut worker = worker(&world, dir.path(), 7, "beginning");
    let settings = json!({"name": "siem", "type": "splunk_hec", "url": "https://splunk.acme.example", "gzip": false,
        "acknowledge": true, "token": format!("file:{}", dir.path().join("token").display())});
    worker.config = SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
    worker.sender = sender(&worker.config, &world).into();
    let status = worker.status.clone();
    let now = || status.lock().unwrap().clone();
    paused().block_on(async {
        let mut run = std::pin::pin!(worker.run());
        let _ = timeout(Duration::from_secs(5), &mut run).await;
        assert_eq!((now().blocked_since, now().lag), (None, 1), "that is how long indexers take");
        let _ = timeout(Duration::from_mins(1), &mut run).await;
        let waiting = now();
        assert!(waiting.blocked_since.is_some() && waiting.last_error.is_none() && waiting.last_ack.is_none());
        world.lock().unwrap().entries.extend(vec![json!({"kind": "note"}); 2]);
        let _ = timeout(Duration::from_secs(10), &mut run).await;
        assert_eq!(now().lag, 3);
        let _ = timeout(Duration::from_mins(10), &mut run).await;
    });
    let status = now();
    assert!(status.blocked_since.is_none() && status.last_ack.is_some() && status.lag == 0, "{status:?}");
}
