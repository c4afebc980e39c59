//! Ends that receivers refuse.

use prometheus_client::registry::Registry;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_end_of_a_digest_is_counted() {
    let bench = Bench::new().await;
    let alerts: Vec<Alert> = (0..11).map(|number| alert_of(number, Severity::High)).collect();
    bench.append(&alerts).await;
    let (exporter, mut registry) = (bench.exporter(), Registry::default());
    exporter.metrics().register(&mut registry);
    let (status, stop) = (exporter.status(), CancellationToken::new());
    let running = tokio::spawn(exporter.run(stop.clone()));
    bench.until(|kinds, _| has(kinds, SENT_KIND, 1)).await;
    bench.pager.lock().unwrap().refuse = true;
    let ends: Vec<Alert> = (0..11).map(resolved).collect();
    bench.append(&ends).await;
    bench.until(|kinds, _| has(kinds, RECEIPT_KIND, 2)).await;
    stop.cancel();
    running.await.unwrap();
    let mut metrics = String::new();
    prometheus_client::encoding::text::encode(&mut metrics, &registry).unwrap();
    let count = r#"tachograph_export_ends_refused_total{sink="pager",ledger="operations"} 1"#;
    assert!(metrics.contains(count), "{metrics}");
    // No record stands for it, so it is no dead letter.
    assert!(!bench.kinds().0.contains_key(REJECTED_KIND));
    assert!(status.get()[0].last_error.as_ref().is_some_and(|error| error.contains("400")));
    bench.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_was_refused_does_not_open_what_is_over() {
    let bench = Bench::new().await;
    let exporter = bench.exporter();
    let (controls, stop) = (exporter.controls(), CancellationToken::new());
    let running = tokio::spawn(exporter.run(stop.clone()));
    bench.append(&[alert_of(1, Severity::High)]).await;
    bench.until(|kinds, _| has(kinds, SENT_KIND, 1)).await;
    bench.pager.lock().unwrap().refuse = true;
    let updated = Alert { revision: 2, state: operations::alert::State::Updated, ..alert_of(1, Severity::High) };
    bench.append(&[updated]).await;
    bench.until(|kinds, _| has(kinds, REJECTED_KIND, 1)).await;
    bench.pager.lock().unwrap().refuse = false;
    bench.append(&[Alert { revision: 3, ..resolved(1) }]).await;
    bench.until(|kinds, _| has(kinds, SENT_KIND, 2)).await;
    controls.order("pager", "local", SinkOrder::Retry).await.unwrap();
    bench.until(|kinds, _| has(kinds, REPLAYED_KIND, 1)).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(bench.sent(), [event("trigger", 1), event("resolve", 1)]);
    bench.store.stop();
}
