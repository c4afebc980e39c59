//! Coding agents: hooks and OpenTelemetry.

use operations::access::Trust;

use super::{Need, Recipe};

pub(super) const HOOKS: Need = Need { name: "hooks", transport: "http", dialect: "hooks", settings: "" };
pub(super) const TELEMETRY: Need = Need {
    name: "telemetry",
    transport: "otlp",
    dialect: "otel",
    settings: "http = \"127.0.0.1:4318\"\ngrpc = \"127.0.0.1:4317\"\n",
};

pub(super) static RECIPES: &[Recipe] = &[
    Recipe {
        name: "claude-code",
        title: "Claude Code",
        needs: &[HOOKS, TELEMETRY],
        trust: Some(Trust::Workspace),
        sender: "In the managed settings of Claude Code (/etc/claude-code/managed-settings.json), beside the hooks that\n\
                 `tachograph hook install --agent claude_code` prints:\n\n\
                 \"env\": {\n  \"TACHOGRAPH_INGEST\": \"<ingest>\",\n  \"TACHOGRAPH_TOKEN\": \"<token>\",\n  \
                 \"CLAUDE_CODE_ENABLE_TELEMETRY\": \"1\",\n  \"OTEL_LOGS_EXPORTER\": \"otlp\",\n  \"OTEL_METRICS_EXPORTER\": \"otlp\",\n  \
                 \"OTEL_EXPORTER_OTLP_PROTOCOL\": \"http/protobuf\",\n  \"OTEL_EXPORTER_OTLP_ENDPOINT\": \"<otlp>\",\n  \
                 \"OTEL_EXPORTER_OTLP_HEADERS\": \"Authorization=Bearer <token>\",\n  \"OTEL_LOG_TOOL_DETAILS\": \"1\"\n}\n\n\
                 In templates of Coder deploy/terraform/ does it. See docs/sources/claude-code.md.",
    },
    Recipe {
        name: "codex",
        title: "Codex",
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
        title: "Gemini CLI",
        needs: &[HOOKS, TELEMETRY],
        trust: Some(Trust::Workspace),
        sender: "In /etc/gemini-cli/settings.json, beside the hooks that `tachograph hook install --agent gemini` prints:\n\n\
                 \"telemetry\": { \"enabled\": true, \"target\": \"local\", \"otlpEndpoint\": \"<otlp>\", \"otlpProtocol\": \"http\" }\n\n\
                 and in its environment:\n\nOTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer <token>\nTACHOGRAPH_INGEST=<ingest>\nTACHOGRAPH_TOKEN=<token>\n\n\
                 See docs/sources/gemini.md.",
    },
    Recipe {
        name: "copilot",
        title: "Copilot CLI",
        needs: &[HOOKS, TELEMETRY],
        trust: Some(Trust::Workspace),
        sender: "In its environment, beside the hooks that `tachograph hook install --agent copilot` prints:\n\n\
                 COPILOT_OTEL_ENABLED=true\nOTEL_EXPORTER_OTLP_ENDPOINT=<otlp>\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n\
                 OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer <token>\nTACHOGRAPH_INGEST=<ingest>\nTACHOGRAPH_TOKEN=<token>\n\n\
                 See docs/sources/copilot.md.",
    },
    Recipe {
        name: "opencode",
        title: "OpenCode",
        needs: &[TELEMETRY],
        trust: Some(Trust::Workspace),
        sender: "In opencode.json:\n\n{ \"$schema\": \"https://opencode.ai/config.json\", \"experimental\": { \"openTelemetry\": true } }\n\n\
                 and in its environment:\n\nOTEL_EXPORTER_OTLP_ENDPOINT=<otlp>\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n\
                 OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer <token>\n\nSee docs/sources/opencode.md.",
    },
    Recipe {
        name: "opentelemetry",
        title: "Anything with OpenTelemetry for generative AI",
        needs: &[TELEMETRY],
        trust: Some(Trust::Workspace),
        sender: "In the environment of whatever exports spans and logs by the conventions for generative AI:\n\n\
                 OTEL_EXPORTER_OTLP_ENDPOINT=<otlp>\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n\
                 OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer <token>\n\n\
                 See docs/sources/opentelemetry.md.",
    },
];
