//! Who: the person, the agent that works for them, and the machine that it works on, as objects of OCSF.

use operations::alert;
use serde_json::{Value, json};

use super::classes::{Class, Version};
use super::columns::Columns;
use super::event::{Event, object, text};

/// What a required name says if nobody knows it.
pub const UNKNOWN: &str = "Unknown";

/// Who it was, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Who<'a> {
    team: Option<&'a str>,
    user: Option<&'a str>,
    user_id: Option<&'a str>,
    agent: Option<&'a str>,
    agent_kind: Option<&'a str>,
    session: Option<&'a str>,
    run: Option<&'a str>,
    workspace: Option<&'a str>,
    workspace_name: Option<&'a str>,
}

impl<'a> Who<'a> {
    /// Whom an event names. The columns are said with it.
    pub fn of_event(columns: &Columns<'a>) -> Self {
        let (user, user_id) = (columns.take("user"), columns.take("user_id"));
        // A group needs a member.
        let team = if user.or(user_id).is_some() { columns.take("team") } else { None };
        Self {
            team,
            user,
            user_id,
            agent: columns.take("agent"),
            agent_kind: columns.take("agent_kind"),
            session: columns.take("session"),
            run: columns.take("run"),
            workspace: columns.take("workspace"),
            workspace_name: columns.take("workspace_name"),
        }
    }

    /// Who wrote an entry of `operations`.
    pub fn of_operation(columns: &Columns<'a>) -> Self {
        Self { user: columns.take("actor"), ..Self::default() }
    }

    /// Whom an alert is about.
    pub fn of_alert(who: &'a alert::Who) -> Self {
        let known = |text: &'a Option<String>| text.as_deref().filter(|text| !text.is_empty());
        Self {
            team: known(&who.team),
            user: known(&who.user),
            agent: known(&who.agent),
            session: known(&who.session),
            workspace: known(&who.workspace),
            workspace_name: known(&who.workspace_name),
            ..Self::default()
        }
    }

    /// Sets whatever the class has of them.
    pub fn set(&self, event: &mut Event, columns: &Columns<'a>) {
        use Class::{Api, Config, Dns, File, Http, Network, Process};
        let class = event.class;
        let needs_actor = matches!(class, Process | File | Api);
        event.set_if("actor", self.actor().or_else(|| needs_actor.then(|| json!({"user": nobody()}))));
        // Where there are two ends of a connection, the machine is one of them.
        if !matches!(class, Http | Network | Dns | Api) {
            let needs_device = matches!(class, Process | File | Config);
            let stranger = || json!({"type_id": 0, "type": UNKNOWN, "name": UNKNOWN});
            event.set_if("device", self.device().or_else(|| needs_device.then(stranger)));
        }
        event.set_if("ai_agent", self.agent());
        if let Some(uid) = self.run.or(self.session.filter(|_| self.agent.or(self.agent_kind).is_some())) {
            let issuer = text(self.user_id.or(self.user));
            event.set_if("delegation", object([("uid", Some(uid.into())), ("issuer_uid", issuer)]));
        }
        if let Some(model) = columns.text("model") {
            columns.said("model");
            let provider = columns.text("provider").unwrap_or(UNKNOWN);
            event.set("ai_model", json!({"name": model, "ai_provider": provider}));
        }
    }

    /// The person.
    pub fn user(&self) -> Option<Value> {
        self.user.or(self.user_id)?;
        let groups = self.team.map(|team| json!([{"name": team}]));
        object([("name", text(self.user)), ("uid", text(self.user_id)), ("groups", groups)])
    }

    /// The person, where there must be one.
    pub fn some_user(&self) -> Value {
        self.user().unwrap_or_else(nobody)
    }

    /// The session of the person's agent.
    pub fn session(&self) -> Option<Value> {
        self.session.map(|session| json!({"uid": session}))
    }

    /// The person in a session.
    pub fn actor(&self) -> Option<Value> {
        object([("user", self.user()), ("session", self.session())])
    }

    /// The agent, apart from the sensors that OCSF calls agents.
    pub fn agent(&self) -> Option<Value> {
        self.agent.or(self.agent_kind)?;
        object([
            ("uid", text(self.agent)),
            ("name", text(self.agent_kind.or(self.agent))),
            ("instance_uid", text(self.session)),
        ])
    }

    /// The name of the agent's program.
    pub fn program(&self) -> Option<&'a str> {
        self.agent_kind.or(self.agent)
    }

    /// The workspace as a machine.
    pub fn device(&self) -> Option<Value> {
        self.workspace.or(self.workspace_name)?;
        let (uid, name) = (text(self.workspace), text(self.workspace_name));
        object([("type_id", Some(6.into())), ("type", Some("Virtual".into())), ("uid", uid), ("name", name)])
    }

    /// The workspace as an end of a connection.
    pub fn endpoint(&self) -> Option<Value> {
        object([("uid", text(self.workspace)), ("name", text(self.workspace_name))])
    }

    /// The workspace as a thing that is managed.
    pub fn workspace(&self) -> Option<(Option<&'a str>, Option<&'a str>)> {
        self.workspace.or(self.workspace_name).map(|_| (self.workspace, self.workspace_name))
    }
}

/// A person whom nobody names, where there must be one.
fn nobody() -> Value {
    json!({"name": UNKNOWN, "type_id": 0, "type": UNKNOWN})
}

/// An end of a connection that nobody names, where there must be one.
pub fn nowhere() -> Value {
    json!({"name": UNKNOWN})
}

/// Puts a host into an end of a connection or a thing: an address, a name, or what is neither.
pub fn host(host: &str, version: Version) -> (&'static str, Value) {
    let name = match host.parse::<std::net::IpAddr>() {
        Ok(_) => "ip",
        Err(_) if is_hostname(host, version) => "hostname",
        Err(_) => "name",
    };
    (name, host.into())
}

/// Whether `hostname_t` takes it. Version 1.1 has a pattern for it: labels of letters, digits and inner hyphens.
pub fn is_hostname(host: &str, version: Version) -> bool {
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    version > Version::V1_1 || host.split('.').all(is_label)
}
