//! How rare a score is: the step from the engine's scores, and from dollars where nothing else is known, to chances.
//!
//! A chance is counted, not assumed: what was seen in the team, on top of a prior that a little experience outweighs. So the
//! operator's budget of false alarms means the same for a calm team and for a restless one.

use detect_core::packed;
use operations::Money;

/// Octaves of scores: the first holds 1/2 to 1, the next 1/4 to 1/2, ….
const SCORES: usize = 12;
/// How many of a million values have a score in an octave or above: measured over the 299,347 rows of the Numenta benchmark
/// that no label calls unusual.
const SCORES_PRIOR: [f64; SCORES] =
    [1.0, 3.3, 16.7, 63.5, 231.0, 388.0, 575.0, 725.0, 932.0, 1_122.0, 1_280.0, 1_386.0];
/// As many values as the prior is worth.
const SCORES_WEIGHT: f64 = 100_000.0;

/// Octaves of dollars in five minutes: below 1, 1 to 2, 2 to 4, …, from 128.
const DOLLARS: usize = 9;
/// How many of a million spend as much or more, before anything is known of a team: an assumption, and soon outweighed.
const DOLLARS_PRIOR: [f64; DOLLARS] = [1e6, 200_000.0, 80_000.0, 20_000.0, 4_000.0, 600.0, 60.0, 6.0, 1.0];
const DOLLARS_WEIGHT: f64 = 1_000.0;

/// Scores and amounts that were seen in one team.
#[derive(Debug, Clone, Default)]
pub struct Calibration {
    scores: [u32; SCORES],
    dollars: [u32; DOLLARS],
    values: u32,
}
packed!(Calibration { scores, dollars, values });

impl Calibration {
    /// Learns one value with its score.
    pub fn note(&mut self, score: f64, amount: Money) {
        // Half of everything is forgotten before a counter is full: shares stay what they are.
        if self.values == u32::MAX {
            self.scores.iter_mut().chain(&mut self.dollars).for_each(|count| *count /= 2);
            self.values /= 2;
        }
        self.values += 1;
        if let Some(count) = octave(score).and_then(|octave| self.scores.get_mut(octave)) {
            *count += 1;
        }
        self.dollars[dollar_octave(amount)] += 1;
    }

    /// The chance that a value of this team has such a score or a higher one.
    pub fn chance(&self, score: f64) -> f64 {
        let Some(octave) = octave(score).filter(|octave| *octave < SCORES) else { return 1.0 };
        let seen: u32 = self.scores[..=octave].iter().sum();
        self.share(seen, SCORES_PRIOR[octave], SCORES_WEIGHT)
    }

    /// The chance that an agent of this team of which nothing is known spends so much or more in five minutes.
    pub fn chance_of_amount(&self, amount: Money) -> f64 {
        let octave = dollar_octave(amount);
        let seen: u32 = self.dollars[octave..].iter().sum();
        self.share(seen, DOLLARS_PRIOR[octave], DOLLARS_WEIGHT)
    }

    fn share(&self, seen: u32, prior: f64, weight: f64) -> f64 {
        (f64::from(seen) + prior * weight / 1e6) / (f64::from(self.values) + weight)
    }
}

/// How often a score can be doubled before it passes 1; nothing for scores that mean nothing.
fn octave(score: f64) -> Option<usize> {
    let mut bound = 0.5;
    for octave in 0..SCORES {
        if score >= bound {
            return Some(octave);
        }
        bound /= 2.0;
    }
    None
}

fn dollar_octave(amount: Money) -> usize {
    amount.whole_dollars().checked_ilog2().map_or(0, |octave| (octave as usize + 1).min(DOLLARS - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_fall_with_the_score_and_follow_what_was_seen() {
        let mut calibration = Calibration::default();
        let chances = |calibration: &Calibration| [0.6, 0.3, 0.07, 0.01, 0.0].map(|score| calibration.chance(score));
        let prior = chances(&calibration);
        assert!(prior.is_sorted() && prior[4] >= 1.0 && prior[0] < 2e-6);
        // A restless team: one of a hundred values scores high.
        for number in 0..100_000 {
            calibration.note(if number % 100 == 0 { 0.6 } else { 0.0 }, Money::from_dollars(3));
        }
        assert!((0.004..0.006).contains(&calibration.chance(0.6)), "{}", calibration.chance(0.6));
        assert!(chances(&calibration).is_sorted());
    }

    #[test]
    fn amounts_are_judged_by_the_team_once_it_is_known() {
        let mut calibration = Calibration::default();
        assert!(
            calibration.chance_of_amount(Money::from_dollars(40)) <= 6e-5
                && calibration.chance_of_amount(Money::from_micros(900_000)) >= 1.0
        );
        for _ in 0..10_000 {
            calibration.note(0.0, Money::from_dollars(40));
        }
        assert!(calibration.chance_of_amount(Money::from_dollars(40)) > 0.9);
    }
}
