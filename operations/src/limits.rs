//! Every bound of what people and machines do about events: projections, alerts, silences, budgets, receipts.
//!
//! Bounds of the log stand in `ledger::limits`.

use std::time::Duration;

use crate::money::Money;

/// Rows that a fold reads at once,
pub const FOLD_READ_ROWS: usize = 4_096;
/// and the most bytes of them.
pub const FOLD_READ_BYTES: usize = 8 << 20;

/// Alerts whose life the fold of triage keeps,
pub const TRIAGE_ALERTS_MAX: usize = 65_536;
/// and the most bytes of them. Alerts that are done are forgotten first, the oldest before the others.
pub const TRIAGE_BYTES_MAX: usize = 64 << 20;
/// The largest record of an alert, a step or a silence that the fold reads: no detector and no person of ours writes more.
pub const TRIAGE_RECORD_BYTES_MAX: usize = 64 << 10;
/// Steps of one alert that are kept one by one; older ones are only counted.
pub const TRIAGE_STEPS_KEPT: usize = 32;
/// Tags of one alert that are kept.
pub const TRIAGE_TAGS_KEPT: usize = 32;
/// The longest id of an alert or a silence, and the longest name of a person or a receiver.
pub const TRIAGE_NAME_BYTES_MAX: usize = 256;
/// Shapes of alerts that people closed as benign which are kept; the decision that is oldest is forgotten first.
pub const BENIGN_SHAPES_KEPT: usize = 4_096;
/// Sinks about which an order of somebody stands; orders about others are refused.
pub const SINKS_ORDERED_MAX: usize = 1_024;
/// Backfills of one sink that are not over; one more is refused.
pub const BACKFILLS_MAX: usize = 4;
/// Records of a backfill that go in a second, unless who orders it says otherwise: little beside what a receiver takes that keeps up with a fleet,
pub const BACKFILL_RECORDS_PER_SECOND: u32 = 1_000;
/// and the most that can be ordered.
pub const BACKFILL_RECORDS_PER_SECOND_MAX: u32 = 1_000_000;
/// The longest reason of a silence, or of an order to a sink.
pub const REASON_BYTES_MAX: usize = 1_024;
/// The longest note on an alert.
pub const NOTE_BYTES_MAX: usize = 16 << 10;
/// The longest secret that a configuration names, in bytes.
pub const SECRET_BYTES_MAX: u64 = 16 << 10;
/// The longest filter as text,
pub const FILTER_BYTES_MAX: usize = 4 << 10;
/// the most terms of one,
pub const FILTER_TERMS_MAX: usize = 32;
/// and the most values of all of them.
pub const FILTER_VALUES_MAX: usize = 128;
/// What an error shows of a term, in characters; a longer name is like no other.
pub const FILTER_SHOWN_CHARS_MAX: usize = 64;
/// The longest matcher as text.
pub const MATCHER_BYTES_MAX: usize = 512;
/// Matchers of one silence or rule.
pub const MATCHERS_MAX: usize = 16;
/// Silences and maintenance windows that stand at the same time; one more is refused.
pub const SILENCES_MAX: usize = 1_024;
/// Silences that are kept, over ones included; those that ended first are forgotten first.
pub const SILENCES_KEPT: usize = 4_096;
/// The same while a query reads all of them.
pub const SILENCES_READ: usize = 65_536;
/// The longest silence, in days: what is hidden for longer is a rule that should change.
pub const SILENCE_DAYS_MAX: u32 = 30;
/// The longest time from a maintenance window's first start to its last end, in days.
pub const MAINTENANCE_DAYS_MAX: u32 = 366;
/// How far back a silence is tried before it is recorded, in days.
pub const SILENCE_HISTORY_DAYS: u32 = 7;
/// Inhibition rules and escalation steps of a configuration, each.
pub const POLICY_RULES_MAX: usize = 64;
/// The longest wait of an escalation step, in minutes: a week.
pub const ESCALATION_MINUTES_MAX: u32 = 7 * 24 * 60;

/// Alerts of other systems in one post,
pub const OUTSIDE_POST_MAX: usize = 1_024;
/// those that are open at the same time; another one is not taken,
pub const OUTSIDE_OPEN_MAX: usize = 10_000;
/// the labels and annotations of one, each,
pub const OUTSIDE_LABELS_MAX: usize = 64;
/// the longest value of a label,
pub const OUTSIDE_LABEL_BYTES_MAX: usize = 1_024;
/// the longest annotation,
pub const OUTSIDE_ANNOTATION_BYTES_MAX: usize = 16 << 10;
/// and what is kept of a title,
pub const OUTSIDE_TITLE_BYTES_MAX: usize = 512;
/// and of a reason.
pub const OUTSIDE_REASON_BYTES_MAX: usize = 4 << 10;
/// How long an alert without `endsAt` goes on after it was posted last, as at Alertmanager,
pub const OUTSIDE_RESOLVE_AFTER: Duration = Duration::from_mins(5);
/// how often texts of one that goes on are brought up to date,
pub const OUTSIDE_UPDATE_EVERY: Duration = Duration::from_mins(10);
/// and the longest time that an `endsAt` may lie ahead.
pub const OUTSIDE_HOLD_MAX: Duration = Duration::from_hours(7 * 24);

