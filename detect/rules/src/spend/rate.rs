//! `spend.rate`: spend that is unusual for the agent, at this hour, for its task, beside others of its template, or of many at once.
//!
//! Everything is measured in octaves above what is usual, so that cents and hundreds of dollars are judged alike. What an agent
//! usually spends stands in `agent` and `own_tasks`, what is usual among many in `team` and `tail`, what they have in common in
//! `common` and `level`. Time is event time; what comes more than an hour after newer spend of its team is learned and not judged, and that is said.

mod agent;
mod case;
mod common;
mod examples;
mod level;
mod logarithm;
mod own_tasks;
mod parameters;
mod past;
mod spent;
mod tail;
mod team;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::detector_state;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::limits::SPENDERS_MAX;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::bounded;
use ledger::events::column;
use operations::Money;
use operations::alert::{What, Who};

use crate::limits::{SPENDING_TASKS_MAX, SPENDING_TEAMS_MAX};
use agent::{Agent, Around, Excess, Known, MEMORY, Strictness};
use case::{Course, Rate, Sign};
use common::{Common, MANY};
use own_tasks::Dear;
pub use parameters::Parameters;
use team::{Like, Tasks, Team};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "spend.rate",
    version: 7,
    what: "An agent spends far more in an hour, four hours or a day than it does, stays above its usual for hours, spends at an hour at \
           which neither it nor its team works, or far more on one task than its tasks or such tasks cost; a new agent costs several \
           times what others of its template do; or most agents of a team or organisation spend twice their usual at once.",
    why: "A runaway agent, a leaked key or a prompt that costs ten times more shows in the rate long before a budget is gone.",
    false_positives: "A new kind of work, a larger model, a migration that was planned.",
    tuning: "false_alarms: how many alerts on a thousand agent-days of ordinary work are acceptable; how far from its usual a spend must \
             be follows from it. floor_percent: below which part of its team's usual an agent's hour never matters. \
             utc_offset_minutes: when the day begins.",
    tags: &["AML.T0034", "AML.T0034.002", "T1496", "ASI02", "ASI08"],
    examples: examples::EXAMPLES,
};

/// The budget of false alarms, shared. Sums have a part of it. Tasks have many times it: those beyond their bound are told only
/// where they cost hours of the agent's work, too, which most do not.
const SUMS: f64 = 0.6;
const TASKS: f64 = 8.0;
/// Standard deviations above the usual, added up hour by hour, that are a finding; a budget twice as large takes away from them.
const RISE: f64 = 11.0;
const RISE_BUDGET: f64 = 0.5;
const RISE_LEAST: f64 = 5.0;
/// Sums of a new agent that are judged in a day, which are few.
const NEW_JUDGED_PER_DAY: f64 = 20.0;
/// Seconds after which an event is too late to be judged.
const LATE: i64 = 3_600;
/// Most of a team spend twice their usual: octaves of the mean, the part that is clearly above, and deviations from what is usual.
const TEAM_OCTAVES: f64 = 1.15;
const TEAM_PART: f64 = 0.65;
const TEAM_DEVIATIONS: f64 = 5.0;
/// Tasks of a kind that must be known, and how far above them one is too dear.
const TASKS_LEAST: u32 = 40;
const TASK_OCTAVES: f64 = 3.0;
const TASK_DEVIATIONS: f64 = 4.5;
/// One of so many that were as dear makes it no surprise.
const TASKS_AS_DEAR: u32 = 2_000;

/// The detector.
pub struct SpendRate {
    parameters: Parameters,
    strictness: Strictness,
    key: Key,
    agents: Table<Agent>,
    teams: Table<Team>,
    organisations: Table<Team>,
    templates: Table<Like>,
    kinds: Table<Tasks>,
    tasks: Table<Money>,
    episodes: Episodes<Rate>,
}

detector_state!(SpendRate { agents, teams, organisations, templates, kinds, tasks, episodes } without { parameters, strictness, key });

