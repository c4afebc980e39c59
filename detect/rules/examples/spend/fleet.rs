//! A fleet at one level of spend over four weeks: who works when, and what each call costs. What goes wrong on purpose stands in
//! `injected.rs`; nothing here knows the detector.

use crate::numbers::Numbers;

/// 2026-10-05T00:00:00Z, a Monday.
pub const START: i64 = 1_791_158_400;
pub const DAY: i64 = 86_400;
pub const HOUR: i64 = 3_600;
pub const DAYS: i64 = 28;

/// One model call.
#[derive(Debug, Clone)]
pub struct Call {
    pub second: i64,
    pub agent: usize,
    pub session: u64,
    pub micros: f64,
}

/// An agent and how it works.
#[derive(Debug, Clone)]
pub struct Agent {
    pub team: usize,
    pub template: usize,
    /// Dollars of an ordinary day.
    pub level: f64,
    /// The hour in which its day begins, and how many it has.
    begin: i64,
    hours: i64,
    weekends: bool,
    /// Sessions of a day, and the spread of what they cost.
    pub sessions: f64,
    spread: f64,
    /// The spread of its days.
    days: f64,
    /// Whether few large tasks make it up: what it costs varies tenfold by itself.
    pub restless: bool,
    /// The day on which it was hired.
    pub hired: i64,
}

/// What all its agents share.
#[derive(Debug, Clone, Default)]
pub struct Troubles {
    /// Team, first day and factor of a week of more and longer work.
    pub deadline: Option<(usize, i64, f64)>,
    /// Team and first day of three days off.
    pub holiday: Option<(usize, i64)>,
    /// The day from which every call costs so many times more.
    pub price_rise: Option<(i64, f64)>,
    /// Days of month-end work and its factor.
    pub month_end: Option<(i64, f64)>,
}

pub struct Fleet {
    pub agents: Vec<Agent>,
    pub troubles: Troubles,
    pub numbers: Numbers,
}

pub const TEAMS: usize = 4;
const AGENTS_PER_TEAM: usize = 10;

