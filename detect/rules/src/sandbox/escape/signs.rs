//! Which rules of sensors are about an escape, by the words of their names: those of Falco's rule set (0.41), of Tetragon's policy
//! library, and of whoever names own rules alike.

use serde::{Deserialize, Serialize};

/// What a sensor saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Its rule says so itself.
    Escape,
    /// Namespaces of others are entered or made.
    Namespace,
    /// A container with the rights or folders of the host.
    Privileged,
    /// Code is loaded into the kernel.
    Kernel,
    /// Another process is read or steered.
    Process,
    /// The interface of whatever runs the containers is used.
    Runtime,
    /// A rule that the configuration lists.
    Listed,
    /// A program that does it.
    Program,
}

impl Sign {
    /// The word by which the alert budget tells kinds apart.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Escape => "escape",
            Self::Namespace => "namespace",
            Self::Privileged => "privileged",
            Self::Kernel => "kernel",
            Self::Process => "process",
            Self::Runtime => "runtime",
            Self::Listed => "listed",
            Self::Program => "program",
        }
    }

    /// What it means, for the sentence.
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Escape => "by its name it is about an escape",
            Self::Namespace => "a program enters or makes namespaces, by which it leaves its own",
            Self::Privileged => "a container gets the rights or folders of the host",
            Self::Kernel => "code is loaded into the kernel that all containers share",
            Self::Process => "a program takes hold of another process",
            Self::Runtime => "a program speaks to what runs the containers",
            Self::Listed => "the configuration says that it means an escape",
            Self::Program => "what it is started with leaves the container, or gives it the rights of the host",
        }
    }
}

/// Words that must all stand in the name of a rule, in lower case.
const SIGNS: &[(&[&str], Sign)] = &[
    (&["escape"], Sign::Escape),
    (&["release_agent"], Sign::Escape),
    (&["core_pattern"], Sign::Escape),
    (&["change", "namespace"], Sign::Namespace),
    (&["nsenter"], Sign::Namespace),
    (&["setns"], Sign::Namespace),
    (&["privileged", "container"], Sign::Privileged),
    (&["sensitive", "mount"], Sign::Privileged),
    (&["excessively", "capable"], Sign::Privileged),
    (&["host", "filesystem"], Sign::Privileged),
    (&["kernel", "module"], Sign::Kernel),
    (&["bpf", "program"], Sign::Kernel),
    (&["ptrace", "attach"], Sign::Process),
    (&["docker", "sock"], Sign::Runtime),
    (&["containerd", "sock"], Sign::Runtime),
    (&["docker", "client"], Sign::Runtime),
];

/// What a rule of a sensor is about, if that is an escape.
pub fn of_rule(rule: &str) -> Option<Sign> {
    let rule = rule.to_ascii_lowercase();
    let found = SIGNS.iter().find(|(words, _)| words.iter().all(|word| rule.contains(word)));
    found.map(|(_, sign)| *sign)
}

/// Whether a sensor of this priority wants somebody to act; one that states none may.
pub fn is_urgent(priority: &str) -> bool {
    // Tetragon's word for a policy that only tells of it is `post`.
    const CALM: [&str; 7] = ["warning", "notice", "informational", "info", "debug", "low", "post"];
    !CALM.iter().any(|calm| priority.eq_ignore_ascii_case(calm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_known_by_their_words() {
        let check = |rule: &str, expected: Option<Sign>| assert_eq!(of_rule(rule), expected, "{rule}");
        check("Detect release_agent File Container Escapes", Some(Sign::Escape));
        check("Change thread namespace", Some(Sign::Namespace));
        check("Launch Privileged Container", Some(Sign::Privileged));
        check("Launch Sensitive Mount Container", Some(Sign::Privileged));
        check("Linux Kernel Module Injection Detected", Some(Sign::Kernel));
        check("monitor-kernel-modules", Some(Sign::Kernel));
        check("PTRACE attached to process", Some(Sign::Process));
        check("The docker client is executed in a container", Some(Sign::Runtime));
        assert!(is_urgent("sigkill") && !is_urgent("post"));
        // What an agent that builds and tests does all day.
        check("Drop and execute new binary in container", None);
        check("Terminal shell in container", None);
        check("Unexpected outbound connection from agent", None);
        check("Read sensitive file untrusted", None);
        check("K8s Namespace Created", None);
        assert!(
            is_urgent("Critical")
                && is_urgent("ERROR")
                && is_urgent("")
                && !is_urgent("Notice")
                && !is_urgent("Warning")
        );
    }
}
