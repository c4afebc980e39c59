//! Detection against the truth: which story an alert tells of, whether each was found and after how long, and what was told that is none.
//! It has no clock and prints nothing.

use std::collections::BTreeMap;

use generator::{Fleet, Story, Subject, UNPRICED_MODEL};
use ledger::Timestamp;
use operations::alert::{Alert, Severity, State};

/// How a story was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// By which rule first.
    pub rule: String,
    /// How bad that called it at worst.
    pub severity: Severity,
    /// Microseconds from the story's first record to the durable alert.
    pub after_micros: i64,
}

/// What a revision of an alert is, besides what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The story that it is of.
    pub story: Option<Story>,
    /// Whether people should hear of it: it opens, or it is worse than before.
    pub is_news: bool,
    /// Whether its story is found by it, for the first time.
    pub finds: bool,
}

/// An alert with all its revisions.
#[derive(Debug, Clone)]
struct Judged {
    rule: String,
    worst: Severity,
    is_old: bool,
    story: Option<Story>,
    title: String,
    /// Whether it is about what is true of the fleet all the time.
    is_known: bool,
}

/// Whether an alert of a story is one that people look at. Somebody who waits is told at low first, since most do not wait long.
pub fn is_loud(story: Story, severity: Severity) -> bool {
    severity > Severity::Low || story == Story::Waiting && severity == Severity::Low
}

/// Alerts of a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// All of them.
    pub alerts: u64,
    /// Those above low.
    pub loud: u64,
}

/// What is known so far.
pub struct Score {
    /// Workspaces of the stories' agents.
    workspaces: BTreeMap<String, Story>,
    began: BTreeMap<Story, Timestamp>,
    found: BTreeMap<Story, Found>,
    alerts: BTreeMap<String, Judged>,
    /// Whether stories that begin now do not count any more.
    is_closed: bool,
}

impl Score {
    /// Nothing happened yet.
    pub fn new(fleet: &Fleet) -> Self {
        let mut workspaces = BTreeMap::new();
        for story in Story::ALL {
            if let Subject::Agents(numbers) = story.subject() {
                let agents = numbers.iter().filter_map(|number| fleet.agent(*number));
                workspaces.extend(agents.map(|agent| (agent.workspace.clone(), story)));
            }
        }
        Self { workspaces, began: BTreeMap::new(), found: BTreeMap::new(), alerts: BTreeMap::new(), is_closed: false }
    }

    /// A record of a story is sent.
    pub fn begin(&mut self, story: Story, at: Timestamp) {
        if !self.is_closed {
            self.began.entry(story).or_insert(at);
        }
    }

    /// From now on no story begins that would have to be found.
    pub fn close(&mut self) {
        self.is_closed = true;
    }

    /// A revision of an alert was seen.
    pub fn hear(&mut self, alert: &Alert, at: Timestamp) -> Told {
        let story = if alert.backfill { None } else { self.story(alert) };
        let before = self.alerts.get(&alert.id).map(|judged| judged.worst);
        let is_open = alert.state != State::Resolved;
        let is_news = is_open && before.is_none_or(|before| before < alert.severity);
        let judged = self.alerts.entry(alert.id.clone()).or_insert_with(|| Judged {
            rule: alert.rule.clone(),
            worst: alert.severity,
            is_old: alert.backfill,
            story,
            title: alert.title.clone(),
            is_known: alert.what.model.as_deref() == Some(UNPRICED_MODEL),
        });
        judged.worst = judged.worst.max(alert.severity);
        // What began in the history and goes on now is news of now.
        judged.is_old &= alert.backfill;
        judged.story = judged.story.or(story);
        let finds = story.is_some_and(|story| self.find(story, alert, at));
        Told { story, is_news, finds }
    }

    fn find(&mut self, story: Story, alert: &Alert, at: Timestamp) -> bool {
        let Some(began) = self.began.get(&story) else { return false };
        if !story.expected().contains(&alert.rule.as_str()) || !is_loud(story, alert.severity) {
            return false;
        }
        if let Some(found) = self.found.get_mut(&story) {
            if found.rule == alert.rule {
                found.severity = found.severity.max(alert.severity);
            }
            return false;
        }
        let after_micros = at.micros_since(*began);
        self.found.insert(story, Found { rule: alert.rule.clone(), severity: alert.severity, after_micros });
        true
    }

    /// The story that an alert is of: by its workspace, its collector, or the team whose spend it is about.
    fn story(&self, alert: &Alert) -> Option<Story> {
        let of_workspace = alert.who.workspace.as_ref().and_then(|workspace| self.workspaces.get(workspace));
        of_workspace.copied().or_else(|| {
            let of_rule = |story: &Story| story.expected().contains(&alert.rule.as_str());
            Story::ALL.into_iter().filter(of_rule).find(|story| match story.subject() {
                Subject::Door(door) => alert.title.contains(&format!("{} ", door.collector())),
                // One alert for many of the team names no workspace.
                Subject::Agents(_) => *story == Story::Spend && alert.who.workspace.is_none(),
            })
        })
    }

