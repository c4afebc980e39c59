//! What agents' tools are: which run commands, read files or write them, and where their input says so.

use std::borrow::Cow;

use ledger::events::column;
use serde_json::value::RawValue;

use crate::dialect::json::{Raw, Text, read, record, text_of};
use crate::event::{Action, Draft};
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

/// Names of tools that run commands, in small letters and without what joins words.
const COMMANDS: &[&str] = &[
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
const READERS: &[&str] =
    &["fsread", "notebookread", "readfile", "readmanyfiles", "readmediafile", "readtextfile", "viewfile", "viewimage"];
/// Names of tools that create, change or remove files.
const WRITERS: &[&str] = &[
    "applydiff",
    "applypatch",
    "createfile",
    "createnewfile",
    "deletefile",
    "editexistingfile",
    "editfile",
    "editnotebook",
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
/// Single words that mean files to an agent, and anything to a server of tools.
const READER_WORDS: &[&str] = &["read", "view"];
const WRITER_WORDS: &[&str] = &["create", "delete", "edit", "patch", "replace", "write"];
/// The longest name that is looked at, without that of its server.
const NAME_BYTES_MAX: usize = 32;

impl ToolKind {
    /// The kind of a tool by the names that the known agents and the usual servers of files and shells use, however they write
    /// them: `run_shell_command`, `RunShellCommand` and `Shell` are read alike.
    pub fn of(tool: &str) -> Self {
        // Tools of a server are named after it: `mcp__files__read_text_file`.
        let own = tool.rsplit("__").next().unwrap_or(tool);
        if own.len() > NAME_BYTES_MAX {
            return Self::Other;
        }
        let name: String =
            own.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect();
        let is_among = |names: &[&str]| names.contains(&name.as_str());
        let is_agents = own == tool;
        if is_among(COMMANDS) {
            Self::Command
        } else if is_among(READERS) || (is_agents && is_among(READER_WORDS)) {
            Self::FileRead
        } else if is_among(WRITERS) || (is_agents && is_among(WRITER_WORDS)) {
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
        patch: Text<'a> = "patchText" | "patch" | "input",
        url: Text<'a> = "url" | "uri",
    }
}

/// Sets `tool`, `command`, `file` and the host that the tool is to ask, and what makes `action_fp`. `input` is the JSON text of the tool's input.
pub fn set_call(draft: &mut Draft, tool: &str, input: &str) {
    draft.columns.set_text_if(column::TOOL, Some(tool));
    draft.action = Some(Action { tool: tool.to_owned(), input: input.to_owned() });
    let kind = ToolKind::of(tool);
    // Some sources write the input as a text, which nobody has mended yet.
    let strict = lenient::strict(input);
    let Ok(fields) = read::<Input>(&strict) else {
        // Tools without an object as input take the command line itself.
        if kind == ToolKind::Command {
            let line = read::<&RawValue>(&strict).map_or(Cow::Borrowed(strict.trim()), command_line);
            draft.columns.set_text_if(column::COMMAND, Some(&line));
        }
        return;
    };
    // What a tool on files calls its command is a verb or a patch, and nothing that a shell runs.
    let on_files = matches!(kind, ToolKind::FileRead | ToolKind::FileWrite);
    let command = fields.command.map(command_line);
    let patched = fields.patch.some().or(command.as_deref()).and_then(patched_file).filter(|_| on_files);
    // A `path` may be a folder to list; only for tools on files is it the file.
    let path = fields.path.some().filter(|_| on_files);
    draft.columns.set_text_if(column::FILE, fields.file.some().or(path).or(patched));
    draft.columns.set_text_if(column::COMMAND, command.as_deref().filter(|_| !on_files));
    // The rest of an address is content; whom a tool asks is a fact, as it is of a request.
    let asked = fields.url.some().and_then(url::split);
    draft.columns.set_text_if(column::HOST, asked.map(|asked| asked.host).as_deref());
}

/// The first file that a patch in Codex' form names.
fn patched_file(patch: &str) -> Option<&str> {
    const VERBS: [&str; 3] = ["*** Add File: ", "*** Update File: ", "*** Delete File: "];
    let named = |line: &'_ str| VERBS.iter().find_map(|verb| line.strip_prefix(verb)).map(str::len);
    patch.lines().find_map(|line| named(line).map(|len| line[line.len() - len..].trim()))
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

/// The exit code in the text that an agent gives its model: `Process exited with code 1` (Codex), `Exit Code: 1` (Gemini),
/// `<shellId: 0 completed with exit code 1>` (Copilot). What the command itself printed stands before it, so the last one counts.
pub fn exit_code(text: &str) -> Option<i64> {
    text.lines().rev().find_map(|line| {
        let line = line.trim();
        let shell = || line.strip_prefix("<shellId: ")?.strip_suffix('>')?.split_once("completed with exit code ");
        let after = ["Process exited with code ", "Exit Code: ", "Exit code: "];
        after
            .iter()
            .find_map(|before| line.strip_prefix(before))
            .or_else(|| shell().map(|(_, code)| code))
            .and_then(number)
    })
}

/// The exit code in the text of a failure, which begins with `Exit code 255` (Claude Code) or tells it as a result does.
pub fn exit_code_of_error(error: &str) -> Option<i64> {
    error.strip_prefix("Exit code ").and_then(number).or_else(|| exit_code(error))
}

/// The server of a tool that is named after it: `mcp__<server>__<tool>`.
pub fn mcp_server(tool: &str) -> Option<&str> {
    tool.strip_prefix("mcp__").and_then(|rest| rest.split_once("__")).map(|(server, _)| server)
}

/// The number at the start of a text.
fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text).bytes().take_while(u8::is_ascii_digit).count();
    text[..digits + usize::from(text.starts_with('-'))].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tool: &str, input: &str, command: Option<&str>, file: Option<&str>) {
        let mut draft = Draft::default();
        set_call(&mut draft, tool, input);
        assert_eq!(
            (draft.columns.text(column::COMMAND), draft.columns.text(column::FILE)),
            (command, file),
            "{tool} {input}"
        );
        assert_eq!(draft.columns.text(column::TOOL), Some(tool));
        assert_eq!(draft.action.map(|action| action.input).as_deref(), Some(input));
    }

    #[test]
    fn kinds_of_tools_are_known_by_their_names() {
        let too_long = "bash".repeat(9);
        for (kind, tools) in [
            (
                ToolKind::Command,
                &[
                    "Bash",
                    "bash",
                    "Shell",
                    "run_shell_command",
                    "run_terminal_cmd",
                    "powershell",
                    "executeBash",
                    "mcp__box__shell",
                ][..],
            ),
            (
                ToolKind::FileRead,
                &[
                    "Read",
                    "read",
                    "read_file",
                    "readFile",
                    "ReadFile",
                    "view",
                    "NotebookRead",
                    "fs_read",
                    "mcp__files__read_file",
                ],
            ),
            (
                ToolKind::FileWrite,
                &[
                    "Write",
                    "write",
                    "edit",
                    "MultiEdit",
                    "create",
                    "apply_patch",
                    "applyPatch",
                    "patch",
                    "Delete",
                    "str-replace-editor",
                    "mcp__files__edit_file",
                ],
            ),
            (
                ToolKind::Other,
                &[
                    "WebFetch",
                    "Grep",
                    "read_bash",
                    "mcp__fs__read",
                    "mcp__board__create",
                    "mcp__mail__read",
                    "",
                    "__",
                    &too_long,
                ],
            ),
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
        check("create", r#"{"path":"/a/.env","file_text":"A=1"}"#, None, Some("/a/.env"));
        check("str_replace_editor", r#"{"command":"view","path":"/a"}"#, None, Some("/a"));
        let patch = r#"{"command":"*** Begin Patch\n*** Update File: src/a b.rs\n+rm -rf /\n*** End Patch"}"#;
        check("apply_patch", patch, None, Some("src/a b.rs"));
        check("patch", r#"{"patchText":"*** Begin Patch\n*** Add File: x\n"}"#, None, Some("x"));
        check("Monitor", r#"{"command":"tail -f x"}"#, Some("tail -f x"), None);
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
            assert_eq!(draft.columns.text(column::HOST), host, "{input}");
        }
    }

    #[test]
    fn exit_codes_are_found_behind_what_a_command_printed() {
        let check = |text: &str, code: Option<i64>| assert_eq!(exit_code(text), code, "{text}");
        check("Chunk ID: 1\nProcess exited with code 2\nOutput:\nx", Some(2));
        check(
            "<untrusted_context>\nOutput: Exit Code: 0\nExit Code: 1\nProcess Group PGID: 21014\n</untrusted_context>",
            Some(1),
        );
        check("Exit Code: 0\nmore\nExit Code: 7", Some(7));
        check("hello\n<shellId: 0 completed with exit code 1>", Some(1));
        check("Exit Code: (none)", None);
        check("the exit code: 4", None);
        check("", None);
        check("Exit Code: -9\u{20ac}", Some(-9));
        assert_eq!(exit_code_of_error("Exit code 255\nExit Code: 1"), Some(255));
        assert_eq!(exit_code_of_error("failed\nExit Code: 1"), Some(1));
        assert_eq!(exit_code_of_error("Shell command failed"), None);
    }
}
