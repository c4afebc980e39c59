//! The files from which agents take settings, policies and instructions, by their hashes: `tachograph hook` looks at them when a session
//! starts, so that the ledger tells when one changed. What stands in them is never sent, and of a project no path, only a mark by which
//! projects are told apart.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use operations::inventory::Item;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::limits::{HOOK_FILE_BYTES_MAX, HOOK_FOLDER_FILES_MAX};

/// Where a path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    System,
    Home,
    Project,
}

/// What is looked at; a path that ends with a slash is a folder of files.
const FILES: &[(Item, Base, &[&str])] = &[
    (
        Item::PolicyFile,
        Base::System,
        &[
            "/etc/claude-code/managed-settings.json",
            "/etc/claude-code/managed-mcp.json",
            "/etc/claude-code/managed-settings.d/",
            "/etc/codex/requirements.toml",
            "/etc/codex/managed_config.toml",
            "/etc/gemini-cli/settings.json",
        ],
    ),
    (Item::PolicyFile, Base::Home, &[".config/coder_boundary/config.yaml"]),
    (
        Item::SettingsFile,
        Base::Home,
        &[
            ".claude/settings.json",
            ".claude/settings.local.json",
            ".claude/hooks/",
            ".claude/agents/",
            ".claude/commands/",
            ".codex/config.toml",
            ".codex/hooks.json",
            ".gemini/settings.json",
            ".cursor/mcp.json",
            ".cursor/hooks.json",
            ".copilot/mcp-config.json",
            ".copilot/hooks/",
            ".config/opencode/opencode.json",
            ".config/goose/config.yaml",
        ],
    ),
    (
        Item::SettingsFile,
        Base::Project,
        &[
            ".mcp.json",
            ".claude/settings.json",
            ".claude/settings.local.json",
            ".claude/hooks/",
            ".claude/agents/",
            ".claude/commands/",
            ".codex/config.toml",
            ".gemini/settings.json",
            ".cursor/mcp.json",
            ".cursor/hooks.json",
            ".vscode/mcp.json",
            ".github/hooks/",
            "opencode.json",
        ],
    ),
    (
        Item::InstructionsFile,
        Base::Home,
        &[".claude/CLAUDE.md", ".claude/rules/", ".codex/AGENTS.md", ".gemini/GEMINI.md"],
    ),
    (
        Item::InstructionsFile,
        Base::Project,
        &[
            "AGENTS.md",
            "CLAUDE.md",
            "CLAUDE.local.md",
            "GEMINI.md",
            ".claude/rules/",
            ".cursor/rules/",
            ".github/copilot-instructions.md",
        ],
    ),
];

/// The file in which Claude Code keeps what it remembers from one session to the next, and the servers of a user among it.
const CLAUDE_STATE: &str = ".claude.json";

/// What of a payload says whether a session starts, and where.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Start {
    #[serde(alias = "hookEventName", alias = "hookName")]
    hook_event_name: Option<String>,
    cwd: Option<PathBuf>,
}

/// The files that a session starts with; `None` if none starts.
pub fn at_start(event: Option<&str>, payload: &[u8]) -> Option<Value> {
    let is_start = |name: &str| ["sessionstart", "session.created"].iter().any(|word| name.eq_ignore_ascii_case(word));
    // Most hooks are of calls, and their payloads may be large.
    if event.is_some_and(|name| !is_start(name)) {
        return None;
    }
    let start: Start = serde_json::from_slice(payload).unwrap_or_default();
    let name = event.or(start.hook_event_name.as_deref()).unwrap_or_default();
    is_start(name).then(|| look(std::env::home_dir().as_deref(), start.cwd.as_deref()))
}

fn look(home: Option<&Path>, project: Option<&Path>) -> Value {
    let mark = project.map(|project| format!(" (project {})", hex(project.as_os_str().as_encoded_bytes(), 4)));
    let mut found = Vec::new();
    let mut add = |item: Item, name: String, hash: Option<String>| {
        if let Some(hash) = hash {
            found.push(json!({ "item": item.word(), "name": name, "hash": hash }));
        }
    };
    for (item, base, paths) in FILES {
        for path in *paths {
            let (folder, name) = match base {
                Base::System => (Some(Path::new("/")), (*path).to_owned()),
                Base::Home => (home, format!("~/{path}")),
                Base::Project => (project, format!("{path}{}", mark.as_deref().unwrap_or_default())),
            };
            // A project that is the home has no settings of its own.
            if *base == Base::Project && project == home {
                continue;
            }
            if let Some(folder) = folder {
                add(*item, name, hash_of(&folder.join(path)));
            }
        }
    }
    if let Some(servers) = home.and_then(|home| servers(&home.join(CLAUDE_STATE))) {
        add(Item::SettingsFile, format!("~/{CLAUDE_STATE}#mcpServers"), Some(hex(servers.to_string().as_bytes(), 8)));
    }
    Value::Array(found)
}

