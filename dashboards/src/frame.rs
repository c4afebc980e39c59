//! What stands around every page: navigation, filter, the ledger's head, and what is missing in what the page shows.

use chrono::{DateTime, Utc};
use ledger::LedgerName;
use operations::access::{Principal, familiar};
use serde_json::Value;

use crate::ask::{list, number, some_text, text};
use crate::figures;
use crate::page::{Group, Page};
use crate::trouble::Trouble;
use crate::visit::Visit;

/// The frame of one page.
pub struct Frame {
    /// The page's name.
    pub title: &'static str,
    /// Its address.
    pub path: &'static str,
    /// Navigation by group: pages that the person may see.
    pub groups: Vec<(Group, Vec<&'static Page>)>,
    /// What people call the person,
    pub person: String,
    /// and the name in records.
    pub person_name: String,
    /// What the person may do, in words.
    pub roles: String,
    /// Two letters of the name.
    pub initials: String,
    /// Alerts that wait for somebody.
    pub alerts_open: i64,
    /// The filter, as text.
    pub filter: String,
    /// Parameters of the address besides the filter, which the filter's form keeps.
    pub kept: Vec<(String, String)>,
    /// The newest position of `events`, as the server told it.
    pub head: Option<Head>,
    /// What the newest verification found.
    pub verdict: Verdict,
    /// Topics of the stream that every page listens to, with spaces between: those that the person may read.
    pub topics: String,
    /// What is incomplete in everything that pages show.
    pub incomplete: Vec<Incomplete>,
    /// The theme that the person chose.
    pub theme: Option<&'static str>,
    /// When the page was made.
    pub now: DateTime<Utc>,
}

/// The end of the ledger of events.
pub struct Head {
    /// Events that are durable.
    pub events: i64,
    /// The beginning of the newest checkpoint's root.
    pub root: String,
}

/// The newest verdict, as every page shows it.
pub struct Verdict {
    /// A class for what is not verified: `is-tampered`, `is-doubtful`, `is-unchecked`.
    pub class: &'static str,
    /// In words.
    pub words: String,
    /// When it was found, for the module that keeps the words new.
    pub at: String,
}

impl Verdict {
    fn of(verification: &Value, now: DateTime<Utc>) -> Self {
        let (at, word) = (text(verification, "at"), text(verification, "verdict"));
        let (class, words) = match word {
            "verified" => ("", format!("verified {} ago", figures::age(at, now))),
            "tampered" => ("is-tampered", "Tampered".to_owned()),
            "" => ("is-unchecked", "not checked yet".to_owned()),
            other => ("is-doubtful", other.to_owned()),
        };
        Self { class, words, at: at.to_owned() }
    }
}

/// A collector or sink that somebody should look at.
pub struct Incomplete {
    /// Its name, with what it is.
    pub name: String,
    /// Its state, in one word.
    pub state: String,
    /// Since when.
    pub since: String,
    /// What is wrong.
    pub reason: String,
}

impl Frame {
    /// The frame of a page, for whoever looks. It asks for what every page shows.
    pub async fn of(visit: &Visit, page: &'static Page) -> Result<Self, Trouble> {
        let principal = visit.principal();
        if !page.is_for(principal) {
            let detail = format!("{} may not see {}; ask for the role analyst or admin", principal.name, page.name);
            return Err(Trouble::new(axum::http::StatusCode::FORBIDDEN, "role", detail));
        }
        let now = Utc::now();
        let status = visit.get("/api/v1/status").await?;
        let alerts = visit.get("/api/v1/alerts?status=open&limit=1").await?;
        let silent = visit.get("/api/v1/alerts?status=open&rule=collector.silent&limit=4").await?;
        let groups = Group::ALL.map(|group| {
            let pages = visit.state.pages().filter(|page| page.group == group && page.is_for(principal));
            (group, pages.collect::<Vec<_>>())
        });
        let roles: Vec<&str> = principal.roles.iter().map(|role| role.as_str()).collect();
        let kept = visit.parameters.iter().filter(|(name, _)| !matches!(name.as_str(), "filter" | "cursor"));
        Ok(Self {
            title: page.name,
            path: page.path,
            groups: groups.into_iter().filter(|(_, pages)| !pages.is_empty()).collect(),
            person: familiar(&principal.name).to_owned(),
            person_name: principal.name.clone(),
            roles: if roles.len() > 3 { "all roles".to_owned() } else { roles.join(", ") },
            initials: initials(familiar(&principal.name)),
            alerts_open: number(&alerts, "total"),
            filter: visit.filter().to_owned(),
            kept: kept.cloned().collect(),
            head: head(&status),
            verdict: Verdict::of(&status["verification"], now),
            topics: topics(principal),
            incomplete: incomplete(&status, &silent, now),
            theme: visit.theme,
            now,
        })
    }

    /// Whether a page of the navigation is this one.
    pub fn is_at(&self, page: &Page) -> bool {
        page.path == self.path
    }

    /// Whether only what is in the phone's bar at the bottom has room there.
    pub fn is_tab(page: &Page) -> bool {
        matches!(page.path, "/" | "/sessions" | "/alerts" | "/spend")
    }

    /// The time of day of a moment.
    pub fn time(&self, moment: &str) -> String {
        figures::time(moment, self.now)
    }

    /// How long ago a moment is.
    pub fn age(&self, moment: &str) -> String {
        figures::age(moment, self.now)
    }
}

fn topics(principal: &Principal) -> String {
    let all = [("head", LedgerName::Events), ("alerts", LedgerName::Operations)];
    let readable = all.into_iter().filter(|(_, ledger)| principal.may_read(*ledger));
    readable.map(|(topic, _)| topic).collect::<Vec<_>>().join(" ")
}

fn head(status: &Value) -> Option<Head> {
    let events = status.get("ledgers")?.get("events")?;
    let root: String = text(events, "root").chars().take(8).collect();
    Some(Head { events: number(events, "entries"), root })
}

/// Collectors that are in trouble, and senders that a detector misses: totals are low by what they do not bring.
fn incomplete(status: &Value, silent: &Value, now: DateTime<Utc>) -> Vec<Incomplete> {
    let collectors = list(status, "endpoints").iter().filter(|endpoint| text(endpoint, "role") == "collector");
    let troubled = collectors.filter(|endpoint| !matches!(text(endpoint, "state"), "ok" | "paused"));
    let shown = troubled.map(|endpoint| Incomplete {
        name: text(endpoint, "name").to_owned(),
        state: text(endpoint, "state").replace('_', " "),
        since: some_text(endpoint, "since").map_or_else(String::new, |since| figures::time(since, now)),
        reason: text(endpoint, "reason").to_owned(),
    });
    let silent = list(silent, "alerts").iter().map(|alert| Incomplete {
        name: "A source".to_owned(),
        state: "silent".to_owned(),
        since: figures::time(text(alert, "first_seen"), now),
        reason: crate::shown::defanged(text(alert, "title")) + ".",
    });
    shown.chain(silent).collect()
}

/// Up to two letters for a name: of its first two words.
fn initials(name: &str) -> String {
    let words = name.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(2).filter_map(|word| word.chars().next()).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_words() {
        let check = |name: &str, expected: &str| assert_eq!(initials(name), expected, "{name}");
        check("r.ibarra", "RI");
        check("local", "L");
        check("", "");
        check("<b>x</b>", "BX");
    }
}
