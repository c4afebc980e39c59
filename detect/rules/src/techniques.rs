//! The techniques that rules name, with their names and with what no rule sees of them: from MITRE ATLAS (data of 2026-05), MITRE ATT&CK
//! (Enterprise) and the OWASP Top 10 for Agentic Applications (2026). Only those stand here that matter to coding agents.

use serde::Serialize;

/// A list of techniques.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Catalogue {
    /// OWASP Top 10 for Agentic Applications.
    Owasp,
    /// MITRE ATLAS.
    Atlas,
    /// MITRE ATT&CK.
    Attack,
}

/// A technique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Technique {
    /// Its id, which is the tag of rules.
    pub id: &'static str,
    /// Its name in its list.
    pub name: &'static str,
    /// What of it no rule sees, and why; empty where nothing is known to be missing.
    pub unseen: &'static str,
}

impl Technique {
    /// The list that it stands in.
    pub fn catalogue(&self) -> Catalogue {
        match self.id.as_bytes() {
            [b'A', b'S', ..] => Catalogue::Owasp,
            [b'A', ..] => Catalogue::Atlas,
            _ => Catalogue::Attack,
        }
    }
}

/// The technique with this id.
pub fn technique(id: &str) -> Option<&'static Technique> {
    TECHNIQUES.iter().find(|technique| technique.id == id)
}

const fn technique_of(id: &'static str, name: &'static str, unseen: &'static str) -> Technique {
    Technique { id, name, unseen }
}

