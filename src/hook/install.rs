//! What makes each agent call `tachograph hook` from its hooks: a piece of configuration to put where the agent's user cannot
//! change it. It is printed and written nowhere, since that place is the administrator's.

use std::process::ExitCode;

use clap::Args;
use ingest::dialect::hooks::agents::{self, AGENTS, Agent};
use serde_json::{Map, Value, json};

use crate::exit::{CommandResult, Failure};
use crate::output;

/// Arguments of `hook install`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The agent: claude_code, codex, gemini, copilot, cursor or opencode.
    #[arg(long, value_name = "NAME")]
    agent: String,
    /// The command as the agent's machine finds it, with options such as --server and --token-file.
    #[arg(long, value_name = "COMMAND", default_value = "tachograph hook")]
    command: String,
    /// The agent's telemetry is collected, too: leave out the hooks that tell the same tokens, which would count twice.
    #[arg(long)]
    with_telemetry: bool,
}

/// The seconds that an agent gives the command, which needs a small part of one.
const TIMEOUT_SECONDS: u64 = 5;

/// Prints the configuration, and on standard error where it belongs.
pub fn run(arguments: &Arguments) -> CommandResult {
    let names = || AGENTS.iter().map(|agent| agent.name).collect::<Vec<_>>().join(", ");
    let agent = agents::by_name(&arguments.agent).ok_or_else(|| {
        Failure::usage(format!("no hooks of {:?} are known; it is one of {}", arguments.agent, names()))
    })?;
    let (place, text) = configuration(agent, &arguments.command, arguments.with_telemetry);
    output::print_line(text.trim_end())?;
    eprintln!(
        "Put this into {place}. The command finds the server by TACHOGRAPH_INGEST and its token by TACHOGRAPH_TOKEN or --token-file."
    );
    Ok(ExitCode::SUCCESS)
}

/// Where the configuration belongs, and what it is.
fn configuration(agent: &Agent, command: &str, with_telemetry: bool) -> (&'static str, String) {
    let command = format!("{command} --agent {}", agent.name);
    let names = names(agent, with_telemetry);
    match agent.name {
        "claude_code" => {
            let hook = json!([{"hooks": [{"type": "command", "command": command, "timeout": TIMEOUT_SECONDS}]}]);
            let settings = json!({"hooks": each(&names, |_| hook.clone())});
            ("/etc/claude-code/managed-settings.json, which the agent's user cannot change", pretty(&settings))
        }
        "codex" => {
            let hook = |name: &&str| {
                let command = Value::from(command.as_str());
                format!("[[hooks.{name}]]\n[[hooks.{name}.hooks]]\ntype = \"command\"\ncommand = {command}\n\n")
            };
            ("requirements.toml of Codex (managed), or ~/.codex/config.toml", names.iter().map(hook).collect())
        }
        "gemini" => {
            let hook = json!([{"hooks": [{"type": "command", "name": "tachograph", "command": command, "timeout": TIMEOUT_SECONDS * 1_000}]}]);
            let settings = json!({"hooksConfig": {"enabled": true}, "tools": {"enableHooks": true}, "hooks": each(&names, |_| hook.clone())});
            ("/etc/gemini-cli/settings.json, or ~/.gemini/settings.json", pretty(&settings))
        }
        "copilot" => {
            let hook = |name: &str| json!([{"type": "command", "bash": format!("{command} --event {name}"), "timeoutSec": TIMEOUT_SECONDS}]);
            let place = "~/.copilot/hooks/tachograph.json, or .github/hooks/tachograph.json of a repository, not both";
            (place, pretty(&json!({"version": 1, "hooks": each(&names, hook)})))
        }
        "cursor" => {
            let hook = json!([{"command": command}]);
            let hooks = json!({"version": 1, "hooks": each(&names, |_| hook.clone())});
            ("/etc/cursor/hooks.json, or ~/.cursor/hooks.json", pretty(&hooks))
        }
        _ => {
            let words: Vec<&str> = command.split_whitespace().collect();
            let (program, options) = words.split_first().unwrap_or((&"tachograph", &[]));
            let plugin = PLUGIN.replace("COMMAND", &Value::from(*program).to_string());
            ("~/.config/opencode/plugin/tachograph.js", plugin.replace("ARGUMENTS", &Value::from(options).to_string()))
        }
    }
}

