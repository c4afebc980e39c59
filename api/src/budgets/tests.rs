//! Budgets over the router: decisions and their statuses, tenants, retries, sizes, and SQL that shows them.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::Request as HttpRequest;
use ledger::{Entry, LedgerName, Seq};
use operations::calendar::Period;
use operations::kind::budget_report::{Decision, Report};
use operations::kind::budget_request::{Origin, Scope, Set};
use tower::ServiceExt;

use super::*;
use crate::fixtures::{Ledgers, People, ask, principal};
use crate::tests::documents;
use crate::{OPENAPI, Services, router};
use query::output::Format;

struct Server {
    ledgers: Ledgers,
    router: Router,
}

fn tenant(name: &str, org: &str) -> Arc<Principal> {
    let principal = principal(name, Role::Budget, false);
    Arc::new(Principal { org: Some(org.to_owned()), ..(*principal).clone() })
}

async fn server() -> Server {
    let ledgers = Ledgers::new(1_000);
    let in_workspace =
        Principal { workspace: Some("w".to_owned()), ..(*principal("box", Role::Budget, false)).clone() };
    let people = vec![
        principal("gate", Role::Budget, false),
        tenant("acme", "acme"),
        tenant("other", "other"),
        principal("ada", Role::Analyst, false),
        principal("root", Role::Admin, false),
        principal("send", Role::Ingest, false),
        Arc::new(in_workspace),
    ];
    let budgets = ledgers.budgets();
    let scope = |org: &str| Scope { org: (!org.is_empty()).then(|| org.to_owned()), ..Scope::default() };
    let set = |org| Set {
        cap_micros: Some(Money::from_micros(100)),
        period: Period::Month,
        offset_minutes: 0,
        scope: scope(org),
        origin: Origin::Configuration,
    };
    let wanted = BTreeMap::from([("all", ""), ("acme", "acme"), ("other", "other")]);
    let wanted = wanted.into_iter().map(|(name, org)| (name.to_owned(), set(org))).collect();
    let service = Arc::clone(&budgets);
    tokio::task::spawn_blocking(move || service.configure(&wanted, "serve").unwrap()).await.unwrap();
    let router = router(State::new(Services { budgets, ..ledgers.services(Arc::new(People::new(people))) }));
    Server { ledgers, router }
}

impl Server {
    async fn send(&self, who: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
        let request = HttpRequest::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer secret-{who}"))
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{path}: {body:?}")))
    }

    async fn ask(&self, who: &str, action: &str, body: Value) -> (u16, Value) {
        self.send(who, "POST", &format!("/api/v1/budgets/{action}"), &body.to_string()).await
    }

    async fn names(&self, who: &str) -> Vec<String> {
        let (status, page) = self.send(who, "GET", "/api/v1/budgets", "").await;
        assert_eq!(status, 200);
        page["budgets"].as_array().unwrap().iter().map(|budget| budget["name"].as_str().unwrap().to_owned()).collect()
    }
}

