//! A batch that was accepted is not sent again while the question whether it is safe cannot be asked.

use super::*;

/// How often the collector got a batch of one record until its receipt, if it answers the first questions like this.
fn posts(refusals: Vec<Answer>, unnumbered: bool) -> usize {
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
            ended = lane(&world, dir.path(), 7, "beginning").run() => panic!("the lane ended: {ended:?}"),
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
