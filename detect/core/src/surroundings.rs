//! What the detectors know of what came before an event: the part of their shared state that the event itself can be asked for.

use operations::Money;

use crate::egress::known::{Known, Watched};
use crate::egress::reach::Reach;
use crate::egress::secret::SecretRead;
use crate::person::Person;
use crate::recent::Recent;
use crate::witness::Heard;

/// What is known about the surroundings of one event.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// What was known about the destination of a request before it; `None` for what is no request, or names none.
    pub known: Option<Known>,
    /// The same of the place that it is for, on a service where anybody has one; else of its destination.
    pub known_place: Option<Known>,
    /// What the event costs, if it is to be counted.
    pub cost: Option<Money>,
    /// What it adds to what was told of its session; `None` if it says nothing of one.
    pub heard: Option<Heard>,
    /// The latest secret-bearing read of each agent, as network policies know it; this event included.
    pub secrets: &'a Recent<SecretRead>,
    /// What the person whom an agent works for named and asked for; this event included.
    pub persons: &'a Recent<Person>,
    /// Who asked for what.
    pub reach: &'a Reach,
}

impl Surroundings<'_> {
    /// The latest secret-bearing read of an agent.
    pub fn secret(&self, network: u64) -> Option<SecretRead> {
        self.secrets.get(network)
    }

    /// What the person whom an agent works for named and asked for.
    pub fn person(&self, agent: u64) -> Person {
        self.persons.get(agent).unwrap_or_default()
    }

    /// How much was watched until `second`.
    pub fn watched(&self, second: i64) -> Watched {
        self.reach.agents().watched(second)
    }
}
