//! Numbers by chance and the requests that are made of them: intervals of beacons, an agent that reads pages.

use crate::numbers::Numbers;

/// One request, or a command if it has no domain.
pub struct Asked {
    /// Seconds after the start.
    pub time: f64,
    /// Name of the workspace.
    pub agent: String,
    /// The method.
    pub method: &'static str,
    /// The host below the domain, with its dot.
    pub below: &'static str,
    /// The registrable domain.
    pub domain: String,
    /// The path.
    pub path: String,
}

impl Asked {
    /// A request that reads.
    pub fn new(time: f64, agent: &str, domain: &str, path: &str) -> Self {
        let (agent, domain, path) = (agent.to_owned(), domain.to_owned(), path.to_owned());
        Self { time, agent, method: "GET", below: "", domain, path }
    }
}

/// The next interval, from the period.
pub type Interval = fn(&mut Numbers, f64) -> f64;

/// Intervals as implants make them.
pub const SHAPES: [(&str, Interval); 8] = [
    ("none, and latency", |numbers, period| period + 1.5 * fraction(numbers)),
    ("20 % either way", |numbers, period| either_way(numbers, period, 0.2)),
    ("50 % either way", |numbers, period| either_way(numbers, period, 0.5)),
    ("up to 50 % less", |numbers, period| period * (1.0 - 0.5 * fraction(numbers))),
    ("up to 50 % more", |numbers, period| period * (1.0 + 0.5 * fraction(numbers))),
    ("normal, 20 %", |numbers, period| (period * (1.0 + 0.2 * normal(numbers))).max(1.0)),
    ("30 %, 5 % lost", |numbers, period| {
        let mut interval = either_way(numbers, period, 0.3);
        while numbers.below(20) == 0 {
            interval += either_way(numbers, period, 0.3);
        }
        interval
    }),
    ("by chance", exponential),
];

/// A fraction of one.
pub fn fraction(numbers: &mut Numbers) -> f64 {
    (numbers.below(1 << 32) as f64 + 0.5) / (1u64 << 32) as f64
}

/// A period with a jitter either way.
pub fn either_way(numbers: &mut Numbers, period: f64, jitter: f64) -> f64 {
    period * (1.0 - jitter + 2.0 * jitter * fraction(numbers))
}

/// A number by the normal distribution.
pub fn normal(numbers: &mut Numbers) -> f64 {
    (-2.0 * fraction(numbers).ln()).sqrt() * (std::f64::consts::TAU * fraction(numbers)).cos()
}

/// An interval between unrelated events.
pub fn exponential(numbers: &mut Numbers, mean: f64) -> f64 {
    -mean * fraction(numbers).ln()
}

/// An interval of somebody at work, with this median.
pub fn at_work(numbers: &mut Numbers, median: f64) -> f64 {
    median * (0.8 * normal(numbers)).exp()
}

/// Pages of rare domains, so many domains an hour until then: most once, some for a dozen pages, some again.
pub fn browse(numbers: &mut Numbers, agent: &str, until: f64, per_hour: f64, events: &mut Vec<Asked>) {
    let (mut time, mut known) = (0.0, 0);
    while time < until {
        time += exponential(numbers, 3_600.0 / per_hour);
        let is_known = known > 10 && numbers.below(5) == 0;
        known += u64::from(!is_known);
        let domain = format!("site{}.example", if is_known { numbers.below(known) } else { known });
        let pages = 1 + if numbers.below(4) == 0 { numbers.below(12) } else { 0 };
        let mut page = time;
        for _ in 0..pages {
            events.push(Asked::new(page, agent, &domain, &words(numbers)));
            page += at_work(numbers, 20.0);
        }
    }
}

/// A path of two words.
pub fn words(numbers: &mut Numbers) -> String {
    const WORDS: [&str; 16] = [
        "guide",
        "install",
        "errors",
        "types",
        "async",
        "macros",
        "blog",
        "news",
        "about",
        "reference",
        "tutorial",
        "faq",
        "search",
        "topics",
        "intro",
        "examples",
    ];
    let mut word = || WORDS[numbers.below(WORDS.len() as u64) as usize];
    format!("/{}/{}", word(), word())
}
