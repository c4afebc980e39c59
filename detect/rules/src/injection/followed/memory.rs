//! What is remembered of one agent: what its calls named, and the latest results that carried instructions. Only parts of keyed
//! hashes are kept.

use detect_core::event::EventRow;
use detect_core::fixed_list::FixedList;
use detect_core::named::{LatestNames, Named, Requests, named, told};
use detect_core::pack::whole_seq;
use detect_core::packed;
use effects::effect::EffectKind;
use effects::text::{NameKind, Request, Sign, Signs};
use ledger::Seq;
use ledger::events::column;

use crate::limits::{TOLD_NAMES_MAX, TOLD_RESULTS_MAX};

/// The signs of a result.
pub fn signs(event: &EventRow<'_>) -> Signs {
    event.list(column::TEXT_SIGNS).filter_map(Sign::of).collect()
}

/// A result that carried instructions.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Half of where it stands; all that an engine observes stands in one shard.
    seq: u32,
    /// When it was recorded.
    pub second: u32,
    /// Its signs,
    signs: u16,
    /// and what kinds of things it asks for.
    requests: Requests,
    /// Calls since.
    pub steps: u8,
    /// The kinds of its names, two in each byte, and their hashes.
    kinds: [u8; TOLD_NAMES_MAX / 2],
    hashes: [u32; TOLD_NAMES_MAX],
    count: u8,
}

// Kinds fit into half of a byte, and names into pairs.
const _: () = assert!(NameKind::ALL.len() <= 16 && TOLD_NAMES_MAX.is_multiple_of(2));

packed!(Told { seq, second, signs, requests, steps, kinds, hashes, count });

impl Told {
    /// Where it stands, as an event at `seq` knows it.
    pub fn seq(&self, seq: Seq) -> Seq {
        whole_seq(seq, self.seq)
    }

    /// Its signs.
    pub fn signs(&self) -> Signs {
        Signs::from_bits(self.signs)
    }

    /// Whether it asks for one of these.
    pub fn asks_for(&self, requests: &[Request]) -> bool {
        self.requests.any(requests)
    }

    fn names(&self) -> impl Iterator<Item = Named> {
        let kinds = self.kinds.iter().flat_map(|pair| [pair & 0xf, pair >> 4]);
        let all = kinds.zip(self.hashes).take(usize::from(self.count));
        all.filter_map(|(kind, hash)| Some(Named { kind: *NameKind::ALL.get(usize::from(kind))?, hash }))
    }

    /// What it has in common with what a call names: what says most of where something goes first.
    pub fn shares(&self, named: &[Named]) -> Option<Named> {
        self.names().filter(|own| named.contains(own)).min_by_key(|own| own.kind)
    }

    fn keep(&mut self, is_kept: impl Fn(Named) -> bool) {
        let kept: Vec<Named> = self.names().filter(|name| is_kept(*name)).collect();
        self.set_names(&kept);
    }

    fn set_names(&mut self, names: &[Named]) {
        (self.count, self.kinds) = (0, [0; TOLD_NAMES_MAX / 2]);
        for (at, (place, name)) in self.hashes.iter_mut().zip(names).enumerate() {
            *place = name.hash;
            if let Some(pair) = self.kinds.get_mut(at / 2) {
                *pair |= (name.kind as u8) << (at % 2 * 4);
            }
            self.count += 1;
        }
    }
}

/// What is remembered of one agent.
#[derive(Debug, Default)]
pub struct Memory {
    /// What calls named.
    used: LatestNames<20>,
    /// The kinds of effects that its calls had.
    effects: u32,
    /// Half of the hash of the latest call, of which several events may tell.
    latest: u32,
    /// None for nearly all.
    told: Option<Box<FixedList<Told, TOLD_RESULTS_MAX>>>,
}

packed!(Memory { used, effects, latest, told });

impl Memory {
    /// A person said something: what it names is asked for, whatever a text told of it before.
    pub fn prompt(&mut self, event: &EventRow<'_>) {
        for name in named(event) {
            self.results_mut().iter_mut().for_each(|told| told.keep(|own| own != name));
        }
    }

    /// A call that named these was seen.
    pub fn call(&mut self, event: &EventRow<'_>, named: &[Named]) {
        for name in named {
            self.used.add(*name);
        }
        event.each_effect(|kind, _| self.effects |= bit(kind));
        let call = event.call().map_or(0, |call| call as u32);
        if call == 0 || call != self.latest {
            for told in self.results_mut() {
                told.steps = told.steps.saturating_add(1);
            }
        }
        self.latest = call;
    }

    /// Whether one of its calls had such an effect.
    pub fn had(&self, kind: EffectKind) -> bool {
        self.effects & bit(kind) != 0
    }

    /// Notes a result that carries instructions, with what neither the person nor a call named before it. What came again is what
    /// came first.
    pub fn note(&mut self, event: &EventRow<'_>, signs: Signs) {
        let person = event.person();
        let mut names: Vec<Named> = told(event).filter(|name| !person.named(*name) && !self.used.has(*name)).collect();
        names.sort_by_key(|name| name.kind);
        names.truncate(TOLD_NAMES_MAX);
        let mut told = Told {
            seq: event.position().seq.get() as u32,
            second: event.second() as u32,
            signs: signs.bits(),
            requests: Requests::of(event),
            ..Told::default()
        };
        told.set_names(&names);
        let is_same =
            |known: &Told| known.count == told.count && known.hashes == told.hashes && known.signs == told.signs;
        if self.results().iter().any(is_same) {
            return;
        }
        let all = self.told.get_or_insert_default();
        if all.as_slice().len() >= TOLD_RESULTS_MAX {
            // A request like any other gives way to what is meant for agents.
            let at = all.as_slice().iter().position(|known| !known.signs().is_for_agents()).unwrap_or(0);
            all.remove(at);
        }
        all.push(told);
    }

    fn results(&self) -> &[Told] {
        self.told.as_ref().map(|told| told.as_slice()).unwrap_or_default()
    }

    fn results_mut(&mut self) -> &mut [Told] {
        self.told.as_mut().map(|told| told.as_mut_slice()).unwrap_or_default()
    }

    /// The results that carried instructions within so many seconds before.
    pub fn told(&self, second: i64, within: u32) -> impl Iterator<Item = &Told> {
        self.results().iter().filter(move |told| second - i64::from(told.second) <= i64::from(within))
    }
}

fn bit(kind: EffectKind) -> u32 {
    1_u32.checked_shl(kind as u32).unwrap_or(0)
}
