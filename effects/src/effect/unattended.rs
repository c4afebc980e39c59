//! Agents that are started so that nobody is asked before they act.

use super::{Effect, EffectKind};
use crate::command::Command;

/// Agents' programs.
pub const AGENTS: [&str; 12] = [
    "claude",
    "codex",
    "gemini",
    "qwen",
    "opencode",
    "goose",
    "aider",
    "cursor-agent",
    "copilot",
    "amp",
    "crush",
    "kimi",
];

/// What turns their questions off.
const FLAGS: [&str; 16] = [
    "--dangerously-skip-permissions",
    "--allow-dangerously-skip-permissions",
    "--dangerously-bypass-approvals-and-sandbox",
    "--permission-mode=bypassPermissions",
    "bypassPermissions",
    "--yolo",
    "--full-auto",
    "--approval-mode=yolo",
    "--ask-for-approval=never",
    "--yes-always",
    "--allow-all-tools",
    "--dangerously-allow-all",
    "--trust-all-tools",
    "--sandbox=danger-full-access",
    "danger-full-access",
    "--auto-approve",
];

/// The flag by which a command starts an agent without questions.
fn flag(command: &Command, name: &str) -> Option<&'static str> {
    FLAGS.into_iter().find(|flag| AGENTS.contains(&name) && command.has(&[flag]))
}

/// The effect of one command.
pub fn effect(command: &Command, name: &str) -> Option<Effect> {
    flag(command, name)
        .map(|flag| Effect::new(EffectKind::Unattended, "an agent is started so that it asks nobody").on(flag))
}
