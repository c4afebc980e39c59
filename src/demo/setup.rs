//! What a demo runs with: a data directory with tokens, a file of names, and a configuration as an operator would write it.
//!
//! The history is read in without sinks: it is nobody's news. They stand in the configuration that is in effect from the first live second
//! on, which the running server reads as any other new one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use generator::{Agent, Door, Fleet, Rhythm, Speed};
use ledger::{Options, Store};
use operations::access::{NewToken, Principal, Role, TokenService, Tokens, Trust};

use super::inbox::InboxName;
use crate::exit::Failure;

/// The cap of a team's day.
const TEAM_CAP_USD: u32 = 40;
/// What workspaces cost: those of the last template run on larger machines.
const RATES: &str = include_str!("rates.toml");
/// The name of the log.
const LOG_NAME: &str = "demo.example/agents";

/// Who may send.
#[derive(Debug, Default)]
pub struct Secrets {
    /// By door.
    tokens: BTreeMap<Door, String>,
    /// The model gateway's, with which it asks hard budgets.
    gateway: String,
}

impl Secrets {
    /// What is shown at a door.
    pub fn of(&self, door: Door) -> &str {
        self.tokens.get(&door).map_or("", String::as_str)
    }

    /// What the model gateway shows at the console.
    pub fn gateway(&self) -> &str {
        &self.gateway
    }
}

/// The collector that takes what comes by a door, of the days before or of now.
pub fn collector(door: Door, is_history: bool) -> &'static str {
    match door {
        Door::Coderd if is_history => "coderd-history",
        Door::CoderdEu if is_history => "coderd-eu-history",
        Door::Hooks(_) if is_history => "hooks-history",
        _ => door.collector(),
    }
}

/// The collectors of all doors. What the days before bring is read in later and marked so: it is nobody's news, and no lag.
fn collectors() -> String {
    let doors = [Door::Coderd, Door::CoderdEu, Door::Hooks(0)];
    let all = doors.into_iter().flat_map(|door| [(door, false), (door, true)]);
    let tables = all.map(|(door, is_history)| {
        let (name, dialect) = (collector(door, is_history), door.dialect());
        let backfill = if is_history { "backfill = true\n" } else { "" };
        format!("[[collector]]\nname = \"{name}\"\ntransport = \"http\"\ndialect = \"{dialect}\"\n{backfill}\n")
    });
    tables.collect()
}

/// Where everything of a demo lies, and what it is set to.
#[derive(Debug, Clone)]
pub struct Setup {
    directory: PathBuf,
    console: SocketAddr,
    ingest: SocketAddr,
    rhythm: Rhythm,
    speed: Speed,
}

impl Setup {
    /// In this directory, at these addresses.
    pub fn new(directory: &Path, console: SocketAddr, ingest: SocketAddr, rhythm: Rhythm, speed: Speed) -> Self {
        Self { directory: directory.to_owned(), console, ingest, rhythm, speed }
    }

    /// How fast time passes.
    pub fn speed(&self) -> Speed {
        self.speed
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.directory.join("tachograph.toml")
    }

    /// The file of labels, which no part of the server reads.
    pub fn labels(&self) -> PathBuf {
        self.directory.join("labels.ndjson")
    }

    /// Makes the data directory with tokens for all doors, the names, and the configuration for the history.
    pub fn make(&self, fleet: &Fleet) -> Result<Secrets, Failure> {
        let data = self.data();
        Store::init(&data, LOG_NAME)?;
        let store = Store::open(&data, Options { reserve_bytes: 0, ..Options::default() })?;
        let secrets = tokens(&store, fleet);
        store.stop();
        self.write("names.toml", &names(fleet))?;
        self.write("rates.toml", RATES)?;
        for inbox in InboxName::ALL {
            self.write(inbox.as_str(), "demo\n")?;
        }
        self.configure(None)?;
        secrets
    }

