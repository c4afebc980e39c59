//! SQL for whose word counts: several feeds tell of one call of a model, and sums count it once, from whoever `teller` ranks highest in an
//! hour of the session. The hour stands for the memory that folds have. What `teller` and `sum_counted` do is in [`crate::tellers`].

/// The rows that tell of tokens or money, but for those that contradict an earlier one.
macro_rules! tells {
    () => {
        "(cost_micros IS NOT NULL OR cost_source_micros IS NOT NULL OR tokens_in IS NOT NULL OR tokens_out IS NOT NULL) \
         AND NOT coalesce(array_has(marks, 'conflict'), false)"
    };
}

/// Whose word a row is.
macro_rules! teller {
    () => {
        "teller(source, family, trust, collector)"
    };
}

/// Whether only an agent, its workspace or its host says so.
macro_rules! is_claim {
    () => {
        "coalesce(trust IN ('agent', 'workspace', 'host'), false)"
    };
}

/// Whether a row of [`FROM_SPEND`] is of whoever is believed most.
macro_rules! counted {
    () => {
        concat!("(told_best IS NULL OR told_best = ", teller!(), ")")
    };
}

/// Sums a number over a session, each call once; null for claims where `$of` leaves them out.
macro_rules! sum_of_session {
    ($of:expr) => {
        concat!("sum_counted(", $of, ", ", teller!(), ", time) FILTER (WHERE ", tells!(), ")")
    };
}

/// The alias of the side of [`FROM_SPEND`] that knows the hours of which several feeds tell.
pub(crate) const OVERLAP: &str = "hours with several tellers";
/// Whether the row is counted.
pub(super) const COUNTED: &str = counted!();
/// The cost of a row that is counted.
pub(super) const COST_COUNTED: &str =
    concat!("CASE WHEN ", is_claim!(), " OR NOT ", counted!(), " THEN NULL ELSE cost_micros END");
/// The same in USD.
pub(super) const COST_USD: &str = concat!(
    "CASE WHEN ",
    is_claim!(),
    " OR NOT ",
    counted!(),
    " THEN NULL ELSE CAST(cost_micros AS DOUBLE) / 1000000 END"
);
/// What is claimed only.
pub(super) const COST_CLAIMED: &str = concat!("CASE WHEN ", is_claim!(), " THEN cost_micros END");
/// The cost of a session, each call once, over its rows of `events`.
pub const SUM_COST: &str = sum_of_session!(concat!("CASE WHEN ", is_claim!(), " THEN NULL ELSE cost_micros END"));
/// Its output tokens.
pub(super) const SUM_TOKENS_OUT: &str = sum_of_session!("tokens_out");

/// The cost of a row of one session that is counted, over rows `FROM events` of that session alone.
pub(crate) const COST_IN_SESSION: &str = concat!(
    "CASE WHEN ",
    is_claim!(),
    " OR ",
    teller!(),
    " <> max(CASE WHEN ",
    tells!(),
    " THEN ",
    teller!(),
    " END) OVER (PARTITION BY date_trunc('hour', time)) THEN NULL WHEN ",
    tells!(),
    " THEN cost_micros END"
);

/// Hours of sessions of which more than one feed tells, few, beside all rows. What is asked of the time and the session of rows is asked
/// of the hours, too: see [`crate::overlap`].
pub(super) const FROM_SPEND: &str = concat!(
    "FROM (SELECT session AS told_session, date_trunc('hour', time) AS told_hour, max(",
    teller!(),
    ") AS told_best FROM events WHERE session IS NOT NULL AND ",
    tells!(),
    " GROUP BY 1, 2 HAVING min(",
    teller!(),
    ") <> max(",
    teller!(),
    ")) AS \"hours with several tellers\" RIGHT JOIN events ON told_session = session AND told_hour = date_trunc('hour', time) WHERE ",
    tells!(),
);
