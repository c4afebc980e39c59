//! Commands without a server: what they print, and how they end.

use crate::harness::World;

#[test]
fn exit_codes_say_who_has_to_act() {
    let world = World::new("");
    std::fs::write(world.path("unknown.toml"), "[listen]\nport = 1\n").unwrap();
    std::fs::write(world.path("same.toml"), "[listen]\nconsole = \"127.0.0.1:7\"\ningest = \"127.0.0.1:7\"\n").unwrap();
    let provider = |issuer: &str, role: &str| {
        let names = "[listen]\nnames = [\"tachograph.acme.example\"]\n[oidc]\nname = \"Acme\"\nclient_id = \"a\"\n";
        let rest = "client_secret = \"file:nowhere\"\nconsole = \"https://tachograph.acme.example\"\n";
        format!("{names}{rest}issuer = \"{issuer}\"\n[[oidc.grant]]\ngroup = \"a\"\nroles = [\"{role}\"]\n")
    };
    for (name, issuer, role) in [
        ("plain.toml", "http://login.acme.example", "analyst"),
        ("role.toml", "https://login.acme.example", "king"),
        ("secret.toml", "https://login.acme.example", "analyst"),
    ] {
        std::fs::write(world.path(name), provider(issuer, role)).unwrap();
    }
    let check = |arguments: &[&str], code: i32, says: &str| {
        let ended = world.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!((ended.out.clone() + &ended.err).contains(says), "{arguments:?} does not say {says:?}: {ended:?}");
    };
    check(&["--version"], 0, env!("CARGO_PKG_VERSION"));
    check(&["--help"], 0, "verify");
    check(&["frobnicate"], 2, "frobnicate");
    check(&["init", world.data().to_str().unwrap()], 2, "has a ledger already");
    check(&["config", "check", "tachograph.toml"], 0, "in order");
    check(&["config", "check", "missing.toml"], 78, "missing.toml");
    check(&["config", "check", "unknown.toml"], 78, "port");
    check(&["config", "check", "same.toml"], 78, "same address");
    check(&["config", "check", "plain.toml"], 78, "oidc.issuer: it is an address");
    check(&["config", "check", "role.toml"], 78, "king");
    check(&["config", "check", "secret.toml"], 78, "oidc.client_secret: the secret in nowhere");
    check(&["serve", "--config", "unknown.toml"], 78, "port");
    check(&["serve", "--config", "plain.toml"], 78, "http goes for this machine only");
    check(&["token", "create", "--name", "x", "--role", "king"], 2, "ingest, analyst");
    check(&["token", "create", "--name", "", "--role", "ingest"], 2, "names have");
    check(&["token", "revoke", "tok_none"], 2, "there is no token");
    check(&["token", "list", "--data", "nowhere"], 1, "tachograph init");
    check(&["sql", "SELEC 1"], 2, "SELEC");
    check(&["sql", "DROP TABLE events"], 2, "refused");
    check(&["sql", "SELECT 1", "--server", "ftp://x"], 2, "no HTTP address");
    check(&["tail", "tema:red"], 2, "did you mean team?");
    check(&["alerts", "list", "status:opne"], 2, "did you mean open?");
}

#[test]
fn tokens_are_created_listed_and_revoked() {
    let world = World::new("");
    let secret = world
        .token("coderd", &["--role", "ingest", "--dialect", "coder", "--trust", "control_plane", "--team", "payments"]);
    assert!(secret.starts_with("tachograph_") && secret.len() == 75, "{secret}");
    let listed = world.run(&["token", "list", "-o", "json"]).ok().json();
    let id = listed[0]["token"].as_str().unwrap().to_owned();
    assert_eq!(listed[0]["name"], "coderd");
    assert_eq!(listed[0]["dialects"][0], "coder");
    assert_eq!(listed[0]["team"], "payments");
    assert!(!listed.to_string().contains(&secret), "a list shows no secret");
    assert!(world.run(&["token", "list"]).ok().out.contains("team=payments"));
    world.run(&["token", "revoke", &id]).ok();
    assert_eq!(world.run(&["token", "revoke", &id]).code, 2, "a second time it says so");
    assert_eq!(world.run(&["token", "list", "-o", "json"]).ok().json().as_array().unwrap().len(), 0);
    assert!(world.run(&["token", "list", "--all"]).ok().out.contains(&id));
    let recorded = world.sql("SELECT kind, subject, \"to\" FROM operations WHERE kind = 'token' ORDER BY seq");
    assert_eq!(recorded.len(), 2);
    assert_eq!(recorded[1]["subject"], id.as_str());
    assert_eq!(recorded[1]["to"], "revoked");
}

#[test]
fn hostile_names_stay_text() {
    let world = World::new("");
    assert_eq!(world.run(&["token", "create", "--name", "a\u{1b}[2J", "--role", "analyst"]).code, 2);
    world.token("\u{202e}nimda", &["--role", "analyst"]);
    let listed = world.run(&["token", "list"]).ok().out;
    assert!(listed.contains("\\u{202e}nimda") && !listed.contains('\u{202e}'), "{listed}");
}

#[test]
fn rules_are_listed_and_explained_with_what_they_are_set_to() {
    let world = World::new("[detect.rules.\"loop.repeat\"]\nenabled = false\n");
    let config = world.config();
    let config = config.to_str().unwrap();
    let rules = world.run(&["rules", "list", "--config", config, "-o", "json"]).ok().json();
    for rule in rules.as_array().unwrap() {
        assert_eq!(rule["parameters"]["enabled"], rule["name"] != "loop.repeat", "{rule}");
        assert!(rule["examples"].as_array().unwrap().iter().any(|example| example["fires"] == true), "{rule}");
        assert!(world.run(&["rules", "explain", rule["name"].as_str().unwrap()]).ok().out.contains("enabled = true"));
    }
    let unknown = world.run(&["rules", "explain", "loop.repeated"]);
    assert!(unknown.code == 2 && unknown.err.contains("rules list"), "{unknown:?}");
}

#[test]
fn the_reference_names_every_extension() {
    let world = World::empty();
    let reference = world.run(&["config", "reference"]).ok().out;
    for name in [
        "[store]",
        "[listen]",
        "egress.denied_post",
        "[[collector]]",
        "coder",
        "tail",
        "[[sink]]",
        "splunk_hec",
        "slack",
    ] {
        assert!(reference.contains(name), "{name}");
    }
}
