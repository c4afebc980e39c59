//! What each source needs: the collectors on our side, and what to write on its own. The pages of `docs/sources/` say more of each.

use operations::access::Trust;

use crate::status::Status;

/// A source.
pub(super) struct Recipe {
    /// Its name on the command line.
    pub name: &'static str,
    /// The collectors that take what it sends.
    pub needs: &'static [Need],
    /// The most trust of its token.
    pub trust: Option<Trust>,
    /// What to write on its side. Words in `<>` are put in: `<ingest>`, `<otlp>`, `<token>`, `<hook>`.
    sender: &'static str,
}

/// A collector that a source needs.
pub(super) struct Need {
    /// Its name, if there is none yet.
    name: &'static str,
    pub transport: &'static str,
    pub dialect: &'static str,
    settings: &'static str,
}

const HOOKS: Need = Need { name: "hooks", transport: "http", dialect: "hooks", settings: "" };
const TELEMETRY: Need = Need {
    name: "telemetry",
    transport: "otlp",
    dialect: "otel",
    settings: "http = \"127.0.0.1:4318\"\ngrpc = \"127.0.0.1:4317\"\n",
};
const NATIVE: Need = Need { name: "native", transport: "http", dialect: "native", settings: "" };
const CODERD: Need =
    Need { name: "coderd", transport: "tail", dialect: "coder", settings: "path = \"/var/log/coder/coderd.json\"\n" };

/// Every source, in the order of the help.
pub(super) static RECIPES: &[Recipe] = &[
    Recipe {
        name: "coder",
        needs: &[CODERD],
        trust: None,
        sender: "Let coderd write its log as JSON, where the collector reads it (flags of `coder server`, or Helm values `coder.env`):\n\n\
                 CODER_LOGGING_JSON=/var/log/coder/coderd.json\nCODER_AI_GATEWAY_STRUCTURED_LOGGING=true\n\n\
                 The firewall's requests, the gateway's calls, the audit log and connections stand in that one log.\n\
                 See docs/sources/coder.md.",
    },
    Recipe {
        name: "claude-code",
        needs: &[HOOKS, TELEMETRY],
        trust: Some(Trust::Workspace),
        sender: "In the managed settings of Claude Code (/etc/claude-code/managed-settings.json), beside the hooks that\n\
                 `tachograph hook install --agent claude_code` prints:\n\n\
                 \"env\": {\n  \"TACHOGRAPH_INGEST\": \"<ingest>\",\n  \"TACHOGRAPH_TOKEN\": \"<token>\",\n  \
                 \"CLAUDE_CODE_ENABLE_TELEMETRY\": \"1\",\n  \"OTEL_LOGS_EXPORTER\": \"otlp\",\n  \"OTEL_METRICS_EXPORTER\": \"otlp\",\n  \
                 \"OTEL_EXPORTER_OTLP_PROTOCOL\": \"http/protobuf\",\n  \"OTEL_EXPORTER_OTLP_ENDPOINT\": \"<otlp>\",\n  \
                 \"OTEL_EXPORTER_OTLP_HEADERS\": \"Authorization=Bearer <token>\",\n  \"OTEL_LOG_TOOL_DETAILS\": \"1\"\n}\n\n\
                 See docs/sources/claude-code.md.",
    },
    Recipe {
        name: "codex",
        needs: &[HOOKS, TELEMETRY],
        trust: Some(Trust::Workspace),
        sender: "In ~/.codex/config.toml, beside the hooks that `tachograph hook install --agent codex --with-telemetry` prints:\n\n\
                 [otel]\nlog_user_prompt = true\n\
                 exporter = { otlp-http = { endpoint = \"<otlp>/v1/logs\", protocol = \"binary\", headers = { \"Authorization\" = \"Bearer <token>\" } } }\n\n\
                 and in its environment, for the hooks:\n\nTACHOGRAPH_INGEST=<ingest>\nTACHOGRAPH_TOKEN=<token>\n\n\
                 Leave `trace_exporter` out: a turn is hundreds of spans of its own inner work. See docs/sources/codex.md.",
    },
    Recipe {
        name: "gemini",
        needs: &[HOOKS, TELEMETRY],
        trust: Some(Trust::Workspace),
        sender: "In /etc/gemini-cli/settings.json, beside the hooks that `tachograph hook install --agent gemini` prints:\n\n\
                 \"telemetry\": { \"enabled\": true, \"target\": \"local\", \"otlpEndpoint\": \"<otlp>\", \"otlpProtocol\": \"http\" }\n\n\
                 and in its environment:\n\nOTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer <token>\nTACHOGRAPH_INGEST=<ingest>\nTACHOGRAPH_TOKEN=<token>\n\n\
                 See docs/sources/gemini.md.",
    },
    Recipe {
        name: "copilot",
        needs: &[HOOKS, TELEMETRY],
        trust: Some(Trust::Workspace),
        sender: "In its environment, beside the hooks that `tachograph hook install --agent copilot` prints:\n\n\
                 COPILOT_OTEL_ENABLED=true\nOTEL_EXPORTER_OTLP_ENDPOINT=<otlp>\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n\
                 OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer <token>\nTACHOGRAPH_INGEST=<ingest>\nTACHOGRAPH_TOKEN=<token>\n\n\
                 See docs/sources/copilot.md.",
    },
    Recipe {
        name: "opentelemetry",
        needs: &[TELEMETRY],
        trust: Some(Trust::Workspace),
        sender: "In the environment of whatever exports spans and logs by the conventions for generative AI:\n\n\
                 OTEL_EXPORTER_OTLP_ENDPOINT=<otlp>\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n\
                 OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer <token>\n\n\
                 See docs/sources/opentelemetry.md.",
    },
    Recipe {
        name: "http",
        needs: &[NATIVE],
        trust: Some(Trust::Agent),
        sender: "Send NDJSON in the native format (ingest/NATIVE.md):\n\n\
                 curl -sS <ingest>/v1/events/native -H 'Authorization: Bearer <token>' \\\n  -H 'Content-Type: application/x-ndjson' --data-binary @events.ndjson",
    },
];

