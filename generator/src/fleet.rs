//! Who works: agents with their people, teams, workspaces and models. Nothing of what they do.

use crate::numbers::Numbers;
use crate::tasks::{TEAMS, Team};
use crate::wire::Door;

/// The organisation that everybody belongs to, as Coder names it.
pub const ORGANISATION: &str = "5e0f6f5c-93a3-4f0f-9d53-1c8b41f2c701";

/// A model that runs on machines of the fleet's own, and that no table has a price for. That it has none is true all the time.
pub const UNPRICED_MODEL: &str = "qwen3-coder-local";

/// How large everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Agents in the fleet, at least as many as the stories need: 40.
    pub agents: usize,
    /// Days before now.
    pub days: u32,
    /// Sessions of an agent on a working day, about.
    pub sessions: u32,
    /// Agents that do ordinary work while somebody watches.
    pub live: usize,
}

impl Default for Scale {
    fn default() -> Self {
        Self { agents: 45, days: 30, sessions: 2, live: 24 }
    }
}

/// The stories name agents by number, up to this one.
const AGENTS_LEAST: usize = 40;

/// Where a workspace runs, which decides whose log tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// Where most are.
    Main,
    /// Where those of one team are.
    Eu,
}

/// An agent in its workspace.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Its number, from 1.
    pub number: usize,
    /// Its workspace's name, such as `ag-07`, by which people call it.
    pub name: String,
    /// Whose agents they are.
    pub team: &'static str,
    /// For whom it works, by name,
    pub user: String,
    /// and by id.
    pub user_id: String,
    /// The workspace's id.
    pub workspace: String,
    /// The workspace's template.
    pub template: String,
    /// Where it runs.
    pub region: Region,
    /// The repository that it works in.
    pub repository: &'static str,
    /// The id of the workspace's key at the gateway.
    pub api_key: String,
    /// Who serves its model, and the model.
    pub provider: &'static str,
    /// The model that it usually calls.
    pub model: &'static str,
    pub(crate) work: &'static Team,
}

impl Agent {
    /// The name of the workspace's key, by which Coder says whose it is.
    pub fn api_key_name(&self) -> String {
        format!("{}_{}_session_token", self.user_id, self.workspace)
    }

    /// The folder of its repository.
    pub(crate) fn directory(&self) -> String {
        format!("/home/coder/{}", self.repository)
    }

    /// By which door the control plane tells of it.
    pub(crate) fn control_plane(&self) -> Door {
        match self.region {
            Region::Main => Door::Coderd,
            Region::Eu => Door::CoderdEu,
        }
    }
}

/// The agents.
#[derive(Debug, Clone)]
pub struct Fleet {
    agents: Vec<Agent>,
    scale: Scale,
}

const PEOPLE: &[&str] = &[
    "mira", "tomas", "noor", "kai", "sofia", "ravi", "elif", "jun", "petra", "omar", "anouk", "luca", "amara", "boris",
    "dalia", "emre", "freya", "hana", "ines", "jonas", "kofi", "lena",
];

impl Fleet {
    /// The fleet of a seed: with its teams and people.
    pub(crate) fn new(seed: u64, scale: Scale) -> Self {
        let scale = Scale { agents: scale.agents.clamp(AGENTS_LEAST, 10_000), ..scale };
        let agents = (1..=scale.agents).filter_map(|number| agent(seed, number)).collect();
        Self { agents, scale }
    }

    /// All agents, by number.
    pub fn agents(&self) -> &[Agent] {
        &self.agents
    }

    /// How large it is.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The names of the teams.
    pub fn teams(&self) -> impl Iterator<Item = &'static str> {
        TEAMS.iter().map(|team| team.name)
    }

    /// The agent with this number.
    pub fn agent(&self, number: usize) -> Option<&Agent> {
        self.agents.get(number.checked_sub(1)?)
    }
}

/// The team of each agent: its place in the list of teams. After the last it begins anew.
const PLACES: &[u8; 45] = b"301023120121230302010321021032031121032331320";

/// The place of the team of the agent with this number.
fn place(number: usize) -> usize {
    PLACES.get((number - 1) % PLACES.len()).map_or(0, |digit| usize::from(digit - b'0'))
}

fn agent(seed: u64, number: usize) -> Option<Agent> {
    let mut numbers = Numbers::of(seed, "agent", number as u64);
    let place = place(number);
    let work = TEAMS.get(place)?;
    // Two agents work for each person, and a person's agents are of one team.
    let before = (1..number).filter(|other| self::place(*other) == place).count();
    let person = before / 2 * TEAMS.len() + place;
    let name = PEOPLE.get(person % PEOPLE.len())?;
    let user = if person < PEOPLE.len() { (*name).to_owned() } else { format!("{name}{}", person / PEOPLE.len() + 1) };
    let (provider, model) = match number % 9 {
        _ if number == 14 => ("openai", UNPRICED_MODEL),
        2 => ("anthropic", "claude-opus-5"),
        5 | 7 => ("anthropic", "claude-haiku-4-5"),
        _ => ("anthropic", "claude-sonnet-5"),
    };
    Some(Agent {
        number,
        name: format!("ag-{number:02}"),
        team: work.name,
        user,
        user_id: Numbers::of(seed, "person", person as u64).uuid(),
        workspace: numbers.uuid(),
        template: format!("b6b4f7d2-4f0e-4a8a-8a58-20c3bb8d9f1{place}"),
        region: if work.name == "data" { Region::Eu } else { Region::Main },
        repository: numbers.text(work.repositories),
        api_key: numbers.letters(10),
        provider,
        model,
        work,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everybody_is_somebody_else_and_people_have_one_team() {
        let fleet = Fleet::new(3, Scale::default());
        let distinct = |of: fn(&Agent) -> &str| fleet.agents().iter().map(of).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(|agent| &agent.name), 45);
        assert_eq!(distinct(|agent| &agent.workspace), 45);
        assert_eq!(distinct(|agent| &agent.api_key), 45);
        assert_eq!(distinct(|agent| agent.team), 4);
        assert_eq!(distinct(|agent| &agent.user), distinct(|agent| &agent.user_id));
        let teams: BTreeSet<_> = fleet.agents().iter().map(|agent| (&agent.user, agent.team)).collect();
        assert_eq!(teams.len(), distinct(|agent| &agent.user));
        assert_eq!(Fleet::new(3, Scale { agents: 0, ..Scale::default() }).agents().len(), AGENTS_LEAST);
    }
}
