//! Tests of redaction: each rule on a secret of its kind, what must stay, and the properties.

use super::*;
use proptest::prelude::*;
use rules::RULES;
use std::collections::HashSet;
use std::sync::LazyLock;

static SET: LazyLock<RuleSet> = LazyLock::new(RuleSet::built_in);

/// A secret for each kind: text with one secret, and what is left of it.
fn secrets() -> Vec<(&'static str, String, String)> {
    let a = |len: usize| "aB3".chars().cycle().take(len).collect::<String>();
    let hex = |len: usize| "0a9f".chars().cycle().take(len).collect::<String>();
    let mut cases = Vec::new();
    let mut case = |kind: &'static str, before: &str, secret: &str, after: &str| {
        cases.push((kind, format!("{before}{secret}{after}"), format!("{before}[REDACTED:{kind}]{after}")));
    };
    case("aws_access_key", "key ", "AKIAIOSFODNN7EXAMPLE", " x");
    case("aws_secret_key", "aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "\n");
    case("google_api_key", "k: ", &format!("AIza{}", a(35)), "");
    case("google_oauth", "", &format!("ya29.{}", a(40)), " ok");
    case("azure_key", "AccountName=x;AccountKey=", &a(44), ";End");
    case("azure_client_secret", "id ", &format!("abc8Q~{}", a(33)), " ");
    case("digitalocean_token", "", &format!("dop_v1_{}", hex(64)), "");
    case("databricks_token", " ", &format!("dapi{}", hex(32)), "");
    case("tailscale_key", "", &format!("tskey-auth-{}", a(20)), "");
    case("github_token", "push with ", &format!("ghp_{}", a(36)), ".");
    case("gitlab_token", "", &format!("glpat-{}", a(20)), " ");
    case("npm_token", "//registry/:_authToken ", &format!("npm_{}", a(36)), "");
    case("pypi_token", "", &format!("pypi-{}", a(60)), "");
    case("docker_token", "", &format!("dckr_pat_{}", a(27)), "");
    case("rubygems_key", "", &format!("rubygems_{}", hex(48)), "");
    case("anthropic_key", "use ", &format!("sk-ant-api03-{}", a(40)), " now");
    case("openai_key", "use ", &format!("sk-proj-{}", a(40)), " now");
    case("huggingface_token", "", &format!("hf_{}", a(34)), "");
    case("model_key", "", &format!("pplx-{}", a(48)), "");
    case("slack_token", "", "xoxb-2401234567-2401234567-AbCdEf", " ");
    case("slack_webhook", "https://hooks.slack.com/services/", &format!("T01/B02/{}", a(24)), " ");
    case("stripe_key", "", &format!("sk_live_{}", a(24)), "");
    case("sendgrid_key", "", &format!("SG.{}.{}", a(22), a(43)), "");
    case("shopify_token", "", &format!("shpat_{}", hex(32)), "");
    case("telegram_token", "bot ", &format!("123456789:AA{}", a(33)), "");
    case("grafana_token", "", &format!("glsa_{}_{}", a(32), hex(8)), "");
    case("sentry_token", "", &format!("sntryu_{}", hex(64)), "");
    case("vault_token", "", &format!("hvs.{}", a(90)), "");
    case("terraform_token", "", &format!("{}.atlasv1.{}", a(14), a(64)), "");
    case("service_token", "", &format!("lin_api_{}", a(40)), "");
    case("unknown_token", "use ", &format!("acme_live_{}", "a8KdPzQ7".repeat(5)), " now");
    case("discord_token", "", &format!("M{}.{}.{}", a(23), a(6), a(30)), " ");
    case("webhook", "https://discord.example/api/webhooks/1234/", &a(60), " ");
    case("twilio_key", "", &format!("SK{}", hex(32)), "");
    case("mailgun_key", "", &format!("key-{}", hex(32)), "");
    case("mailchimp_key", "", &format!("{}-us12", hex(32)), "");
    case("basic_credentials", "auth ", "bWlyYTpodW50ZXIyMg", " x");
    case("cookie", "Cookie: ", "a=b; sid=hunter22", "\n");
    case("age_key", "", &format!("AGE-SECRET-KEY-1{}", "Q2".repeat(29)), "");
    case("jwt", "t=", &format!("eyJ{}.eyJ{}.{}", a(20), a(30), a(20)), " ");
    case("private_key", "> ", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----", "\nrest");
    case("authorization", "Authorization: Bearer ", &a(20), "\r\n");
    case("api_key_header", "X-Api-Key: ", &a(20), "\r\n");
    case("url_userinfo", "git clone https://", "somebody:hunter2", "@acme.example/x.git");
    case("url_query", "GET https://acme.example/?a=1&access_token=", "s3cr3t", "&b=2");
    case("assignment", "DB_PASSWORD=", "hunter22", " ./run");
    case("option", "mysql --password ", "hunter22", " -e x");
    cases
}

#[test]
fn every_rule_compiles_and_finds_its_secret() {
    let all = || RULES.iter().chain(options::RULES);
    assert!(all().count() <= RULES_MAX);
    for rule in all() {
        assert!(Regex::new(rule.pattern).is_ok(), "{}", rule.pattern);
    }
    assert_eq!(SET.rules.len(), all().count(), "every pattern compiles");
    assert!(SET.keywords.is_some());
    let tested: HashSet<&str> = secrets().iter().map(|case| case.0).collect();
    let kinds = all().map(|rule| rule.kind).chain(names::KINDS.iter().copied()).chain([CREDENTIALS, made::KIND]);
    let kinds: HashSet<&str> = kinds.collect();
    assert_eq!(tested, kinds, "every kind has a case");
    for (kind, text, expected) in secrets() {
        let redacted = SET.redact_plain(&text).unwrap_or_else(|| panic!("{kind}: nothing found in {text:?}"));
        assert_eq!(redacted.text, expected, "{kind}");
        assert_eq!(redacted.redactions.len(), 1, "{kind}");
        assert!(redacted.text[redacted.redactions[0].offset..].starts_with(&format!("[REDACTED:{kind}]")), "{kind}");
        let quoted = serde_json::to_string(&text).unwrap();
        let inner: String = serde_json::from_str(&SET.redact_quoted(&quoted).expect(kind).text).unwrap();
        assert_eq!(inner, expected, "{kind} in a JSON string");
        // As tool inputs come: JSON in a JSON string.
        let twice = serde_json::to_string(&serde_json::json!({ "command": text }).to_string()).unwrap();
        let redacted = SET.redact_quoted(&twice).expect(kind).text;
        let inner: String = serde_json::from_str(&redacted).unwrap();
        assert!(inner.contains(&format!("[REDACTED:{kind}]")), "{kind} twice quoted: {inner}");
    }
}

fn check_plain(text: &str, expected: &str) {
    assert_eq!(SET.redact_plain(text).map_or(text.to_owned(), |redacted| redacted.text), expected);
}

fn check_quoted(value: &str, expected: &str) {
    let redacted = SET.redact_quoted(value).map_or(value.to_owned(), |redacted| redacted.text);
    assert_eq!(redacted, expected);
    serde_json::from_str::<serde_json::Value>(&redacted).expect("still JSON");
}

#[test]
fn a_key_id_gives_its_secret_away() {
    check_plain(
        "Use AWS key AKIAIOSFODNN7EXAMPLE / wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY to read it",
        "Use AWS key [REDACTED:aws_access_key] / [REDACTED:aws_secret_key] to read it",
    );
    check_plain(
        "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE aws s3 ls",
        "AWS_ACCESS_KEY_ID=[REDACTED:aws_access_key] aws s3 ls",
    );
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        "https://packages.acme.example/left-pad?version=1.3.0&page=2",
        "write to somebody@acme.example about task-force-five-and-more",
        "https://acme.example/@scope/package",
        "max_tokens=4096 and tokens=12, key=value pairs; password is required",
        "toolu_01RX68weRSquLx6HUTj65iBo msg_015SQewixvT9s4cABCVvUE6g 5d2f8c1e-0b7a-4e63-b1d4-9a3c7e6f2b80",
        "git commit 3f786850e387550fdab836ed7e6dc881de23001b",
        // `mars:1234567890123:41234`, Tetragon's id of a process.
        "exec_id bWFyczoxMjM0NTY3ODkwMTIzOjQxMjM0",
        "let token = lexer.next(); password = ask()",
        "",
    ] {
        check_plain(text, text);
    }
}