/// The names of all sources.
pub(super) fn names() -> Vec<&'static str> {
    RECIPES.iter().map(|recipe| recipe.name).collect()
}

/// Where senders reach the server.
pub(super) struct Places {
    ingest: String,
    otlp: String,
}

impl Places {
    /// The addresses of a server, or the same under another host.
    pub fn of(status: &Status, recipe: &Recipe, host: Option<&str>) -> Self {
        let scheme = if status.tls { "https" } else { "http" };
        let at = |address: &str| {
            let port = address.rsplit(':').next().unwrap_or_default();
            host.map_or_else(|| format!("{scheme}://{address}"), |host| format!("{scheme}://{host}:{port}"))
        };
        let telemetry = recipe.needs.iter().find(|need| need.transport == "otlp");
        let place = telemetry.and_then(|need| super::of(status, need)).map(|endpoint| endpoint.place.as_str());
        let http = place.and_then(|place| place.split(", ").find_map(|part| part.strip_prefix("http ")));
        Self { ingest: at(&status.ingest), otlp: at(http.unwrap_or("127.0.0.1:4318")) }
    }
}

impl Recipe {
    /// Whether its sender shows a token.
    pub fn is_pushed(&self) -> bool {
        let pushed = |need: &Need| {
            ingest::transport::by_name(need.transport).is_some_and(ingest::transport::Transport::is_pushed)
        };
        self.needs.iter().any(pushed)
    }

    /// What to write on its side.
    pub fn told(&self, places: &Places, token: &str) -> String {
        self.sender.replace("<ingest>", &places.ingest).replace("<otlp>", &places.otlp).replace("<token>", token)
    }
}

impl Need {
    /// The collector as it stands in a configuration.
    pub fn configuration(&self) -> String {
        let Self { name, transport, dialect, settings } = self;
        format!("[[collector]]\nname = \"{name}\"\ntransport = \"{transport}\"\ndialect = \"{dialect}\"\n{settings}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn every_source_has_a_configuration_that_is_taken() {
        for recipe in RECIPES {
            for need in recipe.needs {
                let settings: Settings = toml::from_str(&need.configuration()).unwrap();
                assert_eq!(settings.intake().check(), [], "{}", recipe.name);
            }
            let places = Places { ingest: "http://i:1".to_owned(), otlp: "http://o:2".to_owned() };
            let told = recipe.told(&places, "secret");
            assert!(!told.contains('<') && told.contains("secret") == recipe.is_pushed(), "{told}");
            assert_eq!(recipe.trust.is_some(), recipe.is_pushed(), "{}", recipe.name);
        }
    }
}
