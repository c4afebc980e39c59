//! Who works in the corpus: agents with their people, teams, workspaces and sources. Nothing of what they do.

use crate::notation::Work;
use crate::numbers::Numbers;
use crate::values::{drawn, uuid};

/// The product that an agent is, which decides which source tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Claude Code, by its hooks.
    ClaudeCode,
    /// Codex, by its hooks.
    Codex,
    /// A product that sends native events.
    Native,
}

impl Product {
    /// The name of its model.
    pub const fn model(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ClaudeCode => ("anthropic", "claude-sonnet-5", "Claude Code"),
            Self::Codex => ("openai", "gpt-5.6-sol", "Codex"),
            Self::Native => ("anthropic", "claude-sonnet-5", "Unknown"),
        }
    }
}

/// An agent in its workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its number in the corpus.
    pub number: usize,
    /// What it mostly does.
    pub work: Work,
    /// What it is.
    pub product: Product,
    /// For whom it works, by name,
    pub user: String,
    /// and by id.
    pub user_id: String,
    /// That person's team.
    pub team: String,
    /// The workspace's id,
    pub workspace: String,
    /// and name.
    pub workspace_name: String,
    /// The workspace's template.
    pub template: String,
    /// The repository that it works in.
    pub repository: String,
    /// The id of its key at the gateway.
    pub api_key: String,
}

impl Agent {
    /// The folder of its repository.
    pub fn directory(&self) -> String {
        format!("/home/coder/{}", self.repository)
    }
}

const PEOPLE: &[&str] =
    &["mira", "tomas", "noor", "kai", "sofia", "ravi", "elif", "jun", "petra", "omar", "anouk", "luca"];
const TEAMS: [(&str, &[&str]); 5] = [
    ("storefront", &["checkout-web", "catalog-api", "cart-service"]),
    ("payments", &["refunds", "ledger-core", "invoice-worker"]),
    ("insights", &["sales-analysis", "churn-model", "metrics-notebooks"]),
    ("platform", &["infra-live", "cluster-config", "deploy-tools"]),
    ("docs", &["handbook", "developer-site", "research-notes"]),
];

/// The agent with this number. Its work and seed decide everything else.
pub fn agent(number: usize, work: Work, seed: u64) -> Agent {
    let mut numbers = Numbers(seed ^ ((number as u64 + 1) << 20));
    let (team, repositories) = TEAMS[Work::ALL.iter().position(|kind| *kind == work).unwrap_or_default()];
    let repository = repositories[number % repositories.len()].to_owned();
    let product =
        [Product::ClaudeCode, Product::ClaudeCode, Product::Codex, Product::Native][numbers.below(4) as usize];
    let user = format!("{}{}", PEOPLE[number % PEOPLE.len()], number / PEOPLE.len());
    Agent {
        number,
        work,
        product,
        user,
        user_id: uuid(&mut numbers),
        team: team.to_owned(),
        workspace: uuid(&mut numbers),
        workspace_name: format!("{repository}-{}", drawn(&mut numbers, b"0123456789abcdef", 4)),
        template: format!("0ba39c92-1f1b-4c32-aa3e-9925d7713eb{}", work as u8),
        repository,
        api_key: drawn(&mut numbers, b"abcdefghkmnpqrstuvwxyzABCDEFGH23456789", 10),
    }
}
