//! The joins, over drafts as dialects make them.

use ledger::events::column;

use super::facts::tests::inventory;
use super::*;

const USER: &str = "6c405053-27e3-484a-9ad7-bcb64e7bfde6";
const WORKSPACE: &str = "f2bd4e9f-7e27-49fc-961e-be4d1c2aa987";
const GATEWAY_URL: &str = "https://coder.acme.example/api/v2/aibridge/anthropic/v1/messages?beta=true";

fn names() -> Names {
    toml::from_str(&format!(
        "[api_keys]\nk1 = \"{USER}_{WORKSPACE}_session_token\"\n[users.{USER}]\nname = \"amara\"\n\
         [workspaces.{WORKSPACE}]\nname = \"fix-refunds\"\nteam = \"payments\"\norg = \"acme\"\ntemplate = \"go\"\n"
    ))
    .unwrap()
}

/// A sender without an organization of its own.
fn sender(token: &str) -> Sender<'_> {
    Sender { token, org: None }
}

/// A draft with these columns.
fn draft(columns: &[(Text, &str)], time: i64) -> Draft {
    let mut draft = Draft::default();
    for (column, value) in columns {
        draft.columns.set_text(*column, value);
    }
    draft.columns.set_time(column::TIME, time);
    draft
}

fn start(interception: &str, session: &str, time: i64) -> Draft {
    let columns = [
        (column::FAMILY, "gateway"),
        (column::KIND, "model.call"),
        (column::INTERCEPTION, interception),
        (column::SESSION, session),
        (column::USER, USER),
        (column::MODEL, "claude-sonnet-5"),
        (column::PROVIDER, "anthropic"),
    ];
    draft(&columns, time)
}

fn tokens(interception: &str) -> Draft {
    draft(&[(column::FAMILY, "gateway"), (column::KIND, "model.tokens"), (column::INTERCEPTION, interception)], 0)
}

fn egress(stream: &str, outcome: &str, url: &str, time: i64) -> Draft {
    let columns = [
        (column::FAMILY, "boundary"),
        (column::KIND, "egress.http"),
        (column::STREAM, stream),
        (column::SESSION, stream),
        (column::METHOD, "POST"),
        (column::OUTCOME, outcome),
        (column::USER, "amara"),
        (column::WORKSPACE, WORKSPACE),
    ];
    let mut draft = draft(&columns, time);
    draft.url = url.to_owned();
    draft
}

fn shown(draft: &Draft, columns: &[Text]) -> Vec<String> {
    columns.iter().map(|column| draft.columns.text(*column).unwrap_or("-").to_owned()).collect()
}

#[test]
fn records_of_a_model_request_take_who_and_what_from_its_start() {
    let mut enrichment = Enrichment::new(names());
    let mut first = start("i1", "s1", 1);
    first.api_key = "k1".to_owned();
    enrichment.complete(sender("t"), &mut first);
    let columns =
        [column::WORKSPACE, column::TEAM, column::ORG, column::TEMPLATE, column::WORKSPACE_NAME, column::ATTRIBUTION];
    assert_eq!(shown(&first, &columns), [WORKSPACE, "payments", "acme", "go", "fix-refunds", JOINED_API_KEY]);
    let columns = [column::SESSION, column::USER, column::MODEL, column::WORKSPACE, column::TEAM, column::ATTRIBUTION];
    let mut next = tokens("i1");
    enrichment.complete(sender("t"), &mut next);
    assert_eq!(shown(&next, &columns), ["s1", "amara", "claude-sonnet-5", WORKSPACE, "payments", JOINED_INTERCEPTION]);
    // What a record or its token says stays.
    let mut own = tokens("i1");
    own.columns.set_text(column::WORKSPACE, "w-own");
    own.columns.set_text(column::SESSION, "s-own");
    enrichment.complete(sender("t"), &mut own);
    assert_eq!(shown(&own, &columns[..4]), ["s-own", "amara", "claude-sonnet-5", "w-own"]);
    // Another request, and another sender, explain nothing.
    for (token, interception) in [("t", "i2"), ("u", "i1")] {
        let mut other = tokens(interception);
        enrichment.complete(sender(token), &mut other);
        assert_eq!(shown(&other, &columns), ["-"; 6], "{token} {interception}");
    }
}

