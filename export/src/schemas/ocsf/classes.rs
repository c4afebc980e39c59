//! The classes of OCSF that events become, and where each version has which attribute: in the class itself, under a profile, or not at all.
//! Which kind becomes which class is in `table`.
//!
//! Source: the schemas of OCSF 1.1.0, 1.8.0 and 1.9.0 as `ocsf/ocsf-schema` publishes them. The tests compare with copies of them that
//! others packaged.

/// A version of OCSF that records are said in, oldest first: the order is the meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 1.1.0, the newest that Amazon Security Lake promises to take.
    V1_1,
    /// 1.8.0, the last without agents.
    V1_8,
    /// 1.9.0, with agents and with chains of records.
    V1_9,
}

impl Version {
    /// What stands in `metadata.version`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_1 => "1.1.0",
            Self::V1_8 => "1.8.0",
            Self::V1_9 => "1.9.0",
        }
    }
}

/// A class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// What has no class of its own.
    Base,
    /// A program is started, or ends.
    Process,
    /// A file is read or written.
    File,
    /// An HTTP request.
    Http,
    /// A connection.
    Network,
    /// A question to the DNS.
    Dns,
    /// A call of a model, a tool or a service.
    Api,
    /// A program or a session of it begins, ends or goes on.
    Lifecycle,
    /// A program failed.
    Error,
    /// A thing that is managed is made, changed or removed.
    Entity,
    /// Somebody comes in, or leaves.
    Authentication,
    /// A session is allowed to do something.
    Authorization,
    /// An alert.
    Finding,
    /// Something about the records themselves.
    Log,
    /// How a machine or a program is set up.
    Config,
}

/// What OCSF calls a class.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// `class_uid`.
    pub uid: u64,
    /// `class_name`.
    pub name: &'static str,
    /// `category_name`.
    pub category: &'static str,
}

impl Class {
    /// All of them.
    #[cfg(test)]
    pub const ALL: [Self; 15] = [
        Self::Base,
        Self::Process,
        Self::File,
        Self::Http,
        Self::Network,
        Self::Dns,
        Self::Api,
        Self::Lifecycle,
        Self::Error,
        Self::Entity,
        Self::Authentication,
        Self::Authorization,
        Self::Finding,
        Self::Log,
        Self::Config,
    ];

    /// Its names. The category's number is the first digit of the class's.
    pub const fn names(self) -> Names {
        let (uid, name, category) = match self {
            Self::Base => (0, "Base Event", "Uncategorized"),
            Self::Process => (1007, "Process Activity", "System Activity"),
            Self::File => (1001, "File System Activity", "System Activity"),
            Self::Http => (4002, "HTTP Activity", "Network Activity"),
            Self::Network => (4001, "Network Activity", "Network Activity"),
            Self::Dns => (4003, "DNS Activity", "Network Activity"),
            Self::Api => (6003, "API Activity", "Application Activity"),
            Self::Lifecycle => (6002, "Application Lifecycle", "Application Activity"),
            Self::Error => (6008, "Application Error", "Application Activity"),
            Self::Entity => (3004, "Entity Management", "Identity & Access Management"),
            Self::Authentication => (3002, "Authentication", "Identity & Access Management"),
            Self::Authorization => (3003, "Authorize Session", "Identity & Access Management"),
            Self::Finding => (2004, "Detection Finding", "Findings"),
            Self::Log => (1008, "Event Log Activity", "System Activity"),
            Self::Config => (5002, "Device Config State", "Discovery"),
        };
        Names { uid, name, category }
    }

    /// `category_uid`.
    pub const fn category(self) -> u64 {
        self.names().uid / 1_000
    }

    /// The class itself, or the nearest one that the version has.
    pub fn in_version(self, version: Version) -> Self {
        match self {
            Self::Error | Self::Log if version < Version::V1_8 => Self::Base,
            _ => self,
        }
    }

    /// Where an attribute of the event itself has its place.
    pub fn place(self, attribute: &str, version: Version) -> Place {
        use Version::{V1_8, V1_9};
        let is_in = |categories: &[u64]| categories.contains(&self.category());
        match attribute {
            "action_id" | "action" | "disposition_id" | "disposition" | "firewall_rule" => {
                Place::under("security_control", version >= V1_8 || is_in(&[1, 2, 4]))
            }
            "policy" => Place::under("security_control", version >= V1_8),
            "is_alert" if self == Self::Finding => Place::own(version >= V1_8),
            "ai_agent" | "delegation" => Place::under("ai_operation", version >= V1_9 && is_in(&[1, 3, 4, 6])),
            "ai_model" | "message_context" => {
                let has_it =
                    if version >= V1_9 { is_in(&[1, 3, 4, 6]) } else { matches!(self, Self::Process | Self::Api) };
                Place::under("ai_operation", has_it && version >= V1_8)
            }
            "attestation_list" => Place::under("record_integrity", version >= V1_9),
            "verdict_id" | "verdict" | "assignee" => Place::under("incident", version >= V1_8 && self == Self::Finding),
            "anomaly_analyses" | "raw_data_hash" => Place::own(version >= V1_8),
            "actor" => self.actor(version),
            "device" => self.device(version),
            "src_endpoint" if matches!(self, Self::Entity | Self::Authorization) => Place::own(version >= V1_8),
            _ => Place::Own,
        }
    }

    fn actor(self, version: Version) -> Place {
        match self {
            Self::Process | Self::File | Self::Api | Self::Authentication | Self::Log | Self::Config => Place::Own,
            Self::Entity | Self::Authorization if version >= Version::V1_8 => Place::Own,
            Self::Base if version < Version::V1_8 => Place::Nowhere,
            _ => Place::Profile("host"),
        }
    }

    fn device(self, version: Version) -> Place {
        match self {
            Self::Process | Self::File | Self::Log | Self::Config => Place::Own,
            Self::Finding if version >= Version::V1_8 => Place::Own,
            Self::Base | Self::Api if version < Version::V1_8 => Place::Nowhere,
            _ => Place::Profile("host"),
        }
    }
}

/// Where an attribute has its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the class.
    Own,
    /// In the class, if the event names this profile.
    Profile(&'static str),
    /// Not in this class of this version: it is said under `unmapped`.
    Nowhere,
}

impl Place {
    fn under(profile: &'static str, has_it: bool) -> Self {
        if has_it { Self::Profile(profile) } else { Self::Nowhere }
    }

    fn own(has_it: bool) -> Self {
        if has_it { Self::Own } else { Self::Nowhere }
    }
}