/// The hash of a file or of all files of a folder; `None` if there is nothing to read.
fn hash_of(path: &Path) -> Option<String> {
    if !path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Some(hex(&read(path)?, 8));
    }
    let mut paths: Vec<PathBuf> =
        fs::read_dir(path).ok()?.filter_map(|entry| Some(entry.ok()?.path())).take(HOOK_FOLDER_FILES_MAX).collect();
    paths.sort_unstable();
    let mut hash = Sha256::new();
    let mut is_empty = true;
    for path in paths {
        let (Some(name), Some(bytes)) = (path.file_name(), read(&path)) else { continue };
        is_empty = false;
        hash.update(name.as_encoded_bytes());
        hash.update([0]);
        hash.update(Sha256::digest(&bytes));
    }
    (!is_empty).then(|| hex::encode(&hash.finalize()[..8]))
}

/// What stands in a file, up to a bound. What is no plain file might never end.
fn read(path: &Path) -> Option<Vec<u8>> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(HOOK_FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The servers that Claude Code has of its user, whatever else the file says.
fn servers(path: &Path) -> Option<Value> {
    #[derive(Deserialize)]
    struct State {
        #[serde(rename = "mcpServers")]
        servers: Value,
    }
    serde_json::from_slice::<State>(&read(path)?).ok().map(|state| state.servers)
}

/// The first bytes of a hash as text.
fn hex(bytes: &[u8], length: usize) -> String {
    let hash = Sha256::digest(bytes);
    hex::encode(hash.get(..length).unwrap_or(&hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(home: &Path, project: &Path) -> Vec<String> {
        let files = look(Some(home), Some(project));
        let files = files.as_array().unwrap().iter();
        let own = files.filter(|file| !file["name"].as_str().unwrap().starts_with("/etc"));
        own.map(|file| [&file["item"], &file["name"], &file["hash"]].map(|text| text.as_str().unwrap()).join(" "))
            .collect()
    }

    #[test]
    fn files_are_told_by_their_hashes_and_projects_by_a_mark() {
        let world = tempfile::tempdir().unwrap();
        let (home, project) = (world.path().join("home"), world.path().join("work"));
        let write = |path: &Path, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(told(&home, &project), [""; 0]);
        write(&home.join(".codex/config.toml"), "test");
        write(&home.join(".claude.json"), r#"{"numStartups":7,"mcpServers":{"a":{}}}"#);
        write(&project.join(".mcp.json"), "test");
        write(&project.join(".claude/hooks/guard.sh"), "exit 0");
        fs::create_dir_all(project.join("AGENTS.md")).unwrap();
        let first = told(&home, &project);
        let mark = format!("(project {})", hex(project.as_os_str().as_encoded_bytes(), 4));
        assert_eq!(first.len(), 4);
        assert_eq!(first[0], "settings_file ~/.codex/config.toml 9f86d081884c7d65");
        assert_eq!(first[1], format!("settings_file .mcp.json {mark} 9f86d081884c7d65"));
        assert!(first[2].starts_with(&format!("settings_file .claude/hooks/ {mark} ")));
        assert!(first[3].starts_with("settings_file ~/.claude.json#mcpServers "));
        // What is only counted in that file is no change; what runs by itself is.
        write(&home.join(".claude.json"), r#"{"numStartups":8,"mcpServers":{"a":{}}}"#);
        assert_eq!(told(&home, &project), first);
        write(&project.join(".claude/hooks/guard.sh"), "exit 1");
        assert_ne!(told(&home, &project)[2], first[2]);
        assert_eq!(told(&home, &home).len(), 2, "a session at home has no project");
    }

    #[test]
    fn only_a_start_is_looked_at() {
        assert!(at_start(None, br#"{"hook_event_name":"SessionStart","cwd":"/nowhere"}"#).is_some());
        assert!(at_start(Some("sessionStart"), b"{}").is_some());
        assert!(at_start(None, br#"{"hook_event_name":"PreToolUse","prompt":"SessionStart"}"#).is_none());
        assert!(at_start(None, b"\xff not JSON").is_none());
    }
}
