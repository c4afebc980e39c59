//! Turns, restrictions and overrides; days of 23 and 25 hours; and that what is computed for a moment is what a walk over all moments finds.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn schedule(settings: Value) -> Schedule {
    let schedules = Schedules(vec![serde_json::from_value(settings).unwrap()]);
    schedules.check().unwrap();
    schedules.0.into_iter().next().unwrap()
}

/// Three people and one layer with these settings beside.
fn rotation(zone: &str, layer: &Value) -> Schedule {
    let mut settings = json!({"name": "weekly", "people": ["a", "b", "c"], "start": "2026-01-05"});
    settings.as_object_mut().unwrap().extend(layer.as_object().unwrap().clone());
    let person = |name: &str| json!({"name": name, "receivers": [format!("{name}-phone")]});
    schedule(
        json!({"name": "primary", "time_zone": zone, "person": [person("a"), person("b"), person("c")], "layer": [settings]}),
    )
}

/// A moment in RFC 3339.
fn at(text: &str) -> Timestamp {
    Timestamp::from_unix_micros(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros())
}

fn people(schedule: &Schedule, at: Timestamp) -> Vec<&str> {
    schedule.who(at).into_iter().map(|on_call| on_call.person).collect()
}

#[test]
fn turns_change_at_the_handover_in_local_time() {
    let schedule = rotation("Europe/Berlin", &json!({"handover": "09:00"}));
    let cases = [
        ("2026-01-05T07:59:59Z", None),
        ("2026-01-05T08:00:00Z", Some("a")),
        ("2026-01-12T07:59:59Z", Some("a")),
        ("2026-01-12T08:00:00Z", Some("b")),
        ("2026-01-19T08:00:00Z", Some("c")),
        ("2026-01-26T08:00:00Z", Some("a")),
        // In summer the handover is an hour earlier in UTC.
        ("2026-03-30T06:59:59Z", Some("c")),
        ("2026-03-30T07:00:00Z", Some("a")),
    ];
    for (moment, person) in cases {
        assert_eq!(people(&schedule, at(moment)).first().copied(), person, "{moment}");
    }
}

#[test]
fn a_day_has_as_many_hours_as_the_clock_says() {
    // Lord Howe Island sets its clocks by half an hour; Apia skipped the whole 30 December 2011.
    let cases = [
        ("Europe/Berlin", "2026-03-28T12:00:00Z", 23 * HOUR),
        ("Europe/Berlin", "2026-10-24T12:00:00Z", 25 * HOUR),
        ("America/New_York", "2026-03-07T18:00:00Z", 23 * HOUR),
        ("Australia/Lord_Howe", "2026-10-03T03:00:00Z", 23 * HOUR + 30 * MINUTE),
        ("Asia/Kolkata", "2026-03-28T12:00:00Z", 24 * HOUR),
    ];
    for (zone, moment, length) in cases {
        let schedule = rotation(zone, &json!({"turn_days": 1}));
        let changes = schedule.next_changes(at(moment), 2);
        assert_eq!(changes[1].at.unix_seconds() - changes[0].at.unix_seconds(), length, "{zone}");
    }
}

