//! The console by the real binary, without a browser: who is let in, what every page says in its headers, that hostile text stays text,
//! that forms work and others' forms do not, and exports that can be checked. A real browser looks at the same in `tests/browser`.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::harness::{World, http, server::Server};
use crate::life::{COLLECTOR, line, push};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// Text that would become something else if a page let it.
const EVIL: &str = "<script>alert(1)</script>";

/// A browser without a screen: a server, and the cookie of who is in.
struct Visitor<'a> {
    server: &'a Server,
    cookie: String,
}

impl<'a> Visitor<'a> {
    /// Lets somebody in by a link that the command prints.
    fn enter(world: &World, server: &'a Server, arguments: &[&str]) -> Self {
        let link = world.run(&[&["login"], arguments].concat()).ok().out;
        let path = link.trim().strip_prefix(&format!("http://{}", server.console)).expect("an address of the console");
        let answer = http::get(&server.console, path);
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{answer:?}");
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        let again = http::get(&server.console, path);
        assert_eq!(again.status, 403, "a link works once: {again:?}");
        Self { server, cookie: cookie.split(';').next().unwrap().to_owned() }
    }

    fn get(&self, path: &str) -> http::Answer {
        http::send(&self.server.console, "GET", path, &[("Cookie", &self.cookie)], b"").unwrap()
    }

    fn post(&self, path: &str, origin: &str, body: &str) -> http::Answer {
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let headers = [("Cookie", self.cookie.as_str()), ("Origin", origin), form];
        http::send(&self.server.console, "POST", path, &headers, body.as_bytes()).unwrap()
    }

    fn own_origin(&self) -> String {
        format!("http://{}", self.server.console)
    }
}

/// The pages that the navigation of a page names.
fn pages(body: &str) -> Vec<String> {
    let nav = body.split("<nav").nth(1).and_then(|rest| rest.split("</nav>").next()).unwrap();
    let links = nav.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links.filter(|path| path.starts_with('/')).map(str::to_owned).collect()
}

#[test]
fn people_come_in_by_a_link_or_a_token_and_others_do_not() {
    let world = World::new(COLLECTOR);
    let ana = world.token("ana", &["--role", "analyst"]);
    let sender = world.token("sender", &["--role", "ingest"]);
    let server = world.serve();
    let stranger = http::get(&server.console, "/alerts?filter=status:open");
    assert_eq!(stranger.header("location"), "/login?next=/alerts%3Ffilter%3Dstatus:open", "{stranger:?}");
    let visitor = Visitor::enter(&world, &server, &["--name", "ada", "--role", "auditor"]);
    assert_eq!(visitor.get("/alerts").status, 200);
    let home = visitor.get("/");
    assert_eq!((home.status, home.header("location")), (303, "/alerts"), "an auditor does not see what agents do");
    assert_eq!(visitor.get("/spend").status, 403);
    let try_token = |secret: &str| {
        let body = format!("token={secret}&next=//evil.example");
        let headers =
            [("Origin", visitor.own_origin()), ("Content-Type", "application/x-www-form-urlencoded".to_owned())];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        http::send(&server.console, "POST", "/login", &headers, body.as_bytes()).unwrap()
    };
    let entered = try_token(&ana);
    assert_eq!((entered.status, entered.header("location")), (303, "/"), "{entered:?}");
    assert_eq!(try_token(&sender).status, 403, "who only sends looks at nothing");
    let cookie = entered.header("set-cookie").split(';').next().unwrap().to_owned();
    let get = |path: &str| http::send(&server.console, "GET", path, &[("Cookie", &cookie)], b"").unwrap().status;
    assert_eq!(get("/"), 200);
    // A session that came by a token ends with it, in the API too.
    let id = world.run(&["token", "list", "-o", "json"]).ok().json();
    let id = id.as_array().unwrap().iter().find(|token| token["name"] == "ana").unwrap()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(get("/api/v1/alerts"), 200);
    world.run(&["token", "revoke", &id]).ok();
    assert_eq!((get("/"), get("/api/v1/alerts")), (303, 401));
    let refused: Vec<u16> = (0..12).map(|_| try_token("tachograph_wrong").status).collect();
    assert!(refused.starts_with(&[403]) && refused.ends_with(&[429]), "{refused:?}");
    let recorded =
        world.sql("SELECT kind, count(*) AS n FROM operations WHERE kind LIKE 'login%' GROUP BY kind ORDER BY kind");
    assert_eq!(recorded[0]["n"], 2, "{recorded:?}");
    assert!((1..=3).contains(&recorded[1]["n"].as_i64().unwrap()), "{recorded:?}");
}