#[test]
fn escapes_hide_nothing_and_json_stays_json() {
    check_quoted(
        r#""https://acme.example/?a=1\u0026token=s3cr3t\u0026b=2""#,
        r#""https://acme.example/?a=1\u0026token=[REDACTED:url_query]\u0026b=2""#,
    );
    check_quoted(r#""\u0041KIAIOSFODNN7EXAMPLE""#, r#""[REDACTED:aws_access_key]""#);
    check_quoted(r#""x\nAKIAIOSFODNN7EXAMPLE\ud83d\ude00""#, r#""x\n[REDACTED:aws_access_key]\ud83d\ude00""#);
    check_quoted(r#""https:\/\/u:hunter2@acme.example\/""#, r#""https:\/\/[REDACTED:url_userinfo]@acme.example\/""#);
    check_quoted(r#"{"a":["AKIAIOSFODNN7EXAMPLE",1],"b":"c"}"#, r#"{"a":["[REDACTED:aws_access_key]",1],"b":"c"}"#);
    check_quoted(
        r#"{"Authorization":"Bearer abcdefgh12345678"}"#,
        r#"{"Authorization":"Bearer [REDACTED:authorization]"}"#,
    );
    check_quoted(
        r#"["-----BEGIN PRIVATE KEY-----","MIIE","-----END PRIVATE KEY-----","x"]"#,
        r#"["[REDACTED:private_key]","[REDACTED:private_key]","[REDACTED:private_key]","x"]"#,
    );
    check_quoted(r#""""#, r#""""#);
}

#[test]
fn goes_own_escapes_are_read() {
    let redacted = SET.redact_quoted(r#""dial \x41KIAIOSFODNN7EXAMPLE\a""#).expect("a secret");
    assert_eq!(redacted.text, r#""dial [REDACTED:aws_access_key]\a""#);
}

#[test]
fn redactions_move_with_the_text() {
    let text = "AKIAIOSFODNN7EXAMPLE https://x/?token=abc https://u:pw@h/ AKIAIOSFODNN7EXAMPLE";
    let redacted = SET.redact_plain(text).expect("secrets");
    let kinds: Vec<&str> = redacted.redactions.iter().map(|redaction| redaction.kind).collect();
    assert_eq!(kinds, ["aws_access_key", "url_query", "url_userinfo", "aws_access_key"]);
    for redaction in &redacted.redactions {
        assert!(redacted.text[redaction.offset..].starts_with(&format!("[REDACTED:{}]", redaction.kind)));
    }
}

/// Text in which secrets, their halves, separators and placeholders meet.
fn dense() -> impl Strategy<Value = String> {
    let pieces: Vec<String> = secrets()
        .into_iter()
        .flat_map(|(_, text, redacted)| {
            let half = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
            [text[..half].to_owned(), text[half..].to_owned(), text, redacted]
        })
        .chain(
            [
                "\"",
                "\\",
                "\n",
                " ",
                "=",
                "&",
                "@",
                "://",
                "?token=",
                "[",
                "]",
                "[REDACTED:",
                "é",
                "\u{1F600}",
                "-----BEGIN PRIVATE KEY-----",
            ]
            .map(str::to_owned),
        )
        .collect();
    proptest::collection::vec(proptest::sample::select(pieces), 0..8).prop_map(|pieces| pieces.concat())
}

#[test]
fn a_token_that_goes_on_like_a_hash_is_not_passed_over() {
    let Some(prefilter) = &SET.prefilter else { return };
    let mut found = 0;
    for begin in ["hvs.", "hvb.", "SG.", "dp.pt.", "sl.", "nfp_", "bot123456789:AA", "glpat-"] {
        for digits in [16, 24, 32, 40, 64, 96] {
            let token = format!("{begin}{}", "0123456789abcdef".repeat(6).split_at(digits).0);
            for text in [token.clone(), format!("x {token} y"), format!("{{\"a\":\"{token}\"}}")] {
                found += SET.find(&text).len();
                assert!(prefilter.may_find(&text) || SET.find(&text).is_empty(), "{text}");
            }
        }
    }
    assert!(found > 0, "the rules know none of them");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn redacting_twice_is_redacting_once(text in dense()) {
        if let Some(redacted) = SET.redact_plain(&text) {
            prop_assert_eq!(SET.redact_plain(&redacted.text), None, "{:?} of {:?}", redacted.text, text);
            for redaction in &redacted.redactions {
                prop_assert!(redacted.text[redaction.offset..].starts_with("[REDACTED:"));
            }
        }
    }

    #[test]
    fn what_the_prefilter_passes_over_holds_nothing(text in dense(), at in any::<prop::sample::Index>()) {
        let Some(prefilter) = &SET.prefilter else { return Ok(()) };
        let cut = &text[text.floor_char_boundary(at.index(text.len() + 1))..];
        for text in [&text, cut, &format!("{{\"a\":\"{cut}\",\"b\":[\"{text}\"]}}"), &format!("https://acme.example/{cut}")] {
            prop_assert!(prefilter.may_find(text) || SET.find(text).is_empty(), "{:?} in {text:?}", SET.find(text));
        }
    }

    #[test]
    fn json_stays_json(text in dense(), more in dense(), nested in any::<bool>()) {
        let inner = if nested { serde_json::json!([text, { &more: 1 }]).to_string() } else { text };
        for value in [serde_json::json!(inner), serde_json::json!({ "a": inner, &more: [inner, null, 1.5] })] {
            let value = value.to_string();
            if let Some(redacted) = SET.redact_quoted(&value) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&redacted.text).is_ok(), "{}", redacted.text);
                prop_assert_eq!(SET.redact_quoted(&redacted.text), None, "{:?}", redacted.text);
            }
        }
    }

    #[test]
    fn any_text_is_taken(text in "\\PC{0,80}", escapes in "(\\\\[uxnU\"]?[0-9a-fD]{0,4}){0,12}") {
        let _ = SET.redact_plain(&text);
        for value in [format!("{text}\\u{escapes}@"), format!("\"{escapes}{text}://a:b@c"), escapes] {
            let _ = SET.redact_quoted(&value);
        }
    }
}
