//! `spend.unpriced_model`: tokens of a model that the price table does not know, so every sum of money is too low.

use detect_core::aspects::Aspects;
use detect_core::cost::tokens;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::{Example, Expected, Spec};
use detect_core::text::bounded;
use detect_core::{detector_state, parameters};
use ledger::events::column;
use operations::Money;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "spend.unpriced_model",
    version: 2,
    what: "Tokens of a model for which the price table has no price, grouped by organisation and model.",
    why: "Budgets and rates are sums of prices: a model without one is free in every report, and no budget stops it.",
    false_positives: "A model that costs nothing, such as one that runs on your own machines: give it a price of zero.",
    tuning: "tokens_medium: from how many tokens the alert is medium rather than low. quiet_seconds: how long no such \
             tokens must come before the episode is resolved.",
    tags: &["AML.T0034", "T1496", "ASI02"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "a new model is used before anybody knows its price",
        events: &[
            r#"{"second":0,"kind":"model.tokens","model":"claude-next","provider":"anthropic","tokens_in":1000,"tokens_out":500,"org":"acme","session":"s1"}"#,
            r#"{"second":9,"kind":"model.tokens","model":"claude-next","provider":"anthropic","tokens_in":2000000,"tokens_out":500,"org":"acme","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Low, count: 1, reason: "1500 tokens of claude-next" },
            Expected { state: State::Updated, severity: Severity::Medium, count: 2, reason: "leave them out" },
        ],
    },
    Example {
        name: "a counter that cannot be true is no fault of the model",
        events: &[
            r#"{"second":0,"kind":"model.tokens","model":"claude-sonnet-5","tokens_out":500,"marks":["void:tokens_in"],"session":"s1"}"#,
        ],
        until: 60,
        alerts: &[],
    },
    Example {
        name: "a price of zero is a price, and a call without tokens needs none",
        events: &[
            r#"{"second":0,"kind":"model.tokens","model":"local-model","tokens_in":900,"cost_micros":0,"session":"s1"}"#,
            r#"{"second":1,"kind":"model.call","model":"claude-next","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."spend.unpriced_model"]`.
    pub struct Parameters {
        /// From this many tokens without a price the alert is medium: at least 1.
        tokens_medium: u64 = 1_000_000;
        /// An episode is resolved after this many seconds without such tokens.
        quiet_seconds: u32 = 86_400, in 1..=604_800;
    }
    check(parameters) {
        if parameters.tokens_medium == 0 {
            return Err("tokens_medium is 0; it must be at least 1".to_owned());
        }
        Ok(())
    }
}

/// The detector.
pub struct UnpricedModel {
    tokens_medium: u64,
    episodes: Episodes<Unpriced>,
}

detector_state!(UnpricedModel { episodes } without { tokens_medium });

impl Rule for UnpricedModel {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        let episodes = Episodes::new(&SPEC, key, parameters.quiet_seconds);
        Self { tokens_medium: parameters.tokens_medium, episodes }
    }
}

impl Detector for UnpricedModel {
    fn looks_at(&self) -> Aspects {
        Aspects::TOKENS
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(model) = event.text(column::MODEL).filter(|_| event.integer(column::COST_MICROS).is_none()) else {
            return;
        };
        let tokens = tokens(event);
        // A counter that was void is why there is no cost, whatever the price of the model.
        let is_void = event.void_columns().any(|column| column.starts_with("tokens_"));
        if tokens == 0 || is_void {
            return;
        }
        let stated =
            event.integer(column::COST_SOURCE_MICROS).and_then(|cost| Money::try_from(cost).ok()).unwrap_or_default();
        let name = bounded(model);
        let medium = self.tokens_medium;
        let open = |many| Opening {
            case: Unpriced { tokens, stated, medium, many },
            who: scope::who(event),
            what: What { model: Some(name.clone()).filter(|_| !many), ..What::default() },
            before: Before::default(),
        };
        let subject = Subject { scope: Scope::org(event), target: &name };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| {
            case.tokens = case.tokens.saturating_add(tokens);
            case.stated = case.stated.saturating_add(stated);
        });
    }
}

/// What is known about the tokens of one model.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Unpriced {
    tokens: u64,
    /// What the sources say that they cost.
    stated: Money,
    /// From how many tokens it is medium.
    medium: u64,
    /// Whether it stands for further models of an organisation that has too many.
    many: bool,
}

impl Case for Unpriced {
    fn severity(&self, _: &Alert) -> Severity {
        if self.tokens >= self.medium { Severity::Medium } else { Severity::Low }
    }

    fn title(&self, alert: &Alert) -> String {
        format!("No price for {}", model(alert))
    }

    fn reason(&self, alert: &Alert) -> String {
        let calls = match alert.count {
            1 => "1 call".to_owned(),
            count => format!("{count} calls"),
        };
        let counted = if self.stated.is_zero() {
            "so spend and budgets leave them out".to_owned()
        } else {
            format!("so spend and budgets take what their source states: {}", self.stated)
        };
        let (tokens, model) = (self.tokens, model(alert));
        format!(
            "{tokens} tokens of {model} in {calls} have no price in our table, {counted}. Add the model to the price table: \
             later calls are priced, these stay as they are."
        )
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(Measurement::new("tokens without a price", Unit::Tokens, self.tokens).against(self.medium))
    }
}

fn model(alert: &Alert) -> &str {
    alert.what.model.as_deref().unwrap_or("many models")
}
