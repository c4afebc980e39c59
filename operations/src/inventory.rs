//! What an agent may have: servers, plugins, hooks, settings. These are the words in the column `action` of events of kind `inventory`, and
//! whether whoever tells of such things at the start of a session tells all of them. How sessions are compared is for `query`.

/// A kind of thing that an agent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// A server of tools.
    McpServer,
    /// A plugin or extension.
    Plugin,
    /// A skill, told of when it is used.
    Skill,
    /// What the agent runs at certain points by itself.
    Hook,
    /// The settings that its operator manages for it.
    ManagedSettings,
    /// One setting, such as whom it asks before it acts.
    Setting,
    /// A file of settings, by its hash.
    SettingsFile,
    /// A file of policies that the agent cannot change, by its hash.
    PolicyFile,
    /// A file with instructions for agents, by its hash.
    InstructionsFile,
    /// The template of the workspace, by its version.
    Template,
}

impl Item {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::McpServer,
        Self::Plugin,
        Self::Skill,
        Self::Hook,
        Self::ManagedSettings,
        Self::Setting,
        Self::SettingsFile,
        Self::PolicyFile,
        Self::InstructionsFile,
        Self::Template,
    ];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::McpServer => "mcp_server",
            Self::Plugin => "plugin",
            Self::Skill => "skill",
            Self::Hook => "hook",
            Self::ManagedSettings => "managed_settings",
            Self::Setting => "setting",
            Self::SettingsFile => "settings_file",
            Self::PolicyFile => "policy_file",
            Self::InstructionsFile => "instructions_file",
            Self::Template => "template",
        }
    }

    /// The one with this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|item| item.word() == word)
    }

    /// Whether a session that tells of any tells of all at its start: then one that is missing is gone.
    pub const fn is_listed(self) -> bool {
        !matches!(self, Self::Skill | Self::Template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for item in Item::ALL {
            assert_eq!(Item::of(item.word()), Some(item));
        }
        assert_eq!(Item::of("workspace"), None);
    }
}
