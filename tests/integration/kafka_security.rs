//! Kafka with TLS, passwords and certificates: that the documented settings work against a real broker, and that who is refused, by
//! which side ever, is told of without a secret.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rdkafka::producer::Producer as _;

use crate::harness::broker::{Broker, More, PATIENCE};
use crate::harness::producer::{send_numbers, sender};
use crate::harness::tls::{Authority, Pair};
use crate::harness::{World, free_address, http};
use crate::health::ask_until;

const PASSWORD: &str = "open-sesame-1001";
const WRONG: &str = "open-barley-1001";

/// A broker with TLS, what its certificate and those of its clients are signed by, and one of the clients.
struct Ground {
    world: World,
    _broker: Broker,
    /// Where it asks for a password, and where for a certificate.
    addresses: [String; 2],
    authority: Authority,
    client: Pair,
}

/// Listeners with TLS at these addresses: one that asks for a password, and one that asks for a certificate.
fn guards(world: &World, authority: &Authority, own: &Pair, addresses: &[String; 2]) -> More {
    // The broker takes its key and its certificate out of one file.
    let (identity, text) = (world.path("identity.pem"), |path: &Path| std::fs::read_to_string(path).unwrap());
    std::fs::write(&identity, text(&own.key) + &text(&own.certificate)).unwrap();
    let (identity, authorities, module) =
        (identity.display(), authority.file.display(), "org.apache.kafka.common.security");
    let settings = format!(
        "ssl.keystore.type=PEM\nssl.keystore.location={identity}\nssl.truststore.type=PEM\nssl.truststore.location={authorities}\n\
         listener.name.ssl.ssl.client.auth=required\nsasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n\
         listener.name.sasl_ssl.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_tachograph=\"{PASSWORD}\";\n\
         listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;\n\
         listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;\n"
    );
    let listeners = ["SASL_SSL", "SSL"].iter().zip(addresses);
    let user = |mechanism| format!("{mechanism}=[name=tachograph,password={PASSWORD}]");
    More {
        listeners: listeners.map(|(protocol, address)| format!("{protocol}://{address}")).collect(),
        settings,
        users: ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(user).to_vec(),
    }
}

impl Ground {
    fn new() -> Self {
        let world = World::new("");
        let authority = Authority::new(&world, "kafka");
        let [own, client] = ["broker", "client"].map(|name| authority.sign(&world, name));
        let addresses = [(); 2].map(|()| free_address());
        let broker = Broker::start_with(&guards(&world, &authority, &own, &addresses));
        broker.create("work", 1, &[]);
        let sender = sender(&broker, None);
        send_numbers(&sender, "work", 0, 0..10);
        sender.flush(PATIENCE).unwrap();
        Self { world, _broker: broker, addresses, authority, client }
    }

    /// A collector in a group of its own, with these settings of its security.
    fn collector(name: &str, address: &str, security: &str) -> String {
        format!(
            "[[collector]]\nname = \"{name}\"\ntransport = \"kafka\"\ndialect = \"native\"\nbrokers = [\"{address}\"]\n\
             topics = [\"work\"]\ngroup = \"{name}\"\nsecurity = {{ {security} }}\n"
        )
    }

    /// One that shows a password, which is in a file of its name.
    fn with_password(&self, name: &str, authority: &Authority, mechanism: &str, password: &str) -> String {
        let file = self.world.path(name);
        std::fs::write(&file, password).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let security = format!(
            "tls = true, ca_file = {:?}, sasl_mechanism = \"{mechanism}\", username = \"tachograph\", password = \"file:{}\"",
            authority.file.display().to_string(),
            file.display()
        );
        Self::collector(name, &self.addresses[0], &security)
    }

    /// One that shows a certificate, if it has one.
    fn with_certificate(&self, name: &str, client: Option<&Pair>) -> String {
        let mut security = format!("tls = true, ca_file = {:?}", self.authority.file.display().to_string());
        if let Some(Pair { certificate, key }) = client {
            let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
            write!(security, ", certificate = {certificate:?}, key = {key:?}").unwrap();
        }
        Self::collector(name, &self.addresses[1], &security)
    }

    /// How many rows each collector recorded.
    fn rows(&self) -> Vec<(String, u64)> {
        let rows = self.world.sql("SELECT collector, count(DISTINCT action) AS n FROM events GROUP BY 1 ORDER BY 1");
        rows.iter().map(|row| (row["collector"].as_str().unwrap().to_owned(), row["n"].as_u64().unwrap())).collect()
    }
}

