//! What agents' tools are: which run commands, read files or write them, and where their input says so.

use std::borrow::Cow;

use ledger::events::column;
use serde_json::value::RawValue;

use crate::dialect::json::{Raw, Text, read, record, text_of};
use crate::dialect::{Action, Draft};
use crate::{lenient, url};

/// What a tool does, as far as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolKind {
    /// Runs a command line.
    Command,
    /// Reads a file.
    FileRead,
    /// Creates or changes a file.
    FileWrite,
    /// Anything else.
    Other,
}

/// Names of tools that run commands, without what stands between words.
const COMMAND_TOOLS: &[&str] = &[
    "bash",
    "containerexec",
    "execcommand",
    "executebash",
    "executecommand",
    "localshell",
    "powershell",
    "runcommand",
    "runinterminal",
    "runshellcommand",
    "runterminalcmd",
    "runterminalcommand",
    "shell",
    "shellcommand",
    "terminal",
];
/// Names of tools that read files.
const READ_TOOLS: &[&str] =
    &["fsread", "notebookread", "readfile", "readmanyfiles", "readmediafile", "readtextfile", "viewfile"];
/// Names of tools that write files.
const WRITE_TOOLS: &[&str] = &[
    "applydiff",
    "applypatch",
    "createfile",
    "createnewfile",
    "editexistingfile",
    "editfile",
    "fswrite",
    "inserteditintofile",
    "multiedit",
    "notebookedit",
    "replacefilecontent",
    "replaceinfile",
    "replacestringinfile",
    "savefile",
    "searchreplace",
    "strreplace",
    "strreplacebasededittool",
    "strreplaceeditor",
    "writefile",
    "writetofile",
];

impl ToolKind {
    /// The kind of a tool by the names that the known agents and the usual servers of files and shells use, in whatever case and
    /// with whatever between the words.
    pub fn of(tool: &str) -> Self {
        // Tools of a server are named after it: `mcp__files__read_text_file`.
        let own = tool.rsplit("__").next().unwrap_or(tool);
        let plain: String =
            own.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect();
        let has = |names: &[&str]| names.contains(&plain.as_str());
        // One word may mean anything to a server; to an agent it is a file.
        let is_agents = own == tool;
        if has(COMMAND_TOOLS) {
            Self::Command
        } else if has(READ_TOOLS) || (is_agents && has(&["read", "view"])) {
            Self::FileRead
        } else if has(WRITE_TOOLS) || (is_agents && has(&["write", "edit", "create", "replace"])) {
            Self::FileWrite
        } else {
            Self::Other
        }
    }

    /// The kind of the event that says that a call of the tool has ended.
    pub fn result_kind(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::FileRead => "file.read",
            Self::FileWrite => "file.write",
            Self::Other => "tool.result",
        }
    }
}

record! {
    /// The members of a tool's input that become columns.
    Input {
        command: Raw<'a> = "command" | "cmd" | "CommandLine",
        file: Text<'a> = "file_path" | "filePath" | "notebook_path" | "absolute_path" | "target_file",
        path: Text<'a> = "path" | "filename",
        url: Text<'a> = "url" | "uri",
    }
}

/// Sets `tool`, `command`, `file` and the host that the tool is to ask, and what makes `action_fp`. `input` is the JSON text of the tool's input.
pub fn set_call(draft: &mut Draft, tool: &str, input: &str) {
    draft.entry.set_text_if(column::TOOL, Some(tool));
    draft.action = Some(Action { tool: tool.to_owned(), input: input.to_owned() });
    let kind = ToolKind::of(tool);
    // Some sources write the input as a text, which nobody has mended yet.
    let strict = lenient::strict(input);
    let Ok(fields) = read::<Input>(&strict) else {
        // Tools without an object as input take the command line itself.
        if kind == ToolKind::Command {
            let line = read::<&RawValue>(&strict).map_or(Cow::Borrowed(strict.trim()), command_line);
            draft.entry.set_text_if(column::COMMAND, Some(&line));
        }
        return;
    };
    // Editors call what they do to a file a command.
    let is_file = matches!(kind, ToolKind::FileRead | ToolKind::FileWrite);
    let command = fields.command.filter(|_| !is_file);
    draft.entry.set_text_if(column::COMMAND, command.map(command_line).as_deref());
    // A `path` may be a folder to list; only for tools on files is it the file.
    let path = fields.path.some().filter(|_| is_file);
    draft.entry.set_text_if(column::FILE, fields.file.some().or(path));
    // The rest of an address is content; whom a tool asks is a fact, as it is of a request.
    let asked = fields.url.some().and_then(url::split);
    draft.entry.set_text_if(column::HOST, asked.map(|asked| asked.host).as_deref());
}

