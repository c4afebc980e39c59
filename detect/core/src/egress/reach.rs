//! Who asked for a name before: the rarity of domains (or packages) over agents, teams and the fleet, in bounded state.
//!
//! For each name only a few agents and teams are remembered: a name with more is not rare, and then who they are does not
//! matter. What agents did is never pooled into what one of them may do: it only says how unusual it is.

use crate::egress::known::{Crowd, Familiarity, Known};
use crate::egress::request::Request;
use crate::egress::seen_agents::SeenAgents;
use crate::egress::tenant::Tenancy;
use crate::event::EventRow;
use crate::findings::Findings;
use crate::limits::{REACH_FEW, REACH_NAMES_MAX, REACH_REFRESH_SECONDS};
use crate::pack::{ShortHash, short_hash};
use crate::table::Table;
use crate::{detector_state, packed};

/// Who asked for which name, as far as it is needed to tell rare names.
#[derive(Debug)]
pub struct Reach {
    agents: SeenAgents,
    names: Table<Asked>,
}

detector_state!(Reach { agents, names });

/// One name. `noted` is the second of the latest use that counted for the table's order.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    noted: u32,
    /// Agents that wanted to reach it, refused or not.
    tried: Few,
    /// About how many those are, once they are many.
    crowd: Crowd,
    reached: Acquaintances,
    written: Acquaintances,
}
packed!(Asked { noted, tried, crowd, reached, written });

/// Agents and their teams.
#[derive(Debug, Clone, Copy, Default)]
struct Acquaintances {
    /// The second of the first one; zero if there is none.
    since: u32,
    agents: Few,
    teams: Few,
}
packed!(Acquaintances { since, agents, teams });

impl Acquaintances {
    /// Whether it would say the same and learn nothing: so many know the name that who they are does not matter.
    fn is_full(&self, team: u32) -> bool {
        self.agents.is_full() && (self.teams.is_full() || self.teams.has(team))
    }

    fn familiarity(&self, agent: u32, team: u32) -> Familiarity {
        Familiarity {
            agent: self.agents.has(agent),
            team: self.teams.is_full() || self.teams.has(team),
            others: self.agents.others(agent),
            since: (self.since != 0).then_some(i64::from(self.since)),
        }
    }

    fn insert(&mut self, agent: u32, team: u32, second: i64) {
        if self.since == 0 {
            self.since = second as u32;
        }
        self.agents.insert(agent);
        self.teams.insert(team);
    }
}

/// A set that is exact while it is small, and then only says that it is not.
#[derive(Debug, Clone, Copy, Default)]
struct Few {
    /// How many; one above the capacity means "more".
    len: u8,
    /// Three bytes of each one's hash: among so few, two meet once in four million times.
    hashes: [ShortHash; REACH_FEW as usize],
}
packed!(Few { len, hashes });

impl Few {
    fn is_full(&self) -> bool {
        u32::from(self.len) > REACH_FEW
    }

    /// How many there are without this one.
    fn others(&self, hash: u32) -> u32 {
        if self.is_full() { REACH_FEW } else { u32::from(self.len) - u32::from(self.has(hash)) }
    }

    fn has(&self, hash: u32) -> bool {
        let hash = short_hash(hash.into());
        self.hashes.iter().take(usize::from(self.len)).any(|known| *known == hash)
    }

    fn insert(&mut self, hash: u32) {
        if self.is_full() || self.has(hash) {
            return;
        }
        if let Some(free) = self.hashes.get_mut(usize::from(self.len)) {
            *free = short_hash(hash.into());
        }
        self.len += 1;
    }
}

impl Asked {
    fn known(&self, agent: u32, team: u32) -> Known {
        Known {
            tried: self.tried.others(agent),
            crowd: self.crowd,
            reached: self.reached.familiarity(agent, team),
            written: self.written.familiarity(agent, team),
        }
    }
}

impl Default for Reach {
    /// Nobody asked for anything.
    fn default() -> Self {
        Self { agents: SeenAgents::default(), names: Table::new(REACH_NAMES_MAX) }
    }
}

/// What an event does with a name, besides wanting it.
#[derive(Debug, Clone, Copy)]
struct Use {
    reaches: bool,
    writes: bool,
}