/// A number from 0 to 1.
pub fn unit(numbers: &mut Numbers) -> f64 {
    (numbers.next() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A standard normal number.
pub fn normal(numbers: &mut Numbers) -> f64 {
    let (one, other) = (unit(numbers).max(1e-12), unit(numbers));
    (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
}

/// A factor whose mean is 1.
pub fn factor(numbers: &mut Numbers, sigma: f64) -> f64 {
    (sigma * normal(numbers) - sigma * sigma / 2.0).exp()
}

fn poisson(numbers: &mut Numbers, mean: f64) -> u64 {
    if mean > 50.0 {
        return (mean + mean.sqrt() * normal(numbers)).max(0.0) as u64;
    }
    let (mut count, mut product, bound) = (0, unit(numbers), (-mean).exp());
    while product > bound {
        count += 1;
        product *= unit(numbers);
    }
    count
}

impl Fleet {
    /// A fleet whose agents spend about `level` dollars a day.
    pub fn new(seed: u64, level: f64) -> Self {
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9).wrapping_add(level as u64));
        let mut agents = Vec::new();
        for team in 0..TEAMS {
            let begin = 7 + numbers.below(4) as i64;
            for number in 0..AGENTS_PER_TEAM {
                let kind = numbers.below(10);
                let (sessions, spread, days) = match kind {
                    0..=5 => (120.0, 0.5 + 0.2 * unit(&mut numbers), 0.15),
                    6..=7 => (40.0, 0.6 + 0.3 * unit(&mut numbers), 0.25),
                    _ => (12.0, 0.9 + 0.3 * unit(&mut numbers), 0.4),
                };
                // Some build at night.
                let night = numbers.below(12) == 0;
                let hired = if number == 0 && team < 2 { 12 + numbers.below(6) as i64 } else { 0 };
                agents.push(Agent {
                    team,
                    template: team / 2,
                    level: level * factor(&mut numbers, 0.4),
                    begin: if night { 1 } else { begin + numbers.below(2) as i64 },
                    hours: if night { 4 } else { 7 + numbers.below(3) as i64 },
                    weekends: numbers.below(10) == 0,
                    sessions,
                    spread,
                    days,
                    restless: kind > 7,
                    hired,
                });
            }
        }
        let mut draw = |below: u64| numbers.below(below);
        let troubles = Troubles {
            deadline: (draw(2) == 0).then(|| (2, 14, 1.2 + draw(60) as f64 / 100.0)),
            holiday: (draw(2) == 0).then(|| (1, 9 + draw(8) as i64)),
            price_rise: (draw(3) == 0).then(|| (16 + draw(6) as i64, 1.2 + draw(90) as f64 / 100.0)),
            month_end: (draw(2) == 0).then(|| (25, 1.2 + draw(60) as f64 / 100.0)),
        };
        Self { agents, troubles, numbers }
    }

    /// All ordinary calls, by time.
    pub fn calls(&mut self) -> Vec<Call> {
        let mut calls = Vec::new();
        for number in 0..self.agents.len() {
            let agent = self.agents[number].clone();
            for day in agent.hired..DAYS {
                self.day(number, &agent, day, &mut calls);
            }
        }
        calls
    }

    /// The calls of one day of an agent.
    pub fn day(&mut self, number: usize, agent: &Agent, day: i64, calls: &mut Vec<Call>) {
        let Troubles { deadline, holiday, price_rise, month_end } = self.troubles;
        let weekend = day % 7 >= 5;
        let off = holiday.is_some_and(|(team, first)| team == agent.team && (first..first + 3).contains(&day));
        let numbers = &mut self.numbers;
        let (mut more, mut hours) = (1.0, agent.hours);
        if let Some((team, first, factor)) = deadline
            && team == agent.team
            && (first..first + 7).contains(&day)
        {
            more *= factor;
            hours += 3;
        }
        if month_end.is_some_and(|(first, _)| day >= first) {
            more *= month_end.map_or(1.0, |(_, factor)| factor);
        }
        let works = !off && (!weekend || agent.weekends || (hours > agent.hours && numbers.below(3) == 0));
        // Now and then somebody has an idea in the evening.
        let evening = numbers.below(40) == 0;
        if !works && !evening {
            return;
        }
        let price = price_rise.filter(|(first, _)| day >= *first).map_or(1.0, |(_, factor)| factor);
        let busy = factor(numbers, agent.days) * more;
        let count = if works { poisson(numbers, agent.sessions * busy).max(1) } else { 0 } + u64::from(evening);
        for session in 0..count {
            let late = evening && session == 0;
            let begin = if late { (agent.begin + agent.hours) * HOUR } else { agent.begin * HOUR };
            let span = if late { 3 * HOUR } else { hours * HOUR };
            let begin = START + day * DAY + begin + numbers.below(span as u64) as i64;
            let times = factor(numbers, agent.spread);
            let cost = 1e6 * agent.level / agent.sessions * times * price;
            let session = (number as u64) << 32 | (day as u64) << 16 | session;
            spread(numbers, number, session, begin, (times, cost), calls);
        }
    }
}

/// Calls of a session that costs what is usual.
const CALLS: f64 = 3.5;

/// The calls of one session that costs `times` the usual. One that is dear has many calls: a context window bounds what one costs.
fn spread(
    numbers: &mut Numbers,
    agent: usize,
    session: u64,
    begin: i64,
    (times, cost): (f64, f64),
    calls: &mut Vec<Call>,
) {
    let count = (CALLS * times * (0.5 + unit(numbers))).round().clamp(1.0, 2_000.0) as u64;
    let pause = 30 + numbers.below(120);
    let mut second = begin;
    for _ in 0..count {
        let micros = cost / count as f64 * factor(numbers, 0.7);
        calls.push(Call { second, agent, session, micros });
        second += 5 + numbers.below(2 * pause) as i64;
    }
}
