//! What goes wrong in a fleet on purpose: one of each kind in each fleet, every one on an agent of its own, with labels.

use std::collections::BTreeMap;

use crate::fleet::{Call, DAY, Fleet, HOUR, START, TEAMS, factor, unit};

pub const KINDS: [&str; 11] = [
    "hour x3",
    "hours x3",
    "hour x5",
    "hour x10",
    "runaway session",
    "dear model",
    "ramp",
    "night",
    "small calls",
    "new agent x10",
    "team",
];

/// A spike is not false for so long after it.
const AFTER: i64 = 36 * HOUR;

/// A spike: what, whose, from when to when, and until when an alert still counts as one of it.
#[derive(Debug, Clone)]
pub struct Label {
    pub kind: &'static str,
    pub team: usize,
    /// `None`: the whole team.
    pub agent: Option<usize>,
    pub begin: i64,
    pub end: i64,
    pub until: i64,
}

/// How the calls of a spike are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Division {
    /// One session makes them all, as one that runs away does.
    OneSession,
    /// As many sessions as the cost makes up, none dearer than the agent's usual ones: it just works more.
    ManySessions,
}

/// Adds one spike of each kind.
pub fn inject(fleet: &mut Fleet, division: Division, calls: &mut Vec<Call>) -> Vec<Label> {
    let mut labels = Vec::new();
    // The last agent of each team is hired on the day on which it goes wrong; the first ones may be new hires.
    let mut free: Vec<usize> = (0..fleet.agents.len()).filter(|agent| !matches!(agent % 10, 0 | 9)).collect();
    for kind in KINDS {
        let at = fleet.numbers.below(free.len() as u64) as usize;
        let agent = free.swap_remove(at);
        let label = match kind {
            "ramp" => ramp(fleet, agent, calls),
            "dear model" => dear(fleet, agent, calls),
            "new agent x10" => newcomer(fleet, calls),
            "team" => team(fleet, division, calls),
            _ => spike(fleet, agent, kind, division, calls),
        };
        labels.push(label);
    }
    labels
}

/// A working day in the third or fourth week on which the team is not off.
fn day(fleet: &mut Fleet, team: usize, first: i64, last: i64) -> i64 {
    loop {
        let day = first + fleet.numbers.below((last - first) as u64) as i64;
        let off = fleet.troubles.holiday.is_some_and(|(off, begin)| off == team && (begin..begin + 3).contains(&day));
        if day % 7 < 5 && !off {
            return day;
        }
    }
}

/// What an agent spends in an hour in which it spends, on the average of all days.
fn hourly(agent: usize, calls: &[Call]) -> f64 {
    let mut sums = BTreeMap::<i64, f64>::new();
    for call in calls.iter().filter(|call| call.agent == agent) {
        *sums.entry(call.second / HOUR).or_default() += call.micros;
    }
    sums.values().sum::<f64>() / sums.len().max(1) as f64
}

/// Calls at a steady pace.
#[derive(Clone, Copy)]
struct Pace {
    begin: i64,
    end: i64,
    /// Seconds between two calls, on average.
    pause: u64,
    /// Micro-USD an hour.
    hourly: f64,
    division: Division,
}

fn steady(fleet: &mut Fleet, agent: usize, pace: Pace, calls: &mut Vec<Call>) {
    let Pace { begin, end, pause, hourly, division } = pace;
    let mut session = 1 << 60 | (agent as u64) << 32 | begin as u64 & 0xffff_ffff;
    let mut usual = 1e6 * fleet.agents[agent].level / fleet.agents[agent].sessions;
    let (mut second, mut sum) = (begin, 0.0);
    while second < end {
        let step = pause / 2 + fleet.numbers.below(pause);
        let micros = hourly * step as f64 / HOUR as f64 * factor(&mut fleet.numbers, 0.5);
        calls.push(Call { second, agent, session, micros });
        second += step as i64;
        sum += micros;
        if division == Division::ManySessions && sum >= usual {
            // The next session costs a usual one's mean, too.
            usual = sum + 1e6 * fleet.agents[agent].level / fleet.agents[agent].sessions;
            session += 1 << 33 << 20;
        }
    }
}