impl Reach {
    /// Notes the event's request for its destination, and says what was known before.
    pub fn note(&mut self, event: &EventRow<'_>, request: Request<'_>, findings: &mut Findings) -> Known {
        let used = Use { reaches: !request.refused, writes: !request.refused && request.sends() };
        self.note_name(event.domain(), used, event, findings)
    }

    /// Notes the request for the place that it is for, where that is one of many on a service.
    pub fn note_place(
        &mut self,
        event: &EventRow<'_>,
        request: Request<'_>,
        tenancy: Tenancy<'_>,
        findings: &mut Findings,
    ) -> Known {
        let reaches = !request.refused && tenancy.is_told() && tenancy.fetches;
        let used = Use { reaches, writes: !request.refused && request.is_write() };
        self.note_name(event.place(), used, event, findings)
    }

    /// Notes that the event asks the DNS for a name of a domain.
    pub fn note_lookup(&mut self, event: &EventRow<'_>, findings: &mut Findings) -> Known {
        self.note_name(event.domain(), Use { reaches: false, writes: false }, event, findings)
    }

    fn note_name(&mut self, name: u64, used: Use, event: &EventRow<'_>, findings: &mut Findings) -> Known {
        let second = event.recorded_second();
        self.agents.note(event.network(), second);
        let (agent, team) = (event.network() as u32, event.team() as u32);
        // What everybody asks for all the time costs one look.
        if let Some(asked) = self.names.get_mut(name)
            && asked.tried.is_full()
            && (!used.reaches || asked.reached.is_full(team))
            && (!used.writes || asked.written.is_full(team))
            && second - i64::from(asked.noted) < REACH_REFRESH_SECONDS
        {
            asked.crowd.insert(agent);
            return asked.known(agent, team);
        }
        let asked = self.names.entry(name, event, findings);
        let known = asked.known(agent, team);
        asked.noted = second as u32;
        asked.tried.insert(agent);
        asked.crowd.insert(agent);
        if used.reaches {
            asked.reached.insert(agent, team, second);
        }
        if used.writes {
            asked.written.insert(agent, team, second);
        }
        known
    }

    /// Whether requests of a team, or of so many agents that who they are does not matter, went to a destination.
    pub fn is_reached(&self, name: u64, team: u64) -> bool {
        let Some(asked) = self.names.get(name) else { return false };
        asked.reached.teams.is_full() || asked.reached.teams.has(team as u32) || asked.reached.agents.is_full()
    }

