//! The list of detectors. One line here and one file make a detector; configuration, reference, help and tests derive from
//! the list.

use operations::alert::Severity;
use operations::alert::State;
use serde::{Deserialize, Serialize};

use crate::config::ConfigError;
use crate::detector::Detector;
use crate::engine::Key;
use crate::{agent, approval, collector, command, egress, file, integrity, loops, policy, secret, spend, state};

/// What a reader of the reference wants to know about a detector.
#[derive(Debug)]
pub struct Spec {
    /// Its name, which is the rule of its alerts.
    pub name: &'static str,
    /// Raised when the same events would give other findings; a state of another version is not read.
    pub version: u32,
    /// What it looks for.
    pub what: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What else looks the same.
    pub false_positives: &'static str,
    /// Which parameter to change when.
    pub tuning: &'static str,
    /// ATLAS and ATT&CK techniques.
    pub tags: &'static [&'static str],
    /// Events with what they must and must not give; they are tests.
    pub examples: &'static [Example],
}

/// A few events and the alerts that they give.
#[derive(Debug)]
pub struct Example {
    /// What happens in it.
    pub name: &'static str,
    /// One JSON object for each event: columns by name, and `second`, the recorded time in seconds after the start.
    pub events: &'static [&'static str],
    /// The second up to which time passes after the last event.
    pub until: i64,
    /// The revisions in order; none for a quiet example.
    pub alerts: &'static [Expected],
}

/// What an example expects of one revision.
#[derive(Debug)]
pub struct Expected {
    /// Where the episode stands.
    pub state: State,
    /// How bad it is.
    pub severity: Severity,
    /// Number of events.
    pub count: u64,
    /// Words that stand in the reason.
    pub reason: &'static str,
}

macro_rules! detectors {
    ($($name:literal $field:ident $group:ident::$module:ident;)*) => {
        /// Every detector, in the order in which they see an event.
        pub static DETECTORS: &[&Spec] = &[$(&$group::$module::SPEC),*];

        /// The parameters of the built-in detectors: `[detect.rules."<name>"]`.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Rules {
            $(
                #[doc = concat!("Parameters of `", $name, "`.")]
                #[serde(rename = $name)]
                pub $field: $group::$module::Parameters,
            )*
        }

        impl Rules {
            /// Checks every parameter.
            pub fn check(&self) -> Result<(), ConfigError> {
                $(self.$field.check().map_err(|message| ConfigError { rule: $name, message })?;)*
                Ok(())
            }

            /// Builds the detectors that are enabled, in the order of [`DETECTORS`].
            pub(crate) fn build(&self, key: Key) -> Vec<(&'static Spec, Box<dyn Detector + Send>)> {
                let mut detectors: Vec<(&'static Spec, Box<dyn Detector + Send>)> = Vec::new();
                $(
                    if self.$field.enabled {
                        detectors.push((&$group::$module::SPEC, $group::$module::build(&self.$field, key)));
                    }
                )*
                detectors
            }

            /// The names of the detectors that run in both with the same parameters.
            pub(crate) fn same(&self, other: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(
                    if self.$field.enabled && self.$field == other.$field {
                        names.push($name);
                    }
                )*
                names
            }

            /// Parameters with which no detector runs.
            pub fn off() -> Self {
                let mut rules = Self::default();
                $(rules.$field.enabled = false;)*
                rules
            }
        }
    };
}

// Name, field of the parameters, module with `SPEC`, `Parameters` (with `enabled` and `check`) and `build`.
detectors! {
    "egress.denied_post" egress_denied_post egress::denied_post;
    "spend.budget" spend_budget spend::budget;
    "spend.rate" spend_rate spend::rate;
    "spend.unpriced_model" spend_unpriced_model spend::unpriced_model;
    "egress.new_domain" egress_new_domain egress::new_domain;
    "egress.denied_burst" egress_denied_burst egress::denied_burst;
    "egress.slow_post" egress_slow_post egress::slow_post;
    "egress.beacon" egress_beacon egress::beacon;
    "egress.typosquat" egress_typosquat egress::typosquat;
    "secret.egress" secret_egress secret::egress;
    "policy.weak" policy_weak policy::weak;
    "loop.repeat" loop_repeat loops::repeat;
    "loop.no_progress" loop_no_progress loops::no_progress;
    "loop.retry_storm" loop_retry_storm loops::retry_storm;
    "loop.fleet" loop_fleet loops::fleet;
    "agent.stuck" agent_stuck agent::stuck;
    "approval.bypass" approval_bypass approval::bypass;
    "command.risky" command_risky command::risky;
    "file.unusual" file_unusual file::unusual;
    "collector.silent" collector_silent collector::silent;
    "ledger.gap" ledger_gap integrity::gap;
    "ledger.conflict" ledger_conflict integrity::conflict;
    "ledger.bad_value" ledger_bad_value integrity::bad_value;
    "clock.skew" clock_skew integrity::skew;
    // They hear of what all others opened and forgot, so they are the last.
    "state.alerts" state_alerts state::alerts;
    "state.flood" state_flood state::flood;
}

#[cfg(test)]
mod tests;
