//! Ways that carry any source: HTTP, a mapping of one's own, Kafka, syslog, a socket.

use operations::access::Trust;

use super::{Need, Recipe};

const NATIVE: Need = Need { name: "native", transport: "http", dialect: "native", settings: "" };
const MAPPED: Need = Need {
    name: "mapped",
    transport: "http",
    dialect: "mapped",
    settings: "mapping = \"/etc/tachograph/mapped.toml\"\n",
};
const KAFKA: Need = Need {
    name: "coder-kafka",
    transport: "kafka",
    dialect: "coder",
    settings: "brokers = [\"kafka-1.acme.example:9093\"]\ntopics = [\"coder-logs\"]\ngroup = \"tachograph\"\nstart = \"earliest\"\n\
               security = { tls = true, sasl_mechanism = \"SCRAM-SHA-512\", username = \"tachograph\", password = \"file:/run/secrets/kafka\" }\n",
};
const SYSLOG: Need = Need {
    name: "syslog",
    transport: "syslog",
    dialect: "falco",
    settings: "tcp = \"127.0.0.1:5140\"\ntrust = \"host\"\n",
};
const SOCKET: Need = Need {
    name: "local",
    transport: "unix",
    dialect: "native",
    settings: "path = \"/run/tachograph/events.sock\"\nmode = \"0660\"\ntrust = \"workspace\"\n",
};

pub(super) static RECIPES: &[Recipe] = &[
    Recipe {
        name: "http",
        title: "Anything that sends NDJSON over HTTP",
        needs: &[NATIVE],
        trust: Some(Trust::Agent),
        sender: "Send NDJSON in the native format (ingest/NATIVE.md):\n\n\
                 curl -sS <ingest>/v1/events/native -H 'Authorization: Bearer <token>' \\\n  -H 'Content-Type: application/x-ndjson' --data-binary @events.ndjson",
    },
    Recipe {
        name: "mapped",
        title: "Any other JSON, by a mapping that you write",
        needs: &[MAPPED],
        trust: Some(Trust::Workspace),
        sender: "Write the mapping after docs/examples/mapped.toml, with tests beside it, and let `tachograph config check` run them. Then send:\n\n\
                 curl -sS <ingest>/v1/events/mapped -H 'Authorization: Bearer <token>' \\\n  -H 'Content-Type: application/x-ndjson' --data-binary @events.ndjson\n\n\
                 See docs/sources/mapped.md.",
    },
    Recipe {
        name: "kafka",
        title: "Topics of Kafka, in any dialect",
        needs: &[KAFKA],
        trust: None,
        sender: "Name your brokers and topics, and the dialect of what is in them. The user needs `Read` and `Describe` on the topics and `Read` on the\n\
                 group:\n\n\
                 kafka-acls.sh --bootstrap-server kafka-1.acme.example:9093 --command-config admin.properties --add \\\n  \
                 --allow-principal User:tachograph --operation Read --operation Describe --topic coder-logs --group tachograph\n\n\
                 See docs/sources/kafka.md.",
    },
    Recipe {
        name: "syslog",
        title: "Syslog: Falco, auditd, Tetragon, rsyslog",
        needs: &[SYSLOG],
        trust: None,
        sender: "In rsyslog.conf of the machine (set `tls` in the collector, and `target` here, for others):\n\n\
                 global(maxMessageSize=\"128k\" parser.escapeControlCharactersOnReceive=\"off\")\n\
                 if $programname == [\"falco\"] then action(\n    type=\"omfwd\" target=\"127.0.0.1\" port=\"5140\" protocol=\"tcp\"\n    \
                 template=\"RSYSLOG_SyslogProtocol23Format\" TCP_Framing=\"octet-counted\"\n    \
                 queue.type=\"LinkedList\" queue.filename=\"tachograph\" queue.saveOnShutdown=\"on\" action.resumeRetryCount=\"-1\")\n\n\
                 See docs/sources/syslog.md.",
    },
    Recipe {
        name: "unix",
        title: "A socket in the file system",
        needs: &[SOCKET],
        trust: None,
        sender: "From a program on the same machine:\n\n\
                 printf '%s\\n' '{\"kind\":\"command\",\"source\":\"acme\"}' | socat - UNIX-CONNECT:/run/tachograph/events.sock\n\n\
                 See docs/sources/unix.md.",
    },
];
