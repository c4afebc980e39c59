//! Which alerts a list has: filters and pages.
//!
//! Alerts are listed by when they were opened, newest first: that never changes, so a cursor misses nothing and repeats
//! nothing while alerts change between two pages.

use std::collections::BTreeMap;

use ledger::Timestamp;
use operations::filter::{Filter, Subject};
use operations::triage::{Column, Matcher, Status, Triage, Triaged};
use serde_json::{Value, json};

use super::page_parameter;
use super::render::alert;
use crate::Problem;
use crate::limits;

/// What a request asks for. Different parameters must all hold; the same one again is an alternative.
#[derive(Debug)]
pub(super) struct Wanted {
    status: Vec<Status>,
    columns: BTreeMap<Column, Vec<Matcher>>,
    matchers: Vec<Matcher>,
    filter: Filter,
    assignee: Vec<String>,
    hidden: Option<bool>,
    limit: usize,
    /// Opening time and id of the last alert of the page before.
    after: Option<(Timestamp, String)>,
}

impl Wanted {
    pub(super) fn parse(parameters: &[(String, String)]) -> Result<Self, Problem> {
        if parameters.len() > limits::LIST_FILTERS_MAX {
            return Err(Problem::request(format!("there are more than {} parameters", limits::LIST_FILTERS_MAX)));
        }
        let mut wanted = Self {
            status: Vec::new(),
            columns: BTreeMap::new(),
            matchers: Vec::new(),
            filter: Filter::default(),
            assignee: Vec::new(),
            hidden: None,
            limit: limits::PAGE_DEFAULT,
            after: None,
        };
        let mut cursor = None;
        for (name, value) in parameters {
            if page_parameter(name, value, &mut wanted.limit, &mut cursor)?.is_continue() {
                wanted.filter(name, value)?;
            }
        }
        wanted.after = cursor.as_deref().map(parse_cursor).transpose()?;
        Ok(wanted)
    }

    fn filter(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let matcher = |text: &str| text.parse::<Matcher>().map_err(|error| Problem::request(error.to_string()));
        match name {
            "status" => {
                let words = Status::ALL.map(Status::as_str).join(", ");
                let unknown = || Problem::request(format!("status {value:?} is not one of {words}"));
                self.status.push(Status::ALL.into_iter().find(|s| s.as_str() == value).ok_or_else(unknown)?);
            }
            "filter" => {
                let filter = Filter::parse_for(Subject::Alerts, value);
                self.filter = filter.map_err(|error| Problem::request(error.to_string()))?;
            }
            "match" => self.matchers.push(matcher(value)?),
            "assignee" => self.assignee.push(value.to_owned()),
            "hidden" => {
                let wrong = || Problem::request(format!("hidden {value:?} is neither true nor false"));
                self.hidden = Some(value.parse().map_err(|_| wrong())?);
            }
            _ => {
                let column = Column::ALL.into_iter().find(|column| column.as_str() == name);
                let column = column.ok_or_else(|| Problem::request(format!("there is no parameter {name:?}")))?;
                self.columns.entry(column).or_default().push(matcher(&format!("{name}={value}"))?);
            }
        }
        Ok(())
    }

    fn fits(&self, triaged: &Triaged, triage: &Triage, now: Timestamp) -> bool {
        let assignee = triaged.assignee.as_deref().unwrap_or_default();
        (self.status.is_empty() || self.status.contains(&triaged.status()))
            && (self.assignee.is_empty() || self.assignee.iter().any(|name| name == assignee))
            && self.matchers.iter().all(|matcher| matcher.matches(&triaged.alert))
            && self.columns.values().all(|any| any.iter().any(|matcher| matcher.matches(&triaged.alert)))
            && self.filter.matches(triaged, now)
            && self.hidden.is_none_or(|hidden| hidden != triage.hidings(&triaged.alert, now).is_empty())
    }
}

fn parse_cursor(text: &str) -> Result<(Timestamp, String), Problem> {
    let parsed = text
        .split_once('.')
        .and_then(|(opened, id)| Some((Timestamp::from_unix_micros(opened.parse().ok()?), id.to_owned())));
    parsed.ok_or_else(|| Problem::request("the cursor is not one that a page ended with"))
}

/// One page.
pub(super) fn page(triage: &Triage, wanted: &Wanted, now: Timestamp) -> Value {
    let mut found: Vec<&Triaged> = triage.iter().filter(|triaged| wanted.fits(triaged, triage, now)).collect();
    let total = found.len();
    if let Some((opened, id)) = &wanted.after {
        found.retain(|triaged| (triaged.opened, triaged.alert.id.as_str()) < (*opened, id.as_str()));
    }
    found.sort_unstable_by(|a, b| (b.opened, &b.alert.id).cmp(&(a.opened, &a.alert.id)));
    let more = found.len() > wanted.limit;
    found.truncate(wanted.limit);
    let next = found.last().filter(|_| more).map(|last| format!("{}.{}", last.opened.unix_micros(), last.alert.id));
    let alerts: Vec<Value> = found.into_iter().map(|triaged| alert(triaged, triage, now).into()).collect();
    json!({ "alerts": alerts, "total": total, "next": next })
}
