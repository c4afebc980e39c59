//! Delivery to the real push interface over a real socket, through a proxy that loses and cuts what passes.

mod world;

use ledger::Store;
use proptest::prelude::*;

use super::Standing;
use world::{Edge, Fault, World, copy_directory};

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

fn numbered(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|number| format!("record {number}")).collect()
}

fn faults() -> impl Strategy<Value = Vec<(bool, Fault)>> {
    let fault = prop_oneof![
        Just(Fault::LoseAnswer),
        (0..1_500_usize).prop_map(Fault::Cut),
        Just(Fault::Closed),
        prop_oneof![Just(429_u16), Just(503), Just(507), Just(502)].prop_map(Fault::Answer),
        prop_oneof![Just(503_u16), Just(502)].prop_map(Fault::AnswerAfter),
        Just(Fault::Restart),
        Just(Fault::RestartEdge),
    ];
    prop::collection::vec((any::<bool>(), fault), 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn each_record_is_recorded_once_through_faults_and_restarts(faults in faults()) {
        let recorded = block(async {
            let mut world = World::new().await;
            let mut edge = world.edge();
            let mut next = 0;
            for (is_other, fault) in faults {
                match fault {
                    Fault::Restart => world.restart().await,
                    Fault::RestartEdge => {
                        edge.kill().await;
                        edge = world.edge();
                    }
                    Fault::Answer(_) | Fault::AnswerAfter(_) => world.requests.lock().unwrap().push_back(fault),
                    _ => world.connections.lock().unwrap().push_back(fault),
                }
                edge.append(if is_other { "b" } else { "a" }, &numbered(next..next + 5)).await;
                next += 5;
            }
            edge.drained().await;
            edge.kill().await;
            let mut recorded = world.recorded();
            // Records of one collector are in order, whatever the others do.
            recorded.sort_by_key(|(collector, _)| collector.clone());
            let of = |name: &str| -> Vec<u64> {
                let of = recorded.iter().filter(|(collector, _)| collector == name);
                of.map(|(_, record)| record.trim_start_matches("record ").parse().unwrap()).collect()
            };
            assert!(of("a").is_sorted() && of("b").is_sorted());
            let mut all = [of("a"), of("b")].concat();
            all.sort_unstable();
            world.stop().await;
            (all, next)
        });
        prop_assert_eq!(recorded.0, (0..recorded.1).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_refused_for_good_is_set_aside_and_holds_nobody_up() {
    let mut world = World::new().await;
    // The bundle is refused, then each record alone: the first, and the second of three.
    let answers = [Fault::Answer(413), Fault::None, Fault::Answer(400), Fault::None, Fault::None];
    world.requests.lock().unwrap().extend(answers);
    let edge = world.edge();
    edge.append("a", &numbered(0..3)).await;
    edge.drained().await;
    let records: Vec<String> = world.recorded().into_iter().map(|(_, record)| record).collect();
    assert_eq!(records, ["record 0", "record 2"]);
    let aside = std::fs::read_to_string(world.directory.path().join("spool/aside/a.jsonl")).unwrap();
    assert!(aside.lines().count() == 1 && aside.contains("\"number\":1,\"status\":400"), "{aside}");
    edge.append("a", &numbered(3..4)).await;
    edge.drained().await;
    assert_eq!(world.recorded().len(), 3);
    edge.kill().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_must_change_holds_up_one_collector_alone() {
    let mut world = World::new().await;
    let edge = world.edge();
    edge.append("stranger", &numbered(0..1)).await;
    edge.append("a", &numbered(1..2)).await;
    edge.drained().await;
    edge.kill().await;
    // It is there since the start now.
    let edge = world.edge();
    edge.says("stranger", "no collector of this name").await;
    edge.append("b", &numbered(2..3)).await;
    edge.until(|| world.recorded().len() == 2).await;
    edge.kill().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_token_goes_on_and_a_copy_of_the_spool_is_told() {
    let mut world = World::new().await;
    let (spool, copy) = (world.directory.path().join("spool"), world.directory.path().join("copy"));
    let edge = world.edge();
    edge.append("a", &numbered(0..3)).await;
    edge.drained().await;
    edge.kill().await;
    copy_directory(&spool, &copy);
    std::fs::write(world.directory.path().join("token"), "rotated").unwrap();
    let edge = world.edge();
    edge.append("a", &numbered(3..6)).await;
    edge.drained().await;
    assert_eq!(world.recorded().len(), 6);
    edge.kill().await;
    // The copy counts from where it was.
    let edge = Edge::start(&copy, &world.server());
    edge.append("a", &numbered(6..7)).await;
    edge.says("a", "it is a copy").await;
    assert_eq!(world.recorded().len(), 6);
    edge.kill().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_rolled_back_is_refused_and_gets_nothing() {
    let mut world = World::new().await;
    let (old, new) = (world.directory.path().join("old"), world.directory.path().join("new"));
    let edge = world.edge();
    edge.append("a", &numbered(0..3)).await;
    edge.drained().await;
    world.stop().await;
    copy_directory(&world.data(), &old);
    world.start().await;
    edge.append("a", &numbered(3..6)).await;
    edge.drained().await;
    world.restart().await;
    edge.kill().await;
    // The newest checkpoint is seen at the start.
    let edge = world.edge();
    edge.server(|standing| *standing == Standing::Trusted).await;
    edge.kill().await;
    world.stop().await;
    std::fs::rename(world.data(), &new).unwrap();
    copy_directory(&old, &world.data());
    world.start().await;
    let edge = world.edge();
    edge.append("a", &numbered(6..9)).await;
    let standing = edge.server(|standing| matches!(standing, Standing::Refused(_))).await;
    let Standing::Refused(reason) = standing else { panic!("{standing:?}") };
    assert!(reason.contains("rolled back") && reason.matches(" batches with root ").count() == 2, "{reason}");
    assert_eq!(world.recorded().len(), 3, "nothing was sent");
    edge.kill().await;
    // The copy goes on without us, until its log is longer than the one that we know.
    for _ in 0..12 {
        world.restart().await;
        let other = Edge::start(&world.directory.path().join("other"), &world.server());
        other.append("b", &numbered(0..1)).await;
        other.drained().await;
        other.kill().await;
    }
    world.restart().await;
    let edge = world.edge();
    let standing = edge.server(|standing| matches!(standing, Standing::Refused(_))).await;
    assert!(format!("{standing:?}").contains("did not grow out of that"), "{standing:?}");
    edge.kill().await;
    // The right one is back: what waited is delivered.
    world.stop().await;
    std::fs::remove_dir_all(world.data()).unwrap();
    std::fs::rename(&new, world.data()).unwrap();
    world.start().await;
    let edge = world.edge();
    edge.drained().await;
    let records: Vec<String> = world.recorded().into_iter().map(|(_, record)| record).collect();
    assert_eq!(records, numbered(0..9));
    edge.kill().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_the_known_one_is_refused() {
    let mut world = World::new().await;
    let edge = world.edge();
    edge.server(|standing| *standing == Standing::Trusted).await;
    edge.append("a", &numbered(0..1)).await;
    edge.drained().await;
    edge.kill().await;
    world.restart().await;
    let edge = world.edge();
    edge.server(|standing| *standing == Standing::Trusted).await;
    edge.kill().await;
    world.stop().await;
    std::fs::remove_dir_all(world.data()).unwrap();
    Store::init(&world.data(), "acme.example/agents").unwrap();
    world.start().await;
    let edge = world.edge();
    let standing = edge.server(|standing| matches!(standing, Standing::Refused(_))).await;
    let text = format!("{standing:?}");
    assert!(text.contains("not signed by the key") || text.contains("no checkpoint at all"), "{text}");
    edge.kill().await;
    world.stop().await;
}