    /// How a story was found, if it was.
    pub fn found(&self, story: Story) -> Option<&Found> {
        self.found.get(&story)
    }

    /// Whether a story has begun.
    pub fn has_begun(&self, story: Story) -> bool {
        self.began.contains_key(&story)
    }

    /// Whether every story that has begun was found.
    pub fn is_complete(&self) -> bool {
        self.began.keys().all(|story| self.found.contains_key(story))
    }

    /// Alerts by rule: of the days before, or of what was live.
    pub fn by_rule(&self, is_old: bool) -> BTreeMap<&str, Count> {
        let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
        for judged in self.alerts.values().filter(|judged| judged.is_old == is_old) {
            let count = counts.entry(&judged.rule).or_default();
            count.alerts += 1;
            count.loud += u64::from(judged.worst > Severity::Low);
        }
        counts
    }

    /// Live alerts above low that are of no story: rule, how bad, and title.
    pub fn false_alerts(&self) -> impl Iterator<Item = (&str, Severity, &str)> {
        let is_false = |judged: &&Judged| {
            !judged.is_old && !judged.is_known && judged.story.is_none() && judged.worst > Severity::Low
        };
        self.alerts.values().filter(is_false).map(|judged| (judged.rule.as_str(), judged.worst, judged.title.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use generator::{Generator, Scale};
    use serde_json::json;

    use super::*;

    fn alert(id: &str, rule: &str, severity: &str, workspace: Option<&str>, backfill: bool) -> Alert {
        serde_json::from_value(json!({
            "id": id, "revision": 1, "rule": rule, "rule_version": 1, "state": "open", "severity": severity,
            "title": "Collector coderd-eu is silent", "reason": "r", "who": {"workspace": workspace}, "what": {},
            "first_seen": 0, "last_seen": 0, "recorded_first": 0, "recorded_last": 0, "count": 1, "evidence": [],
            "tags": [], "backfill": backfill,
        }))
        .unwrap()
    }

    #[test]
    fn stories_are_found_by_their_own_alerts_and_the_rest_is_false() {
        let generator = Generator::new(1, Scale::default());
        let of = |number: usize| generator.fleet().agent(number).unwrap().workspace.clone();
        let mut score = Score::new(generator.fleet());
        let at = Timestamp::from_unix_micros;
        score.begin(Story::Exfiltration, at(1_000));
        score.begin(Story::Silent, at(2_000));
        score.begin(Story::Exfiltration, at(9_000));
        assert!(!score.is_complete());
        let beside = score.hear(&alert("a", "file.unusual", "medium", Some(&of(17)), false), at(3_000));
        assert_eq!(beside, Told { story: Some(Story::Exfiltration), is_news: true, finds: false });
        let quiet = score.hear(&alert("b", "egress.denied_post", "low", Some(&of(17)), false), at(3_500));
        assert!(!quiet.finds && quiet.is_news);
        let finds = score.hear(&alert("b", "egress.denied_post", "high", Some(&of(17)), false), at(4_000));
        assert!(finds.finds && finds.is_news);
        let worse = score.hear(&alert("b", "egress.denied_post", "critical", Some(&of(17)), false), at(5_000));
        assert!(!worse.finds && worse.is_news);
        assert!(!score.hear(&alert("b", "egress.denied_post", "critical", Some(&of(17)), false), at(6_000)).is_news);
        assert!(score.hear(&alert("c", "collector.silent", "medium", None, false), at(7_000)).finds);
        assert!(score.is_complete());
        let expected =
            Found { rule: "egress.denied_post".to_owned(), severity: Severity::Critical, after_micros: 3_000 };
        assert_eq!(score.found(Story::Exfiltration), Some(&expected));
        score.hear(&alert("d", "egress.denied_post", "medium", Some(&of(1)), false), at(8_000));
        score.hear(&alert("e", "egress.denied_post", "low", Some(&of(2)), false), at(8_000));
        score.hear(&alert("f", "loop.repeat", "high", Some(&of(3)), true), at(8_000));
        assert_eq!(score.false_alerts().map(|(rule, ..)| rule).collect::<Vec<_>>(), ["egress.denied_post"]);
        assert_eq!(score.by_rule(true)["loop.repeat"], Count { alerts: 1, loud: 1 });
        assert_eq!(score.by_rule(false)["egress.denied_post"], Count { alerts: 3, loud: 2 });
    }
}
