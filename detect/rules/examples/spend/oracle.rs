//! What could be found by who knows how each agent works: the share of spikes that lie above bounds which ordinary work crosses once
//! in a thousand agent-days, with bounds that are shared among the agents as is best for that kind of spike. It knows more than any
//! detector can, and has the whole budget for each kind, so nothing reaches more with these two measures.

use std::collections::BTreeMap;

use crate::fleet::{Call, Fleet, HOUR, Troubles};

/// Days that each agent is watched, and false alarms in one of its days.
const DAYS: i64 = 2_000;
const BUDGET: f64 = 1e-3;
/// Days with the largest values that may be bounds.
const BOUNDS: usize = 200;

/// Kinds of spikes: from how many to how many times the usual hour, for how many hours.
const SPIKES: [(&str, f64, f64, i64); 6] = [
    ("hour x3", 3.0, 4.0, 1),
    ("hours x3", 3.0, 4.0, 3),
    ("hour x5", 5.0, 7.0, 1),
    ("hour x10", 8.0, 12.0, 1),
    ("runaway session", 3.0, 6.0, 8),
    ("small calls", 4.0, 7.0, 2),
];

/// The lengths among them.
const LENGTHS: [i64; 4] = [1, 2, 3, 8];

/// What an agent's days hold: the parts of its usual hour, the largest first.
struct Days {
    restless: bool,
    /// The dearest session, and the most within so many hours.
    session: Vec<f64>,
    sums: BTreeMap<i64, Vec<f64>>,
}

/// Prints the shares, of sums and of sessions, for agents that are not restless and for those that are.
pub fn print(seed: u64) {
    let mut fleet = Fleet::new(seed, 14.0);
    fleet.troubles = Troubles::default();
    let agents: Vec<Days> = (0..fleet.agents.len()).map(|number| days(&mut fleet, number)).collect();
    println!("{:18}{:>24}{:>24}", "at most found by", "sums", "sessions");
    println!("{:18}{:>12}{:>12}{:>12}{:>12}", "", "ordinary", "restless", "ordinary", "restless");
    for (kind, least, most, hours) in SPIKES {
        print!("{kind:18}");
        for by_session in [false, true] {
            let curve = |days: &Days| {
                let values = if by_session { &days.session } else { &days.sums[&hours] };
                values.iter().take(BOUNDS).map(|value| part_above(*value / hours as f64, least, most)).collect()
            };
            let curves: Vec<Vec<f64>> = agents.iter().map(curve).collect();
            let found = best(&curves);
            for restless in [false, true] {
                let of = agents.iter().zip(&found).filter(|(days, _)| days.restless == restless);
                let (sum, count) = of.fold((0.0, 0.0), |(sum, count), (_, part)| (sum + part, count + 1.0));
                print!("{:>12.2}", sum / f64::max(count, 1.0));
            }
        }
        println!();
    }
}

/// The part of spikes of evenly spread size that is above a bound.
fn part_above(bound: f64, least: f64, most: f64) -> f64 {
    ((most - bound) / (most - least)).clamp(0.0, 1.0)
}

/// What is found of each agent's spikes where each has the bound that is best for all: a price of false alarms is looked for at
/// which they are as many as they may be.
fn best(curves: &[Vec<f64>]) -> Vec<f64> {
    let at = |price: f64| {
        let gain = |place: usize, part: f64| part - price * place as f64 / DAYS as f64;
        let places = curves.iter().map(|curve| {
            let places = curve.iter().enumerate().map(|(place, part)| (place, *part));
            places.max_by(|one, other| gain(one.0, one.1).total_cmp(&gain(other.0, other.1))).unwrap_or((0, 0.0))
        });
        let places: Vec<(usize, f64)> = places.collect();
        let wrong = places.iter().map(|(place, _)| *place as f64).sum::<f64>() / (DAYS as f64 * curves.len() as f64);
        (wrong, places.into_iter().map(|(_, part)| part).collect::<Vec<f64>>())
    };
    let (mut low, mut high) = (0.0, 1e5);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at(middle).0 > BUDGET { low = middle } else { high = middle }
    }
    at(high).1
}

/// Many ordinary working days of an agent.
fn days(fleet: &mut Fleet, number: usize) -> Days {
    let agent = fleet.agents[number].clone();
    let (mut session, mut sums) = (Vec::new(), BTreeMap::<i64, Vec<f64>>::new());
    let (mut spent, mut hours) = (0.0, 0.0);
    for day in 0..DAYS {
        let mut calls: Vec<Call> = Vec::new();
        // Every seventh day is a Monday.
        fleet.day(number, &agent, day * 7, &mut calls);
        calls.sort_by_key(|call| call.second);
        let (mut by_hour, mut by_session) = (BTreeMap::<i64, f64>::new(), BTreeMap::<u64, f64>::new());
        for call in &calls {
            *by_hour.entry(call.second / HOUR).or_default() += call.micros;
            *by_session.entry(call.session).or_default() += call.micros;
        }
        spent += by_hour.values().sum::<f64>();
        hours += by_hour.len() as f64;
        session.push(by_session.into_values().fold(0.0, f64::max));
        for length in LENGTHS {
            sums.entry(length).or_default().push(most_within(&calls, length * HOUR));
        }
    }
    for values in sums.values_mut().chain([&mut session]) {
        for value in values.iter_mut() {
            *value *= hours / spent;
        }
        values.sort_by(|one, other| other.total_cmp(one));
    }
    Days { restless: agent.restless, session, sums }
}

/// The most that is spent within so many seconds.
fn most_within(calls: &[Call], seconds: i64) -> f64 {
    let (mut first, mut sum, mut most) = (0, 0.0, 0.0_f64);
    for call in calls {
        sum += call.micros;
        while calls[first].second <= call.second - seconds {
            sum -= calls[first].micros;
            first += 1;
        }
        most = most.max(sum);
    }
    most
}
