//! The list of detectors. One line here and one file make a detector; configuration, reference, help and tests derive from
//! the list.

use std::borrow::Cow;

use detect_core::engine::NamedDetector;
use detect_core::key::Key;
use detect_core::parameters::Parameters as _;
use detect_core::rule::Rule;
use detect_core::spec::Spec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    agent, approval, collector, command, credential, egress, file, injection, integrity, loops, mcp, policy, resource,
    review, sandbox, secret, spend, state, witness,
};

/// A parameter is out of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("detect.rules.\"{rule}\": {message}")]
pub struct ConfigError {
    /// The rule.
    pub rule: &'static str,
    /// Which parameter, which range.
    pub message: String,
}

/// The detector of a rule.
fn named<R: Rule>(parameters: &R::Parameters, key: Key) -> NamedDetector {
    NamedDetector {
        name: Cow::Borrowed(R::SPEC.name),
        version: R::SPEC.version,
        detector: Box::new(R::new(parameters, key)),
        is_always_told: R::IS_ALWAYS_TOLD,
    }
}

macro_rules! detectors {
    ($($name:literal $field:ident $group:ident::$module:ident::$detector:ident;)*) => {
        /// Every detector, in the order in which they see an event.
        pub static DETECTORS: &[&Spec] = &[$(<$group::$module::$detector as Rule>::SPEC),*];

        /// The parameters of the built-in detectors: `[detect.rules."<name>"]`.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct Rules {
            $(
                #[doc = concat!("Parameters of `", $name, "`.")]
                #[serde(rename = $name)]
                pub $field: <$group::$module::$detector as Rule>::Parameters,
            )*
        }

        impl Rules {
            /// Checks every parameter.
            pub fn check(&self) -> Result<(), ConfigError> {
                $(self.$field.check().map_err(|message| ConfigError { rule: $name, message })?;)*
                Ok(())
            }

            /// Builds the detectors that are enabled, in the order of [`DETECTORS`].
            pub(crate) fn build(&self, key: Key) -> Vec<NamedDetector> {
                let mut detectors = Vec::new();
                $(
                    if self.$field.is_enabled() {
                        detectors.push(named::<$group::$module::$detector>(&self.$field, key));
                    }
                )*
                detectors
            }

            /// The names of the detectors that run in both with the same parameters.
            pub(crate) fn same(&self, other: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(
                    if self.$field.is_enabled() && self.$field == other.$field {
                        names.push($name);
                    }
                )*
                names
            }

            /// Parameters with which no detector runs.
            pub fn off() -> Self {
                let mut rules = Self::default();
                $(rules.$field.set_enabled(false);)*
                rules
            }
        }
    };
}

// Name, field of the parameters, and the detector, which is a [`Rule`].
detectors! {
    "egress.denied_post" egress_denied_post egress::denied_post::DeniedPost;
    "spend.budget" spend_budget spend::budget::Budget;
    "spend.rate" spend_rate spend::rate::SpendRate;
    "spend.unpriced_model" spend_unpriced_model spend::unpriced_model::UnpricedModel;
    "egress.new_domain" egress_new_domain egress::new_domain::NewDomain;
    "egress.new_recipient" egress_new_recipient egress::new_recipient::NewRecipient;
    "egress.denied_burst" egress_denied_burst egress::denied_burst::DeniedBurst;
    "egress.slow_post" egress_slow_post egress::slow_post::SlowPost;
    "dns.tunnel" dns_tunnel egress::tunnel::DnsTunnel;
    "egress.beacon" egress_beacon egress::beacon::Beacon;
    "egress.typosquat" egress_typosquat egress::typosquat::Typosquat;
    "secret.egress" secret_egress secret::egress::SecretEgress;
    "policy.weak" policy_weak policy::weak::WeakPolicy;
    "loop.repeat" loop_repeat loops::repeat::Repeat;
    "loop.no_progress" loop_no_progress loops::no_progress::NoProgress;
    "loop.retry_storm" loop_retry_storm loops::retry_storm::RetryStorm;
    "loop.fleet" loop_fleet loops::fleet::Fleet;
    "agent.stuck" agent_stuck agent::stuck::Stuck;
    "agent.unasked" agent_unasked agent::unasked::Unasked;
    "approval.bypass" approval_bypass approval::bypass::Bypass;
    "command.risky" command_risky command::risky::Risky;
    "file.unusual" file_unusual file::unusual::Unusual;
    "injection.followed" injection_followed injection::followed::InjectionFollowed;
    "injection.planted" injection_planted injection::planted::InjectionPlanted;
    "collector.silent" collector_silent collector::silent::Silent;
    "ledger.gap" ledger_gap integrity::gap::Gap;
    "ledger.conflict" ledger_conflict integrity::conflict::Conflict;
    "ledger.bad_value" ledger_bad_value integrity::bad_value::BadValue;
    "clock.skew" clock_skew integrity::skew::Skew;
    "source.disagreement" source_disagreement witness::disagreement::SourceDisagreement;
    "coverage.missing" coverage_missing witness::missing::CoverageMissing;
    "credential.long_lived" credential_long_lived credential::long_lived::LongLived;
    "sandbox.escape" sandbox_escape sandbox::escape::SandboxEscape;
    "resource.excess" resource_excess resource::excess::ResourceExcess;
    "mcp.new_server" mcp_new_server mcp::new_server::NewServer;
    "review.bypass" review_bypass review::bypass::ReviewBypass;
    // They hear of what all others opened and forgot, so they are the last.
    "state.alerts" state_alerts state::alerts::Alerts;
    "state.flood" state_flood state::flood::Flood;
}

#[cfg(test)]
mod tests;
