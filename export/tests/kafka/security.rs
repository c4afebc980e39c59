//! Brokers that ask who the sink is: each documented way to say so is taken, and who is refused, by which side ever, is told of it without
//! a secret.

use serde_json::{Value, json};

use crate::broker::{Broker, More};
use crate::ground::Certificates;
use crate::port::free_port;
use crate::topic::{CHECKPOINTS, create, read};
use crate::{run, sink};

const PASSWORD: &str = "open-sesame-1001";
const WRONG: &str = "open-barley-1001";

/// Listeners with TLS: one that asks for a password, and one that asks for a certificate.
fn guards(certificates: &Certificates, directory: &std::path::Path, ports: [u16; 2]) -> More {
    // The broker takes its key and its certificate out of one file.
    let identity = directory.join("identity.pem");
    let [certificate, key] = certificates.server.each_ref().map(|file| std::fs::read_to_string(file).unwrap());
    std::fs::write(&identity, key + &certificate).unwrap();
    let (identity, authorities, module) =
        (identity.display(), certificates.authority.display(), "org.apache.kafka.common.security");
    let settings = format!(
        "ssl.keystore.type=PEM\nssl.keystore.location={identity}\nssl.truststore.type=PEM\nssl.truststore.location={authorities}\n\
         listener.name.ssl.ssl.client.auth=required\nsasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n\
         listener.name.sasl_ssl.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_tachograph=\"{PASSWORD}\";\n\
         listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;\n\
         listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;\n"
    );
    let user = |mechanism| format!("{mechanism}=[name=tachograph,password={PASSWORD}]");
    More {
        listeners: vec![format!("SASL_SSL://127.0.0.1:{}", ports[0]), format!("SSL://127.0.0.1:{}", ports[1])],
        settings,
        users: ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(user).to_vec(),
    }
}

#[test]
fn every_documented_way_to_say_who_one_is_is_taken_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let certificates = Certificates::new(directory.path());
    let elsewhere = tempfile::tempdir().unwrap();
    let strangers = Certificates::new(elsewhere.path());
    let ports = [(); 2].map(|()| free_port());
    let broker = Broker::start_with(&guards(&certificates, directory.path(), ports));
    broker.create(CHECKPOINTS, 1, &[("cleanup.policy", "compact")]);
    create(&broker, "guarded");
    let check = |port: u16, more: Value, outcome: &str| {
        let mut settings = sink(&broker, "guarded", &more);
        settings["brokers"] = json!([format!("127.0.0.1:{port}")]);
        settings["tls"] = true.into();
        let sink = export::SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
        let report = run(export::test(&sink, false)).unwrap();
        assert_eq!(report.outcome, outcome, "{more}: {report:?}");
        let told = format!("{report:?}");
        assert!(!told.contains(PASSWORD) && !told.contains(WRONG), "{told}");
    };
    let login = |mechanism: &str, password: &str, authority: &std::path::Path| {
        let file = directory.path().join(password);
        std::fs::write(&file, password).unwrap();
        json!({"sasl_mechanism": mechanism, "username": "tachograph", "password": format!("file:{}", file.display()), "ca_file": authority,
            "timeout_seconds": 20})
    };
    let ways = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
    for mechanism in ways {
        check(ports[0], login(mechanism, PASSWORD, &certificates.authority), "acked");
    }
    check(ports[1], certificates.settings(), "acked");
    check(ports[0], login("SCRAM-SHA-512", WRONG, &certificates.authority), "not sent");
    check(ports[0], login("PLAIN", PASSWORD, &strangers.authority), "not sent");
    check(ports[1], json!({"ca_file": certificates.authority, "timeout_seconds": 5}), "not sent");
    let mut unknown = strangers.settings();
    unknown["ca_file"] = json!(certificates.authority);
    unknown["timeout_seconds"] = 5.into();
    check(ports[1], unknown, "not sent");
    assert_eq!(read(&broker, "guarded", "read_uncommitted").len(), ways.len() + 1);
}