    /// Writes the configuration: with sinks that send to the inboxes at this address and the hard budgets of these teams, or without.
    pub fn configure(&self, live: Option<(SocketAddr, &Fleet)>) -> Result<(), Failure> {
        let mut text = self.text();
        if let Some((address, fleet)) = live {
            text += &self.sinks(address);
            text += &self.budgets(fleet);
        }
        self.write("tachograph.toml", &text)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.directory.join(name);
        Ok(std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?)
    }

    /// A path as TOML writes it.
    fn quoted(&self, name: &str) -> String {
        toml::Value::String(self.directory.join(name).display().to_string()).to_string()
    }

    /// A budget for each team and one for all, far above what a common day costs.
    fn budgets(&self, fleet: &Fleet) -> String {
        let offset = self.rhythm.utc_offset_minutes();
        let teams: BTreeSet<&str> = fleet.agents().iter().map(|agent| agent.team).collect();
        let budget = |name: &str, cap_usd: u32, scope: &str| {
            format!(
                "[[budget]]\nname = \"{name}\"\ncap_usd = {cap_usd}\nperiod = \"day\"\nutc_offset_minutes = {offset}\n{scope}\n"
            )
        };
        let of_teams = teams.iter().map(|team| budget(team, TEAM_CAP_USD, &format!("team = \"{team}\"\n")));
        let all = budget("all", TEAM_CAP_USD * teams.len() as u32, "");
        format!("\n# What the gateway asks before each call.\n{all}{}", of_teams.collect::<String>())
    }

    fn text(&self) -> String {
        let Self { console, ingest, .. } = self;
        let (data, names, rates) = (self.quoted("data"), self.quoted("names.toml"), self.quoted("rates.toml"));
        let offset = self.rhythm.utc_offset_minutes();
        // What waits for silence waits for seconds here, so that somebody sees it; no rule takes less than ten.
        let seconds = |life: i64| self.speed.scale(life).max(10);
        let (notice, warning, critical) = (seconds(20), seconds(40).max(11), seconds(120).max(12));
        let (least, most) = (seconds(20), seconds(60));
        let collectors = collectors();
        format!(
            "# The configuration of `tachograph demo`.\n\
             [store]\ndata = {data}\nseal_seconds = 60\n\n\
             [listen]\nconsole = \"{console}\"\ningest = \"{ingest}\"\n\n\
             [ingest]\nnames = {names}\n\n\
             # What workspaces cost.\n\
             [compute]\nrates = {rates}\n\n\
             {collectors}\
             # Shorter than in life, so that somebody sees it happen.\n\
             [detect.rules.\"agent.stuck\"]\nnotice_seconds = {notice}\nwarning_seconds = {warning}\ncritical_seconds = {critical}\n\n\
             [detect.rules.\"collector.silent\"]\nleast_seconds = {least}\nmost_seconds = {most}\nlearn_events = 20\n\n\
             # The fleet's day.\n\
             [detect.rules.\"spend.rate\"]\nutc_offset_minutes = {offset}\n\n\
             [detect.rules.\"spend.budget\"]\nutc_offset_minutes = {offset}\n"
        )
    }

    /// The sinks and what goes where.
    fn sinks(&self, address: SocketAddr) -> String {
        let secret = |inbox: InboxName| {
            toml::Value::String(format!("file:{}", self.directory.join(inbox.as_str()).display())).to_string()
        };
        let [slack, pagerduty, splunk] = InboxName::ALL.map(secret);
        format!(
            "\n# Receivers of the demo, on this machine.\n\
             [[sink]]\nname = \"slack\"\ntype = \"slack\"\ntoken = {slack}\nchannel = \"C0DEMO\"\n\
             api = \"http://{address}/slack/api\"\nallow_private = true\ninterval_ms = 50\n\n\
             [[sink]]\nname = \"pagerduty\"\ntype = \"pagerduty\"\nrouting_key = {pagerduty}\n\
             url = \"http://{address}/pagerduty/v2/enqueue\"\nallow_private = true\ninterval_ms = 50\n\n\
             [[sink]]\nname = \"splunk\"\ntype = \"splunk_hec\"\ntoken = {splunk}\nurl = \"http://{address}\"\n\
             gzip = false\nallow_private = true\nstart = \"now\"\n\n\
             [[route]]\nname = \"on call\"\nreceivers = [\"pagerduty\"]\nseverity = \"high\"\ncontinue = true\n\n\
             [[route]]\nname = \"the team's channel\"\nreceivers = [\"slack\"]\nseverity = \"low\"\n"
        )
    }
}