fn spike(fleet: &mut Fleet, agent: usize, kind: &'static str, division: Division, calls: &mut Vec<Call>) -> Label {
    let team = fleet.agents[agent].team;
    let day = day(fleet, team, 10, 27);
    let within = HOUR / 60 * fleet.numbers.below(300) as i64;
    let more = unit(&mut fleet.numbers);
    // Factor, hours, seconds between calls.
    let (times, hours, pause) = match kind {
        "hour x3" => (3.0 + more, 1.0, 60),
        "hours x3" => (3.0 + more, 3.0, 60),
        "hour x5" => (5.0 + 2.0 * more, 1.0, 60),
        "hour x10" => (8.0 + 4.0 * more, 1.0, 60),
        "runaway session" => (3.0 + 3.0 * more, 8.0, 30),
        "small calls" => (4.0 + 3.0 * more, 2.0, 4),
        _ => (1.0 + more, 3.0, 60),
    };
    let begin = START + day * DAY + if kind == "night" { 23 * HOUR + within } else { 10 * HOUR + within };
    let end = begin + (hours * HOUR as f64) as i64;
    let hourly = times * hourly(agent, calls);
    calls.retain(|call| call.agent != agent || !(begin..end).contains(&call.second));
    steady(fleet, agent, Pace { begin, end, pause, hourly, division }, calls);
    Label { kind, team, agent: Some(agent), begin, end: end + HOUR, until: end + AFTER }
}

/// The same work with a model that costs five times as much or more, for two days.
fn dear(fleet: &mut Fleet, agent: usize, calls: &mut [Call]) -> Label {
    let team = fleet.agents[agent].team;
    let first = day(fleet, team, 10, 25) / 7 * 7 + fleet.numbers.below(3) as i64 + 1;
    let (begin, end) = (START + first * DAY, START + (first + 2) * DAY);
    let times = 5.0 + 5.0 * unit(&mut fleet.numbers);
    scale(calls, |call| call.agent == agent && (begin..end).contains(&call.second), |_| times);
    Label { kind: "dear model", team, agent: Some(agent), begin, end, until: end + AFTER }
}

/// Twice as much after each three or four days, for ten days.
fn ramp(fleet: &mut Fleet, agent: usize, calls: &mut [Call]) -> Label {
    let team = fleet.agents[agent].team;
    let begin = START + (11 + fleet.numbers.below(6) as i64) * DAY;
    let (end, doubling) = (begin + 10 * DAY, 3.0 + unit(&mut fleet.numbers));
    let grown = |call: &Call| 2_f64.powf((call.second - begin) as f64 / DAY as f64 / doubling);
    scale(calls, |call| call.agent == agent && (begin..end).contains(&call.second), grown);
    Label { kind: "ramp", team, agent: Some(agent), begin, end, until: end + AFTER }
}

fn scale(calls: &mut [Call], which: impl Fn(&Call) -> bool, times: impl Fn(&Call) -> f64) {
    for call in calls.iter_mut().filter(|call| which(call)) {
        call.micros *= times(call);
    }
}

/// An agent that begins late and costs ten times as much as others of its template.
fn newcomer(fleet: &mut Fleet, calls: &mut Vec<Call>) -> Label {
    let agent = fleet.numbers.below(TEAMS as u64) as usize * 10 + 9;
    let team = fleet.agents[agent].team;
    let begin = START + day(fleet, team, 12, 26) * DAY;
    let level = fleet.agents.iter().map(|agent| agent.level).sum::<f64>() / fleet.agents.len() as f64;
    let times = 10.0 * level / fleet.agents[agent].level;
    calls.retain(|call| call.agent != agent || call.second >= begin);
    scale(calls, |call| call.agent == agent, |_| times);
    Label { kind: "new agent x10", team, agent: Some(agent), begin, end: begin + 2 * DAY, until: START + 99 * DAY }
}

/// Everybody in a team spends more for half a day, nobody very much more.
fn team(fleet: &mut Fleet, division: Division, calls: &mut Vec<Call>) -> Label {
    let team = 3;
    let day = day(fleet, team, 10, 27);
    let begin = START + day * DAY + 11 * HOUR;
    let end = begin + 5 * HOUR;
    for agent in (0..fleet.agents.len()).filter(|agent| agent / 10 == team) {
        if fleet.agents[agent].hired > day || agent % 10 == 9 {
            continue;
        }
        let hourly = (2.2 + unit(&mut fleet.numbers)) * hourly(agent, calls);
        calls.retain(|call| call.agent != agent || !(begin..end).contains(&call.second));
        steady(fleet, agent, Pace { begin, end, pause: 90, hourly, division }, calls);
    }
    Label { kind: "team", team, agent: None, begin, end: end + HOUR, until: end + AFTER }
}
