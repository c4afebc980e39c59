//! One line about an event, made of facts: what is content stands beside it.

use ledger::events::column;

use super::clip;
use super::observation::Observation;

/// The line. Every name in it is attacker-written.
pub(super) fn summary(event: &Observation<'_>) -> String {
    let text = |column| event.text(column).map(clip);
    let first =
        |columns: &[ledger::column::handle::Text]| columns.iter().find_map(|column| text(*column)).unwrap_or_default();
    let subject = match event.kind {
        kind if kind.starts_with("egress.") || kind.starts_with("dns.") => {
            let verb = first(&[column::METHOD, column::ACTION]);
            [verb, first(&[column::HOST, column::TARGET])].join(" ")
        }
        kind if kind.starts_with("model.") => first(&[column::MODEL, column::PROVIDER]).to_owned(),
        "agent.event" => first(&[column::ACTION]).to_owned(),
        _ => first(&[column::TOOL, column::TARGET]).to_owned(),
    };
    let outcome = match event.text(column::OUTCOME) {
        Some("deny" | "blocked") => "denied",
        Some("error") => "failed",
        _ => "",
    };
    let what = if event.is_request() { "" } else { event.kind };
    let words = [what, subject.trim(), outcome];
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    clip(&line).to_owned()
}