/// A command line from a string or from a list of arguments, which are put in quotes where a shell would take them apart.
fn command_line(raw: &RawValue) -> Cow<'_, str> {
    let is_special = |char: char| char.is_whitespace() || "'\"\\$`;|&<>()*?[]{}#!".contains(char);
    let argument = |text: &Text| match text.as_str() {
        text if !text.is_empty() && !text.contains(is_special) => text.to_owned(),
        text if !text.contains('\'') => format!("'{text}'"),
        // In double quotes the single ones stay as they are, which redaction knows values by.
        text => {
            let escape = |char: char| matches!(char, '"' | '\\' | '$' | '`').then_some('\\').into_iter().chain([char]);
            format!("\"{}\"", text.chars().flat_map(escape).collect::<String>())
        }
    };
    match read::<Vec<Text>>(raw.get()) {
        Ok(arguments) => Cow::Owned(arguments.iter().map(argument).collect::<Vec<_>>().join(" ")),
        Err(_) => text_of(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tool: &str, input: &str, command: Option<&str>, file: Option<&str>) {
        let mut draft = Draft::default();
        set_call(&mut draft, tool, input);
        assert_eq!(
            (draft.entry.text(column::COMMAND), draft.entry.text(column::FILE)),
            (command, file),
            "{tool} {input}"
        );
        assert_eq!(draft.entry.text(column::TOOL), Some(tool));
        assert_eq!(draft.action.map(|action| action.input).as_deref(), Some(input));
    }

    #[test]
    fn kinds_of_tools_are_known_by_their_names() {
        for (kind, tools) in [
            (ToolKind::Command, &["Bash", "run_terminal_cmd", "executeBash", "mcp__box__shell"][..]),
            (ToolKind::FileRead, &["Read", "read", "readFile", "fs_read", "mcp__files__read_file"]),
            (
                ToolKind::FileWrite,
                &["Write", "write", "edit", "str-replace-editor", "mcp__files__edit_file", "applyPatch"],
            ),
            (ToolKind::Other, &["WebFetch", "Grep", "mcp__board__create", "mcp__mail__read", "", "__"]),
        ] {
            for tool in tools {
                assert_eq!(ToolKind::of(tool), kind, "{tool}");
            }
        }
    }

    #[test]
    fn inputs_give_command_and_file() {
        check("Bash", r#"{"command":"ls \"a\"","timeout":1}"#, Some("ls \"a\""), None);
        check("shell", r#"{"command":["bash","-lc","ls"]}"#, Some("bash -lc ls"), None);
        let quoted = r#"bash -lc "ls a; rm 'b' \$c""#;
        check("shell", r#"{"command":["bash","-lc","ls a; rm 'b' $c"]}"#, Some(quoted), None);
        check("Bash", "ls -la", Some("ls -la"), None);
        check("Write", r#"{"file_path":"/a/b.go","content":"x"}"#, None, Some("/a/b.go"));
        check("view", r#"{"path":"/a"}"#, None, Some("/a"));
        check("mcp__files__read_text_file", r#"{"path":"/a"}"#, None, Some("/a"));
        check("str_replace_based_edit_tool", r#"{"command":"create","path":"/a"}"#, None, Some("/a"));
        check("Grep", r#"{"path":"/a","pattern":"x"}"#, None, None);
        check("Bash", r#""ls \"-la\"""#, Some("ls \"-la\""), None);
        check("Bash", r#"{"command":"rm -rf / # \ud83d","timeout":NaN}"#, Some("rm -rf / # \u{FFFD}"), None);
        check("shell", r#"["rm","-rf","\xff"]"#, Some("rm -rf \u{FFFD}"), None);
        check("create_issue", "[1", None, None);
    }

    #[test]
    fn whom_a_tool_asks_is_known() {
        for (input, host) in [
            (r#"{"url":"http://169.254.169.254/latest","prompt":"x"}"#, Some("169.254.169.254")),
            (r#"{"url":"https://mira:x@docs.acme.example:8443/a"}"#, Some("docs.acme.example")),
            (r#"{"url":"/relative"}"#, None),
            (r#"{"query":"http://acme.example/"}"#, None),
        ] {
            let mut draft = Draft::default();
            set_call(&mut draft, "WebFetch", input);
            assert_eq!(draft.entry.text(column::HOST), host, "{input}");
        }
    }
}