fn tokens(store: &Store, fleet: &Fleet) -> Result<Secrets, Failure> {
    let operations = store.operations();
    let service = TokenService::new(Tokens::load(operations.reader())?, Some(operations.appender()));
    let principal = Principal::local();
    let mut secrets = Secrets::default();
    for door in [Door::Coderd, Door::CoderdEu] {
        let new = NewToken { trust: Trust::ControlPlane, ..new_token(door.collector(), door) };
        secrets.tokens.insert(door, service.create(new, &principal)?.secret.reveal().to_owned());
    }
    let gateway = NewToken { roles: vec![Role::Budget], dialects: Vec::new(), ..new_token("ai-gateway", Door::Coderd) };
    service.create(gateway, &principal)?.secret.reveal().clone_into(&mut secrets.gateway);
    for agent in fleet.agents() {
        let door = Door::Hooks(agent.number);
        let created = service.create(of_workspace(agent, door), &principal)?;
        secrets.tokens.insert(door, created.secret.reveal().to_owned());
    }
    Ok(secrets)
}

fn new_token(name: &str, door: Door) -> NewToken {
    NewToken {
        name: name.to_owned(),
        roles: vec![Role::Ingest],
        content: false,
        dialects: vec![door.dialect().to_owned()],
        trust: Trust::Agent,
        workspace: None,
        user: None,
        team: None,
        org: None,
    }
}

/// A workspace's own token, which says whose its hooks are.
fn of_workspace(agent: &Agent, door: Door) -> NewToken {
    NewToken {
        workspace: Some(agent.workspace.clone()),
        user: Some(agent.user.clone()),
        team: Some(agent.team.to_owned()),
        org: Some(generator::ORGANISATION.to_owned()),
        ..new_token(&agent.name, door)
    }
}

/// Who is who, as an operator reads it out of Coder's database.
fn names(fleet: &Fleet) -> String {
    let mut text = String::from("[api_keys]\n");
    let mut users = BTreeMap::new();
    // Writing to a text cannot fail.
    for agent in fleet.agents() {
        let _ = writeln!(text, "{} = \"{}\"", agent.api_key, agent.api_key_name());
        users.insert(&agent.user_id, agent);
    }
    for (id, agent) in users {
        let _ = writeln!(text, "\n[users.{id}]\nname = \"{}\"\nteam = \"{}\"", agent.user, agent.team);
    }
    for agent in fleet.agents() {
        let Agent { workspace, name, team, template, .. } = agent;
        let org = generator::ORGANISATION;
        let _ = writeln!(
            text,
            "\n[workspaces.{workspace}]\nname = \"{name}\"\nteam = \"{team}\"\norg = \"{org}\"\ntemplate = \"{template}\""
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use generator::{Generator, Scale};

    use super::*;
    use crate::settings;

    #[test]
    fn both_configurations_are_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let generator = Generator::new(1, Scale::default());
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        for speed in [Speed::LIFE, Speed::times(0.5), Speed::times(100.0)] {
            let path = directory.path().join(format!("{speed:?}"));
            std::fs::create_dir(&path).unwrap();
            let setup = Setup::new(&path, local, local, Rhythm::at(0), speed);
            let secrets = setup.make(generator.fleet()).unwrap();
            assert!(!secrets.of(Door::Coderd).is_empty() && !secrets.of(Door::Hooks(45)).is_empty());
            setup.configure(Some((local, generator.fleet()))).unwrap();
            let examined = settings::examine(&setup.configuration()).unwrap();
            assert!(examined.problems.is_empty(), "{examined:?}");
            let loaded = settings::load(&setup.configuration()).unwrap();
            assert_eq!((loaded.settings.sinks.len(), loaded.settings.budgets.len()), (3, 5));
        }
    }
}
