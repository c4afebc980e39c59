//! The views about alerts and silences. They say the same as the fold `operations::triage::Triage`; a test compares both.

use ledger::LedgerName;

use super::{View, made, same};

pub(super) const ALERTS: View = View {
    name: "alerts",
    ledger: LedgerName::Operations,
    doc: "Alerts: the newest revision of each, and what people did about it. What hides an alert now depends on the moment and \
          on the configuration: `tachograph alerts list` and `/api/v1/alerts` say it.",
    columns: &[
        made("position", "position", "Where the newest revision stands, such as operations/0/812."),
        made("seq", "seq", "The newest revision's sequence number."),
        made("recorded", "recorded", "When the newest revision was recorded."),
        made("alert", "subject", "Id of the alert."),
        made("revision", "revision", "Number of the newest revision."),
        made("rule", "json_get_str(record, 'rule')", "Name of the rule, such as egress.denied_post."),
        made("severity", "json_get_str(record, 'severity')", "info, low, medium, high or critical."),
        made("state", "state", "open, updated or resolved."),
        made("title", "json_get_str(record, 'title')", "A few words."),
        made("reason", "json_get_str(record, 'reason')", "Why, with the observed value and the baseline."),
        made("count", "json_get_int(record, 'count')", "Number of events."),
        made(
            "first_seen",
            "arrow_cast(json_get_int(record, 'first_seen'), 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "Event time of the first event.",
        ),
        made(
            "last_seen",
            "arrow_cast(json_get_int(record, 'last_seen'), 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "Event time of the latest event.",
        ),
        made("user", "json_get_str(record, 'who', 'user')", "The person for whom the agent works."),
        made("team", "json_get_str(record, 'who', 'team')", "Team."),
        made("workspace", "json_get_str(record, 'who', 'workspace')", "Id of the workspace."),
        made("workspace_name", "json_get_str(record, 'who', 'workspace_name')", "Name of the workspace."),
        made("session", "json_get_str(record, 'who', 'session')", "The agent's session."),
        made("host", "json_get_str(record, 'what', 'host')", "Host that it is about."),
        made(
            "domain",
            "coalesce(json_get_str(record, 'what', 'domain'), json_get_str(record, 'what', 'host'))",
            "Registrable domain that it is about; of an address the address.",
        ),
        made(
            "evidence",
            "json_texts(json_get_json(record, 'evidence'))",
            "Positions of the events behind it, a list: JOIN events ON events.position = ANY(evidence).",
        ),
        made("tags", "json_texts(json_get_json(record, 'tags'))", "ATLAS and ATT&CK techniques, a list."),
        made(
            "backfill",
            "json_get_bool(record, 'backfill')",
            "Whether all its events were old when they were recorded.",
        ),
        made(
            "status",
            "CASE WHEN closes THEN 'closed' WHEN state = 'resolved' THEN 'resolved' WHEN covers THEN 'acknowledged' ELSE 'open' END",
            "open, acknowledged, resolved or closed: where it stands, for people.",
        ),
        made("opened", "opened", "When its first revision was recorded."),
        made("acknowledged_by", "CASE WHEN covers THEN acknowledged_by END", "Who looks after it."),
        made("acknowledged", "CASE WHEN covers THEN acknowledged_at END", "Since when."),
        made("assignee", "assignee", "Who is to look after it."),
        made("closed_by", "CASE WHEN closes THEN decided_by END", "Who closed it."),
        made("closed", "CASE WHEN closes THEN decided_at END", "When."),
        made(
            "close_reason",
            "CASE WHEN closes THEN decided_reason END",
            "true_positive, benign, false_positive or duplicate.",
        ),
        made("notes", "coalesce(notes, 0)", "Number of notes."),
    ],
    body: BODY,
    example: "SELECT recorded, severity, rule, \"user\", status, assignee, reason FROM alerts WHERE status = 'open' ORDER BY recorded DESC",
};