/// On-call schedules,
pub const SCHEDULES_MAX: usize = 64;
/// the layers of one,
pub const SCHEDULE_LAYERS_MAX: usize = 16;
/// its people,
pub const SCHEDULE_PEOPLE_MAX: usize = 64;
/// and its overrides.
pub const SCHEDULE_OVERRIDES_MAX: usize = 256;
/// The longest turn in a rotation, in days.
pub const SCHEDULE_TURN_DAYS_MAX: u16 = 366;
/// How far ahead changes of a schedule are looked for, in days,
pub const SCHEDULE_AHEAD_DAYS_MAX: u16 = 400;
/// and how many are told.
pub const SCHEDULE_CHANGES_MAX: usize = 1_000;

/// Notices about alerts that are recorded at once; the others follow.
pub const NOTICES_MAX: usize = 256;

/// Newest entries of `operations` about its own sink from which an outbox is read back when it starts,
pub const OUTBOX_ENTRIES_MAX: u64 = 1 << 20;
/// as far as they stand in so many newest entries of any kind. Who was told of an alert before them is forgotten, and then
/// its end is told to everybody.
pub const OUTBOX_ROWS_MAX: u64 = 1 << 24;
/// Alerts that a receiver was told of and that are not over,
pub const OUTBOX_TOLD_MAX: usize = 65_536;
/// and records that it refused, of which an outbox knows. Older ones stay in the ledger.
pub const OUTBOX_DEAD_MAX: usize = 10_000;

/// Hard budgets; another one is refused.
pub const BUDGETS_MAX: usize = 4_096;
/// Budgets that one reservation draws on.
pub const BUDGETS_PER_RESERVATION_MAX: usize = 8;
/// Families of sources that one budget counts.
pub const BUDGET_FAMILIES_MAX: usize = 8;
/// Budgets that are set in one group of entries.
pub const BUDGETS_PER_GROUP_MAX: usize = 256;
/// Reservations in one entry about what was seen in the events.
pub const BUDGET_MATCHED_MAX: usize = 256;
/// The longest name of a budget or id of a reservation, in bytes.
pub const BUDGET_NAME_BYTES_MAX: usize = 128;
/// The largest amount: one billion dollars, so that sums of all reservations fit 64 bits.
pub const BUDGET_MONEY_MAX: Money = Money::from_dollars(1_000_000_000);
/// The longest time for which money is kept.
pub const RESERVATION_TTL_SECONDS_MAX: u32 = 86_400;
/// Open reservations of one budget, so that one tenant cannot take the places of all,
pub const RESERVATIONS_PER_BUDGET_MAX: u32 = 4_096;
/// and of all budgets.
pub const RESERVATIONS_MAX: usize = 131_072;
/// Reservations that are over and whose outcome is still known, so that a request may be sent again.
pub const RESERVATIONS_OVER_MAX: usize = 65_536;
/// Answers that wait for those who asked.
pub const BUDGET_ANSWERS_MAX: usize = 65_536;

/// The longest name of a token or of one of its fixed identities.
pub const TOKEN_NAME_BYTES_MAX: usize = 256;
/// Dialects that one token may name.
pub const TOKEN_DIALECTS_MAX: usize = 64;
/// Active tokens that are held in memory; one more is not created.
pub const TOKENS_MAX: usize = 100_000;

/// How often the log is told of a trouble that comes and goes.
pub const STANDING_TOLD_EVERY: Duration = Duration::from_mins(1);

const _: () = {
    // Every silence that may stand is kept, and what we write we also read: escaping in JSON grows a text sixfold at most.
    assert!(SILENCES_MAX <= SILENCES_KEPT);
    assert!(6 * (REASON_BYTES_MAX + MATCHERS_MAX * MATCHER_BYTES_MAX) < TRIAGE_RECORD_BYTES_MAX);
    // The sum of all reservations does not overflow.
    assert!(BUDGET_MONEY_MAX.as_micros() < u64::MAX / (2 * RESERVATIONS_PER_BUDGET_MAX as u64));
};

/// Links of `tachograph login` that were not used yet,
pub const INVITATIONS_MAX: usize = 64;
/// and how long each of them works.
pub const INVITATION_AGE_MAX: Duration = Duration::from_mins(10);
/// People who are at the console at the same time.
pub const SESSIONS_MAX: usize = 1_024;
/// How long a session at the console lasts at most,
pub const SESSION_AGE_MAX: Duration = Duration::from_hours(12);
/// and how long without a request.
pub const SESSION_IDLE_MAX: Duration = Duration::from_hours(2);
/// Attempts to log in that may fail from one address,
pub const LOGIN_FAILURES_MAX: u32 = 10;
/// within so long.
pub const LOGIN_FAILURES_WINDOW: Duration = Duration::from_mins(5);
/// Addresses of which failed attempts are counted.
pub const LOGIN_ADDRESSES_MAX: usize = 4_096;
/// Groups of a provider that may come in,
pub const GRANTS_MAX: usize = 256;
/// the longest name of one,
pub const GROUP_BYTES_MAX: usize = 256;
/// and how many of them a refusal names.
pub const GRANTS_SHOWN_MAX: usize = 8;
/// Groups of one person that are looked at.
pub const GROUPS_OF_PERSON_MAX: usize = 4_096;
/// The longest name by which people call somebody who came by a provider.
pub const PERSON_BYTES_MAX: usize = 128;
/// How long after a gateway's last word on a tenant's spend what agents claim of the same tenant is not counted, and after the last word of
/// whoever tells of a session's spend what others tell of the same session, in seconds.
pub const TELLER_MEMORY_SECONDS: i64 = 3_600;
