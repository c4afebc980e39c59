//! Traces of made-up agents, healthy ones and ones with a loop at a known place: for the tests and the benchmark of
//! `loop.repeat`. The same seed gives the same trace.

#[path = "../../numbers.rs"]
mod numbers;

pub use numbers::Numbers;

/// One step: fingerprints of action and result.
pub type Step = (u64, u64);

/// A trace with where its loop is.
pub struct Trace {
    /// The steps.
    pub steps: Vec<Step>,
    /// For each round of the loop, the number of steps up to its end; none in a healthy trace.
    pub rounds: Vec<usize>,
}

/// Healthy work: new steps, now and then a look at something known (`ls`, `git status`), which has changed half of the time,
/// tests that are run again after each change, and polling whose result moves on.
pub fn healthy(numbers: &mut Numbers, len: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut version, mut looks) = (0, 0);
    while steps.len() < len {
        match numbers.below(10) {
            // Reading and searching: something new.
            0..=3 => steps.push((numbers.next(), numbers.next())),
            // A change and its test, whose result is another one.
            4..=6 => {
                version += 1;
                steps.push((numbers.next(), 1));
                steps.push((100, version));
            }
            // A look at what is known.
            7..=8 => {
                looks += numbers.below(2);
                steps.push((200 + numbers.below(6), looks));
            }
            // Polling a build: it moves on.
            _ => (0..2 + numbers.below(4)).for_each(|_| {
                version += 1;
                steps.push((300, version));
            }),
        }
    }
    steps.truncate(len);
    steps
}

/// A healthy beginning, then a loop of `period` steps for `rounds` rounds, with other steps in between: `noise` per cent of
/// all steps, of which a third is always the same few.
pub fn looping(numbers: &mut Numbers, period: usize, noise: u64, rounds: usize) -> Trace {
    let mut steps = {
        let len = 20 + numbers.below(30) as usize;
        healthy(numbers, len)
    };
    let circle: Vec<Step> = (0..period).map(|_| (numbers.next(), numbers.next())).collect();
    let few: Vec<Step> = (0..4).map(|_| (numbers.next(), numbers.next())).collect();
    let mut ends = Vec::new();
    for _ in 0..rounds {
        for step in &circle {
            while numbers.below(100) < noise {
                let known = numbers.below(100) < 33;
                steps.push(if known { few[numbers.below(4) as usize] } else { (numbers.next(), numbers.next()) });
            }
            steps.push(*step);
        }
        ends.push(steps.len());
    }
    Trace { steps, rounds: ends }
}
