//! What each agent's hooks are called and what they mean: one table for each agent. How their payloads are read is
//! `payload`'s, how a call ended is `ended`'s.

/// What a hook tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A session begins.
    SessionStart,
    /// A session ends.
    SessionEnd,
    /// A sub-agent begins.
    SubagentStart,
    /// A sub-agent ends.
    SubagentEnd,
    /// Somebody or something asked.
    Prompt,
    /// The agent is about to call a tool.
    Call,
    /// A call ended.
    Result,
    /// A call failed.
    Failure,
    /// Several calls ended, each of which has hooks of its own unless it was denied.
    Batch,
    /// The agent asks for a permission.
    Approval,
    /// A permission was denied.
    Denial,
    /// A request to a model ended, with what it took.
    ModelUsage,
    /// A command line is about to run, told apart from other tools.
    ShellCall,
    /// A command line has run.
    ShellResult,
    /// A file was changed.
    FileWritten,
    /// A file is about to be read.
    FileRead,
    /// The settings were changed.
    Change,
    /// Anything else.
    Other,
}

/// One agent.
#[derive(Debug, PartialEq, Eq)]
pub struct Agent {
    /// The word in `source` and `agent_kind`, and of `tachograph hook --agent`.
    pub name: &'static str,
    /// Its hooks.
    pub hooks: &'static [(&'static str, Meaning)],
    /// Whether a call that failed says so, in a hook or a word of its own: then one that says nothing succeeded.
    pub tells_failure: bool,
}

impl Agent {
    /// What a hook of it means. One that is not known is kept all the same.
    pub fn meaning(&self, hook: &str) -> Meaning {
        self.hooks.iter().find(|(name, _)| *name == hook).map_or(Meaning::Other, |(_, meaning)| *meaning)
    }
}

/// The agent with this name.
pub fn by_name(name: &str) -> Option<&'static Agent> {
    AGENTS.iter().copied().find(|agent| agent.name == name)
}

/// Every agent whose hooks are known.
pub static AGENTS: &[&Agent] = &[&CLAUDE_CODE, &CODEX, &GEMINI, &COPILOT, &CURSOR, &OPENCODE];

use Meaning::{
    Approval, Batch, Call, Change, Denial, Failure, FileRead, FileWritten, ModelUsage, Other, Prompt, Result,
    SessionEnd, SessionStart, ShellCall, ShellResult, SubagentEnd, SubagentStart,
};

/// Claude Code 2.1: HOOK_EVENTS of its SDK.
pub static CLAUDE_CODE: Agent = Agent {
    name: "claude_code",
    hooks: &[
        ("SessionStart", SessionStart),
        ("SessionEnd", SessionEnd),
        ("SubagentStart", SubagentStart),
        ("SubagentStop", SubagentEnd),
        ("UserPromptSubmit", Prompt),
        ("PreToolUse", Call),
        ("PostToolUse", Result),
        ("PostToolUseFailure", Failure),
        ("PostToolBatch", Batch),
        ("PermissionRequest", Approval),
        ("PermissionDenied", Denial),
        ("Elicitation", Approval),
        ("ElicitationResult", Other),
        ("Notification", Other),
        ("UserPromptExpansion", Other),
        ("Stop", Other),
        ("StopFailure", Other),
        ("PreCompact", Other),
        ("PostCompact", Other),
        ("PreModelSwitch", Other),
        ("PostModelSwitch", Other),
        ("Setup", Other),
        ("TeammateIdle", Other),
        ("TaskCreated", Other),
        ("TaskCompleted", Other),
        ("ConfigChange", Change),
        ("WorktreeCreate", Other),
        ("WorktreeRemove", Other),
        ("InstructionsLoaded", Other),
        ("CwdChanged", Other),
        ("FileChanged", Other),
        ("DirectoryAdded", Other),
        ("MessageDisplay", Other),
        ("PreSkillShellCommand", ShellCall),
    ],
    tells_failure: true,
};

