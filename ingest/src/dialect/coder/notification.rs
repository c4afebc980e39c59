//! Notifications that coderd posts to a webhook (`CODER_NOTIFICATIONS_METHOD=webhook`): `{"_version","msg_id","payload","title","body"}`.
//! It posts one again until it is answered with 2xx, under the same `msg_id`.

use ledger::events::column;

use super::SOURCE_NOTIFICATION;
use crate::dialect::json::{Integer, Raw, Text, nested, read, record, why_not};
use crate::dialect::schema::Schema;
use crate::encoding::FieldPath;
use crate::event::Drafts;
use crate::timestamp::Stated;

record! {
    /// The body of the request.
    Notification {
        id: Text<'a> = "msg_id",
        payload: Raw<'a> = "payload",
    }

    /// What it is about.
    Payload {
        name: Text<'a> = "notification_name",
        user: Text<'a> = "user_id",
        username: Text<'a> = "user_username",
        labels: Raw<'a> = "labels",
    }

    /// Of the values of its template those that say how far a budget is used, and whose it is.
    Labels {
        threshold: Integer = "threshold" | "threshold_percent" | "percent",
        username: Text<'a> = "username",
    }
}

/// The body: what is no fact is written for people.
static BODY: Schema = Schema { facts: &["_version", "msg_id"], objects: &[("payload", &PAYLOAD)] };

/// What it is about.
static PAYLOAD: Schema = Schema::flat(&[
    "_version",
    "notification_name",
    "notification_template_id",
    "targets",
    "user_email",
    "user_id",
    "user_name",
    "user_username",
]);

/// Decodes a notification.
pub fn decode(text: &str, received: i64, drafts: &mut Drafts) -> Result<(), String> {
    let notification: Notification = read(text).map_err(|error| why_not(&error))?;
    let (mut payload_text, mut labels_text) = (String::new(), String::new());
    let payload: Payload = nested(notification.payload, &mut payload_text);
    let labels: Labels = nested(payload.labels, &mut labels_text);
    let name = payload.name.some().ok_or("it has no notification_name")?;
    let draft = drafts.add();
    BODY.add_content(draft, text, &FieldPath::root(), text);
    draft.set_times(Stated::Nothing, Stated::Nothing, received);
    draft.set_origin(SOURCE_NOTIFICATION, "workspace", "notification");
    let is_budget = name.to_ascii_lowercase().contains("budget");
    // Those who look after budgets are told of others' budgets.
    match labels.username.some().filter(|name| is_budget && *name != payload.username.as_str()) {
        Some(other) => draft.set_user(None, Some(other)),
        None => draft.set_user(payload.user.id(), payload.username.some()),
    }
    let columns = &mut draft.columns;
    columns.set_text(column::ACTION, if is_budget { "budget.notice" } else { "notice" });
    columns.set_text(column::TARGET, name);
    columns.set_text_if(column::SOURCE_ID, notification.id.id());
    if let Some(percent) = labels.threshold.0.filter(|_| is_budget) {
        columns.set_integer(column::AMOUNT, percent);
        columns.set_integer(column::AMOUNT_MAX, 100);
    }
    Ok(())
}
