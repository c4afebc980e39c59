//! What is hidden when a receiver's turn comes, and told later.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_escalation_that_is_hidden_at_its_turn_reaches_its_receiver_when_the_silence_ends() {
    let mut bench = Bench::new().await;
    let triage = bench.escalating();
    bench.append(&[alert_of(1, Severity::High)]).await;
    let now = crate::status::now();
    record_notices(&triage, now.saturating_add(MINUTE * 16));
    assert_eq!(bench.kinds().0[NOTICE], 1);
    // Nobody was sent anything yet when somebody silences the alert.
    let silence = ask(
        &triage,
        json!({"action": "silence", "kind": "silence", "matchers": ["rule=egress.denied_post"],
        "reason": "a test", "ends": now.saturating_add(MINUTE * 60)}),
    );
    let (stop, running) = bench.run(&triage);
    bench.until(|kinds, _| has(kinds, HIDDEN_KIND, 2)).await;
    record_notices(&triage, crate::status::now());
    assert_eq!(bench.kinds().0[NOTICE], 1);
    ask(&triage, json!({"action": "expire", "silence": silence}));
    for _ in 0..3 {
        record_notices(&triage, crate::status::now());
    }
    bench.until(|kinds, _| has(kinds, SENT_KIND, 2)).await;
    stop.cancel();
    running.await.unwrap();
    let mut told = bench.told();
    told.sort();
    // One is told of the alert by its route, the other of the step by its name.
    assert_eq!((told, bench.kinds().0[NOTICE]), (vec!["0 trigger 1".to_owned(), "f trigger 1".to_owned()], 3));
    bench.store.stop();
}
