//! Who is on call when: rotations with time zones, restrictions and overrides. A pure function of the configuration and of a moment.
//!
//! Nothing of it is state: whoever asks brings the moment. What was decided by it, the receivers of a step of escalation, is recorded in the
//! ledger as their names (`alert.notice`), so no later change of a schedule, or of a table of time zones, changes what happened.
//!
//! Local times are read as RFC 5545 reads them (3.3.5): one that occurs twice, when clocks are set back, is the first of both; one that
//! does not occur, when they are set forward, is as long after the hour before as it says.

mod changes;
mod local;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::{Datelike as _, Days, NaiveDate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;
pub use changes::Change;
use ledger::Timestamp;
pub use local::{Clock, Date, Moment, Zone};

/// What stands before the name of a schedule where a receiver is expected.
pub const PREFIX: &str = "schedule:";

/// The schedules of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Schedules(pub Vec<Schedule>);

/// Who is on call when. `schedule:NAME` among the receivers of an escalation step or of a route stands for the receivers of whoever is on call
/// at that moment: one person of each layer, unless an override says something else. While nobody is on call a step tells those to whom
/// routes lead, and a route does not match.
///
/// ```toml
/// [[alerts.schedule]]
/// name = "primary"
/// time_zone = "Europe/Berlin"
/// person = [{ name = "alice", receivers = ["alice-phone"] }, { name = "bob", receivers = ["bob-phone"] }]
///
/// [[alerts.schedule.layer]]
/// name = "weekly"
/// people = ["alice", "bob"]
/// start = "2026-11-30"
/// handover = "09:00"
///
/// [[alerts.schedule.override]]
/// person = "bob"
/// from = "2026-12-24 18:00"
/// until = "2026-12-26 09:00"
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// The time zone of all its times, by its name in the IANA database, such as `Europe/Berlin`.
    pub time_zone: Zone,
    /// The people who may be on call.
    #[serde(rename = "person")]
    pub people: Vec<Person>,
    /// Its layers. Whoever is on call in any of them is told.
    #[serde(default, rename = "layer")]
    pub layers: Vec<Layer>,
    /// Exceptions. Of several at the same time the last one holds.
    #[serde(default, rename = "override")]
    pub overrides: Vec<Override>,
}

/// Somebody who may be on call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The sinks by which the person is reached.
    pub receivers: Vec<String>,
}

/// People who take turns. At every moment at most one of them is on call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// The people in the order of their turns.
    pub people: Vec<String>,
    /// The day of the first handover, such as `2026-11-30`. Nobody is on call before.
    pub start: Date,
    /// The time of day at which turns change.
    #[serde(default)]
    pub handover: Clock,
    /// Days of one turn.
    #[schemars(range(min = 1, max = limits::SCHEDULE_TURN_DAYS_MAX))]
    #[serde(default = "turn_days")]
    pub turn_days: u16,
    /// The days of the week on which somebody is on call; all if empty. A time that goes past midnight belongs to the day on which it begins.
    #[serde(default)]
    pub weekdays: Vec<Weekday>,
    /// The time of day from which somebody is on call; without it, and without `until`, all day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Clock>,
    /// The time of day until which somebody is; on the next day, if it is not after `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Clock>,
}

fn turn_days() -> u16 {
    7
}

/// A time at which somebody else is on call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Who is on call.
    pub person: String,
    /// The layer in which; without it in place of all layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// The local time at which it begins, such as `2026-12-24 18:00`.
    pub from: Moment,
    /// The local time at which it is over.
    pub until: Moment,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Weekday {
    fn of(day: NaiveDate) -> Self {
        match day.weekday() {
            chrono::Weekday::Mon => Self::Mon,
            chrono::Weekday::Tue => Self::Tue,
            chrono::Weekday::Wed => Self::Wed,
            chrono::Weekday::Thu => Self::Thu,
            chrono::Weekday::Fri => Self::Fri,
            chrono::Weekday::Sat => Self::Sat,
            chrono::Weekday::Sun => Self::Sun,
        }
    }
}

/// Somebody who is on call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OnCall<'a> {
    /// The layer; `None` if an override stands in place of all.
    pub layer: Option<&'a str>,
    /// Who.
    pub person: &'a str,
    /// The sinks by which the person is reached.
    pub receivers: &'a [String],
    /// Whether an override says so.
    pub by_override: bool,
}

