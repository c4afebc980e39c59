//! Lines that only ask how something stands that runs elsewhere: a pipeline, a cluster, a service, a job. Asking again is then what a
//! patient agent does, and the same answer no sign that it is stuck.

use crate::command::{Command, Line};

/// Programs that only show, pass on or wait, whatever they are given.
const PASSING: [&str; 24] = [
    "", ":", "[", "awk", "cat", "cd", "cut", "date", "echo", "egrep", "export", "grep", "head", "jq", "printf", "sed",
    "sleep", "sort", "tail", "tee", "test", "tr", "true", "yq",
];

/// Programs that ask about what runs elsewhere, and the words by which they only look; with none, whatever they are given.
const ASKING: [(&str, &[&str]); 33] = [
    ("gh", &["view", "list", "checks", "status", "watch"]),
    ("glab", &["view", "list", "status", "get"]),
    ("kubectl", &["get", "describe", "logs", "status", "top", "wait"]),
    ("oc", &["get", "describe", "logs", "status"]),
    ("helm", &["status", "list", "history"]),
    ("docker", &["ps", "logs", "inspect", "stats", "port"]),
    ("podman", &["ps", "logs", "inspect"]),
    ("docker-compose", &["ps", "logs"]),
    ("systemctl", &["status", "is-active", "show", "list-units"]),
    ("service", &["status"]),
    ("journalctl", &[]),
    ("aws", &["wait", "ls", "tail"]),
    ("gcloud", &["describe", "list", "log", "read"]),
    ("az", &["show", "list"]),
    ("fly", &["status", "logs"]),
    ("flyctl", &["status", "logs"]),
    ("vercel", &["inspect", "ls", "logs"]),
    ("heroku", &["ps", "logs", "releases"]),
    ("nomad", &["status"]),
    ("argocd", &["get", "wait", "list"]),
    ("flux", &["get", "logs"]),
    ("terraform", &["show", "output"]),
    ("squeue", &[]),
    ("sacct", &[]),
    ("qstat", &[]),
    ("nvidia-smi", &[]),
    ("pg_isready", &[]),
    ("redis-cli", &["ping", "info"]),
    ("nc", &["-z", "-zv", "-vz"]),
    ("ping", &[]),
    ("pgrep", &[]),
    ("ps", &[]),
    ("lsof", &[]),
];

/// How verbs of the tools of clouds begin that only look.
const LOOKS: [&str; 4] = ["describe-", "get-", "list-", "show-"];

/// Whether a line does nothing but ask how something stands that runs elsewhere.
pub fn asks_elsewhere(line: &Line) -> bool {
    let mut asks = false;
    for command in &line.commands {
        let name = command.name();
        if PASSING.contains(&name.as_str()) && command.redirects.is_empty() {
            continue;
        }
        if !is_question(command, &name) {
            return false;
        }
        asks = true;
    }
    asks
}

fn is_question(command: &Command, name: &str) -> bool {
    if matches!(name, "curl" | "wget" | "http" | "https" | "xh") {
        let changes = command.option(&[
            "-d",
            "--data",
            "--data-raw",
            "--data-binary",
            "--json",
            "-F",
            "--form",
            "-T",
            "--upload-file",
        ]) || command.before_dashes().any(|word| word.starts_with("--post"))
            || command.has(&["POST", "PUT", "PATCH", "DELETE", "-XPOST", "-XPUT", "-XPATCH", "-XDELETE"]);
        return !changes;
    }
    let Some((_, words)) = ASKING.iter().find(|(known, _)| *known == name) else { return false };
    words.is_empty()
        || command.has(words)
        || (name == "aws" && command.operands(&[]).any(|word| LOOKS.iter().any(|look| word.starts_with(look))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_about_what_runs_elsewhere_are_told_from_work() {
        for line in [
            "gh run view 7 --json status -q .status",
            "kubectl -n shop get pods | grep web",
            "curl -s https://acme.example/api/jobs/7 | jq -r .state",
            "sleep 20 && docker compose ps",
            "aws ecs describe-services --services web",
            "ssh -V; true",
        ] {
            let expected = !line.starts_with("ssh");
            assert_eq!(asks_elsewhere(&Line::read(line)), expected, "{line}");
        }
        for line in [
            "cargo test",
            "npm run build && gh run view 7",
            "kubectl delete pod web",
            "curl -X POST https://acme.example/api/jobs",
            "grep -rn todo src",
            "cat a.txt",
            "",
            "kubectl get pods > pods.txt; python3 use.py",
        ] {
            assert!(!asks_elsewhere(&Line::read(line)), "{line}");
        }
    }
}