#[test]
fn every_page_keeps_its_policy_and_hostile_text_stays_text() {
    let world = World::new(COLLECTOR);
    let token = world.token("coderd", &["--role", "ingest", "--dialect", "coder", "--trust", "control_plane"]);
    let server = world.serve();
    let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
    let url = format!("https://attacker-logger.com/collect?q={EVIL}\\u202e");
    let evil = line(0, "deny", "POST", &url).replace("2026-11-09T08:17:04.000000000Z", &now).replace("tobias", EVIL);
    assert_eq!(push(&server.ingest, &token, 0, &evil).unwrap().status, 200);
    world.wait_for(1, &["--ledger", "operations", "kind=alert"]);
    let visitor = Visitor::enter(&world, &server, &[]);
    let first = visitor.get("/");
    let mut paths = pages(&first.body);
    assert!(paths.len() >= 8, "{paths:?}");
    let alert =
        world.run(&["alerts", "list", "-o", "json"]).ok().json()["alerts"][0]["id"].as_str().unwrap().to_owned();
    paths.extend([
        format!("/alerts/{alert}"),
        "/connect".to_owned(),
        "/egress?domain=attacker-logger.com".to_owned(),
        "/sql?sql=SELECT+*+FROM+events".to_owned(),
        format!("/alerts?filter=%22{}%22", EVIL.replace('/', "%2F").replace('<', "%3C").replace('>', "%3E")),
        "/nowhere".to_owned(),
    ]);
    let mut seen = 0;
    for path in paths {
        let answer = visitor.get(&path);
        let expected = if path == "/nowhere" { 404 } else { 200 };
        assert_eq!(answer.status, expected, "{path}: {}", answer.body);
        assert_eq!(answer.header("content-security-policy"), POLICY, "{path}");
        for (name, value) in
            [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("cache-control", "no-store")]
        {
            assert_eq!(answer.header(name), value, "{path}: {name}");
        }
        for piece in [EVIL, "<script>", "javascript:", " onerror=", " style=", "\u{202e}"] {
            assert!(!answer.body.contains(piece), "{path} has {piece:?}");
        }
        assert!(
            !answer.body.contains("href=\"https://attacker") && !answer.body.contains("href=\"http"),
            "{path} links to a host"
        );
        seen += usize::from(answer.body.contains("&lt;script&gt;alert(1)"));
    }
    assert!(seen >= 3, "the text is shown somewhere: {seen}");
}

