//! One beacon: how bad it is and how it is put.

use detect_core::egress::known::Watched;
use detect_core::limits::EPISODES_PER_SCOPE_MAX;
use detect_core::text::{counted, duration, sentences};
use effects::host::Class;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use super::interval::{Interval, factor_tenths};
use super::look::Look;
use super::regular::chance_percent;
use super::rhythm::Beat;
use crate::limits::{CHOIR_AGENTS_MAX, STEADY_STEPS};

/// Whose rhythm it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// That of one agent's requests to one place.
    OnePlace,
    /// That of one agent's requests to all of its rare places together.
    ManyPlaces,
    /// That of so many agents' requests to one place.
    Agents(u32),
}

/// What is known about regular callbacks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Callbacks {
    /// The word for whose they are: `workspace`, `session`, ….
    pub scope_kind: String,
    /// The kind of destination.
    pub class: Class,
    /// Whether one of them wrote.
    pub write: bool,
    /// Whether the first was refused.
    pub refused: bool,
    /// Stands for all further destinations of the agent.
    pub many: bool,
    /// What they look like.
    pub look: Look,
    /// Whose rhythm it is.
    pub whose: Whose,
    /// The latest rhythm.
    pub beat: Beat,
    /// How many other agents asked for the domain.
    pub others: u32,
    /// Against what that was judged.
    pub watched: Watched,
}

impl Callbacks {
    /// Notes how it goes on.
    pub fn note(&mut self, whose: Whose, look: Look, beat: Beat, write: bool) {
        if let (Whose::Agents(before), Whose::Agents(now)) = (self.whose, whose) {
            self.whose = Whose::Agents(before.max(now));
        }
        (self.look, self.beat) = (look, beat);
        self.write |= write;
    }

    fn observed(&self, alert: &Alert) -> String {
        let Beat { fit, period, seconds, .. } = self.beat;
        let (kind, place, period) = (&self.scope_kind, destination(alert), about(period));
        let who = match self.whose {
            Whose::OnePlace => format!("This {kind} calls {place} about every {period}, and has"),
            Whose::ManyPlaces => {
                format!("This {kind} asks for one rare domain after another, about every {period} for one, and has")
            }
            Whose::Agents(agents) => {
                let more = if agents as usize >= CHOIR_AGENTS_MAX { "At least " } else { "" };
                format!("{more}{agents} {kind}s call {place} with one rhythm, about every {period}, and the latest has")
            }
        };
        let passage = if self.refused { "refused" } else { "let through" };
        let factor = factor_tenths(fit.width);
        format!(
            "{who} been regular for {}: {} of the latest {} intervals lie within a factor of {}.{} of each other; the first \
             request was {passage}.",
            about(u32::try_from(seconds).unwrap_or(u32::MAX)),
            fit.fitting,
            fit.intervals,
            factor / 10,
            factor % 10,
        )
    }

    fn baseline(&self) -> String {
        let chance = chance_percent(self.beat.fit.width);
        let fleet = match self.whose {
            Whose::ManyPlaces => String::new(),
            Whose::OnePlace | Whose::Agents(_) => self.watched.sentence(&self.scope_kind, self.others),
        };
        sentences(&[fleet, format!("Of intervals by chance at most {chance} of 100 lie as near to each other.")])
    }

    /// What speaks for an implant and what against.
    fn weighed(&self) -> String {
        let Beat { fit, marks, polls, idle, .. } = self.beat;
        let idle = match idle {
            0 => String::new(),
            _ => format!("For an implant: the latest {idle} came when no command had been run for half an hour."),
        };
        let polls = match polls {
            0 => String::new(),
            _ => format!(
                "Against it: {polls} of the latest {marks} asked for what programs poll, by path, host or answer."
            ),
        };
        let jitter = match (fit.width <= STEADY_STEPS, self.whose) {
            (_, Whose::ManyPlaces) => "",
            (true, _) => "Against it: a program that polls waits the same time, too.",
            (false, _) => "For it: the intervals vary within bounds, as implants are told to and few programs do.",
        };
        sentences(&[idle, polls, jitter.to_owned()])
    }

    fn verdict(&self) -> String {
        if self.many {
            return format!("Those beyond {EPISODES_PER_SCOPE_MAX} such domains share this alert.");
        }
        let look = match self.whose {
            Whose::OnePlace => {
                "Look first at which program asks, and whether it goes on when the agent has nothing to do. If the agent polls \
                 a service that only it uses, trust the domain."
            }
            Whose::ManyPlaces => {
                "Look first at what these domains have in common: their age, their addresses, the paths. An implant that changes \
                 its master looks like that, and so does a list that is worked off."
            }
            Whose::Agents(_) => {
                "Look first at what these agents share: an image, a package, a repository that they all opened. A tool that \
                 only they use looks the same; if it is one, trust the domain."
            }
        };
        look.to_owned()
    }
}

fn destination(alert: &Alert) -> &str {
    alert.what.domain.as_deref().or(alert.what.host.as_deref()).unwrap_or("many rare domains")
}

/// A time rounded to the unit in which it is said.
fn about(seconds: u32) -> String {
    let unit = match seconds {
        0..=119 => 1,
        120..=7_199 => 60,
        _ => 3_600,
    };
    duration((i64::from(seconds) + unit / 2) / unit * unit * 1_000_000)
}

impl detect_core::episode::Case for Callbacks {
    fn severity(&self, _: &Alert) -> Severity {
        let risky = self.class.is_risky() || self.class == Class::Address;
        match (self.look, self.whose) {
            (Look::Poll, _) => Severity::Low,
            (_, Whose::Agents(_)) => Severity::High,
            _ if risky || (self.write && !self.refused) => Severity::High,
            _ => Severity::Medium,
        }
    }

    fn title(&self, alert: &Alert) -> String {
        match self.whose {
            Whose::OnePlace => format!("Regular callbacks to {}", destination(alert)),
            Whose::ManyPlaces => "Regular callbacks to one rare domain after another".to_owned(),
            Whose::Agents(agents) => {
                format!("Regular callbacks of {} to {}", counted(agents.into(), &self.scope_kind), destination(alert))
            }
        }
    }

    fn reason(&self, alert: &Alert) -> String {
        sentences(&[self.observed(alert), self.class.sentence(), self.baseline(), self.weighed(), self.verdict()])
    }

    fn shape(&self, alert: &Alert) -> Option<String> {
        let whose = match self.whose {
            Whose::OnePlace => "one",
            Whose::ManyPlaces => "rotation",
            Whose::Agents(_) => "several",
        };
        let does = if self.write { "writes" } else { "reads" };
        let class = Interval::of(self.beat.period).doublings();
        (!self.many).then(|| format!("{whose} {} {does} 2^{class} s", destination(alert)))
    }

    fn stage(&self) -> u8 {
        // Twice as many agents are news.
        if let Whose::Agents(agents) = self.whose { agents.ilog2() as u8 } else { 0 }
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        let Beat { fit, seconds, .. } = self.beat;
        Some(Measurement::new("intervals that fit", Unit::Count, fit.fitting).within(seconds).known_from(fit.intervals))
    }
}
