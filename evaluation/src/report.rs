//! The tables that are printed. All figures are counted by `judge`; here they only get words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use operations::alert::Severity;

use crate::corpus::Corpus;
use crate::day::Origin;
use crate::fleet::Fleet;
use crate::judge::{ACTS_AFTER_HARM, Judged, Owner, Verdict};
use crate::records::Label;
use crate::techniques;

/// Severities above low, the worst first, and then the rest.
const SEVERITIES: [Severity; 5] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

/// What is to be reported of.
pub struct Report<'a> {
    /// The scripts.
    pub corpus: &'a Corpus,
    /// The numbers of the stories that were told.
    pub stories: &'a [usize],
    /// What happened.
    pub fleet: &'a Fleet,
    /// What was found.
    pub verdict: &'a Verdict,
}

impl Report<'_> {
    /// Recall by story.
    pub fn stories(&self) -> String {
        let mut out = String::from(
            "story                                      work        first rule                  delay  others\n",
        );
        for number in self.stories {
            let story = &self.corpus.stories[*number];
            let catches = self.verdict.catches.get(number).map(Vec::as_slice).unwrap_or_default();
            let hard = if story.hard { " (hard)" } else { "" };
            let (rule, delay) = catches
                .first()
                .map_or(("-".to_owned(), String::new()), |catch| (catch.rule.clone(), format!("{:+}", catch.delay)));
            let others: Vec<&str> = catches.iter().skip(1).map(|catch| catch.rule.as_str()).collect();
            let name = format!("{}{hard}", story.name);
            let _ = writeln!(out, "{name:42} {:11} {rule:27} {delay:>5}  {}", story.work.as_str(), others.join(" "));
        }
        out
    }

    /// Recall by technique, and in all.
    pub fn techniques(&self) -> String {
        let mut by_technique: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for number in self.stories {
            for technique in &self.corpus.stories[*number].techniques {
                let count = by_technique.entry(technique).or_default();
                count.0 += usize::from(self.is_found(*number));
                count.1 += 1;
            }
        }
        let mut out = String::from("technique       found  of  name\n");
        for (technique, (found, all)) in by_technique {
            let name = techniques::name(technique).unwrap_or_default();
            let _ = writeln!(out, "{technique:14} {found:6} {all:3}  {name}");
        }
        out
    }

    /// Recall in all.
    pub fn recall(&self) -> String {
        let count = |hard: bool| {
            let stories: Vec<usize> =
                self.stories.iter().copied().filter(|number| self.corpus.stories[*number].hard == hard).collect();
            (stories.iter().filter(|number| self.is_found(**number)).count(), stories.len())
        };
        let ((plain, plain_all), (hard, hard_all)) = (count(false), count(true));
        let mut delays: Vec<i64> =
            self.stories.iter().filter_map(|story| Some(self.verdict.first_catch(*story)?.delay)).collect();
        delays.sort_unstable();
        let median = delays.get(delays.len() / 2).copied().unwrap_or_default();
        let worst = delays.last().copied().unwrap_or_default();
        format!(
            "found {} of {} stories above low and at most {ACTS_AFTER_HARM} acts after the harm: {plain} of {plain_all} ordinary, \
             {hard} of {hard_all} hard; delay against the harm: median {median:+} acts, worst {worst:+}\n",
            plain + hard,
            plain_all + hard_all
        )
    }

    fn is_found(&self, story: usize) -> bool {
        self.verdict.first_catch(story).is_some()
    }

    /// Alerts of ordinary days by rule and severity.
    pub fn ordinary(&self) -> String {
        let is_ordinary = |judged: &&Judged| matches!(judged.owner, Owner::Ordinary(_));
        let mut out = self.by_rule(&|judged| is_ordinary(&judged));
        let days = self.fleet.ordinary_days;
        let loud = self.verdict.alerts.iter().filter(is_ordinary).filter(|judged| judged.worst > Severity::Low).count();
        let _ =
            writeln!(out, "{loud} alerts above low in {days} ordinary agent-days: {:.3} an agent-day", per(loud, days));
        let agents: BTreeSet<(usize, u32)> = self
            .verdict
            .alerts
            .iter()
            .filter(|judged| judged.worst > Severity::Low)
            .filter_map(|judged| match judged.owner {
                Owner::Ordinary(label) => Some((label.agent, label.day)),
                _ => None,
            })
            .collect();
        let _ = writeln!(out, "{} of these days have one or more", agents.len());
        out
    }

    /// Alerts of ordinary work beside attacks.
    pub fn beside(&self) -> String {
        self.by_rule(&|judged| matches!(judged.owner, Owner::Beside(_) | Owner::Nobody))
    }

    fn by_rule(&self, is_meant: &dyn Fn(&Judged) -> bool) -> String {
        let mut by_rule: BTreeMap<&str, BTreeMap<Severity, usize>> = BTreeMap::new();
        for judged in self.verdict.alerts.iter().filter(|judged| is_meant(judged)) {
            *by_rule.entry(&judged.alert.rule).or_default().entry(judged.worst).or_default() += 1;
        }
        let mut out = format!("{:30}", "rule");
        for severity in SEVERITIES {
            let _ = write!(out, "{:>10}", severity.as_str());
        }
        out.push('\n');
        for (rule, counts) in by_rule {
            let _ = write!(out, "{rule:30}");
            for severity in SEVERITIES {
                let _ = write!(out, "{:>10}", counts.get(&severity).copied().unwrap_or_default());
            }
            out.push('\n');
        }
        out
    }

    /// How fast the detectors were.
    pub fn rate(&self) -> String {
        let Verdict { events, observing, advancing, .. } = self.verdict;
        let rate = *events as f64 / observing.as_secs_f64().max(1e-9);
        format!(
            "{events} events in {observing:.1?}: {rate:.0} events/s with all rules; the seconds between them took {advancing:.1?}\n"
        )
    }

    /// The reasons of alerts above low, as an analyst reads them: those of stories and of ordinary work.
    pub fn reasons(&self, only: &dyn Fn(&Judged) -> bool, count: usize) -> String {
        let mut out = String::new();
        let loud = self.verdict.alerts.iter().filter(|judged| judged.worst > Severity::Low && only(judged));
        for judged in loud.take(count) {
            let alert = &judged.alert;
            let _ = writeln!(
                out,
                "{} [{}] {} — {}\n    {}\n    user {}, count {}, {}\n",
                alert.rule,
                judged.worst.as_str(),
                alert.title,
                self.whose(judged.owner),
                alert.reason,
                alert.who.user.as_deref().unwrap_or("?"),
                alert.count,
                alert.tags.join(" "),
            );
        }
        out
    }

    fn whose(&self, owner: Owner) -> String {
        let chore = |label: Label| match label.origin {
            Origin::Chore(number) => self.corpus.chores[number].name.clone(),
            _ => "the session".to_owned(),
        };
        match owner {
            Owner::Story(number) => format!("story {}", self.corpus.stories[number].name),
            Owner::Ordinary(label) => format!("ordinary: {}", chore(label)),
            Owner::Beside(label) => format!("beside a story: {}", chore(label)),
            Owner::Nobody => "nobody's".to_owned(),
        }
    }
}

fn per(count: usize, days: u64) -> f64 {
    count as f64 / days.max(1) as f64
}