    /// Who was watched, and since when.
    pub fn agents(&self) -> &SeenAgents {
        &self.agents
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::detector_state::DetectorState as _;
    use crate::egress::known::Watched;
    use crate::fixtures;

    fn ask(second: i64, workspace: &str, team: &str, domain: &str) -> Value {
        json!({"second": second, "kind": "egress.http", "workspace": workspace, "team": team, "domain": domain})
    }

    fn note(reach: &mut Reach, events: &[Value]) -> Vec<Known> {
        let rows = fixtures::rows(events);
        let mut said = Vec::new();
        for row in rows.iter() {
            let event = EventRow::new(&row, false, fixtures::key());
            said.push(reach.note(&event, event.request().unwrap(), &mut Findings::new()));
        }
        said
    }

    #[test]
    fn rarity_is_told_by_agent_team_and_fleet() {
        let mut reach = Reach::default();
        let mut events = vec![
            ask(0, "w1", "red", "acme.example"),
            ask(5, "w1", "red", "acme.example"),
            ask(6, "w2", "red", "acme.example"),
            ask(7, "w3", "blue", "acme.example"),
        ];
        events.extend((4..20).map(|number| ask(8, &format!("w{number}"), "blue", "acme.example")));
        let said = note(&mut reach, &events);
        let reached: Vec<Familiarity> = said.iter().map(|known| Familiarity { since: None, ..known.reached }).collect();
        assert_eq!(reached[0], Familiarity { agent: false, team: false, others: 0, since: None });
        assert_eq!(reached[1], Familiarity { agent: true, team: true, others: 0, since: None });
        assert_eq!(reached[2], Familiarity { agent: false, team: true, others: 1, since: None });
        assert_eq!(reached[3], Familiarity { agent: false, team: false, others: 2, since: None });
        assert_eq!([said[0].reached.since, said[3].reached.since], [None, Some(fixtures::START)]);
        let last = reached.last().unwrap();
        assert!(last.others == REACH_FEW && !last.is_rare(REACH_FEW));
        let crowd = said.last().unwrap().crowd.count();
        // Three standard errors of so few bits.
        assert!(crowd.abs_diff(18) <= 9, "about 18: {crowd}");
        let Watched { agents, seconds } = reach.agents().watched(fixtures::START + 8);
        assert!(agents.abs_diff(19) <= 1 && seconds == 8, "about 19: {agents}");
    }

    #[test]
    fn what_was_refused_was_not_reached_and_what_was_read_was_not_written() {
        let mut refused = ask(0, "w1", "red", "acme.example");
        refused["outcome"] = json!("deny");
        let mut write = ask(2, "w3", "red", "acme.example");
        write["method"] = json!("POST");
        let events = [refused, ask(1, "w2", "red", "acme.example"), write.clone(), write];
        let said = note(&mut Reach::default(), &events);
        let others = |known: &Known| [known.tried, known.reached.others, known.written.others];
        assert_eq!([others(&said[1]), others(&said[2])], [[1, 0, 0], [2, 1, 0]]);
        assert!(!said[2].written.team && said[3].written.agent && said[3].reached.agent);
    }

    #[test]
    fn a_place_is_own_if_the_team_works_with_it_or_the_agent_did_before() {
        let check = |events: &[(i64, &str, &str, &str)], own: bool| {
            let events: Vec<Value> = events
                .iter()
                .map(|(second, workspace, team, path)| {
                    let mut event = ask(*second, workspace, team, "github.com");
                    event["path"] = json!(path);
                    event["method"] = json!(if path.contains('?') { "GET" } else { "POST" });
                    event
                })
                .collect();
            let rows = fixtures::rows(&events);
            let (mut reach, mut last) = (Reach::default(), None);
            for row in rows.iter() {
                let event = EventRow::new(&row, false, fixtures::key());
                let request = event.request().unwrap();
                let known = reach.note_place(&event, request, event.tenancy().unwrap(), &mut Findings::new());
                last = Some(known.is_own(event.second()));
            }
            assert_eq!(last, Some(own), "{events:?}");
        };
        let (clone, push) = ("/acme/x.git/info/refs?service=git-upload-pack", "/acme/x.git/git-receive-pack");
        check(&[(0, "w1", "red", push)], false);
        check(&[(0, "w1", "red", clone), (60, "w1", "red", push)], false);
        check(&[(0, "w1", "red", clone), (3_600, "w1", "red", push)], true);
        check(&[(0, "w2", "red", clone), (60, "w1", "red", push)], true);
        check(&[(0, "w2", "blue", clone), (60, "w1", "red", push)], false);
        check(&[(0, "w2", "red", push), (60, "w1", "red", push)], true);
        // What was a stranger's when it was first written to stays one.
        check(&[(0, "w1", "red", push), (9_000, "w1", "red", push)], false);
        check(&[(0, "w1", "red", clone), (60, "w1", "red", push), (9_000, "w1", "red", push)], false);
        check(&[(0, "w1", "red", clone), (60, "w1", "red", push), (90_000, "w1", "red", push)], true);
    }

    proptest! {
        #[test]
        fn a_stored_reach_goes_on_the_same(
            steps in proptest::collection::vec((0u8..7, 0u8..4, 0u8..5, 0i64..90), 0..60), cut in 0usize..60,
        ) {
            let mut second = 0;
            let events: Vec<Value> = steps.iter().map(|(workspace, team, domain, gap)| {
                second += gap;
                ask(second, &format!("w{workspace}"), &format!("t{team}"), &format!("d{domain}.example"))
            }).collect();
            let (before, after) = events.split_at(cut.min(events.len()));
            let mut whole = Reach::default();
            note(&mut whole, before);
            let mut bytes = Vec::new();
            whole.snapshot(&mut bytes).unwrap();
            let mut loaded = Reach::default();
            loaded.restore(&mut bytes.as_slice()).unwrap();
            prop_assert_eq!(note(&mut whole, after), note(&mut loaded, after));
            let (mut one, mut other) = (Vec::new(), Vec::new());
            whole.snapshot(&mut one).unwrap();
            loaded.snapshot(&mut other).unwrap();
            prop_assert_eq!(one, other);
        }
    }
}
