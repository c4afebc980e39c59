//! Which alert goes to whom: an ordered list of routes, and why it led where it did. A pure function of the alert.
//!
//! Routes are read from the first on; the first that matches is the last, unless it says `continue`. An alert that no route
//! matches goes to every receiver: a hole in the list must not swallow one. Texts of alerts are attacker-written, so
//! matching takes time that grows with the pattern times the text and never more.

use ledger::Timestamp;
use operations::alert::{Alert, Severity};
use operations::filter::Filter;
use operations::schedule::Schedules;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{PATTERN_BYTES_MAX, PATTERNS_MAX, ROUTES_MAX, SINKS_MAX};

/// Which alerts go to which sinks. Routes are read in order; the first that matches is the last, unless it continues. What is not given
/// matches everything. A pattern has `*` and `?`. A sink that no route names gets every alert, and an alert that no route matches goes to
/// every sink.
///
/// ```toml
/// [[route]]
/// name = "payments"
/// receivers = ["oncall"]
/// team = ["pay*"]
/// severity = "high"
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Its name, for explanations.
    pub name: String,
    /// Names of sinks that take alerts. `schedule:NAME` stands for the sinks of whoever is on call when the alert is recorded.
    pub receivers: Vec<String>,
    /// The mildest alerts.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// Patterns of the rule's name, such as `egress.*`; one must match.
    #[serde(default)]
    pub rule: Vec<String>,
    /// Patterns of the team.
    #[serde(default)]
    pub team: Vec<String>,
    /// Patterns of the person for whom the agent works.
    #[serde(default)]
    pub user: Vec<String>,
    /// Patterns of the workspace's name or id.
    #[serde(default)]
    pub workspace: Vec<String>,
    /// A filter such as `team:payments severity:high host:*.example.com`, beside the patterns above; it must hold, too.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Whether later routes are read too.
    #[serde(default, rename = "continue")]
    pub goes_on: bool,
}

/// The routes of a configuration in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Routes {
    /// The routes.
    pub list: Vec<Route>,
    /// What `schedule:NAME` among their receivers means. It stands elsewhere in the configuration.
    #[serde(skip)]
    schedules: Schedules,
}

/// Where an alert goes, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Every route, in order, and what it made of the alert.
    pub routes: Vec<Considered>,
    /// The receivers to which routes lead, in order. Each has a `severity` of its own on top.
    pub receivers: Vec<String>,
    /// Whether no route matched, so that every receiver gets the alert.
    pub everybody: bool,
}

/// One route and one alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// The route.
    pub route: String,
    /// Whether it matched.
    pub matched: bool,
    /// Why, or why not, in words.
    pub why: String,
}

impl Route {
    /// Why it does not match, or `None` if it does.
    fn mismatch(&self, alert: &Alert) -> Option<String> {
        if let Some(severity) = self.severity.filter(|severity| alert.severity < *severity) {
            return Some(format!("severity {} is below {severity}", alert.severity));
        }
        let who = &alert.who;
        let some = |value: &Option<String>| value.iter().map(String::clone).collect::<Vec<_>>();
        let workspace = [some(&who.workspace_name), some(&who.workspace)].concat();
        let checks = [
            ("rule", &self.rule, vec![alert.rule.clone()]),
            ("team", &self.team, some(&who.team)),
            ("user", &self.user, some(&who.user)),
            ("workspace", &self.workspace, workspace),
        ];
        let filtered = || {
            let filter = self.filter.as_ref()?;
            // No term is about the time: the check of the configuration sees to that.
            let term = filter.first_mismatch(alert, Timestamp::EPOCH)?;
            Some(format!("{term} does not hold"))
        };
        let by_pattern = checks.into_iter().find_map(|(name, patterns, values)| {
            let hit = patterns.iter().any(|pattern| values.iter().any(|value| matches(pattern, value)));
            (!patterns.is_empty() && !hit).then(|| match values.first() {
                Some(value) => format!("{name} {value:?} is not {}", patterns.join(" or ")),
                None => format!("the alert has no {name}"),
            })
        });
        by_pattern.or_else(filtered)
    }