/// Feeds posts and calls in order and tells the session of the boundary's next request.
fn session_of(events: &[(&str, &str, i64)], stream: &str, names: Names) -> String {
    let mut enrichment = Enrichment::new(names);
    for (at, (kind, id, time)) in events.iter().enumerate() {
        let mut draft = match *kind {
            "post" => egress(id, "allow", GATEWAY_URL, *time),
            "deny" => egress(id, "deny", GATEWAY_URL, *time),
            "elsewhere" => egress(id, "allow", "https://packages.acme.example/v1/messages", *time),
            _ => {
                let mut start = start(&at.to_string(), id, *time);
                start.api_key = "k1".to_owned();
                start
            }
        };
        enrichment.complete(sender("t"), &mut draft);
    }
    let mut next = egress(stream, "deny", "https://attacker-logger.com/", 99_000_000);
    enrichment.complete(sender("t"), &mut next);
    shown(&next, &[column::SESSION, column::ATTRIBUTION]).join(" ")
}

#[test]
fn a_boundary_session_is_joined_where_exactly_one_session_meets_it() {
    let joined = |session: &str| format!("{session} {JOINED_URL_TIME}");
    let none = "b1 -".to_owned();
    for (name, events, want) in [
        ("the call follows", vec![("post", "b1", 1_000_000), ("call", "s1", 1_500_000)], joined("s1")),
        ("the boundary reports late", vec![("call", "s1", 1_500_000), ("post", "b1", 1_000_000)], joined("s1")),
        ("at once", vec![("post", "b1", 1_000_000), ("call", "s1", 1_000_000)], joined("s1")),
        ("too late", vec![("post", "b1", 1_000_000), ("call", "s1", 3_000_000)], none.clone()),
        ("before", vec![("post", "b1", 1_000_000), ("call", "s1", 999_999)], none.clone()),
        ("denied", vec![("deny", "b1", 1_000_000), ("call", "s1", 1_500_000)], none.clone()),
        ("elsewhere", vec![("elsewhere", "b1", 1_000_000), ("call", "s1", 1_500_000)], none.clone()),
        (
            "two boundaries",
            vec![("post", "b1", 1_000_000), ("post", "b2", 1_100_000), ("call", "s1", 1_500_000)],
            none.clone(),
        ),
        (
            "two sessions",
            vec![("call", "s1", 1_500_000), ("call", "s2", 1_600_000), ("post", "b1", 1_000_000)],
            none.clone(),
        ),
        (
            "one session and then another",
            vec![
                ("post", "b1", 1_000_000),
                ("call", "s1", 1_500_000),
                ("post", "b1", 9_000_000),
                ("call", "s2", 9_500_000),
            ],
            none.clone(),
        ),
        (
            "the same session again",
            vec![
                ("post", "b1", 1_000_000),
                ("call", "s1", 1_500_000),
                ("post", "b1", 9_000_000),
                ("call", "s1", 9_500_000),
            ],
            joined("s1"),
        ),
    ] {
        assert_eq!(session_of(&events, "b1", names()), want, "{name}");
    }
}

#[test]
fn without_the_workspace_the_user_is_enough() {
    let only_users = toml::from_str(&format!("[users.{USER}]\nname = \"amara\"\n")).unwrap();
    let events = [("post", "b1", 1_000_000), ("call", "s1", 1_500_000)];
    assert_eq!(session_of(&events, "b1", only_users), format!("s1 {JOINED_URL_TIME}"));
    assert_eq!(session_of(&events, "b1", Names::default()), "b1 -", "an id and a name are not the same");
}

#[test]
fn gateway_paths_are_told_from_others() {
    use Serves::{Coderd, Provider};
    for (url, want) in [
        (GATEWAY_URL, Some(Coderd)),
        ("https://coder.acme.example/api/v2/ai-gateway/openai/v1/responses", Some(Coderd)),
        ("https://acme.example/coder/api/v2/aibridge/openai/v1/chat/completions/", Some(Coderd)),
        ("https://coder.acme.example/api/v2/aibridge/anthropic/v1/models", None),
        ("https://coder.acme.example/v1/messages", Some(Provider)),
        ("https://ai.acme.example/anthropic/v1/messages?beta=true", Some(Provider)),
        ("https://coder.acme.example/?x=/api/v2/aibridge/a/v1/messages", None),
        ("https://coder.acme.example", None),
        ("", None),
    ] {
        assert_eq!(gateway_path(url_path(url)), want, "{url}");
    }
}