impl Rule for SpendRate {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        let budget = f64::from(parameters.false_alarms) / 1_000.0;
        let strictness = Strictness {
            sums: budget * SUMS,
            tasks: budget * TASKS,
            rise: (RISE - RISE_BUDGET * logarithm::log2(parameters.false_alarms.into())).max(RISE_LEAST),
            deviations: logarithm::deviations(budget / NEW_JUDGED_PER_DAY),
            floor: f64::from(parameters.floor_percent) / 100.0,
        };
        Self {
            parameters: parameters.clone(),
            strictness,
            key,
            agents: Table::new(SPENDERS_MAX),
            teams: Table::new(SPENDING_TEAMS_MAX),
            organisations: Table::new(SPENDING_TEAMS_MAX),
            templates: Table::new(SPENDING_TEAMS_MAX),
            kinds: Table::new(SPENDING_TEAMS_MAX),
            tasks: Table::new(SPENDING_TASKS_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

impl Detector for SpendRate {
    fn looks_at(&self) -> Aspects {
        Aspects::COST
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(cost) = event.cost() else { return };
        let second = event.time().unix_seconds() + i64::from(self.parameters.utc_offset_minutes) * 60;
        let names = Names::of(event);
        let agent =
            self.agents.entry(names.hash(self.key, "rate", &[names.scope.kind, names.scope.name]), event, findings);
        let team = self.teams.entry(names.hash(self.key, "rate team", &[names.team]), event, findings);
        let organisation = self.organisations.entry(names.hash(self.key, "rate org", &[]), event, findings);
        let like = self.templates.entry(names.hash(self.key, "rate like", &[names.like]), event, findings);
        let late = team.common.second() - second > LATE;
        let closed = agent.spent.advance(second);
        if let Some(octaves) = closed.step.and_then(|micros| agent.above_usual(micros)).filter(|_| !late) {
            agent.own.add(second, octaves);
            team.add(second, octaves);
            organisation.add(second, octaves);
        }
        team.common.pass(second);
        let shared = team.common.without(agent.own).shared().max(organisation.common.without(agent.own).shared());
        let rise = agent.learn(closed, self.strictness, Known { team, organisation, like });
        let shared = agent.share(shared, closed.step.is_some()).max(team.level()).max(organisation.level());
        if !agent.spent.add(second, cost) || late {
            return self.late(event, &names, cost, findings);
        }
        agent.note_hour(second);
        let around = Around { team, organisation, like_age: like.age(second), like, shared };
        let excess = agent.judge(self.strictness, around).or(rise);
        let task = Task { event, names: &names, cost, shared };
        let dear = task.cost(self.key, &mut self.tasks, findings).and_then(|(before, log)| {
            let alike = task.judge_alike(self.key, &mut self.kinds, (before, log), findings);
            if agent.tasks.is_known() {
                let own = agent.tasks.go_on(before, log, shared, self.strictness, organisation);
                return own.filter(|_| agent.is_out_of_hand(log, shared)).map(|own| own_task(own, log));
            }
            agent.tasks.go_on(before, log, shared, self.strictness, organisation);
            alike.filter(|_| agent.is_above_hours(log, team))
        });
        let excess = excess.or(dear);
        if let Some(together) = many(second, team, organisation) {
            self.raise_many(event, &names, together, findings);
        }
        if let Some(excess) = excess {
            self.raise_one(event, &names, second, excess, shared, findings);
        }
    }
}

/// The names in an event that matter here.
struct Names<'a> {
    /// What agents say of themselves is not what a gateway saw: it teaches nobody what is usual there.
    source: &'static str,
    org: &'a str,
    team: &'a str,
    /// The template, or else the team: whose agents are alike.
    like: &'a str,
    scope: Scope<'a>,
}

impl<'a> Names<'a> {
    fn of(event: &EventRow<'a>) -> Self {
        let team = event.text(column::TEAM).unwrap_or("");
        Self {
            source: if event.is_claim() { "claimed" } else { "" },
            org: event.text(column::ORG).unwrap_or(""),
            team,
            like: event.text(column::TEMPLATE).unwrap_or(team),
            scope: Scope::spender(event),
        }
    }

    fn hash(&self, key: Key, what: &str, names: &[&str]) -> u64 {
        // It is asked six times for each event that costs something: a list of its own for each would be the dearest part of it.
        match names {
            [] => key.hash(&[what, self.source, self.org]),
            [name] => key.hash(&[what, self.source, self.org, name]),
            [name, other] => key.hash(&[what, self.source, self.org, name, other]),
            names => key.hash(&[&[what, self.source, self.org], names].concat()),
        }
    }
}

/// Whether most agents of the team, or of the organisation, spend far more than each of them usually does.
fn many(second: i64, team: &mut Team, organisation: &mut Team) -> Option<Together> {
    let (own, all) = (team.common.at(second), organisation.common.at(second));
    let others = all.without(own);
    let is_above = |common: Common, state: &Team, shared: f64| {
        common.weight() >= MANY
            && common.part_raised() >= TEAM_PART
            && common.mean() - shared >= TEAM_OCTAVES
            && state.deviation(common) >= TEAM_DEVIATIONS
    };
    // Where other teams do so as well it is the organisation's.
    if others.weight() >= MANY / 2.0 && others.part_raised() >= TEAM_PART && is_above(all, organisation, 0.0) {
        let octaves = all.mean();
        let is_news = organisation.found.is_news(second, octaves, MEMORY_MANY);
        return Some(Together { excess: together(octaves, all), is_whole: true, is_news });
    }
    if is_above(own, team, others.shared()) {
        let octaves = own.mean() - others.shared();
        let is_news = team.found.is_news(second, octaves, MEMORY_MANY);
        return Some(Together { excess: together(octaves, own), is_whole: false, is_news });
    }
    None
}

/// What many do at once: whether all teams do, and whether it was not found before.
struct Together {
    excess: Excess,
    is_whole: bool,
    is_news: bool,
}

fn together(octaves: f64, common: Common) -> Excess {
    let samples = common.weight().round() as u32;
    Excess { course: Course::Many, micros: 0.0, usual: 0.0, highest: 0.0, count: samples, octaves }
}

/// An event as a part of its task.
struct Task<'a, 'b> {
    event: &'b EventRow<'a>,
    names: &'b Names<'a>,
    cost: Money,
    shared: f64,
}

impl Task<'_, '_> {
    /// Adds the cost to the task: the logarithms of what it cost before, if anything, and of what it costs now.
    fn cost(&self, key: Key, tasks: &mut Table<Money>, findings: &mut Findings) -> Option<(Option<f64>, f64)> {
        let Self { event, names, cost, .. } = self;
        let name = event.text(column::RUN).or_else(|| event.text(column::SESSION))?;
        let task = tasks.entry(names.hash(key, "rate task", &[name]), event, findings);
        let before = (!task.is_zero()).then(|| logarithm::log2(task.as_micros() as f64));
        *task = task.saturating_add(*cost);
        Some((before, logarithm::log2(task.as_micros() as f64)))
    }

    /// Says if no task of its kind costs so much.
    fn judge_alike(
        &self,
        key: Key,
        kinds: &mut Table<Tasks>,
        (before, log): (Option<f64>, f64),
        findings: &mut Findings,
    ) -> Option<Excess> {
        let Self { event, names, shared, .. } = self;
        let kind = event.text(column::RUN_KIND).unwrap_or("");
        let alike = kinds.entry(names.hash(key, "rate tasks", &[names.like, kind]), event, findings);
        let usual = alike.usual(log);
        let octaves = log - usual.middle - shared;
        if usual.count < TASKS_LEAST || octaves < (TASK_DEVIATIONS * usual.spread).max(TASK_OCTAVES) {
            alike.learn(before, log);
            return None;
        }
        let (course, micros, middle, count) = (Course::Task, logarithm::exp2(log), usual.middle, usual.count);
        let excess = Excess { course, micros, usual: middle, highest: 0.0, count, octaves };
        (usual.as_dear <= usual.count / TASKS_AS_DEAR).then_some(excess)
    }
}

/// A task far above the agent's own.
fn own_task(Dear { middle, octaves, count }: Dear, log: f64) -> Excess {
    Excess { course: Course::OwnTask, micros: logarithm::exp2(log), usual: middle, highest: 0.0, count, octaves }
}

impl SpendRate {
    /// Opens or goes on with the alert of an agent, unless it is what was found before.
    fn raise_one(
        &mut self,
        event: &EventRow<'_>,
        names: &Names<'_>,
        second: i64,
        excess: Excess,
        shared: f64,
        findings: &mut Findings,
    ) {
        let target = bounded(names.org);
        let subject = Subject { scope: names.scope, target: &target };
        let key = names.hash(self.key, "rate", &[names.scope.kind, names.scope.name]);
        let Some(agent) = self.agents.get_mut(key) else { return };
        let goes_on = agent.found.is_within(second, i64::from(self.parameters.quiet_seconds));
        let is_news = agent.found.is_news(second, excess.octaves, MEMORY);
        let mut is_open = self.episodes.is_open(subject);
        if is_open && !goes_on {
            // Recorded time may stand still where event time does not: what comes later is another episode.
            self.episodes.resolve(subject, findings, |_| ());
            is_open = false;
        }
        if !is_open && !is_news {
            return;
        }
        let sign = Sign::of(excess, shared);
        let case = Rate { scope_kind: names.scope.kind.to_owned(), name: bounded(names.scope.shown(event)), sign };
        let open = |_| Opening {
            case,
            who: scope::who(event),
            what: What { model: event.text(column::MODEL).map(bounded), ..What::default() },
            before: Before::default(),
        };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.go_on(sign));
    }

    /// Opens the alert of a team or of the whole organisation.
    fn raise_many(
        &mut self,
        event: &EventRow<'_>,
        names: &Names<'_>,
        Together { excess, is_whole, is_news }: Together,
        findings: &mut Findings,
    ) {
        let org = bounded(names.org);
        let scope = if is_whole { Scope::org(event) } else { Scope { kind: "team", name: names.team } };
        let subject = Subject { scope, target: if is_whole { "" } else { &org } };
        if !is_news && !self.episodes.is_open(subject) {
            return;
        }
        let sign = Sign::of(excess, 0.0);
        let case = Rate { scope_kind: scope.kind.to_owned(), name: bounded(scope.name), sign };
        let team = (!is_whole).then(|| bounded(names.team));
        let who = Who { org: Some(org.clone()).filter(|org| !org.is_empty()), team, ..Who::default() };
        let open = |_| Opening { case, who, what: What::default(), before: Before::default() };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.go_on(sign));
    }

    /// Says that spend came too late to be judged.
    fn late(&mut self, event: &EventRow<'_>, names: &Names<'_>, cost: Money, findings: &mut Findings) {
        let org = bounded(names.org);
        let scope = Scope::org(event);
        let subject = Subject { scope, target: "late" };
        let sign = Sign::late(cost);
        let case = Rate { scope_kind: scope.kind.to_owned(), name: org.clone(), sign };
        let who = Who { org: Some(org).filter(|org| !org.is_empty()), ..Who::default() };
        let open = |_| Opening { case, who, what: What::default(), before: Before::default() };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| {
            case.sign.amount = case.sign.amount.saturating_add(cost);
        });
    }
}

/// What all do together and comes back within so many seconds is no news.
const MEMORY_MANY: i64 = 4 * 86_400;

#[cfg(test)]
mod tests;
