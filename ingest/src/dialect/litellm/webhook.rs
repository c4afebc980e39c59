//! Alerts that LiteLLM posts to a webhook: about budgets, new keys and new users. They have neither an id nor a time, so each one is
//! an event of its own, stamped on receipt. What they say was spent is a running sum and no cost of a call.

use ledger::events::column;

use super::SOURCE;
use crate::dialect::gateway;
use crate::dialect::json::{Raw, Text, read, record, why_not};
use crate::dialect::members;
use crate::encoding::FieldPath;
use crate::event::Drafts;
use crate::timestamp::Stated;
use crate::uuid::is_uuid;

record! {
    /// A WebhookEvent.
    Webhook {
        spend: Text<'a> = "spend",
        max_budget: Text<'a> = "max_budget",
        soft_budget: Text<'a> = "soft_budget",
        user: Text<'a> = "user_id",
        email: Text<'a> = "user_email",
        team: Text<'a> = "team_id",
        team_alias: Text<'a> = "team_alias",
        org: Text<'a> = "organization_id",
        customer: Text<'a> = "customer_id",
        key_alias: Text<'a> = "key_alias",
        token: Text<'a> = "token",
        group: Text<'a> = "event_group",
        message: Raw<'a> = "event_message",
    }
}

/// Members that stay in the record.
const FACTS: &[&str] = &[
    "spend",
    "max_budget",
    "soft_budget",
    "max_budget_alert_emails",
    "token",
    "customer_id",
    "user_id",
    "team_id",
    "team_alias",
    "organization_id",
    "organization_alias",
    "user_email",
    "key_alias",
    "projected_exceeded_date",
    "projected_spend",
    "event_group",
    "event",
    "event_message",
];

/// Decodes an alert whose `event` is this word.
pub fn decode(event: &str, text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let webhook: Webhook = read(text).map_err(|error| why_not(&error))?;
    let draft = drafts.add();
    let kind = match event {
        "key_created" | "key_rotated" => "credential",
        "internal_user_created" => "audit",
        _ => "notification",
    };
    draft.set_origin(SOURCE, "gateway", kind);
    draft.set_times(Stated::Nothing, Stated::Nothing, received);
    match webhook.user.some().filter(|user| is_uuid(user)) {
        Some(id) => draft.set_user(Some(id), webhook.email.some()),
        None => draft.columns.set_text_if(column::USER, webhook.user.some().or(webhook.email.some())),
    }
    draft.api_key.push_str(webhook.token.some().unwrap_or_default());
    let columns = &mut draft.columns;
    columns.set_text(column::ACTION, event);
    let group = webhook.group.some().unwrap_or_default();
    let of = match group {
        "key" => webhook.key_alias.some(),
        "team" => webhook.team_alias.some().or(webhook.team.some()),
        "customer" => webhook.customer.some(),
        _ => webhook.user.some().or(webhook.email.some()),
    };
    columns.set_text_if(column::TARGET, Some([group, of.unwrap_or_default()].join("/").trim_matches('/')));
    columns.set_text_if(column::AGENT, webhook.key_alias.some());
    columns.set_text_if(column::TEAM, webhook.team_alias.some().or(webhook.team.some()));
    columns.set_text_if(column::ORG, webhook.org.some());
    let budget = gateway::micros(&webhook.max_budget).or(gateway::micros(&webhook.soft_budget));
    for (column, micros) in [(column::AMOUNT, gateway::micros(&webhook.spend)), (column::AMOUNT_MAX, budget)] {
        if let Some(micros) = micros {
            columns.set_integer(column, micros);
        }
    }
    draft.add_free_text(text, "message", "/event_message", webhook.message);
    members::add_others(draft, text, &FieldPath::root(), text, FACTS);
    Ok(())
}