/// Every technique, list by list, in the order of their ids.
pub static TECHNIQUES: &[Technique] = &[
    technique_of(
        "ASI01",
        "Agent Goal Hijack",
        "A goal is not recorded: a hijack without instructions in a recorded result is found by its deeds only, see ASI02, ASI03, ASI05.",
    ),
    technique_of(
        "ASI02",
        "Tool Misuse & Exploitation",
        "Misuse that stays within what the agent does every day: the right tool, the usual host, the wrong record.",
    ),
    technique_of(
        "ASI03",
        "Identity & Privilege Abuse",
        "What a credential is used for at the service that takes it: no source here is that service's log.",
    ),
    technique_of(
        "ASI04",
        "Agentic Supply Chain Vulnerabilities",
        "What a package or a tool server does once it is installed, and a change of its descriptions: they are not recorded.",
    ),
    technique_of(
        "ASI05",
        "Unexpected Code Execution (RCE)",
        "Code in a file that the agent wrote or found: it is not read, only the command line that starts it.",
    ),
    technique_of(
        "ASI06",
        "Memory & Context Poisoning",
        "A false fact that gives no order: what is true is not known here. What a service puts into its own memory.",
    ),
    technique_of(
        "ASI07",
        "Insecure Inter-Agent Communication",
        "Messages between agents: no source tells of them, and no rule reads content for instructions.",
    ),
    technique_of(
        "ASI08",
        "Cascading Failures",
        "A wrong result that other agents believe: only repeated and common failures are seen.",
    ),
    technique_of(
        "ASI09",
        "Human-Agent Trust Exploitation",
        "Persuasion of people, and an approval that was given because the question was misleading: only denials that were passed by are seen.",
    ),
    technique_of(
        "ASI10",
        "Rogue Agents",
        "An agent that stays within its habits, and one that no source reports: what is not recorded is not judged.",
    ),
    technique_of("AML.T0010", "AI Supply Chain Compromise", "Packages and models under their right name."),
    technique_of(
        "AML.T0011",
        "User Execution",
        "A person who runs what was sent to them: people's own machines are no source.",
    ),
    technique_of(
        "AML.T0012",
        "Valid Accounts",
        "A stolen login that is used elsewhere: sign-ins are no source. Of keys only their age and whose they are is judged.",
    ),
    technique_of(
        "AML.T0025",
        "Exfiltration via Cyber Means",
        "Traffic that passes by the firewall: it is recorded nowhere here.",
    ),
    technique_of("AML.T0029", "Denial of AI Service", "Load on a service of models by others than this fleet."),
    technique_of("AML.T0034", "Cost Harvesting", ""),
    technique_of("AML.T0034.002", "Agentic Resource Consumption", ""),
    technique_of("AML.T0048", "External Harms", "What an agent's work does to others later: no source tells of it."),
    technique_of("AML.T0050", "Command and Scripting Interpreter", "Scripts in files: see ASI05."),
    technique_of(
        "AML.T0051",
        "LLM Prompt Injection",
        "Injections in what a person pastes and in pictures: results of tools are read for instructions.",
    ),
    technique_of(
        "AML.T0051.001",
        "LLM Prompt Injection: Indirect",
        "One that the agent follows without naming what the text named, in wordings or languages that intake does not know.",
    ),
    technique_of(
        "AML.T0053",
        "AI Agent Tool Invocation",
        "A tool call is judged by its effects alone, not by who wanted it.",
    ),
    technique_of("AML.T0054", "LLM Jailbreak", "The wording of prompts: no rule reads it."),
    technique_of(
        "AML.T0057",
        "LLM Data Leakage",
        "What an answer of a model says: no rule reads it, besides secrets, which redaction takes out.",
    ),
    technique_of(
        "AML.T0070",
        "RAG Poisoning",
        "What others than agents put into a store, and false facts that give no order.",
    ),
    technique_of("AML.T0080", "AI Agent Context Poisoning", "See ASI06."),
    technique_of(
        "AML.T0081",
        "Modify AI Agent Configuration",
        "A configuration that is changed from outside of the workspace.",
    ),
    technique_of("AML.T0083", "Credentials from AI Agent Configuration", "A script that reads the file: see ASI05."),
    technique_of(
        "AML.T0084",
        "Discover AI Agent Configuration",
        "An agent reads its own configuration all day, so that reading it is no sign.",
    ),
    technique_of("AML.T0085", "Data from AI Services", "What services of models hand out to others than this fleet."),
    technique_of(
        "AML.T0086",
        "Exfiltration via AI Agent Tool Invocation",
        "Data in a request to a host that everybody uses.",
    ),
    technique_of(
        "AML.T0098",
        "AI Agent Tool Credential Harvesting",
        "Credentials in what a tool returns, where redaction does not know their form.",
    ),
    technique_of(
        "AML.T0099",
        "AI Agent Tool Data Poisoning",
        "Data behind a tool: it is not recorded who put it there.",
    ),
    technique_of(
        "AML.T0101",
        "Data Destruction via AI Agent Tool Invocation",
        "Calls to an API that destroy: they are judged as requests, not by what they mean there.",
    ),
    technique_of(
        "AML.T0102",
        "Generate Malicious Commands",
        "The moment in which a model writes a command: it is judged when it is asked for or run.",
    ),
    technique_of("AML.T0104", "Publish Poisoned AI Agent Tool", "It happens at a registry, outside of the fleet."),
    technique_of(
        "AML.T0105",
        "Escape to Host",
        "An escape that neither a command line nor a sensor on the host shows.",
    ),
    technique_of(
        "AML.T0108",
        "AI Agent",
        "Commands that are fetched from a host that everybody uses, or without a rhythm.",
    ),
    technique_of(
        "AML.T0109",
        "AI Supply Chain Rug Pull",
        "A tool or package that changes under its name: versions and descriptions are not compared.",
    ),
    technique_of(
        "AML.T0110",
        "AI Agent Tool Poisoning",
        "Descriptions of tools: no source records them. A rule of your own may watch for rare tool servers (docs/rules.md, `rarity`).",
    ),
    technique_of(
        "T1005",
        "Data from Local System",
        "Reading files is an agent's work; only files that usually hold secrets are told apart, as T1552.",
    ),
    technique_of("T1021", "Remote Services", "Work on another machine by SSH, beyond the command line that begins it."),
    technique_of("T1030", "Data Transfer Size Limits", ""),
    technique_of("T1036.005", "Match Legitimate Resource Name or Location", "Names in an own registry."),
    technique_of("T1041", "Exfiltration Over C2 Channel", ""),
    technique_of(
        "T1046",
        "Network Service Discovery",
        "Scans inside the workspace's own network: the firewall for HTTP does not see them.",
    ),
    technique_of(
        "T1048",
        "Exfiltration Over Alternative Protocol",
        "Other protocols than HTTP: no source records them, besides command lines.",
    ),
    technique_of("T1053", "Scheduled Task/Job", "Schedules of a service outside of the workspace."),
    technique_of("T1059", "Command and Scripting Interpreter", "Scripts in files: see ASI05."),
    technique_of("T1070", "Indicator Removal", "Traces that were removed in other places than command lines show."),
    technique_of("T1070.006", "Timestomp", "Times of files: only those of events are looked at."),
    technique_of(
        "T1071.001",
        "Application Layer Protocol: Web Protocols",
        "What is asked of hosts that everybody uses.",
    ),
    technique_of(
        "T1071.004",
        "Application Layer Protocol: DNS",
        "Names that are asked for where neither an exit node nor a sensor tells of them.",
    ),
    technique_of("T1078", "Valid Accounts", "See AML.T0012."),
    technique_of("T1087", "Account Discovery", "Accounts of services that an agent lists by an interface of its own."),
    technique_of(
        "T1098",
        "Account Manipulation",
        "Accounts that are changed in a console, where no source tells of it.",
    ),
    technique_of("T1105", "Ingress Tool Transfer", "A file that is fetched now and run much later."),
    technique_of("T1195", "Supply Chain Compromise", "See ASI04."),
    technique_of(
        "T1195.001",
        "Compromise Software Dependencies and Development Tools",
        "Packages under their right name.",
    ),
    technique_of("T1204", "User Execution", "What a person runs: only agents are watched."),
    technique_of(
        "T1213",
        "Data from Information Repositories",
        "What is read from wikis and trackers through their API: it is judged as a request.",
    ),
    technique_of("T1485", "Data Destruction", "Calls to an API that destroy: see AML.T0101."),
    technique_of(
        "T1496",
        "Resource Hijacking",
        "Miners under another name that leave the machine some room, and those of which no load is told.",
    ),
    technique_of("T1499", "Endpoint Denial of Service", ""),
    technique_of("T1546", "Event Triggered Execution", "Hooks that a script installs: see ASI05."),
    technique_of("T1548", "Abuse Elevation Control Mechanism", "A hole in the kernel that no command line shows."),
    technique_of("T1552", "Unsecured Credentials", "A script that reads the file: see ASI05."),
    technique_of("T1562", "Impair Defenses", ""),
    technique_of("T1562.001", "Disable or Modify Tools", ""),
    technique_of("T1562.004", "Disable or Modify System Firewall", ""),
    technique_of("T1562.006", "Indicator Blocking", ""),
    technique_of("T1562.008", "Disable or Modify Cloud Logs", ""),
    technique_of("T1565", "Data Manipulation", "Data of others: only records that contradict each other are seen."),
    technique_of(
        "T1565.001",
        "Stored Data Manipulation",
        "What was recorded here is held by `tachograph verify`, not by a rule.",
    ),
    technique_of("T1567", "Exfiltration Over Web Service", "Data in a request to a service that everybody uses."),
    technique_of(
        "T1572",
        "Protocol Tunneling",
        "Tunnels of another protocol than HTTP, beyond the command line that begins them.",
    ),
    technique_of(
        "T1573",
        "Encrypted Channel",
        "What is inside of it: requests are judged by when, where and how much.",
    ),
    technique_of("T1595", "Active Scanning", ""),
    technique_of("T1611", "Escape to Host", "See AML.T0105."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::registry::DETECTORS;

    /// Rules for which a list has no technique, with the reason.
    const WITHOUT: [(&str, Catalogue, &str); 3] = [
        ("clock.skew", Catalogue::Atlas, "it has none for forged times"),
        ("ledger.bad_value", Catalogue::Atlas, "it has none for forged numbers"),
        ("ledger.conflict", Catalogue::Atlas, "it has none for forged records"),
    ];

    #[test]
    fn each_rule_names_known_techniques_of_each_list() {
        for spec in DETECTORS {
            let mut lists = Vec::new();
            for tag in spec.tags {
                let found =
                    technique(tag).unwrap_or_else(|| panic!("{}: {tag} has no name in techniques.rs", spec.name));
                lists.push(found.catalogue());
            }
            assert_eq!(spec.tags.iter().collect::<BTreeSet<_>>().len(), spec.tags.len(), "{}: each once", spec.name);
            for list in [Catalogue::Owasp, Catalogue::Atlas, Catalogue::Attack] {
                let excepted = WITHOUT.iter().any(|(name, without, _)| *name == spec.name && *without == list);
                assert_eq!(lists.contains(&list), !excepted, "{}: {list:?}", spec.name);
            }
        }
    }

    #[test]
    fn the_list_is_in_order_and_says_why_something_is_not_seen() {
        for id in 1..=10 {
            assert!(technique(&format!("ASI{id:02}")).is_some(), "{id}");
        }
        let key = |technique: &Technique| (technique.catalogue() as u8, technique.id);
        assert!(TECHNIQUES.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])), "in order, each once");
        for technique in TECHNIQUES {
            let rules = DETECTORS.iter().any(|spec| spec.tags.contains(&technique.id));
            let is_told = technique.unseen.ends_with('.') || (rules && technique.unseen.is_empty());
            assert!(is_told, "{}: say what of it no rule sees", technique.id);
            let is_like = |id: &str, digits: usize, sub: bool| {
                let (id, rest) = id.split_once('.').map_or((id, ""), |(id, rest)| (id, rest));
                id.len() == digits
                    && id[digits - 4..].bytes().all(|byte| byte.is_ascii_digit())
                    && (rest.is_empty() || (sub && rest.len() == 3))
            };
            let well_formed = match technique.catalogue() {
                Catalogue::Owasp => technique.id.len() == 5,
                Catalogue::Atlas => is_like(&technique.id["AML.".len()..], 5, true),
                Catalogue::Attack => is_like(technique.id, 5, true),
            };
            assert!(well_formed, "{}", technique.id);
        }
    }
}
