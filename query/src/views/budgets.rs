//! The views about hard budgets. What was decided, and how budgets stand, is what the budget reconciler wrote down of it.

use ledger::LedgerName;

use super::{Source, View, made, same};

pub(super) const BUDGETS: View = View {
    name: "budgets",
    ledger: LedgerName::Operations,
    doc: "Hard budgets: how each is set now, and how it stood when that last changed, about a quarter of a second late. \
          `tachograph budgets list` and `/api/v1/budgets` say how they stand at the moment.",
    columns: &[
        made("position", "position", "Where its newest setting stands."),
        made("seq", "seq", "That entry's sequence number."),
        made("recorded", "recorded", "When it was set."),
        made("budget", "subject", "Name of the budget."),
        made("set_by", "actor", "Who set it."),
        made("cap_micros", "json_get_int(record, 'cap_micros')", "The hard cap in micro-USD; null if it is closed."),
        made("period", "json_get_str(record, 'period')", "day or month."),
        made("scope", "json_get_json(record, 'scope')", "Whose money it is, and which events count, as JSON."),
        made("stood", "stood", "When it was last written how it stands."),
        made("committed_micros", "json_get_int(standing, 'committed_micros')", "Spent within reservations."),
        made("reserved_micros", "json_get_int(standing, 'reserved_micros')", "Kept for calls that are not done."),
        made(
            "unreserved_micros",
            "json_get_int(standing, 'unreserved_micros')",
            "Spent without a reservation: beyond one, after one was over, or seen in the events only.",
        ),
        made(
            "observed_micros",
            "json_get_int(standing, 'observed_micros')",
            "What its events cost in the day or month, reserved or not.",
        ),
        made("open", "json_get_int(standing, 'open')", "Number of open reservations."),
        made(
            "starts",
            "arrow_cast(json_get_int(standing, 'start') * 1000000, 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "When its day or month began.",
        ),
        made(
            "resets",
            "arrow_cast(json_get_int(standing, 'end') * 1000000, 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "When it is refilled.",
        ),
    ],
    source: Source::Sql(
        "FROM (\
               SELECT *, row_number() OVER (PARTITION BY subject ORDER BY seq DESC) AS age FROM operations WHERE kind = 'budget.set') \
           LEFT JOIN (\
               SELECT subject AS about, last_value(record ORDER BY seq) AS standing, max(recorded) AS stood \
               FROM operations WHERE kind = 'budget.standing' GROUP BY subject) ON about = subject \
           WHERE age = 1",
    ),
    example: "SELECT budget, cap_micros, committed_micros + reserved_micros AS taken, unreserved_micros FROM budgets WHERE cap_micros IS NOT NULL ORDER BY budget",
};

/// Fields are read from the JSON inside of the joined parts: outside, the optimiser would push the reading down to columns that
/// both sides have.
pub(super) const RESERVATIONS: View = View {
    name: "reservations",
    ledger: LedgerName::Operations,
    doc: "Reservations of hard budgets: who asked for how much, what was decided, and what became of it. One row per request \
          that was recorded; what was asked twice at the same moment has two.",
    columns: &[
        same("position"),
        same("seq"),
        same("recorded"),
        made("reservation", "subject", "Id of the reservation, which its owner chose."),
        made("owner", "actor", "Who asked."),
        made("budgets", "json_get_json(record, 'budgets')", "The budgets that it draws on, as a JSON list."),
        made("micros", "json_get_int(record, 'micros')", "The most that the call may cost, in micro-USD."),
        made(
            "ttl_seconds",
            "json_get_int(record, 'ttl_seconds')",
            "After how many seconds it is given back by itself.",
        ),
        made("decision", "verdict", "granted or refused; null until the budget reconciler has written it."),
        made("refusal", "refused_for", "Why it was refused, such as budget_exhausted."),
        made("refused_by", "refuser", "The budget whose cap would not hold."),
        made("available_micros", "left_micros", "What that budget had left."),
        made(
            "expires",
            "arrow_cast(until, 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "When it is given back by itself.",
        ),
        made(
            "state",
            "CASE WHEN verdict = 'refused' THEN 'refused' \
                WHEN ending IS NOT NULL THEN ending \
                WHEN until <= CAST(now() AS BIGINT) / 1000 THEN 'expired' \
                WHEN verdict = 'granted' THEN 'open' END",
            "refused, open, committed, released or expired.",
        ),
        made("reserved_micros", "within_micros", "The part of the cost that was reserved."),
        made("unreserved_micros", "beyond_micros", "The part of the cost that was not."),
        made("ended", "ended", "When it was committed or released."),
    ],
    source: Source::Sql(
        "FROM operations \
           LEFT JOIN (\
               SELECT json_get_int(record, 'seq') AS request, json_get_json(record, 'owner') AS whose, \
                   json_get_str(record, 'decision') AS verdict, json_get_str(record, 'refusal') AS refused_for, \
                   json_get_str(record, 'budget') AS refuser, json_get_int(record, 'available_micros') AS left_micros, \
                   json_get_int(record, 'expires') AS until \
               FROM operations WHERE kind = 'budget.decision' AND json_get_str(record, 'request') = 'reserve') \
               ON request = CAST(seq AS BIGINT) \
           LEFT JOIN (\
               SELECT subject AS about, json_get_json(record, 'owner') AS by_whom, \
                   last_value(json_get_str(record, 'decision') ORDER BY seq) AS ending, min(recorded) AS ended, \
                   last_value(json_get_int(record, 'reserved_micros') ORDER BY seq) AS within_micros, \
                   last_value(json_get_int(record, 'unreserved_micros') ORDER BY seq) AS beyond_micros \
               FROM operations \
               WHERE kind = 'budget.decision' AND json_get_str(record, 'decision') IN ('committed', 'released') \
               GROUP BY subject, json_get_json(record, 'owner')) ON about = subject AND by_whom = whose \
           WHERE kind = 'budget.reserve'",
    ),
    example: "SELECT recorded, owner, reservation, budgets, micros, decision, refused_by, state FROM reservations ORDER BY recorded DESC LIMIT 50",
};
