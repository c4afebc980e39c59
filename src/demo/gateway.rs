//! The model gateway of the demo: before a call it asks the team's hard budget for money, and afterwards says what the call cost. What a
//! budget refuses does not happen, so nothing of it is sent.

use std::collections::{BTreeMap, BTreeSet};

use export::tls::ClientTls;
use generator::{Fleet, Wire};
use ingest::price::{Billing, PriceTable, Tokens};
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};

use crate::client::{client_builder, not_reached};
use crate::exit::Failure;

/// What is kept for a call: more than any of the demo's costs, in micro-USD.
const CALL_MICROS: u64 = 2_500_000;

/// The gateway, and what it knows of calls that are under way.
pub struct Gateway {
    client: Client,
    base: Url,
    secret: String,
    prices: PriceTable,
    /// Whose money the calls of a person's agents are, by the person's id: the name of the team is that of its budget.
    teams: BTreeMap<String, &'static str>,
    /// The model of each call for which money is kept, by its id.
    open: BTreeMap<String, String>,
    /// Calls that were refused: nothing more is to be told of them.
    refused: BTreeSet<String>,
    /// Teams whose last call was refused.
    exhausted: BTreeSet<&'static str>,
}

/// What becomes of a record.
#[derive(Debug, PartialEq, Eq)]
pub enum Passage {
    /// It is sent.
    Free,
    /// It belongs to a call that is refused, the first of this team since one was granted.
    Refused(String),
    /// It belongs to another call that is refused.
    Silent,
}

impl Gateway {
    /// Asks the console at this address.
    pub fn new(console: &str, secret: String, fleet: &Fleet) -> Result<Self, Failure> {
        let base = Url::parse(&format!("http://{console}/api/v1/budgets/"))?;
        let client = client_builder(&base, &ClientTls::default())?.build()?;
        let teams = fleet.agents().iter().map(|agent| (agent.user_id.clone(), agent.team)).collect();
        let (open, refused, exhausted) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Ok(Self { client, base, secret, prices: PriceTable::embedded(), teams, open, refused, exhausted })
    }

    /// Looks at a record before it is sent.
    pub async fn pass(&mut self, wire: &Wire) -> Result<Passage, Failure> {
        // All records of the gateway say which call they are of; most others do not get this far.
        if !wire.body.contains("interception_id") {
            return Ok(Passage::Free);
        }
        let line: Value = serde_json::from_str(&wire.body).unwrap_or_default();
        let record = &line["fields"];
        let Some(call) = record["interception_id"].as_str().map(str::to_owned) else { return Ok(Passage::Free) };
        let record_type = record["record_type"].as_str();
        let is_refused = if record_type == Some("interception_end") {
            self.refused.remove(&call)
        } else {
            self.refused.contains(&call)
        };
        if is_refused {
            return Ok(Passage::Silent);
        }
        match record_type {
            Some("interception_start") => self.reserve(call, record).await,
            Some("token_usage") => self.commit(&call, record).await,
            _ => Ok(Passage::Free),
        }
    }

    async fn reserve(&mut self, call: String, record: &Value) -> Result<Passage, Failure> {
        let text = |name: &str| record[name].as_str().unwrap_or_default();
        let Some(team) = self.teams.get(text("initiator_id")).copied() else { return Ok(Passage::Free) };
        let asked = json!({ "id": call, "budgets": [team, "all"], "micros": CALL_MICROS, "ttl_seconds": 600 });
        match self.ask("reserve", &asked).await? {
            StatusCode::PAYMENT_REQUIRED => {
                self.refused.insert(call);
                let is_news = self.exhausted.insert(team);
                Ok(if is_news { Passage::Refused(team.to_owned()) } else { Passage::Silent })
            }
            // Where there is no such budget, or nobody can say, calls go on.
            status if status.is_success() => {
                self.exhausted.remove(team);
                self.open.insert(call, text("model").to_owned());
                Ok(Passage::Free)
            }
            _ => Ok(Passage::Free),
        }
    }

    async fn commit(&mut self, call: &str, record: &Value) -> Result<Passage, Failure> {
        let Some(model) = self.open.remove(call) else { return Ok(Passage::Free) };
        let count = |name: &str| record[name].as_i64().unwrap_or_default();
        let tokens = Tokens {
            input: count("input_tokens"),
            output: count("output_tokens"),
            cache_read: count("cache_read_input_tokens"),
            cache_write: count("cache_write_input_tokens"),
            billing: Billing::default(),
        };
        let cost = self.prices.cost(&model, tokens).unwrap_or_default();
        self.ask("commit", &json!({ "id": call, "micros": cost.as_micros() })).await?;
        Ok(Passage::Free)
    }

    async fn ask(&self, action: &str, body: &Value) -> Result<StatusCode, Failure> {
        let request = self.client.post(self.base.join(action)?).bearer_auth(&self.secret);
        let request = request.header("content-type", "application/json").body(body.to_string());
        Ok(request.send().await.map_err(|error| not_reached(&self.base, error))?.status())
    }
}
