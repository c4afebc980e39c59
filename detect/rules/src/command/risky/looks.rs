//! In how many ways an agent looked around on its machine within some minutes.

use detect_core::event::EventRow;
use detect_core::packed;
use detect_core::second::Second;
use effects::effect::{EffectKind, LOOKS};

/// Ways that are told by themselves.
const ALONE: [&str; 4] = [
    "it asks which privileges it could take",
    "it lists the accounts of the machine",
    "it reads what was typed before",
    "it reads who was logged in",
];

/// How one agent looked around.
#[derive(Debug, Default, Clone, Copy)]
pub struct Looks {
    /// When it began.
    since: Second,
    /// The ways, by their number in [`LOOKS`].
    ways: u32,
}

packed!(Looks { since, ways });

/// The ways in which an event looks around, as a set.
pub fn of(event: &EventRow<'_>) -> u32 {
    let mut ways = 0;
    event.each_effect(|kind, what| {
        if kind == EffectKind::Discover {
            // What intake says of a call has no words of its own, and counts as one way.
            let number = LOOKS.iter().position(|(known, _)| *known == what).unwrap_or(LOOKS.len());
            ways |= 1 << number.min(31);
        }
    });
    ways
}

impl Looks {
    /// Notes ways, and says how much all of them within the time weigh. What began longer ago begins anew.
    pub fn note(&mut self, ways: u32, second: i64, within_seconds: u32) -> u32 {
        if self.ways == 0 || !(0..=i64::from(within_seconds)).contains(&(second - self.since.get())) {
            *self = Self { since: Second::new(second), ways: 0 };
        }
        self.ways |= ways;
        self.weight()
    }

    fn weight(self) -> u32 {
        self.numbers().map(|number| LOOKS.get(number).map_or(1, |(_, weight)| *weight)).sum()
    }

    fn numbers(self) -> impl Iterator<Item = usize> {
        (0..32).filter(move |number| self.ways & (1 << number) != 0)
    }
}

/// What of the ways of one event is told by itself: what work needs hardly ever. Nothing as a rule.
pub fn telling(ways: u32) -> Option<String> {
    let alone =
        LOOKS.iter().enumerate().filter(|(number, (what, _))| ways & (1 << number) != 0 && ALONE.contains(what));
    alone.map(|(_, (what, _))| (*what).to_owned()).next()
}

/// In which ways it looked around.
pub fn sentence(looks: Looks) -> String {
    let named: Vec<&str> = looks.numbers().filter_map(|number| LOOKS.get(number)).map(|(what, _)| *what).collect();
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_count_once_and_only_within_the_time() {
        let mut looks = Looks::default();
        assert_eq!(looks.note(0b1, 100, 60), LOOKS[0].1);
        assert_eq!(looks.note(0b1, 120, 60), LOOKS[0].1, "the same again");
        assert_eq!(looks.note(0b10, 160, 60), LOOKS[0].1 + LOOKS[1].1);
        assert_eq!(looks.note(0b100, 161, 60), LOOKS[2].1, "the others are too old");
        assert_eq!(looks.note(0b1, 20, 60), LOOKS[0].1, "time that goes back begins anew");
        assert!(LOOKS.len() < 31);
        assert!(ALONE.iter().all(|alone| LOOKS.iter().any(|(what, _)| what == alone)), "they are ways");
    }
}
