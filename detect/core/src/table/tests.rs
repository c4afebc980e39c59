//! The table stored and loaded behaves the same, keeps its bound, and no flood takes from a tenant that is below its share.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;

/// A table whose tenants and keys are small numbers, with what it should hold counted beside it.
struct Bench {
    table: Table<u32>,
    second: i64,
    /// Seconds between two uses.
    gap: i64,
}

impl Bench {
    fn new(limit: usize) -> Self {
        Self { table: Table::new(limit), second: 0, gap: 1 }
    }

    /// Uses a key of a tenant; says whether a key in use was pushed out by its own tenant.
    fn touch(&mut self, tenant: u64, key: u64) -> bool {
        self.touch_by(json!({"user": format!("u{tenant}")}), tenant, key)
    }

    /// The same for an event with these names.
    fn touch_by(&mut self, mut event: Value, tenant: u64, key: u64) -> bool {
        self.second += self.gap;
        event["second"] = json!(self.second);
        let rows = fixtures::rows(&[event]);
        let row = rows.get(0).unwrap();
        let mut findings = Findings::new();
        *self.table.entry(tenant << 32 | key, &EventRow::new(&row, false, fixtures::key()), &mut findings) += 1;
        findings.evicted() > 0
    }

    fn holds(&self, tenant: u64, key: u64) -> bool {
        self.table.slots.iter().any(|slot| slot.key() == tenant << 32 | key)
    }

    fn count(&self, tenant: u64) -> usize {
        self.table.slots.iter().filter(|slot| slot.key() >> 32 == tenant).count()
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.table.snapshot(&mut bytes).unwrap();
        bytes
    }
}

#[test]
fn a_flood_takes_from_its_own_tenant_and_is_noticed() {
    let mut bench = Bench::new(100);
    for key in 0..10 {
        bench.touch(1, key);
    }
    let noticed = (0..10_000).filter(|key| bench.touch(2, *key)).count();
    assert!((0..10).all(|key| bench.holds(1, key)), "the slow tenant keeps its keys");
    assert_eq!((bench.table.len(), bench.count(2)), (100, 90));
    assert_eq!(noticed, 10_000 - 90);
    assert!(!bench.touch(3, 0), "who takes from the largest floods nothing");
    assert!(bench.holds(3, 0) && bench.count(2) == 89);
}

#[test]
fn keys_that_were_long_unused_go_unnoticed() {
    let mut bench = Bench::new(10);
    let noticed = (0..100)
        .filter(|key| {
            bench.second += EVICTED_IN_USE_SECONDS;
            bench.touch(1, *key)
        })
        .count();
    assert_eq!(noticed, 0);
}

#[test]
fn the_key_that_was_used_last_stays() {
    let mut bench = Bench { gap: USED_AGAIN_SECONDS, ..Bench::new(3) };
    for key in [0, 1, 2, 0, 3] {
        bench.touch(1, key);
    }
    assert_eq!([0, 1, 2, 3].map(|key| bench.holds(1, key)), [true, false, true, true]);
}

proptest! {
    #[test]
    fn bounds_and_shares_hold_and_a_stored_table_goes_on_the_same(
        before in proptest::collection::vec((0u64..5, 0u64..12), 0..120),
        after in proptest::collection::vec((0u64..5, 0u64..12), 0..120),
        limit in 1usize..24, gap in 1i64..60,
    ) {
        let mut bench = Bench { gap, ..Bench::new(limit) };
        let step = |bench: &mut Bench, (tenant, key): (u64, u64)| {
            let counts: Vec<usize> = (0..5).map(|tenant| bench.count(tenant)).collect();
            bench.touch(tenant, key);
            let present = counts.iter().filter(|count| **count > 0).count().max(1);
            for (other, count) in counts.iter().enumerate() {
                let lost = *count > bench.count(other as u64);
                // Whoever loses had at least its fair share, and nobody had more.
                if lost {
                    prop_assert!(*count * present >= limit && counts.iter().all(|most| most <= count));
                }
            }
            prop_assert!(bench.table.len() <= limit);
            for (at, slot) in bench.table.slots.iter().enumerate() {
                prop_assert_eq!(bench.table.index.get(slot.key(), &bench.table.slots), Some(at as u32));
            }
            Ok(())
        };
        for touch in before {
            step(&mut bench, touch)?;
        }
        let mut loaded = Bench::new(limit);
        loaded.table.restore(&mut bench.bytes().as_slice()).unwrap();
        (loaded.second, loaded.gap) = (bench.second, gap);
        prop_assert_eq!(bench.bytes(), loaded.bytes());
        for touch in after {
            step(&mut bench, touch)?;
            loaded.touch(touch.0, touch.1);
        }
        prop_assert_eq!(bench.bytes(), loaded.bytes());
    }
}

#[test]
fn invented_users_take_from_their_own_token_only() {
    let mut bench = Bench::new(100);
    // Sixty agents that a control plane vouches for, more than a fair half of the table.
    for key in 0..60 {
        bench.touch_by(json!({"token": "coderd", "trust": "control_plane", "user": format!("u{key}")}), 1, key);
    }
    for key in 0..5 {
        bench.touch_by(json!({"token": "hooks", "trust": "agent", "user": "alice"}), 2, key);
    }
    let mut forged = |key: u64, token: &str| {
        let event =
            json!({"token": token, "trust": "agent", "user": format!("x{key}"), "workspace": format!("w{key}")});
        bench.touch_by(event, 3, key)
    };
    let noticed = (0..10_000).filter(|key| forged(*key, "mallory")).count();
    assert_eq!(noticed, 10_000 - 35);
    assert!((0..60).all(|key| bench.holds(1, key)) && (0..5).all(|key| bench.holds(2, key)));
    // Within a token, who has the most of its keys gives way.
    let mut bench = Bench::new(10);
    bench.touch_by(json!({"token": "shared", "trust": "agent", "user": "alice"}), 1, 0);
    for key in 0..100 {
        bench.touch_by(json!({"token": "shared", "trust": "agent", "user": "bob"}), 2, key);
    }
    assert!(bench.holds(1, 0) && bench.count(2) == 9);
}

#[test]
fn a_token_may_send_names_that_are_believed_and_names_that_are_not() {
    for names in [json!({"token": "t", "user": "alice"}), json!({"token": "t"})] {
        let mut bench = Bench::new(4);
        for key in 0..12 {
            let mut event = names.clone();
            event["trust"] = json!(["control_plane", "agent"][key as usize % 2]);
            bench.touch_by(event, 1, key);
        }
        let (bytes, mut restored) = (bench.bytes(), Table::<u32>::new(4));
        let mut input = bytes.as_slice();
        restored.restore(&mut input).unwrap();
        assert!(input.is_empty() && restored.len() == 4, "{names}");
    }
}