/// The hooks that are asked for: not those that only repeat others, or show what the agent prints.
fn names(agent: &Agent, with_telemetry: bool) -> Vec<&'static str> {
    let repeats = |name: &str| {
        let repeated: &[&str] = match agent.name {
            "claude_code" => &["MessageDisplay"],
            "codex" if with_telemetry => &["PreModelRequest", "PostModelRequest"],
            "codex" => &["PreModelRequest"],
            "gemini" => &["BeforeModel", "AfterModel", "BeforeToolSelection"],
            "cursor" => &["preToolUse", "postToolUse"],
            _ => &[],
        };
        repeated.contains(&name)
    };
    agent.hooks.iter().map(|(name, _)| *name).filter(|name| !repeats(name)).collect()
}

fn each(names: &[&str], hook: impl Fn(&str) -> Value) -> Map<String, Value> {
    names.iter().map(|name| ((*name).to_owned(), hook(name))).collect()
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// opencode has no hooks that run commands, but plugins that hear of what happens.
const PLUGIN: &str = r#"// Tells Tachograph what happens. It waits for nothing and fails nothing.
import { spawn } from "node:child_process"

const send = (hook, sessionID, more) => {
  try {
    const child = spawn(COMMAND, ARGUMENTS, { stdio: ["pipe", "ignore", "ignore"] })
    child.on("error", () => {})
    child.stdin.on("error", () => {})
    child.stdin.end(JSON.stringify({ hook_event_name: hook, sessionID, timestamp: new Date().toISOString(), ...more }))
  } catch {}
}

export const Tachograph = async () => ({
  event: async ({ event }) => {
    const info = event.properties ?? {}
    if (["session.created", "session.deleted", "session.idle", "session.error"].includes(event.type))
      send(event.type, info.sessionID ?? info.info?.id, { error: info.error })
  },
  "chat.message": async (input, output) =>
    send("chat.message", input.sessionID, { prompt: (output.parts ?? []).map((part) => part.text).join("\n") }),
  "permission.ask": async (input) =>
    send("permission.ask", input.sessionID, { callID: input.callID, tool_name: input.type, tool_input: input.metadata }),
  "tool.execute.before": async (input, output) =>
    send("tool.execute.before", input.sessionID, { callID: input.callID, tool_name: input.tool, tool_input: output.args }),
  "tool.execute.after": async (input, output) =>
    send("tool.execute.after", input.sessionID, {
      callID: input.callID,
      tool_name: input.tool,
      tool_input: input.args,
      tool_response: { output: output.output, exit_code: output.metadata?.exit },
    }),
})
"#;

#[cfg(test)]
mod tests {
    use ingest::dialect::hooks::agents::{CLAUDE_CODE, CODEX};

    use super::*;

    #[test]
    fn every_agent_gets_a_configuration_with_its_hooks() {
        for agent in AGENTS {
            let (_, text) = configuration(agent, "tachograph hook --token-file /etc/tachograph/token", false);
            assert!(text.contains(agent.name), "{text}");
            assert!(names(agent, false).iter().all(|name| text.contains(name)), "{}: {text}", agent.name);
            if text.starts_with('{') {
                serde_json::from_str::<Value>(&text).unwrap();
            }
        }
        let codex = configuration(&CODEX, "tachograph hook", false).1;
        let read: toml::Value = toml::from_str(&codex).unwrap();
        assert_eq!(
            read["hooks"]["PostToolUse"][0]["hooks"][0]["command"].as_str(),
            Some("tachograph hook --agent codex")
        );
        assert!(codex.contains("PostModelRequest"));
        assert!(
            !configuration(&CODEX, "tachograph hook", true).1.contains("PostModelRequest"),
            "its telemetry tells that"
        );
        let claude = configuration(&CLAUDE_CODE, "tachograph hook", false).1;
        assert!(claude.contains("SessionStart") && !claude.contains("MessageDisplay"));
    }
}