impl Schedule {
    /// Who is on call at a moment: at most one person of each layer, in the order of the layers, or the one whom an override puts in place of
    /// all. Nobody, if no layer and no override covers the moment.
    pub fn who(&self, at: Timestamp) -> Vec<OnCall<'_>> {
        let active = |layer: Option<&str>| {
            let mut overrides = self.overrides.iter().rev().filter(|exception| exception.layer.as_deref() == layer);
            overrides.find(|exception| exception.covers(self.time_zone, at)).map(|exception| exception.person.as_str())
        };
        if let Some(person) = active(None) {
            return self.on_call(None, person, true).into_iter().collect();
        }
        let of_layer = |layer| {
            let (name, exception) = (Layer::name(layer), active(Some(Layer::name(layer))));
            let person = exception.or_else(|| layer.who(self.time_zone, at))?;
            self.on_call(Some(name), person, exception.is_some())
        };
        self.layers.iter().filter_map(of_layer).collect()
    }

    fn on_call<'a>(&'a self, layer: Option<&'a str>, person: &'a str, by_override: bool) -> Option<OnCall<'a>> {
        let receivers = self.people.iter().find(|known| known.name == person)?.receivers.as_slice();
        Some(OnCall { layer, person, receivers, by_override })
    }

    fn check(&self) -> Result<(), String> {
        let counts = [
            ("people", self.people.len(), limits::SCHEDULE_PEOPLE_MAX),
            ("layers", self.layers.len(), limits::SCHEDULE_LAYERS_MAX),
            ("overrides", self.overrides.len(), limits::SCHEDULE_OVERRIDES_MAX),
        ];
        if let Some((what, _, max)) = counts.into_iter().find(|(_, count, max)| count > max) {
            return Err(format!("it has more than {max} {what}"));
        }
        unique(self.people.iter().map(|person| person.name.as_str()))?;
        unique(self.layers.iter().map(|layer| layer.name.as_str()))?;
        if let Some(person) = self.people.iter().find(|person| person.receivers.is_empty()) {
            return Err(format!("person {} has no receivers", person.name));
        }
        if let Some(person) = self.people.iter().find(|person| person.receivers.len() > limits::POLICY_RULES_MAX) {
            return Err(format!("person {} has more than {} receivers", person.name, limits::POLICY_RULES_MAX));
        }
        let is_person = |name: &str| self.people.iter().any(|person| person.name == name);
        for layer in &self.layers {
            layer.check(is_person).map_err(|problem| format!("layer {}: {problem}", layer.name))?;
        }
        for (number, exception) in self.overrides.iter().enumerate() {
            let is_layer = |name: &String| self.layers.iter().any(|layer| layer.name == *name);
            if !is_person(&exception.person) {
                return Err(format!("override {number}: {:?} is no person of it", exception.person));
            }
            if let Some(layer) = exception.layer.as_ref().filter(|layer| !is_layer(layer)) {
                return Err(format!("override {number}: {layer:?} is no layer of it"));
            }
            if exception.from >= exception.until {
                return Err(format!("override {number}: until must be after from"));
            }
        }
        Ok(())
    }
}

/// That names can be written after `schedule:`, and that there are no two of one.
fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        if name.is_empty() || name.len() > limits::TRIAGE_NAME_BYTES_MAX || !name.chars().all(plain) {
            return Err(format!("{name:?} is no name: letters, digits, - _ . and @"));
        }
        if !seen.insert(name) {
            return Err(format!("there are two of the name {name}"));
        }
    }
    Ok(())
}

impl Layer {
    fn name(&self) -> &str {
        &self.name
    }

    /// Whose turn it is, if somebody is on call.
    fn who(&self, zone: Zone, at: Timestamp) -> Option<&str> {
        let today = zone.day(at)?;
        // The turn of a day begins at its handover, which may lie after the moment; then the day before counts.
        let yesterday = today.pred_opt()?;
        let day = if zone.at(today, self.handover)? <= at { today } else { yesterday };
        let days = u64::try_from((day - self.start.0).num_days()).ok()?;
        if !self.covers(zone, at, [today, yesterday]) {
            return None;
        }
        let turn = days / u64::from(self.turn_days.max(1));
        let number = turn.checked_rem(self.people.len() as u64)?;
        self.people.get(usize::try_from(number).ok()?).map(String::as_str)
    }

    /// Whether a moment lies in the time of one of these days.
    fn covers(&self, zone: Zone, at: Timestamp, days: [NaiveDate; 2]) -> bool {
        days.into_iter().any(|day| self.window(zone, day).is_some_and(|(from, until)| from <= at && at < until))
    }