#[test]
fn local_times_that_do_not_occur_or_occur_twice_are_read_as_rfc_5545_says() {
    let cases = [
        ("02:30", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"),
        ("02:30", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
        ("03:00", "2026-10-24T12:00:00Z", "2026-10-25T02:00:00Z"),
    ];
    for (handover, after, expected) in cases {
        let schedule = rotation("Europe/Berlin", &json!({"turn_days": 1, "handover": handover}));
        assert_eq!(schedule.next_changes(at(after), 1)[0].at, at(expected), "{handover}");
    }
}

#[test]
fn restrictions_leave_gaps_and_a_night_belongs_to_the_day_on_which_it_begins() {
    let schedule = rotation("UTC", &json!({"weekdays": ["fri", "sat"], "from": "22:00", "until": "06:00"}));
    let cases = [
        ("2026-01-09T21:59:59Z", false),
        ("2026-01-09T22:00:00Z", true),
        ("2026-01-10T05:59:59Z", true),
        ("2026-01-10T06:00:00Z", false),
        ("2026-01-11T05:59:59Z", true),
        ("2026-01-11T22:00:00Z", false),
    ];
    for (moment, covered) in cases {
        assert_eq!(people(&schedule, at(moment)).len(), usize::from(covered), "{moment}");
    }
    let changes = schedule.next_changes(at("2026-01-09T12:00:00Z"), 4);
    let found: Vec<(Timestamp, usize)> = changes.iter().map(|change| (change.at, change.on_call.len())).collect();
    let moments = ["2026-01-09T22:00:00Z", "2026-01-10T06:00:00Z", "2026-01-10T22:00:00Z", "2026-01-11T06:00:00Z"];
    let expected: Vec<(Timestamp, usize)> = moments.into_iter().map(at).zip([1, 0, 1, 0]).collect();
    assert_eq!(found, expected);
}

#[test]
fn names_are_resolved_and_a_gap_resolves_to_nobody() {
    let schedules = Schedules(vec![rotation("UTC", &json!({"from": "09:00", "until": "17:00"}))]);
    let receivers = ["soc", "schedule:primary", "schedule:other", "a-phone"].map(str::to_owned);
    assert_eq!(schedules.resolve(&receivers, at("2026-01-05T12:00:00Z")), ["soc", "a-phone"]);
    assert_eq!(schedules.resolve(&receivers[1..3], at("2026-01-05T18:00:00Z")), Vec::<String>::new());
    assert!(schedules.may_lead_to(&receivers, "c-phone") && !schedules.may_lead_to(&receivers[2..], "c-phone"));
    assert_eq!(schedules.stranger(&receivers, |name| name == "soc"), Some("schedule:other"));
}

#[test]
fn mistakes_are_named() {
    let check = |change: &dyn Fn(&mut Value), says: &str| {
        let person = json!([{"name": "a", "receivers": ["p"]}]);
        let layer = json!([{"name": "l", "people": ["a"], "start": "2026-01-05"}]);
        let mut settings = json!([{"name": "s", "time_zone": "Europe/Berlin", "person": person, "layer": layer}]);
        change(&mut settings);
        let error = match serde_json::from_value::<Schedules>(settings) {
            Err(error) => error.to_string(),
            Ok(schedules) => {
                schedules.check().and_then(|()| schedules.check_receivers(|name| name == "p")).unwrap_err()
            }
        };
        assert!(error.contains(says), "{error}");
    };
    let exception = |person: &str, layer: Value, until: &str| json!([{"person": person, "layer": layer, "from": "2026-12-24 18:00", "until": until}]);
    check(&|all| all[0]["time_zone"] = "Berlin".into(), "IANA");
    check(&|all| all[0]["name"] = "a b".into(), "no name");
    check(&|all| all[0]["person"][0]["receivers"] = json!([]), "no receivers");
    check(&|all| all[0]["person"][0]["receivers"] = json!(["q"]), "\"q\" is no sink");
    check(&|all| all[0]["layer"][0]["people"] = json!(["b"]), "\"b\" is no person");
    check(&|all| all[0]["layer"][0]["people"] = json!([]), "1 to 64");
    check(&|all| all[0]["layer"][0]["turn_days"] = 0.into(), "turn_days");
    check(&|all| all[0]["layer"][0]["start"] = "5.1.2026".into(), "no day");
    check(&|all| all[0]["layer"][0]["from"] = "09:00".into(), "belong together");
    check(&|all| all[0]["layer"][0]["from"] = "9 am".into(), "no time");
    check(&|all| all[0]["override"] = exception("b", Value::Null, "2026-12-26 09:00"), "no person");
    check(&|all| all[0]["override"] = exception("a", "x".into(), "2026-12-26 09:00"), "no layer");
    check(&|all| all[0]["override"] = exception("a", "l".into(), "2026-12-24 18:00"), "after from");
    check(&|all| *all = json!([all[0], all[0]]), "two of the name");
}

#[test]
fn settings_are_written_as_they_are_read() {
    let schedule = rotation(
        "America/New_York",
        &json!({"handover": "09:30", "weekdays": ["mon"], "from": "08:00", "until": "17:00"}),
    );
    let written = serde_json::to_value(&schedule).unwrap();
    assert_eq!(serde_json::from_value::<Schedule>(written).unwrap(), schedule);
}

const NAMES: [&str; 3] = ["a", "b", "c"];
const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Cairo",
];

fn clock() -> impl Strategy<Value = String> {
    (0..24, prop_oneof![Just(0), Just(15), Just(30)]).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}"))
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let layer = (
        clock(),
        1u16..9,
        proptest::sample::subsequence(days.to_vec(), 0..=7),
        proptest::option::of((clock(), clock())),
        1usize..4,
    );
    let exception = (0usize..3, 0i64..400, 0i64..72, 1i64..72, any::<bool>());
    let parts = (0..ZONES.len(), proptest::collection::vec(layer, 0..3), proptest::collection::vec(exception, 0..4));
    parts.prop_map(|(zone, layers, exceptions)| {
        let person = |name: &str| json!({"name": name, "receivers": [format!("{name}-phone")]});
        let count = layers.len();
        let layers: Vec<Value> = layers
            .into_iter()
            .enumerate()
            .map(|(number, (handover, turn_days, weekdays, hours, people))| {
                let (from, until) = hours.unzip();
                json!({"name": format!("l{number}"), "people": &NAMES[..people], "start": "2026-01-05", "handover": handover,
                    "turn_days": turn_days, "weekdays": weekdays, "from": from, "until": until})
            })
            .collect();
        let exceptions: Vec<Value> = exceptions
            .into_iter()
            .map(|(person, day, hour, hours, all)| {
                let from = chrono::DateTime::from_timestamp(1_767_571_200 + day * DAY + hour * HOUR, 0).unwrap();
                let moment = |moment: chrono::DateTime<chrono::Utc>| moment.format("%Y-%m-%d %H:%M").to_string();
                json!({"person": NAMES[person], "layer": (!all && count > 0).then_some("l0"), "from": moment(from),
                    "until": moment(from + chrono::TimeDelta::hours(hours))})
            })
            .collect();
        schedule(json!({"name": "s", "time_zone": ZONES[zone], "person": [person("a"), person("b"), person("c")], "layer": layers,
            "override": exceptions}))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn at_every_moment_there_is_at_most_one_per_layer_and_overrides_win(schedule in any_schedule(), second in 0i64..500 * DAY) {
        let at = Timestamp::from_unix_seconds(1_767_571_200 + second);
        let on_call = schedule.who(at);
        let layers: Vec<Option<&str>> = on_call.iter().map(|person| person.layer).collect();
        prop_assert!(layers.windows(2).all(|pair| pair[0] < pair[1]), "{layers:?}");
        let covering = |layer: Option<&str>| {
            schedule.overrides.iter().rfind(|exception| exception.layer.as_deref() == layer && exception.covers(schedule.time_zone, at))
        };
        if let Some(exception) = covering(None) {
            prop_assert_eq!(on_call.len(), 1);
            prop_assert_eq!((on_call[0].person, on_call[0].layer, on_call[0].by_override), (exception.person.as_str(), None, true));
        } else if let Some(exception) = covering(Some("l0")) {
            let of_layer = on_call.iter().find(|person| person.layer == Some("l0")).unwrap();
            prop_assert_eq!((of_layer.person, of_layer.by_override), (exception.person.as_str(), true));
        } else {
            prop_assert!(on_call.iter().all(|person| person.by_override == (person.layer.is_none())));
        }
    }

    #[test]
    fn the_next_changes_are_those_that_a_walk_finds(schedule in any_schedule(), quarter in 0i64..300 * 96) {
        // All times of these schedules lie on quarters of an hour, in every zone.
        let step = 15 * MINUTE;
        let start = 1_767_571_200 + quarter * step;
        let (mut walked, mut before) = (Vec::new(), schedule.who(Timestamp::from_unix_seconds(start)));
        for number in 1..=14 * 96 {
            let at = Timestamp::from_unix_seconds(start + number * step);
            let now = schedule.who(at);
            if now != before {
                walked.push(at);
                before = now;
            }
        }
        let end = Timestamp::from_unix_seconds(start + 14 * DAY);
        let changes = schedule.next_changes(Timestamp::from_unix_seconds(start), 1_000);
        let found: Vec<Timestamp> = changes.iter().map(|change| change.at).filter(|at| *at <= end).collect();
        prop_assert_eq!(found, walked);
        prop_assert!(changes.iter().all(|change| schedule.who(change.at) == change.on_call));
    }

    #[test]
    fn turns_follow_one_another_and_each_has_its_days(zone in 0..ZONES.len(), handover in clock(), turn_days in 1u16..9, turn in 0u32..120) {
        let schedule = rotation(ZONES[zone], &json!({"handover": handover, "turn_days": turn_days}));
        let layer = &schedule.layers[0];
        let day = |turns: u32| layer.start.0.checked_add_days(Days::new(u64::from(turns) * u64::from(turn_days))).unwrap();
        let begins = schedule.time_zone.at(day(turn), layer.handover).unwrap();
        let ends = schedule.time_zone.at(day(turn + 1), layer.handover).unwrap();
        let person = ["a", "b", "c"][turn as usize % 3];
        let last = Timestamp::from_unix_micros(ends.unix_micros() - 1);
        prop_assert_eq!((people(&schedule, begins), people(&schedule, last)), (vec![person], vec![person]));
        prop_assert_ne!(people(&schedule, ends), vec![person]);
        let hours = ends.since(begins).as_secs() / 3_600;
        prop_assert!(hours.abs_diff(24 * u64::from(turn_days)) <= 1, "{hours}");
    }

    #[test]
    fn no_moment_and_no_setting_panics(schedule in any_schedule(), micros in any::<i64>(), text in "\\PC{0,20}|[0-9:. -]{0,18}") {
        let _ = (schedule.who(Timestamp::from_unix_micros(micros)), schedule.next_changes(Timestamp::from_unix_micros(micros), 3));
        let _ = (Zone::try_from(text.clone()), Date::try_from(text.clone()), Clock::try_from(text.clone()), Moment::try_from(text));
    }
}