fn reserve(id: &str, budgets: &[&str], micros: u64) -> Value {
    json!({"id": id, "budgets": budgets, "micros": micros})
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_kept_spent_and_given_back() {
    let server = server().await;
    let (status, granted) = server.ask("gate", "reserve", reserve("r1", &["all", "acme"], 60)).await;
    assert_eq!((status, &granted["decision"], &granted["id"]), (200, &json!("granted"), &json!("r1")), "{granted}");
    assert_eq!(granted["budgets"][0]["available_micros"], 40);
    assert!(granted["position"].as_str().unwrap().starts_with("operations/0/"));
    let (_, again) = server.ask("gate", "reserve", reserve("r1", &["all", "acme"], 60)).await;
    assert_eq!(
        (&again["expires"], &again["position"]),
        (&granted["expires"], &Value::Null),
        "it is not recorded twice"
    );
    let (status, refused) = server.ask("gate", "reserve", reserve("r2", &["all"], 41)).await;
    assert_eq!((status, &refused["code"], &refused["budget"]), (402, &json!("budget_exhausted"), &json!("all")));
    assert_eq!((&refused["available_micros"], &refused["decision"]), (&json!(40), &json!("refused")));
    assert!(refused["resets"].as_str().unwrap().ends_with("T00:00:00Z"), "{refused}");
    let (status, committed) = server.ask("gate", "commit", json!({"id": "r1", "micros": 70})).await;
    assert_eq!((status, &committed["reserved_micros"], &committed["unreserved_micros"]), (200, &json!(60), &json!(10)));
    assert_eq!(server.ask("gate", "commit", json!({"id": "r1", "micros": 70})).await.1["reserved_micros"], 60);
    server.ask("gate", "reserve", json!({"id": "r3", "budgets": ["all"], "micros": 5, "ttl_seconds": 60})).await;
    let (_, mut shown) = server.send("ada", "GET", "/api/v1/budgets/all", "").await;
    assert_eq!(shown.as_object_mut().unwrap().insert("position".to_owned(), Value::Null), None);
    documents("Budget", &shown);
    assert_eq!((&shown["reservations"][0]["id"], &shown["reservations"][0]["owner"]), (&json!("r3"), &json!("gate")));
    let amounts =
        ["cap", "committed", "reserved", "unreserved", "available"].map(|name| &shown[format!("{name}_micros")]);
    assert_eq!(amounts, [&json!(100), &json!(60), &json!(5), &json!(10), &json!(25)]);
    assert_eq!(server.ask("gate", "release", json!({"id": "r3"})).await.1["decision"], "released");
    let (_, page) = server.send("ada", "GET", "/api/v1/budgets?limit=2", "").await;
    assert_eq!((page["total"].as_u64(), &page["next"]), (Some(3), &json!("all")));
    let (_, page) = server.send("ada", "GET", "/api/v1/budgets?limit=2&cursor=all", "").await;
    assert_eq!((&page["budgets"][0]["name"], &page["next"]), (&json!("other"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_do_not_touch_or_see_each_others_money() {
    let server = server().await;
    assert_eq!(server.ask("acme", "reserve", reserve("r", &["acme"], 10)).await.0, 200);
    for budgets in [&["acme"][..], &["other", "acme"], &["all"]] {
        let (status, problem) = server.ask("other", "reserve", reserve("x", budgets, 1)).await;
        assert_eq!((status, &problem["code"]), (404, &json!("unknown_budget")), "{budgets:?}");
    }
    for (action, body) in [("commit", json!({"id": "r", "micros": 1})), ("release", json!({"id": "r"}))] {
        let (status, problem) = server.ask("other", action, body).await;
        assert_eq!((status, &problem["code"]), (404, &json!("unknown_reservation")));
    }
    assert_eq!(server.send("other", "GET", "/api/v1/budgets/acme", "").await.0, 404);
    assert_eq!(server.names("other").await, ["other"]);
    assert_eq!(server.names("ada").await, ["acme", "all", "other"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_a_problem_with_a_stable_code() {
    let server = server().await;
    let one = reserve("r", &["all"], 1).to_string();
    let long = reserve(&"x".repeat(129), &["all"], 1).to_string();
    let huge = "x".repeat(limits::BUDGET_REQUEST_BYTES_MAX + 1);
    let cases = [
        ("nobody", "reserve", one.as_str(), 401, "unauthorized"),
        ("ada", "reserve", &one, 403, "role"),
        ("root", "reserve", &one, 403, "role"),
        ("send", "reserve", &one, 403, "role"),
        ("box", "reserve", &one, 403, "role"),
        ("gate", "reserve", "{", 400, "request"),
        ("gate", "reserve", r#"{"id":"a","budgets":["all"],"micros":-1}"#, 400, "request"),
        ("gate", "reserve", r#"{"id":"a","budgets":["all"],"micros":1,"colour":2}"#, 400, "request"),
        ("gate", "reserve", &huge, 413, "request"),
        ("gate", "reserve", &long, 422, "invalid"),
        ("gate", "reserve", r#"{"id":"a","budgets":[],"micros":1}"#, 422, "invalid"),
        ("gate", "reserve", r#"{"id":"a","budgets":["none"],"micros":1}"#, 404, "unknown_budget"),
        ("gate", "commit", r#"{"id":"a","micros":1}"#, 404, "unknown_reservation"),
        ("gate", "release", r#"{"id":"a"}"#, 404, "unknown_reservation"),
        ("gate", "reserve", r#"{"id":"done","budgets":["all"],"micros":1}"#, 409, "reservation_over"),
        ("gate", "reserve", r#"{"id":"done","budgets":["all"],"micros":2}"#, 409, "reservation_conflict"),
    ];
    server.ask("gate", "reserve", reserve_for_five_minutes("done")).await;
    server.ask("gate", "release", json!({"id": "done"})).await;
    let documented: Value = serde_json::from_str(OPENAPI).unwrap();
    let codes = documented.pointer("/components/schemas/Problem/properties/code/enum").unwrap().as_array().unwrap();
    for (who, action, body, status, code) in cases {
        let (got, problem) = server.send(who, "POST", &format!("/api/v1/budgets/{action}"), body).await;
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{action} {body}: {problem}");
        assert!(codes.contains(&json!(code)), "{code} is documented");
    }
    for (who, path, status) in [("send", "", 403), ("ada", "?colour=red", 400), ("ada", "/none", 404)] {
        assert_eq!(server.send(who, "GET", &format!("/api/v1/budgets{path}"), "").await.0, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_changes_caps_and_each_change_is_an_entry() {
    let server = server().await;
    let (status, set) = server.ask("root", "all/set", json!({ "cap_micros": 250 })).await;
    documents("NewBudget", &every_member());
    assert_eq!((status, &set["cap_micros"], &set["configured_cap_micros"]), (200, &json!(250), &json!(100)), "{set}");
    assert_eq!((&set["set_by"], &set["origin"], &set["period"]), (&json!("root"), &json!("person"), &json!("month")));
    assert!(set["position"].as_str().unwrap().starts_with("operations/0/"), "{set}");
    let (_, again) = server.ask("root", "all/set", json!({ "cap_micros": 250 })).await;
    assert_eq!(again["position"], Value::Null, "what stands so already is not recorded again");
    assert_eq!(server.ask("gate", "reserve", reserve("r", &["all"], 240)).await.0, 200, "the cap counts at once");
    let (status, reset) = server.ask("root", "all/reset", json!({})).await;
    assert_eq!((status, &reset["cap_micros"], &reset["origin"]), (200, &json!(100), &json!("configuration")));
    let new = json!({ "cap_micros": 7, "team": "search", "utc_offset_minutes": 60 });
    let (status, new) = server.ask("root", "night/set", new).await;
    assert_eq!(
        (status, &new["period"], &new["scope"]["families"][0]),
        (200, &json!("day"), &json!("gateway")),
        "{new}"
    );
    let (status, closed) = server.ask("root", "night/close", json!({})).await;
    assert_eq!((status, &closed["state"]), (200, &json!("closed")), "{closed}");
    assert_eq!(server.send("root", "GET", "/api/v1/budgets/night", "").await.0, 404, "nothing was taken from it");
    let cases = [
        ("ada", "all/set", r#"{"cap_micros":1}"#, 403, "role"),
        ("gate", "all/set", r#"{"cap_micros":1}"#, 403, "role"),
        ("root", "all/set", "{}", 400, "request"),
        ("root", "all/set", r#"{"cap_micros":-1}"#, 400, "request"),
        ("root", "all/set", r#"{"cap_micros":1,"period":"week"}"#, 400, "request"),
        ("root", "all/set", r#"{"cap_micros":1,"period":"day"}"#, 409, "configured"),
        ("root", "all/close", "", 409, "configured"),
        ("root", "none/close", "", 404, "unknown_budget"),
        ("root", "night/reset", "", 404, "unknown_budget"),
        ("root", "reserve/set", r#"{"cap_micros":1}"#, 422, "invalid"),
        ("root", "a%0Ab/set", r#"{"cap_micros":1}"#, 422, "invalid"),
        ("root", "much/set", r#"{"cap_micros":2000000000000000}"#, 422, "invalid"),
        ("root", "much/set", r#"{"cap_micros":1,"utc_offset_minutes":9999}"#, 422, "invalid"),
    ];
    for (who, path, body, status, code) in cases {
        let (got, problem) = server.send(who, "POST", &format!("/api/v1/budgets/{path}"), body).await;
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{who} {path} {body}: {problem}");
    }
}

/// Every member that a setting may have.
fn every_member() -> Value {
    json!({ "cap_micros": 1, "period": "day", "utc_offset_minutes": 0, "org": "", "team": "", "user": "", "agent": "", "run": "", "workspace": "", "families": [], "trust": [] })
}

fn reserve_for_five_minutes(id: &str) -> Value {
    reserve(id, &["all"], 1)
}

#[tokio::test]
async fn one_gateway_cannot_take_every_place() {
    let ledgers = Ledgers::new(1_000);
    let state = State::new(ledgers.services(Arc::new(People::new(Vec::new()))));
    for (limiter, places, places_per_token) in [
        (&state.decisions, limits::BUDGET_REQUESTS_MAX, limits::BUDGET_REQUESTS_PER_TOKEN_MAX),
        (&state.tails, limits::TAILS_MAX, limits::TAILS_PER_TOKEN_MAX),
    ] {
        let enter = |token: &str, count| (0..count).map(|_| limiter.enter(token)).collect::<Result<Vec<_>, _>>();
        let mut inside = enter("a", places_per_token).unwrap_or_default();
        assert_eq!(limiter.enter("a").err().map(|problem| problem.code), Some("too_many_requests"));
        for number in 0.. {
            let room = places - inside.len();
            if room == 0 {
                break;
            }
            inside.extend(enter(&format!("b{number}"), room.min(places_per_token)).unwrap_or_default());
        }
        assert_eq!(limiter.enter("c").err().map(|problem| problem.code), Some("busy"));
        drop(inside);
        assert!(limiter.enter("a").is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_shows_what_was_decided() {
    let server = server().await;
    server.ask("gate", "reserve", reserve("r1", &["all"], 60)).await;
    server.ask("gate", "reserve", reserve("r2", &["all"], 60)).await;
    server.ask("acme", "reserve", reserve("r1", &["acme"], 30)).await;
    server.ask("gate", "commit", json!({"id": "r1", "micros": 70})).await;
    // What the budget reconciler writes about it.
    let projection =
        operations::fold::Projection::open(server.ledgers.store.operations().reader(), Budgets::new()).unwrap();
    let owner =
        |name: &str, org: Option<&str>| Owner { name: name.to_owned(), org: org.map(str::to_owned), team: None };
    let decisions = [
        (3, "r1", "reserve", owner("gate", None)),
        (4, "r2", "reserve", owner("gate", None)),
        (5, "r1", "reserve", owner("acme", Some("acme"))),
        (6, "r1", "commit", owner("gate", None)),
    ];
    let mut entries: Vec<Entry> = decisions
        .iter()
        .map(|(seq, id, request, owner)| {
            let decision = {
                let seq = Seq::new(*seq);
                Decision::new(seq, request, owner, projection.get().answer(seq).unwrap())
            };
            Report::Decision { id: (*id).to_owned(), decision }.entry("budgets").unwrap()
        })
        .collect();
    let balance = projection.get().balance("all").unwrap();
    entries.push(Report::Balance { budget: "all".to_owned(), balance }.entry("budgets").unwrap());
    server.ledgers.append(LedgerName::Operations, entries, 10).await;
    let engine = server.ledgers.engine();
    let sql = "SELECT reservation, owner, decision, refusal, available_micros, state, reserved_micros, unreserved_micros FROM reservations ORDER BY seq";
    let expected = "reservation,owner,decision,refusal,available_micros,state,reserved_micros,unreserved_micros\n\
                    r1,gate,granted,,,committed,60,10\n\
                    r2,gate,refused,budget_exhausted,40,refused,,\n\
                    r1,acme,granted,,,open,,\n";
    assert_eq!(ask(&engine, sql, Format::Csv).await, expected);
    let sql =
        "SELECT budget, cap_micros, committed_micros, unreserved_micros, open, set_by FROM budgets ORDER BY budget";
    let expected = "budget,cap_micros,committed_micros,unreserved_micros,open,set_by\nacme,100,,,,serve\nall,100,60,10,0,serve\nother,100,,,,serve\n";
    assert_eq!(ask(&engine, sql, Format::Csv).await, expected);
}
