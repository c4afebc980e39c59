//! Sensors of a host, and firewalls around programs.

use super::{Need, Recipe};

const FALCO: Need =
    Need { name: "falco", transport: "tail", dialect: "falco", settings: "path = \"/var/log/falco/alerts.json\"\n" };
const TETRAGON: Need = Need {
    name: "tetragon",
    transport: "tail",
    dialect: "tetragon",
    settings: "path = \"/var/run/cilium/tetragon/tetragon.log\"\n",
};
const AUDITD: Need =
    Need { name: "audit", transport: "tail", dialect: "auditd", settings: "path = \"/var/log/audit/audit.log\"\n" };
const EXECTRACE: Need = Need {
    name: "exectrace",
    transport: "tail",
    dialect: "exectrace",
    settings: "path = \"/var/log/containers/coder-*_exectrace-*.log\"\n",
};
const BOUNDARY: Need = Need {
    name: "boundary",
    transport: "unix",
    dialect: "boundary_socket",
    settings: "path = \"/run/tachograph/boundary.sock\"\nmode = \"0666\"\n",
};
const HTTPJAIL: Need = Need {
    name: "httpjail",
    transport: "tail",
    dialect: "httpjail",
    settings: "path = \"/var/log/httpjail/requests.log\"\n",
};

pub(super) static RECIPES: &[Recipe] = &[
    Recipe {
        name: "falco",
        title: "Falco",
        needs: &[FALCO],
        trust: None,
        sender: "In falco.yaml:\n\n\
                 json_output: true\njson_include_output_property: true\ntime_format_iso_8601: true\n\
                 file_output: { enabled: true, keep_alive: true, filename: /var/log/falco/alerts.json }\n\n\
                 With `append_output` it also says whose workspace a pod is. See docs/sources/falco.md.",
    },
    Recipe {
        name: "tetragon",
        title: "Tetragon",
        needs: &[TETRAGON],
        trust: None,
        sender: "In the values of the chart:\n\n\
                 tetragon:\n  exportFilename: /var/run/cilium/tetragon/tetragon.log\n  \
                 exportAllowList: '{\"namespace\":[\"coder-workspaces\"],\"event_set\":[\"PROCESS_EXEC\",\"PROCESS_EXIT\",\"PROCESS_KPROBE\",\"PROCESS_LSM\"]}'\n\n\
                 See docs/sources/tetragon.md.",
    },
    Recipe {
        name: "auditd",
        title: "The Linux audit system",
        needs: &[AUDITD],
        trust: None,
        sender: "In /etc/audit/rules.d/agents.rules:\n\n\
                 -a always,exit -F arch=b64 -S execve,execveat -F uid>=1000 -k agent-exec\n\
                 -a always,exit -F arch=b64 -S connect -F uid>=1000 -k agent-net\n\n\
                 and in /etc/audit/auditd.conf:\n\nlog_format = ENRICHED\nname_format = hostname\n\n\
                 See docs/sources/auditd.md.",
    },
    Recipe {
        name: "exectrace",
        title: "exectrace",
        needs: &[EXECTRACE],
        trust: None,
        sender: "Beside the workspace's container, in its template:\n\n\
                 command = [\n  \"/opt/exectrace\", \"--init-address\", \"127.0.0.1:56123\",\n  \
                 \"--label\", \"workspace_id=${data.coder_workspace.me.id}\",\n  \"--label\", \"workspace_name=${data.coder_workspace.me.name}\",\n  \
                 \"--label\", \"user_id=${data.coder_workspace_owner.me.id}\",\n  \"--label\", \"username=${data.coder_workspace_owner.me.name}\",\n]\n\n\
                 See docs/sources/exectrace.md.",
    },
    Recipe {
        name: "boundary",
        title: "Coder's boundary without coderd",
        needs: &[BOUNDARY],
        trust: None,
        sender: "In the environment of the program that boundary runs:\n\n\
                 CODER_AGENT_BOUNDARY_LOG_PROXY_SOCKET_PATH=/run/tachograph/boundary.sock boundary -- claude\n\n\
                 See docs/sources/boundary.md.",
    },
    Recipe {
        name: "httpjail",
        title: "httpjail",
        needs: &[HTTPJAIL],
        trust: None,
        sender: "Let it write its requests where the collector reads them:\n\n\
                 httpjail --request-log /var/log/httpjail/requests.log --js-file rules.js -- claude\n\n\
                 See docs/sources/httpjail.md.",
    },
];
