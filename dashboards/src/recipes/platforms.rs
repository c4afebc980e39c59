//! Platforms: where agents work, and what people decide about their work.

use super::{Need, Recipe};

const CODERD: Need =
    Need { name: "coderd", transport: "tail", dialect: "coder", settings: "path = \"/var/log/coder/coderd.json\"\n" };
const CODER_API: Need = Need {
    name: "coder-api",
    transport: "poll",
    dialect: "coder",
    settings: "api = \"coder\"\nurl = \"https://coder.acme.example\"\ntoken = \"file:/run/secrets/coder\"\n\
               endpoints = [\"users\", \"groups\", \"templates\", \"workspaces\", \"api_keys\", \"sessions\", \"chats\", \"agent_time\"]\n",
};
const NOTIFICATIONS: Need = Need {
    name: "coder-notifications",
    transport: "http",
    dialect: "coder",
    settings: "signature = { type = \"path\", secret = \"file:/run/secrets/coder-notifications\" }\n",
};
const ONA: Need = Need {
    name: "ona-api",
    transport: "poll",
    dialect: "ona",
    settings: "api = \"ona\"\nurl = \"https://app.gitpod.io\"\ntoken = \"file:/run/secrets/ona\"\n",
};
const GITHUB: Need = Need {
    name: "github",
    transport: "http",
    dialect: "github",
    settings: "signature = { type = \"github\", secret = \"file:/run/secrets/github\" }\n",
};

pub(super) static RECIPES: &[Recipe] = &[
    Recipe {
        name: "coder",
        title: "Coder: firewall, gateway and audit",
        needs: &[CODERD],
        trust: None,
        sender: "Let coderd write its log as JSON, where the collector reads it (flags of `coder server`, or Helm values `coder.env`,\n\
                 as in deploy/helm/):\n\n\
                 CODER_LOGGING_JSON=/var/log/coder/coderd.json\nCODER_AI_GATEWAY_STRUCTURED_LOGGING=true\n\n\
                 The firewall's requests, the gateway's calls, the audit log and connections stand in that one log.\n\
                 See docs/sources/coder.md.",
    },
    Recipe {
        name: "coder-api",
        title: "Coder: its REST interface",
        needs: &[CODER_API],
        trust: None,
        sender: "Make a token of an auditor or owner in Coder, and put it into the file that `token` names:\n\n\
                 coder tokens create --name tachograph --lifetime 8760h\n\n\
                 It explains who is behind keys and workspaces. See docs/sources/poll.md.",
    },
    Recipe {
        name: "coder-notifications",
        title: "Coder: notifications",
        needs: &[NOTIFICATIONS],
        trust: None,
        sender: "Make a secret of letters and digits, such as by `openssl rand -hex 32`, and put it into the file that `secret` names. coderd can show\n\
                 neither a token nor a signature, so the secret stands in the address, and whoever reads an address can send:\n\n\
                 CODER_NOTIFICATIONS_METHOD=webhook\n\
                 CODER_NOTIFICATIONS_WEBHOOK_ENDPOINT=<ingest>/v1/events/coder-notifications/$SECRET\n\n\
                 See docs/sources/coder.md and docs/sources/webhooks.md.",
    },
    Recipe {
        name: "ona",
        title: "Ona",
        needs: &[ONA],
        trust: None,
        sender: "Make a personal access token of an organisation admin or Audit Log Reader in Ona, and put it into the file that `token` names.\n\
                 See docs/sources/ona.md and docs/sources/poll.md.",
    },
    Recipe {
        name: "github",
        title: "GitHub",
        needs: &[GITHUB],
        trust: None,
        sender: "Put a long random secret into the file that `secret` names. In the organisation's settings, Webhooks, add one:\n\n\
                 Payload URL:   <ingest>/v1/events/github\nContent type:  application/json\nSecret:        the same secret\n\
                 Events:        pull requests, pull request reviews, check runs, check suites, pushes\n\n\
                 GitHub must reach that address over TLS. See docs/sources/github.md.",
    },
];