    /// The time of a day at which somebody is on call.
    fn window(&self, zone: Zone, day: NaiveDate) -> Option<(Timestamp, Timestamp)> {
        if !self.weekdays.is_empty() && !self.weekdays.contains(&Weekday::of(day)) {
            return None;
        }
        let (from, until) = (self.from.unwrap_or_default(), self.until.unwrap_or_default());
        let last = if until > from { day } else { day.checked_add_days(Days::new(1))? };
        Some((zone.at(day, from)?, zone.at(last, until)?))
    }

    fn check(&self, is_person: impl Fn(&str) -> bool) -> Result<(), String> {
        if self.people.is_empty() || self.people.len() > limits::SCHEDULE_PEOPLE_MAX {
            return Err(format!("it has 1 to {} people", limits::SCHEDULE_PEOPLE_MAX));
        }
        if let Some(stranger) = self.people.iter().find(|name| !is_person(name)) {
            return Err(format!("{stranger:?} is no person of the schedule"));
        }
        if !(1..=limits::SCHEDULE_TURN_DAYS_MAX).contains(&self.turn_days) {
            return Err(format!("turn_days is 1 to {}", limits::SCHEDULE_TURN_DAYS_MAX));
        }
        if self.weekdays.len() > 7 {
            return Err("a week has seven days".to_owned());
        }
        if self.from.is_some() != self.until.is_some() {
            return Err("from and until belong together".to_owned());
        }
        Ok(())
    }
}

impl Override {
    fn covers(&self, zone: Zone, at: Timestamp) -> bool {
        let [from, until] = [self.from, self.until].map(|moment| zone.moment(moment));
        from.is_some_and(|from| from <= at) && until.is_some_and(|until| at < until)
    }
}

impl Schedules {
    /// The schedule of this name.
    pub fn get(&self, name: &str) -> Option<&Schedule> {
        self.0.iter().find(|schedule| schedule.name == name)
    }

    /// Sinks, in order and each once, from names of sinks and from `schedule:NAME`, as it is at a moment.
    pub fn resolve(&self, receivers: &[String], at: Timestamp) -> Vec<String> {
        let mut resolved: Vec<String> = Vec::new();
        for receiver in receivers {
            match receiver.strip_prefix(PREFIX) {
                None => resolved.push(receiver.clone()),
                Some(name) => {
                    let on_call = self.get(name).map(|schedule| schedule.who(at)).unwrap_or_default();
                    resolved.extend(on_call.iter().flat_map(|person| person.receivers.iter().cloned()));
                }
            }
        }
        let mut seen = BTreeSet::new();
        resolved.retain(|receiver| seen.insert(receiver.clone()));
        resolved
    }

    /// Whether one of these receivers is this sink, now or at any other time.
    pub fn may_lead_to(&self, receivers: &[String], sink: &str) -> bool {
        receivers.iter().any(|receiver| match receiver.strip_prefix(PREFIX) {
            None => receiver == sink,
            Some(name) => self.get(name).is_some_and(|schedule| {
                schedule.people.iter().any(|person| person.receivers.iter().any(|receiver| receiver == sink))
            }),
        })
    }

    /// The first of these receivers that is neither a sink that takes alerts nor a schedule.
    pub fn stranger<'a>(&self, receivers: &'a [String], is_receiver: impl Fn(&str) -> bool) -> Option<&'a str> {
        let known = |receiver: &str| match receiver.strip_prefix(PREFIX) {
            None => is_receiver(receiver),
            Some(name) => self.get(name).is_some(),
        };
        receivers.iter().map(String::as_str).find(|receiver| !known(receiver))
    }

    /// Finds what types cannot.
    pub fn check(&self) -> Result<(), String> {
        if self.0.len() > limits::SCHEDULES_MAX {
            return Err(format!("there are more than {} schedules", limits::SCHEDULES_MAX));
        }
        unique(self.0.iter().map(|schedule| schedule.name.as_str()))?;
        let check =
            |schedule: &Schedule| schedule.check().map_err(|problem| format!("schedule {}: {problem}", schedule.name));
        self.0.iter().try_for_each(check)
    }

    /// That people are reached by sinks that take alerts.
    pub fn check_receivers(&self, is_receiver: impl Fn(&str) -> bool) -> Result<(), String> {
        for schedule in &self.0 {
            for person in &schedule.people {
                if let Some(stranger) = person.receivers.iter().find(|receiver| !is_receiver(receiver)) {
                    let (schedule, person) = (&schedule.name, &person.name);
                    return Err(format!(
                        "schedule {schedule}: person {person}: {stranger:?} is no sink that takes alerts"
                    ));
                }
            }
        }
        Ok(())
    }
}
