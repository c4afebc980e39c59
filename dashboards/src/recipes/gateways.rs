//! Gateways of models and of MCP.

use operations::access::Trust;

use super::{Need, Recipe};

const LITELLM: Need = Need { name: "litellm", transport: "http", dialect: "litellm", settings: "" };
const ENVOY: Need = Need {
    name: "envoy",
    transport: "tail",
    dialect: "envoy",
    settings: "path = \"/var/log/containers/envoy-*.log\"\n",
};
const KONG: Need = Need { name: "kong", transport: "http", dialect: "kong", settings: "" };
const MCP: Need =
    Need { name: "mcp", transport: "tail", dialect: "mcp", settings: "path = \"/var/log/audit/vmcp.log\"\n" };

pub(super) static RECIPES: &[Recipe] = &[
    Recipe {
        name: "litellm",
        title: "LiteLLM",
        needs: &[LITELLM],
        trust: Some(Trust::Gateway),
        sender: "In config.yaml of the proxy:\n\n\
                 litellm_settings:\n  callbacks: [\"generic_api\"]\n\n\
                 and in its environment:\n\n\
                 GENERIC_LOGGER_ENDPOINT=<ingest>/v1/events/litellm\nGENERIC_LOGGER_HEADERS=\"Authorization=Bearer <token>\"\n\n\
                 See docs/sources/litellm.md.",
    },
    Recipe {
        name: "envoy",
        title: "Envoy AI Gateway",
        needs: &[ENVOY],
        trust: None,
        sender: "Let Envoy write its access log as JSON to standard output: the `AIGatewayRoute` with `llmRequestCosts` and the `EnvoyProxy` with\n\
                 the fields that are read stand in docs/sources/envoy.md, to be applied as they are. `path` is where the node keeps the\n\
                 log of the container.",
    },
    Recipe {
        name: "kong",
        title: "Kong AI Gateway",
        needs: &[KONG],
        trust: Some(Trust::Gateway),
        sender: "In the configuration of Kong:\n\n\
                 plugins:\n  - name: ai-proxy\n    config:\n      logging: { log_statistics: true, log_payloads: true }\n  \
                 - name: http-log\n    config:\n      http_endpoint: <ingest>/v1/events/kong\n      headers: { Authorization: \"Bearer <token>\" }\n      \
                 queue: { max_batch_size: 100, max_retry_time: 600 }\n\n\
                 See docs/sources/kong.md.",
    },
    Recipe {
        name: "mcp",
        title: "Gateways of MCP servers",
        needs: &[MCP],
        trust: None,
        sender: "For ToolHive, in the VirtualMCPServer:\n\n\
                 spec:\n  config:\n    audit: { enabled: true, component: vmcp, includeRequestData: true, includeResponseData: true, logFile: /var/log/audit/vmcp.log }\n\n\
                 Teleport and agentgateway: docs/sources/mcp-gateways.md.",
    },
];