    fn check(&self) -> Result<(), String> {
        let patterns = [&self.rule, &self.team, &self.user, &self.workspace];
        if self.name.is_empty() || self.receivers.is_empty() || self.receivers.len() > SINKS_MAX {
            return Err("it needs a name and receivers".to_owned());
        }
        if patterns.iter().any(|list| list.len() > PATTERNS_MAX)
            || patterns.iter().copied().flatten().any(|pattern| pattern.is_empty() || pattern.len() > PATTERN_BYTES_MAX)
        {
            return Err(format!("it takes {PATTERNS_MAX} patterns of 1 to {PATTERN_BYTES_MAX} bytes of each kind"));
        }
        if let Some(filter) = &self.filter {
            Filter::parse_for_delivery(&filter.to_string()).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Routes {
    /// The same routes, with these schedules.
    #[must_use]
    pub fn under(self, schedules: Schedules) -> Self {
        Self { schedules, ..self }
    }

    /// Whether one of them leads to this receiver, now or while somebody else is on call.
    pub fn name(&self, receiver: &str) -> bool {
        self.list.iter().any(|route| self.schedules.may_lead_to(&route.receivers, receiver))
    }

    /// Where an alert goes that is recorded at `at`, and why.
    pub fn explain(&self, alert: &Alert, at: Timestamp) -> Explanation {
        let (mut routes, mut receivers, mut done) = (Vec::new(), Vec::<String>::new(), None::<&str>);
        let mut any = false;
        for route in &self.list {
            let led = self.schedules.resolve(&route.receivers, at);
            let (matched, why) = match (done, route.mismatch(alert)) {
                (Some(earlier), _) => (false, format!("not read: {earlier} matched and does not continue")),
                (None, Some(why)) => (false, why),
                (None, None) if led.is_empty() => (false, format!("nobody is on call: {}", route.receivers.join(", "))),
                (None, None) if led == route.receivers => (true, format!("leads to {}", led.join(", "))),
                (None, None) => (true, format!("leads to {} ({})", led.join(", "), route.receivers.join(", "))),
            };
            if matched {
                any = true;
                let new: Vec<String> = led.into_iter().filter(|receiver| !receivers.contains(receiver)).collect();
                receivers.extend(new);
                done = (!route.goes_on).then_some(route.name.as_str());
            }
            routes.push(Considered { route: route.name.clone(), matched, why });
        }
        Explanation { routes, receivers, everybody: !any }
    }

    /// Whether an alert goes to this receiver that is recorded at `at`. A route whose schedules have a gap then does not match: a gap must
    /// not swallow an alert either.
    pub fn leads_to(&self, receiver: &str, alert: &Alert, at: Timestamp) -> bool {
        let mut any = false;
        for route in self.list.iter().filter(|route| route.mismatch(alert).is_none()) {
            let led = self.schedules.resolve(&route.receivers, at);
            if led.iter().any(|name| name == receiver) {
                return true;
            }
            if led.is_empty() {
                continue;
            }
            if !route.goes_on {
                return false;
            }
            any = true;
        }
        !any
    }

    /// Checks names and bounds; `is_receiver` says whether a sink of this name takes alerts.
    pub fn check(&self, is_receiver: impl Fn(&str) -> bool) -> Result<(), String> {
        if self.list.len() > ROUTES_MAX {
            return Err(format!("there are more than {ROUTES_MAX} routes"));
        }
        for (number, route) in self.list.iter().enumerate() {
            route.check().map_err(|problem| format!("route {}: {problem}", route.name))?;
            if let Some(stranger) = self.schedules.stranger(&route.receivers, &is_receiver) {
                return Err(format!(
                    "route {}: {stranger:?} is no sink that takes alerts, and no schedule",
                    route.name
                ));
            }
            if self.list[..number].iter().any(|other| other.name == route.name) {
                return Err(format!("route {}: there are two of this name", route.name));
            }
        }
        Ok(())
    }
}

/// Whether a text is what the pattern says: `*` is any text, `?` one character, everything else itself.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                // The newest star takes one character more; older ones need not be tried again.
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::alert_of;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp::EPOCH;

    fn routes(list: Value) -> Routes {
        serde_json::from_value(list).unwrap()
    }

    fn example() -> Routes {
        routes(json!([
            {"name": "audit", "receivers": ["mail"], "continue": true},
            {"name": "pay", "receivers": ["pager"], "team": ["pay*"], "severity": "high"},
            {"name": "egress", "receivers": ["soc", "mail"], "rule": ["egress.*", "secret.?gress"], "user": ["alice"]},
        ]))
    }

    #[test]
    fn the_first_match_is_the_last_unless_it_continues() {
        let mut alert = alert_of(1, Severity::High);
        let explained = example().explain(&alert, NOW);
        assert_eq!(explained.receivers, ["mail", "soc"]);
        let why: Vec<(&str, bool)> = explained.routes.iter().map(|route| (route.why.as_str(), route.matched)).collect();
        assert_eq!(why, [("leads to mail", true), ("the alert has no team", false), ("leads to soc, mail", true)]);
        alert.who.team = Some("payments".into());
        let explained = example().explain(&alert, NOW);
        assert_eq!(explained.receivers, ["mail", "pager"]);
        assert_eq!(explained.routes[2].why, "not read: pay matched and does not continue");
        alert.severity = Severity::Low;
        assert_eq!(example().explain(&alert, NOW).routes[1].why, "severity low is below high");
    }

    #[test]
    fn a_filter_must_hold_beside_the_patterns() {
        let list = routes(
            json!([{"name": "pay", "receivers": ["pager"], "user": ["ali*"], "filter": "severity>=high host:*.com -team:web"}]),
        );
        assert_eq!(list.explain(&alert_of(1, Severity::High), NOW).receivers, ["pager"]);
        let explained = list.explain(&alert_of(1, Severity::Low), NOW);
        assert_eq!(explained.routes[0].why, "severity:high,critical does not hold");
        let later = routes(json!([{"name": "a", "receivers": ["soc"], "filter": "status:open"}]));
        assert!(later.check(|_| true).unwrap_err().contains("what a detector found"));
        assert!(
            serde_json::from_value::<Routes>(json!([{"name": "a", "receivers": ["soc"], "filter": "tema:x"}])).is_err()
        );
    }

    #[test]
    fn nothing_is_swallowed_by_a_hole() {
        let list = routes(json!([{"name": "pay", "receivers": ["pager"], "team": ["pay*"]}]));
        let explained = list.explain(&alert_of(1, Severity::High), NOW);
        assert!(explained.everybody && explained.receivers.is_empty());
        assert!(
            list.leads_to("pager", &alert_of(1, Severity::High), NOW)
                && Routes::default().leads_to("x", &alert_of(1, Severity::Low), NOW)
        );
    }

    #[test]
    fn a_schedule_leads_to_whoever_is_on_call_and_its_gap_swallows_nothing() {
        let schedules = json!([{"name": "primary", "time_zone": "UTC",
            "person": [{"name": "ana", "receivers": ["ana-phone"]}, {"name": "bob", "receivers": ["bob-phone"]}],
            "layer": [{"name": "day", "people": ["ana", "bob"], "start": "1970-01-01", "turn_days": 1, "from": "06:00", "until": "18:00"}]}]);
        let list = json!([
            {"name": "pay", "receivers": ["schedule:primary"], "severity": "high"},
            {"name": "rest", "receivers": ["mail"]},
        ]);
        let routes = routes(list).under(serde_json::from_value(schedules).unwrap());
        let check = |hour: i64, receivers: &[&str], why: &str| {
            let (at, alert) = (Timestamp::from_unix_seconds(hour * 3_600), alert_of(1, Severity::High));
            let explained = routes.explain(&alert, at);
            assert_eq!(
                (explained.receivers.as_slice(), explained.routes[0].why.as_str()),
                (&receivers.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()[..], why)
            );
            for receiver in ["ana-phone", "bob-phone", "mail"] {
                assert_eq!(routes.leads_to(receiver, &alert, at), receivers.contains(&receiver), "{receiver} {hour}");
            }
        };
        check(7, &["ana-phone"], "leads to ana-phone (schedule:primary)");
        check(31, &["bob-phone"], "leads to bob-phone (schedule:primary)");
        check(20, &["mail"], "nobody is on call: schedule:primary");
        assert!(routes.name("bob-phone") && routes.name("mail") && !routes.name("siem"));
        routes.check(|name| name != "siem").unwrap();
    }

    #[test]
    fn mistakes_are_named() {
        let check = |list: Value, says: &str| {
            let error = routes(list).check(|name| name == "soc").unwrap_err();
            assert!(error.contains(says), "{error}");
        };
        check(json!([{"name": "a", "receivers": ["siem"]}]), "\"siem\"");
        check(json!([{"name": "a", "receivers": ["schedule:none"]}]), "no schedule");
        check(json!([{"name": "a", "receivers": []}]), "receivers");
        check(json!([{"name": "a", "receivers": ["soc"], "rule": [""]}]), "patterns");
        check(json!([{"name": "a", "receivers": ["soc"]}, {"name": "a", "receivers": ["soc"]}]), "two");
        assert!(serde_json::from_value::<Routes>(json!([{"name": "a", "receivers": [], "sevrity": "high"}])).is_err());
    }

    /// The same by recursion, which is obviously right and slow.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => slow(rest, text) || (!text.is_empty() && slow(pattern, &text[1..])),
            (Some(('?', rest)), Some((_, after))) => slow(rest, after),
            (Some((c, rest)), Some((d, after))) => c == d && slow(rest, after),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_match_as_they_say(pattern in "[ab*?]{0,8}", text in "[ab*]{0,10}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), slow(&p, &t));
        }

        #[test]
        fn the_explanation_is_what_happens(severity in 0usize..5, team in proptest::option::of("pay|pa|x"), user in "alice|bob", receiver in "mail|pager|soc|x") {
            let mut alert = alert_of(1, Severity::ALL[severity]);
            (alert.who.team, alert.who.user) = (team, Some(user));
            let explained = example().explain(&alert, NOW);
            prop_assert_eq!(example().leads_to(&receiver, &alert, NOW), explained.everybody || explained.receivers.contains(&receiver));
        }
    }
}