#[test]
fn a_gateway_on_its_own_is_one_only_if_the_names_say_so() {
    let with = |names: &str| {
        let names = toml::from_str(&format!("{names}\n[users.{USER}]\nname = \"amara\"\n")).unwrap();
        let mut enrichment = Enrichment::new(names);
        enrichment.complete(
            sender("t"),
            &mut egress("b1", "allow", "https://AI.acme.example:4001/anthropic/v1/messages", 1_000_000),
        );
        enrichment.complete(sender("t"), &mut start("i1", "s1", 1_500_000));
        let mut next = egress("b1", "deny", "https://attacker-logger.com/", 99_000_000);
        enrichment.complete(sender("t"), &mut next);
        shown(&next, &[column::SESSION]).remove(0)
    };
    assert_eq!(with("gateways = [\"ai.acme.example\"]"), "s1");
    assert_eq!(with("gateways = [\"other.acme.example\"]"), "b1");
    assert_eq!(with(""), "b1");
}

#[test]
fn a_person_has_one_name_in_every_source() {
    let other = "7d405053-27e3-484a-9ad7-bcb64e7bfde6";
    let columns = [column::USER, column::USER_ID];
    let mut enrichment = Enrichment::new(names());
    let said = |columns: &[(Text, &str)], owner: (&str, &str)| Draft {
        owner: (owner.0.to_owned(), owner.1.to_owned()),
        ..draft(columns, 1)
    };
    let mut check = |mut draft: Draft, believed: bool, expected: [&str; 2], marks: &[&str]| {
        if believed {
            enrichment.meet(&draft);
        }
        enrichment.complete(sender("t"), &mut draft);
        assert_eq!(
            (shown(&draft, &columns), &draft.marks[..]),
            (
                expected.map(str::to_owned).to_vec(),
                &marks.iter().map(|mark| (*mark).to_owned()).collect::<Vec<_>>()[..]
            )
        );
    };
    let by_id = || said(&[(column::USER, other), (column::USER_ID, other)], ("", ""));
    let by_name = || said(&[(column::USER, "bo"), (column::WORKSPACE, "w-2")], ("", "bo"));
    // The file of names knows amara.
    check(said(&[(column::USER, USER), (column::USER_ID, USER)], ("", "")), false, ["amara", USER], &[]);
    check(said(&[(column::USER, "amara")], ("", "")), false, ["amara", USER], &[]);
    // Nobody said yet who the other one is, and an agent is not believed.
    check(by_id(), true, [other, other], &["unnamed:user"]);
    check(said(&[(column::USER, "root"), (column::USER_ID, other)], ("", "")), false, ["root", other], &[]);
    check(by_id(), true, [other, other], &["unnamed:user"]);
    // The firewall says whose workspace it is by the name, a connection by the id.
    check(by_name(), true, ["bo", "-"], &[]);
    check(said(&[(column::WORKSPACE, "w-2")], (other, "")), true, ["-", "-"], &[]);
    check(by_id(), true, ["bo", other], &[]);
    check(by_name(), true, ["bo", other], &[]);
    // What is no id and is not known is a name.
    check(said(&[(column::USER, "u-said")], ("", "")), false, ["u-said", "-"], &[]);
    // A record that says both, such as an audit log, counts at once.
    check(said(&[(column::USER, "bo.new"), (column::USER_ID, other)], ("", "")), true, ["bo.new", other], &[]);
    check(by_id(), false, ["bo.new", other], &[]);
}

/// What the control plane says of a workspace, its owner, a key and a group.
fn said() -> Vec<Draft> {
    let workspace = |from, name| {
        let columns = [
            (column::WORKSPACE, WORKSPACE),
            (column::WORKSPACE_NAME, name),
            (column::USER_ID, USER),
            (column::ORG, "acme"),
        ];
        inventory("workspace", from, &columns)
    };
    let user = |from, name| inventory("user", from, &[(column::USER_ID, USER), (column::USER, name)]);
    let key = [(column::TARGET, "api_key/k9"), (column::USER_ID, USER), (column::WORKSPACE, WORKSPACE)];
    let member =
        [(column::USER_ID, USER), (column::TEAM, "payments"), (column::TARGET, "group/g"), (column::ORG, "acme")];
    vec![
        workspace(10, "refunds"),
        workspace(50, "refunds-2"),
        user(10, "amara"),
        user(60, "a.okafor"),
        inventory("api_key", 20, &key),
        inventory("group_member", 30, &member),
    ]
}