/// The newest revision of each alert beside the newest step of each kind.
///
/// A close stands unless a later revision goes on with the episode; an acknowledgement stands unless the alert was closed in
/// vain or reopened after it, or got worse than it was then.
const BODY: &str = "FROM (\
    SELECT *, closes_if AS closes, \
        coalesce(acknowledged_seq IS NOT NULL AND rank <= acknowledged_rank \
            AND (decided_seq IS NULL OR decided_seq < acknowledged_seq OR closes_if), false) AS covers \
    FROM (\
        SELECT newest.*, steps.*, \
            coalesce(decided_kind = 'alert.close' AND decided_revision >= coalesce(live_revision, 0), false) AS closes_if \
        FROM (\
            SELECT *, json_get_str(record, 'state') AS state, \
                array_position(['info', 'low', 'medium', 'high', 'critical'], json_get_str(record, 'severity')) AS rank, \
                max(CASE WHEN json_get_str(record, 'state') <> 'resolved' THEN coalesce(json_get_int(record, 'follows'), revision) END) OVER (PARTITION BY subject) AS live_revision, \
                min(recorded) OVER (PARTITION BY subject) AS opened, \
                row_number() OVER (PARTITION BY subject ORDER BY revision DESC, seq) AS age \
            FROM operations WHERE kind = 'alert') AS newest \
        LEFT JOIN (\
            SELECT subject AS about, \
                max(seq) FILTER (WHERE kind = 'alert.ack') AS acknowledged_seq, \
                last_value(actor ORDER BY seq) FILTER (WHERE kind = 'alert.ack') AS acknowledged_by, \
                last_value(recorded ORDER BY seq) FILTER (WHERE kind = 'alert.ack') AS acknowledged_at, \
                last_value(array_position(['info', 'low', 'medium', 'high', 'critical'], json_get_str(record, 'severity')) ORDER BY seq) \
                    FILTER (WHERE kind = 'alert.ack') AS acknowledged_rank, \
                last_value(json_get_str(record, 'assignee') ORDER BY seq) FILTER (WHERE kind = 'alert.assign') AS assignee, \
                max(seq) FILTER (WHERE kind IN ('alert.close', 'alert.reopen')) AS decided_seq, \
                last_value(kind ORDER BY seq) FILTER (WHERE kind IN ('alert.close', 'alert.reopen')) AS decided_kind, \
                last_value(actor ORDER BY seq) FILTER (WHERE kind IN ('alert.close', 'alert.reopen')) AS decided_by, \
                last_value(recorded ORDER BY seq) FILTER (WHERE kind IN ('alert.close', 'alert.reopen')) AS decided_at, \
                last_value(json_get_str(record, 'reason') ORDER BY seq) FILTER (WHERE kind IN ('alert.close', 'alert.reopen')) AS decided_reason, \
                last_value(json_get_int(record, 'revision') ORDER BY seq) FILTER (WHERE kind IN ('alert.close', 'alert.reopen')) AS decided_revision, \
                count(*) FILTER (WHERE flags % 2 = 1) AS notes \
            FROM operations WHERE kind LIKE 'alert.%' GROUP BY subject) AS steps ON about = subject \
        WHERE age = 1))";

pub(super) const SILENCES: View = View {
    name: "silences",
    ledger: LedgerName::Operations,
    doc: "Silences and maintenance windows: what nobody is told of, when and why.",
    columns: &[
        same("position"),
        same("seq"),
        same("recorded"),
        made("silence", "subject", "Id of the silence or maintenance window."),
        same("kind"),
        made("author", "actor", "Who recorded it."),
        made("reason", "json_get_str(record, 'reason')", "Why."),
        made("matchers", "json_get_json(record, 'matchers')", "What is hidden, as a JSON list; all must hold."),
        made(
            "starts",
            "arrow_cast(json_get_int(record, 'starts'), 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "From when on.",
        ),
        made(
            "ends",
            "arrow_cast(json_get_int(record, 'ends'), 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "Until when; of a window that comes back, the first time.",
        ),
        made("every_seconds", "json_get_int(record, 'every_seconds')", "From one start to the next."),
        made(
            "until",
            "arrow_cast(json_get_int(record, 'until'), 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "When the repetition ends.",
        ),
        made(
            "would_have_hidden",
            "json_get_int(record, 'would_have_hidden')",
            "Alerts of the seven days before that it would have hidden.",
        ),
        made("expired", "expired", "When it was ended early."),
        made("expired_by", "expired_by", "Who ended it early."),
    ],
    body: "FROM operations LEFT JOIN (\
               SELECT subject AS ended, min(recorded) AS expired, first_value(actor ORDER BY seq) AS expired_by \
               FROM operations WHERE kind IN ('silence.expire', 'maintenance.expire') GROUP BY subject) ON ended = subject \
           WHERE kind IN ('silence', 'maintenance')",
    example: "SELECT recorded, author, reason, matchers, ends FROM silences WHERE ends > now() AND expired IS NULL ORDER BY recorded DESC",
};
