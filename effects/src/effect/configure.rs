//! Changes of what an agent has: the files from which it takes permissions, tools, servers, plugins and hooks, and its own commands for
//! them. That such a thing starts by itself is told by `persist`.

use super::destroy::removed_paths;
use super::rights::written_all;
use super::unattended::AGENTS;
use super::{Effect, EffectKind};
use crate::command::{Command, REMOVERS};
use crate::file::paths;

/// A file of an agent's settings is written.
pub const WRITTEN: &str = "a file is written from which agents take permissions, tools or hooks";
/// One is removed.
pub const REMOVED: &str = "a file is removed from which agents take permissions, tools or hooks";

/// What an agent's command line calls the things that it has (Claude Code 2.1, Codex 0.171, Gemini CLI 0.61, Copilot CLI 1.0).
const THINGS: [&str; 8] = ["mcp", "plugin", "plugins", "extensions", "extension", "skills", "hooks", "config"];

/// What it calls a change of them.
const CHANGES: [&str; 15] = [
    "add",
    "add-json",
    "add-from-claude-desktop",
    "remove",
    "rm",
    "install",
    "uninstall",
    "enable",
    "disable",
    "update",
    "link",
    "set",
    "marketplace",
    "new",
    "migrate",
];

/// The effect of one command.
pub fn effect(command: &Command, name: &str) -> Option<Effect> {
    let effect = |what, object: String| Some(Effect::new(EffectKind::Configure, what).on(object));
    if let Some(path) = written_all(command, name).find(|path| paths::is_agent_configuration(path)) {
        return effect(WRITTEN, path);
    }
    if REMOVERS.contains(&name) {
        let mut removed = removed_paths(command, name).map(|path| command.path(path));
        return effect(REMOVED, removed.find(|path| paths::is_agent_configuration(path))?);
    }
    if !AGENTS.contains(&name) {
        return None;
    }
    let mut operands = command.operands(&[]);
    let thing = operands.find(|word| THINGS.contains(word))?;
    let change = operands.next().filter(|word| CHANGES.contains(word))?;
    effect("an agent's own command changes what it has", [name, thing, change].join(" "))
}

#[cfg(test)]
mod tests {
    use crate::command::Line;
    use crate::effect::EffectKind;

    #[test]
    fn changes_of_what_agents_have_are_seen() {
        let check = |line: &str, expected: Option<&str>| {
            let line_read = Line::read(line);
            let mut found = line_read.effects().iter().filter(|effect| effect.kind == EffectKind::Configure);
            assert_eq!(found.next().and_then(|effect| effect.object.as_deref()), expected, "{line}");
        };
        check("claude mcp add --transport http docs https://mcp.acme.example", Some("claude mcp add"));
        check("cd /w && codex mcp remove docs", Some("codex mcp remove"));
        check("gemini extensions install https://git.acme.example/x", Some("gemini extensions install"));
        check("claude --debug plugin enable x@team", Some("claude plugin enable"));
        check("echo '{}' > .mcp.json", Some(".mcp.json"));
        check("sed -i s/deny/allow/ /w/.claude/settings.json", Some("/w/.claude/settings.json"));
        check("rm -f /w/.claude/hooks/guard.sh", Some("/w/.claude/hooks/guard.sh"));
        check("claude mcp list", None);
        check("claude -p 'add an mcp server'", None);
        check("cat .mcp.json", None);
        check("npm config set x y", None);
        check("rm -rf node_modules", None);
    }
}
