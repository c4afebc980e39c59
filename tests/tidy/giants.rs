//! Large libraries are named in few, listed files, so that replacing or upgrading one is a small piece of work.

use crate::no_faults;
use crate::sources::{File, Token, flat, rust};

/// Library → the folders and files that may name it.
const GIANTS: [(&str, &[&str]); 7] = [
    (
        "parquet",
        &[
            "ledger/src/columnar",
            "ledger/src/segment",
            "ledger/verify/src/segments",
            "query/src/table",
            "query/src/output",
            "export/src/streams/objects",
        ],
    ),
    ("datafusion", &["query/src/"]),
    ("openidconnect", &["src/serve/oidc"]),
    ("rdkafka", &["ingest/src/transport/kafka", "export/src/connections/kafka"]),
    ("tonic", &["ingest/src/transport/otlp/"]),
    (
        "prost",
        &[
            "ingest/src/transport/otlp/",
            "ingest/src/encoding/wire.rs",
            "export/src/sinks/otlp",
            "export/src/connections/grpc/status.rs",
        ],
    ),
    (
        "axum",
        &[
            "ingest/src/transport/http",
            "ingest/src/transport/otlp",
            "ingest/src/collectors.rs",
            "api/src/",
            "dashboards/src/",
            "src/client",
            "src/collect",
            "src/serve/console.rs",
            "src/serve/listener",
            "src/demo/inbox.rs",
        ],
    ),
];

#[test]
fn giants_stay_in_their_files() {
    let files = rust();
    let places = GIANTS.iter().flat_map(|(_, places)| places.iter());
    let gone = places.filter(|place| !files.iter().any(|file| file.path.starts_with(*place)));
    let mut faults: Vec<String> =
        gone.map(|place| format!("tests/tidy/giants.rs: {place} is listed and does not exist: take it out")).collect();
    faults.extend(files.iter().filter(|file| !file.is_test).flat_map(strays));
    no_faults(&faults);
}

fn strays(file: &File) -> Vec<String> {
    let tokens = flat(file.tokens());
    let named = tokens.windows(3).filter_map(|three| match three {
        [Token::Word(word, line), Token::Sign(':'), Token::Sign(':')] => Some((word, line)),
        _ => None,
    });
    let faults = named.filter_map(|(word, line)| {
        let (giant, places) = GIANTS.iter().find(|(giant, _)| giant == word)?;
        let allowed = places.iter().any(|place| file.path.starts_with(place));
        (!allowed).then(|| {
            format!(
                "{}:{line}: `{giant}` belongs into {}: call a function there that takes and returns our own types",
                file.path,
                places.join(" or ")
            )
        })
    });
    faults.collect()
}

#[test]
fn strays_are_found() {
    let check = |path: &str, source: &str, faults: usize| {
        let file = File { path: path.to_owned(), text: source.to_owned(), is_test: false };
        assert_eq!(strays(&file).len(), faults, "{path} {source}");
    };
    check("ingest/src/pipeline.rs", "use axum::Router;", 1);
    check("src/serve/listener", "use axum::Router;", 0);
    check("ledger/src/store.rs", "fn parquet() { let axum = 1; }", 0);
}
