//! Anything that happens to a file in any order: each line is recorded once.

use proptest::prelude::*;

use super::*;

/// What may happen to one file that is rotated by renaming.
#[derive(Debug, Clone, Copy)]
enum Chance {
    Lines(usize),
    Rotate,
    /// The file is copied and cut.
    CopyTruncate,
    /// The newest of the rotated files is compressed.
    Pack,
    Step,
    Restart,
    Wait,
}

fn chances() -> impl Strategy<Value = Vec<Chance>> {
    let chance = prop_oneof![
        4 => (1usize..30).prop_map(Chance::Lines),
        2 => Just(Chance::Rotate),
        1 => Just(Chance::CopyTruncate),
        1 => Just(Chance::Pack),
        3 => Just(Chance::Step),
        1 => Just(Chance::Restart),
        1 => Just(Chance::Wait),
    ];
    prop::collection::vec(chance, 1..14)
}

/// Moves all rotated files to the next number.
fn rotate(fixture: &Fixture) {
    for n in (1..20).rev() {
        for ending in ["", ".gz"] {
            let name = |n: usize| fixture.path(&format!("a.{n}{ending}"));
            let _ = fs::rename(name(n), name(n + 1));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn every_line_is_recorded_once_and_in_order(chances in chances()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // What is shorter may be the same in two files by chance, and is then read again rather than lost.
            let first = format!("first {}", "=".repeat(limits::TAIL_TELLING_BYTES as usize));
            let mut fixture = Fixture::new("a", Origin::Beginning).act(write("a", &format!("{first}\n"))).await.act(Step).await;
            let mut want = vec![first];
            let is_copied = chances.iter().any(|chance| matches!(chance, Chance::CopyTruncate));
            for chance in chances {
                match chance {
                    Chance::Lines(count) => {
                        // Some have the same beginning, as lines that a program writes when it starts.
                        let lines: Vec<String> = (want.len()..want.len() + count)
                            .map(|n| format!("2026-11-28T09:00:00.{n:06}Z level=INFO msg=request number={n}"))
                            .collect();
                        fixture = fixture.act(write("a", &(lines.join("\n") + "\n"))).await;
                        want.extend(lines);
                    }
                    Chance::Rotate => {
                        rotate(&fixture);
                        let _ = fs::rename(fixture.path("a"), fixture.path("a.1"));
                    }
                    Chance::CopyTruncate => {
                        rotate(&fixture);
                        if fs::copy(fixture.path("a"), fixture.path("a.1")).is_ok() {
                            fixture = fixture.act(Cut("a")).await;
                        }
                    }
                    Chance::Pack => {
                        if fixture.path("a.1").exists() {
                            fixture = fixture.act(Pack("a.1", "a.1.gz")).await;
                        }
                    }
                    Chance::Step => fixture = fixture.act(Step).await,
                    Chance::Restart => fixture = fixture.act(Restart).await,
                    Chance::Wait => fixture = fixture.act(Wait(9)).await.act(Step).await,
                }
            }
            fixture = fixture.act(write("a", "last\n")).await.act(Step).await.act(Wait(9)).await.act(Step).await;
            want.push("last".to_owned());
            let mut found = fixture.house.records();
            if is_copied {
                // What is found in a copy after the file was read on comes later.
                found.sort_unstable();
                want.sort_unstable();
            }
            assert_eq!(found, want);
        });
    }
}