#[test]
fn what_the_control_plane_said_explains_records_of_that_time() {
    let mut enrichment = Enrichment::new(Names::default());
    for draft in &said() {
        enrichment.meet(draft);
    }
    let columns = [
        column::USER,
        column::USER_ID,
        column::WORKSPACE,
        column::WORKSPACE_NAME,
        column::TEAM,
        column::ORG,
        column::ATTRIBUTION,
    ];
    let mut check = |columns_said: &[(Text, &str)], key: &str, time, expected: [&str; 7]| {
        let mut draft = draft(columns_said, time);
        draft.api_key = key.to_owned();
        enrichment.complete(sender("t"), &mut draft);
        assert_eq!(shown(&draft, &columns), expected, "{time}");
    };
    let place = [(column::FAMILY, "agent"), (column::WORKSPACE, WORKSPACE)];
    check(&place, "", 9, ["-", "-", WORKSPACE, "-", "-", "-", "-"]);
    check(&place, "", 10, ["amara", USER, WORKSPACE, "refunds", "-", "acme", JOINED_WORKSPACE]);
    check(&place, "", 30, ["amara", USER, WORKSPACE, "refunds", "payments", "acme", JOINED_WORKSPACE]);
    check(&place, "", 70, ["a.okafor", USER, WORKSPACE, "refunds-2", "payments", "acme", JOINED_WORKSPACE]);
    check(&[], "k9", 40, ["amara", USER, WORKSPACE, "refunds", "payments", "acme", JOINED_API_KEY]);
    check(&[(column::USER_ID, USER)], "k8", 40, ["amara", USER, "-", "-", "payments", "-", "-"]);
    // What the record says stays.
    let own = [(column::USER, "bo"), (column::WORKSPACE, WORKSPACE), (column::TEAM, "own")];
    check(&own, "", 40, ["bo", "-", WORKSPACE, "refunds", "own", "acme", "-"]);
    assert_eq!(enrichment.take_wanted_keys(9), [(USER.to_owned(), "k8".to_owned())]);
}

#[test]
fn a_replay_enriches_alike() {
    let events = || {
        (0..80).map(|time| {
            let columns: &[(Text, &str)] = match time % 3 {
                0 => &[(column::FAMILY, "agent"), (column::WORKSPACE, WORKSPACE)],
                1 => &[(column::FAMILY, "workspace"), (column::USER_ID, USER)],
                _ => &[],
            };
            let mut draft = draft(columns, time);
            draft.api_key = if time % 3 == 2 { "k9".to_owned() } else { String::new() };
            draft
        })
    };
    let columns =
        [column::USER_ID, column::WORKSPACE, column::WORKSPACE_NAME, column::TEAM, column::ORG, column::ATTRIBUTION];
    let complete = |enrichment: &mut Enrichment, mut draft: Draft| {
        enrichment.complete(sender("t"), &mut draft);
        shown(&draft, &columns)
    };
    // Each statement comes when it holds; a replay knows all of them from the beginning.
    let (mut live, mut said) = (Enrichment::new(Names::default()), said());
    said.sort_by_key(|draft| draft.columns.time(column::TIME));
    let mut said = said.into_iter().peekable();
    let mut first = Vec::new();
    for (time, event) in events().enumerate() {
        while let Some(draft) = said.next_if(|draft| draft.columns.time(column::TIME) <= Some(time as i64)) {
            live.meet(&draft);
        }
        first.push(complete(&mut live, event));
    }
    let mut replay = Enrichment::new(Names::default());
    replay.restore_facts(&live.facts().1);
    let second: Vec<_> = events().map(|event| complete(&mut replay, event)).collect();
    assert_eq!(first, second);
    assert!(first.iter().any(|shown| shown[3] == "payments"));
}
