//! The generator speaks what the dialects understand: every record of a fleet's days and stories is one event of the kind that it is meant
//! to be, in the form that is recorded without being mended. The start of a session tells its files besides.

// Tests stop at the first thing that they did not expect; the lints are for code that users run.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use generator::{Door, Generator, Scale, Speed, Wire};
use ingest::dialect::{self, Decoded};
use ingest::event::{Drafts, Record};
use ledger::events::column;

const NOW: i64 = 1_795_262_400_000_000;

/// Records by kind. Panics at the first that is not one event.
fn kinds(wires: impl Iterator<Item = Wire>) -> BTreeMap<(&'static str, String), u64> {
    let (mut kinds, mut drafts) = (BTreeMap::new(), Drafts::new());
    for Wire { door, body, at, .. } in wires {
        let dialect = dialect::by_name(door.dialect()).unwrap();
        let record = Record::new(body.as_bytes(), dialect.encoding());
        let (decoded, mended) = dialect::decode(dialect, record, at, &mut drafts);
        assert!(decoded == Decoded::Events && mended.is_none(), "{decoded:?}: {body}");
        let told: Vec<&str> = drafts.iter().filter_map(|draft| draft.columns.text(column::KIND)).collect();
        let is_one = matches!(told.as_slice(), [_] | ["session.start", "inventory", ..]);
        assert!(is_one, "{told:?}: {body}");
        for kind in told {
            *kinds.entry((door.dialect(), kind.to_owned())).or_default() += 1;
        }
    }
    kinds
}

#[test]
fn every_record_is_what_it_is_meant_to_be() {
    for seed in 0..3 {
        let generator = Generator::new(seed, Scale { days: 8, ..Scale::default() });
        let live = generator.live(NOW, Speed::LIFE).take_while(|wire| wire.at < NOW + 120_000_000);
        let kinds = kinds(generator.baseline(NOW).flatten().chain(live));
        let coder = ["egress.http", "model.call", "model.call.end", "model.tokens", "workspace.build", "connection"];
        let hooks = [
            "session.start",
            "inventory",
            "session.end",
            "prompt",
            "tool.call",
            "command",
            "file.read",
            "file.write",
            "approval",
        ];
        let expected = coder.map(|kind| ("coder", kind)).into_iter().chain(hooks.map(|kind| ("hooks", kind)));
        let mut found: Vec<(&str, &str)> = kinds.keys().map(|(dialect, kind)| (*dialect, kind.as_str())).collect();
        let mut expected: Vec<(&str, &str)> = expected.collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "seed {seed}: {kinds:?}");
    }
    assert_eq!(Door::Coderd.dialect(), "coder");
}