/// Codex CLI 0.171. A command that failed comes as `PostToolUse` with its output only, so no outcome is told.
pub static CODEX: Agent = Agent {
    name: "codex",
    hooks: &[
        ("SessionStart", SessionStart),
        ("SessionEnd", SessionEnd),
        ("UserPromptSubmit", Prompt),
        ("PreToolUse", Call),
        ("PermissionRequest", Approval),
        ("PostToolUse", Result),
        ("SubagentStart", SubagentStart),
        ("SubagentStop", SubagentEnd),
        ("PreModelRequest", Other),
        ("PostModelRequest", ModelUsage),
        ("PreCompact", Other),
        ("PostCompact", Other),
        ("Stop", Other),
        ("Interrupt", Other),
    ],
    tells_failure: false,
};

/// Gemini CLI 0.61. What models take is told by its telemetry, once; its hooks repeat whole requests.
pub static GEMINI: Agent = Agent {
    name: "gemini",
    hooks: &[
        ("SessionStart", SessionStart),
        ("SessionEnd", SessionEnd),
        ("BeforeAgent", Prompt),
        ("AfterAgent", Other),
        ("BeforeModel", Other),
        ("AfterModel", Other),
        ("BeforeToolSelection", Other),
        ("BeforeTool", Call),
        ("AfterTool", Result),
        ("PreCompress", Other),
        ("Notification", Other),
    ],
    tells_failure: true,
};

/// GitHub Copilot CLI 1.0. Its payloads do not say which hook they are of.
pub static COPILOT: Agent = Agent {
    name: "copilot",
    hooks: &[
        ("sessionStart", SessionStart),
        ("sessionEnd", SessionEnd),
        ("userPromptSubmitted", Prompt),
        ("preToolUse", Call),
        ("postToolUse", Result),
        ("postToolUseFailure", Failure),
        ("permissionRequest", Approval),
        ("subagentStart", SubagentStart),
        ("subagentStop", SubagentEnd),
        ("agentStop", Other),
        ("notification", Other),
        ("errorOccurred", Other),
        ("preCompact", Other),
    ],
    tells_failure: true,
};

/// Cursor 2.
pub static CURSOR: Agent = Agent {
    name: "cursor",
    hooks: &[
        ("sessionStart", SessionStart),
        ("sessionEnd", SessionEnd),
        ("subagentStart", SubagentStart),
        ("subagentStop", SubagentEnd),
        ("beforeSubmitPrompt", Prompt),
        ("preToolUse", Call),
        ("postToolUse", Result),
        ("postToolUseFailure", Failure),
        ("beforeShellExecution", ShellCall),
        ("afterShellExecution", ShellResult),
        ("beforeMCPExecution", Call),
        ("afterMCPExecution", Result),
        ("beforeReadFile", FileRead),
        ("afterFileEdit", FileWritten),
        ("beforeTabFileRead", FileRead),
        ("afterTabFileEdit", FileWritten),
        ("afterAgentResponse", Other),
        ("afterAgentThought", Other),
        ("stop", Other),
        ("preCompact", Other),
    ],
    tells_failure: false,
};

/// opencode 1.18, as the plugin tells it that `tachograph hook install --agent opencode` prints.
pub static OPENCODE: Agent = Agent {
    name: "opencode",
    hooks: &[
        ("session.created", SessionStart),
        ("session.deleted", SessionEnd),
        ("chat.message", Prompt),
        ("tool.execute.before", Call),
        ("tool.execute.after", Result),
        ("permission.ask", Approval),
        ("session.idle", Other),
        ("session.error", Other),
    ],
    tells_failure: false,
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_hook_stands_once() {
        for agent in AGENTS {
            let names: HashSet<&str> = agent.hooks.iter().map(|(name, _)| *name).collect();
            assert_eq!(names.len(), agent.hooks.len(), "{}", agent.name);
            assert_eq!(by_name(agent.name), Some(*agent));
        }
        assert_eq!(CLAUDE_CODE.hooks.len(), 34);
        assert_eq!(CLAUDE_CODE.meaning("SomethingNew"), Other);
    }
}
