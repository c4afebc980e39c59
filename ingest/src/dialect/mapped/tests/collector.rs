//! A collector with a mapping: what its configuration says, how its records are believed, and that the file is read again.

use axum::body::Body;
use axum::http::Request;
use ledger::events::column;
use tower::ServiceExt as _;

use crate::config::Config;
use crate::fixtures::House;

const HEAD: &str = "name = \"m\"\nsource = \"acme.m\"\nfamily = \"workspace\"\ntrust = \"gateway\"\n";
const RULE: &str = "[[rule]]\nkind = \"audit\"\ncolumns = { action = \"/a\", source_id = \"/id\" }\n";

fn configuration(more: &str) -> Config {
    let text = format!("[[collectors]]\nname = \"m\"\ntransport = \"stdin\"\n{more}\n");
    toml::from_str(&text).unwrap()
}

#[test]
fn a_mapping_goes_with_its_dialect_and_is_checked_with_its_tests() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.toml");
    let check = |more: &str, says: &str| {
        let problems: Vec<String> = configuration(more).check().iter().map(ToString::to_string).collect();
        assert!(if says.is_empty() { problems.is_empty() } else { problems[0].contains(says) }, "{more}: {problems:?}");
    };
    check("dialect = \"mapped\"", "collectors.m.mapping: is missing");
    check("dialect = \"native\"\nmapping = \"/a\"", "collectors.m.mapping: is for the dialect `mapped`");
    check("dialect = \"mapped\"\nmapping = \"/a\"", "");
    let missing = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let config = configuration(&format!("dialect = \"mapped\"\nmapping = \"{}\"", path.display()));
        config.missing().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(missing(&format!("{HEAD}{RULE}")), Vec::<String>::new());
    let wrong = missing(&format!("{HEAD}{RULE}hue = 1\n"));
    assert!(matches!(&wrong[..], [one] if one.contains("m.toml:8:1: unknown key \"hue\"")), "{wrong:?}");
    let test = "[[test]]\nname = \"t\"\nrecord = '{\"a\":\"x\"}'\n[[test.event]]\naction = \"y\"\n";
    let failed = missing(&format!("{HEAD}{RULE}{test}"));
    assert!(
        matches!(&failed[..], [one] if one.contains("test \"t\": event 1: `action` is to be \"y\" and is \"x\"")),
        "{failed:?}"
    );
    std::fs::remove_file(&path).unwrap();
    let config = configuration(&format!("dialect = \"mapped\"\nmapping = \"{}\"", path.display()));
    assert!(config.missing()[0].to_string().contains("cannot be read"));
    assert!(config.collectors[0].chosen_dialect().is_err());
}

async fn send(house: &House, body: &'static str) -> u16 {
    let request =
        Request::post("/v1/events/m").header("authorization", "Bearer sender").body(Body::from(body)).unwrap();
    house.router().oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_mapping_is_read_again_and_one_that_is_wrong_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.toml");
    std::fs::write(&path, format!("{HEAD}{RULE}")).unwrap();
    let mapping = path.display();
    let house = House::new(&format!(
        "[[collectors]]\nname = \"m\"\ntransport = \"http\"\ndialect = \"mapped\"\nmapping = \"{mapping}\"\n"
    ));
    assert_eq!(send(&house, "{\"a\":\"x\",\"id\":1}").await, 200);
    assert_eq!(send(&house, "{\"a\":\"x\",\"id\":1}").await, 200);
    std::fs::write(&path, format!("{HEAD}{}", RULE.replace("\"audit\"", "\"review\""))).unwrap();
    house.collectors.reload(&Config::default()).unwrap();
    assert_eq!(send(&house, "{\"a\":\"x\",\"id\":2}").await, 200);
    std::fs::write(&path, "name = 1").unwrap();
    let refused = house.collectors.reload(&Config::default()).err().unwrap().to_string();
    assert!(refused.contains("collector m:") && refused.contains("m.toml:1:8"), "{refused}");
    assert_eq!(send(&house, "{\"a\":\"x\",\"id\":3}").await, 200);
    assert_eq!(house.column(column::KIND), ["audit", "review", "review"]);
    // The token may say all, the mapping says less.
    assert_eq!(house.column(column::TRUST), ["gateway"; 3]);
}

#[test]
fn without_a_token_the_mapping_says_how_far_it_is_believed_and_the_collector_may_say_less() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.toml");
    std::fs::write(&path, format!("{HEAD}{RULE}")).unwrap();
    for (trust, expected) in [("", "gateway"), ("trust = \"host\"", "host"), ("trust = \"control_plane\"", "gateway")] {
        let config = configuration(&format!("dialect = \"mapped\"\nmapping = \"{}\"\n{trust}", path.display()));
        let collector = &config.collectors[0];
        let dialect = collector.chosen_dialect().unwrap();
        let told = dialect.trust().min(collector.principal(&*dialect).trust);
        assert_eq!(told.as_str(), expected, "{trust}");
    }
}