#[test]
fn every_documented_way_to_show_who_one_is_reads() {
    let ground = Ground::new();
    let ways = [("plain", "PLAIN"), ("scram256", "SCRAM-SHA-256"), ("scram512", "SCRAM-SHA-512")];
    let passwords = ways.map(|(name, way)| ground.with_password(name, &ground.authority, way, PASSWORD));
    ground.world.configure(&(passwords.concat() + &ground.with_certificate("mutual", Some(&ground.client))));
    let config = ground.world.config();
    ground.world.run(&["config", "check", config.to_str().unwrap()]).ok();
    let server = ground.world.serve();
    ground.world.wait_for(40, &[]);
    assert!(server.stop().unwrap().success());
    let names = ["mutual", "plain", "scram256", "scram512"];
    assert_eq!(ground.rows(), names.map(|name| (name.to_owned(), 10)));
}

#[test]
fn who_is_refused_is_told_of_without_a_secret_and_reads_once_it_is_mended() {
    let ground = Ground::new();
    let stranger = Authority::new(&ground.world, "stranger");
    let unknown = stranger.sign(&ground.world, "unknown");
    let bare = ground.world.path("bare");
    std::fs::write(&bare, PASSWORD).unwrap();
    let file = bare.display();
    let bare = format!("sasl_mechanism = \"SCRAM-SHA-512\", username = \"tachograph\", password = \"file:{file}\"");
    ground.world.configure(
        &[
            ground.with_password("scram", &ground.authority, "SCRAM-SHA-512", WRONG),
            ground.with_password("plain", &ground.authority, "PLAIN", WRONG),
            ground.with_password("deceived", &stranger, "SCRAM-SHA-512", PASSWORD),
            ground.with_certificate("nobody", None),
            ground.with_certificate("unknown", Some(&unknown)),
            Ground::collector("bare", &ground.addresses[0], &bare),
        ]
        .concat(),
    );
    let server = ground.world.serve();
    // What stands of each in the answer, in small letters.
    let told = [
        ("scram", "parked", "authentication"),
        ("plain", "parked", "authentication"),
        ("deceived", "parked", "certificate"),
        ("nobody", "parked", "certificate"),
        ("unknown", "parked", "certificate"),
        ("bare", "blocked", "not in the way that `security` says"),
    ];
    let is_told = |ready: &str, (name, state, reason): (&str, &str, &str)| {
        ready.lines().any(|line| {
            line.starts_with(&format!("collector {name}: {state} since ")) && line.to_lowercase().contains(reason)
        })
    };
    let ready = ask_until(&server.console, |ready| told.iter().all(|told| is_told(ready, *told)));
    println!("{}", ready.body);
    let metrics = http::get(&server.console, "/metrics").body;
    for (name, state, _) in told {
        let line = metrics.lines().find(|line| {
            line.starts_with("tachograph_endpoint_state{")
                && line.contains(&format!("name=\"{name}\""))
                && line.contains(&format!("state=\"{state}\""))
        });
        assert!(line.is_some_and(|line| line.ends_with(" 1")), "{name}: {line:?}");
    }
    // They are read again when it is tried again.
    for name in ["scram", "plain"] {
        std::fs::write(ground.world.path(name), PASSWORD).unwrap();
    }
    std::fs::copy(&ground.client.certificate, &unknown.certificate).unwrap();
    std::fs::copy(&ground.client.key, &unknown.key).unwrap();
    let (mut said, mut mended) = (vec![ready.body, metrics], Vec::new());
    let wait = |line: &serde_json::Value| {
        said.push(line.to_string());
        if line["message"] == "the collector works again" {
            mended.push(line["collector"].as_str().unwrap().to_owned());
        }
        mended.len() == 3
    };
    server.wait_for_line("three that work again", wait).unwrap();
    ground.world.wait_for(30, &[]);
    assert!(server.stop().unwrap().success());
    let text = said.concat();
    for secret in [PASSWORD, WRONG] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(["scram", "plain", "unknown"].iter().all(|name| text.contains(name)) && text.contains("parked"), "{text}");
    assert_eq!(ground.rows(), ["plain", "scram", "unknown"].map(|name| (name.to_owned(), 10)));
}