#[test]
fn forms_do_their_work_and_forms_of_others_do_not() {
    let world = World::new(COLLECTOR);
    let token = world.token("coderd", &["--role", "ingest", "--dialect", "coder", "--trust", "control_plane"]);
    let server = world.serve();
    let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string();
    let denied =
        line(0, "deny", "POST", "https://attacker-logger.com/collect").replace("2026-11-09T08:17:04.000000000Z", &now);
    assert_eq!(push(&server.ingest, &token, 0, &denied).unwrap().status, 200);
    world.wait_for(1, &["--ledger", "operations", "kind=alert"]);
    let visitor = Visitor::enter(&world, &server, &[]);
    let listed = || world.sql("SELECT alert AS id, status, assignee FROM alerts")[0].clone();
    let path = format!("/alerts/{}", listed()["id"].as_str().unwrap());
    let own = visitor.own_origin();
    for origin in ["https://evil.example", "null"] {
        assert_eq!(visitor.post(&path, origin, "action=ack").status, 403, "{origin}");
        assert_eq!(visitor.post("/api/v1/alerts/x/ack", origin, "").status, 403, "{origin}");
    }
    assert_eq!(listed()["status"], "open");
    let done = |body: &str| {
        let answer = visitor.post(&path, &own, body);
        assert_eq!((answer.status, answer.header("location")), (303, path.as_str()), "{body}: {}", answer.body);
    };
    done("action=ack");
    assert_eq!(listed()["status"], "acknowledged");
    done("action=assign&assignee=ben");
    assert_eq!(listed()["assignee"], "ben");
    done("action=note&note=asking");
    // What was read before is not decided about.
    let stale = visitor.post(&path, &own, "action=resolve&reason=benign&version=1");
    assert!(stale.status == 200 && stale.body.contains("banner b-warn"), "{stale:?}");
    done("action=resolve&reason=false_positive&note=a+mirror");
    assert_eq!(listed()["status"], "closed");
    done("action=reopen");
    let preview = visitor.post(&path, &own, "action=preview&matcher=rule%3Degress.denied_post&hours=4");
    assert!(preview.body.contains("Would have hidden 1 alert"), "{}", preview.body);
    done("action=silence&matcher=rule%3Degress.denied_post&hours=4&reason=known");
    assert!(visitor.get("/silences").body.contains("rule=egress.denied_post"));
    let all = visitor.post("/alerts", &own, "action=resolve&reason=true_positive&filter=status%3Aopen");
    assert!(all.body.contains("Done for 1 alerts."), "{}", all.body);
    assert_eq!(visitor.post("/logout", &own, "").header("location"), "/login");
    assert_eq!(visitor.get("/").status, 303);
}

#[test]
fn an_export_is_what_its_manifest_says() {
    let world = World::new(COLLECTOR);
    let token = world.token("coderd", &["--role", "ingest", "--dialect", "coder", "--trust", "control_plane"]);
    let server = world.serve();
    let formula = line(0, "allow", "GET", "https://packages.acme.example/a").replace("tobias", "=cmd|' /C calc'!A0");
    assert_eq!(push(&server.ingest, &token, 0, &formula).unwrap().status, 200);
    let visitor = Visitor::enter(&world, &server, &[]);
    let sql = "SELECT+%22user%22,+host+FROM+egress";
    assert_eq!(visitor.post("/export", &visitor.own_origin(), &format!("sql={sql}&format=csv")).status, 303);
    let deadline = Instant::now() + Duration::from_mins(1);
    let manifest = loop {
        let answer = visitor.get("/exports/1/manifest");
        if answer.status == 200 {
            break answer.json();
        }
        assert!(Instant::now() < deadline, "{answer:?}");
        std::thread::yield_now();
    };
    let file = visitor.get("/exports/1/file");
    let hash = hex::encode(Sha256::digest(file.body.as_bytes()));
    assert_eq!((manifest["sha256"].as_str(), manifest["rows"].as_i64()), (Some(hash.as_str()), Some(1)), "{manifest}");
    assert_eq!(manifest["bytes"].as_u64(), Some(file.body.len() as u64));
    assert!(file.body.contains("'=cmd"), "a spreadsheet runs nothing: {}", file.body);
    assert!(file.header("content-disposition").starts_with("attachment;"), "{file:?}");
    // Nobody else gets it.
    let other = Visitor::enter(&world, &server, &["--name", "ada", "--role", "analyst"]);
    assert_eq!(other.get("/exports/1/file").status, 404);
    let recorded = world.sql("SELECT count(*) AS n FROM operations WHERE kind = 'query' AND record LIKE '%export%'");
    assert_ne!(recorded[0]["n"], 0);
}
