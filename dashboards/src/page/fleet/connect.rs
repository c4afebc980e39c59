//! What to do while nothing was recorded: how each source is connected, with this server's addresses, and whether anything came.

use askama::Template;
use axum::Form;
use axum::response::Response;
use serde_json::{Value, json};

use crate::ask::{list, number, text};
use crate::frame::Frame;
use crate::recipes::{self, OTLP, Places, Recipe};
use crate::trouble::{self, Trouble};
use crate::visit::Visit;

/// What the page about connecting shows, and a page without data.
pub struct Connect {
    /// Where senders send.
    pub ingest: String,
    pub collectors: Vec<Collector>,
    /// What to write for the sources that most have,
    pub usual: Vec<Source>,
    /// and for all others.
    pub others: Vec<Source>,
    /// Whether whoever looks may create tokens.
    pub is_admin: bool,
    /// Whether nothing was recorded yet.
    pub is_empty: bool,
    /// The secret of a token that was just created.
    pub secret: Option<String>,
    /// Why none was.
    pub trouble: Option<String>,
}

/// A source, and what to write so that it comes.
pub struct Source {
    pub title: &'static str,
    /// The collectors, as they stand in the configuration.
    pub configuration: String,
    /// What to write on the side of the sender.
    pub sender: String,
    /// The command that makes its token, if it shows one.
    pub token: Option<String>,
}

/// The sources that are shown first.
const USUAL: [&str; 3] = ["coder", "claude-code", "http"];

/// A collector of the configuration.
pub struct Collector {
    pub name: String,
    pub kind: String,
    pub place: String,
    /// The role of its colour, its shape and its word.
    pub role: &'static str,
    pub icon: &'static str,
    pub word: String,
}

impl Connect {
    /// As the server is now.
    pub async fn of(visit: &Visit) -> Result<Self, Trouble> {
        let status = visit.get("/api/v1/status").await?;
        let scheme = if status["tls"] == true { "https" } else { "http" };
        let collectors = list(&status, "endpoints").iter().filter(|endpoint| text(endpoint, "role") == "collector");
        let ingest = format!("{scheme}://{}", text(&status, "ingest"));
        let places = Places { ingest: ingest.clone(), otlp: format!("{scheme}://{}", otlp(&status)) };
        let (usual, others): (Vec<&Recipe>, Vec<&Recipe>) =
            recipes::all().partition(|recipe| USUAL.contains(&recipe.name));
        let sources = |recipes: Vec<&Recipe>| recipes.into_iter().map(|recipe| Source::of(recipe, &places)).collect();
        Ok(Self {
            ingest,
            collectors: collectors.map(Collector::of).collect(),
            usual: sources(usual),
            others: sources(others),
            is_admin: visit.principal().may(operations::access::Role::Admin),
            is_empty: number(&status["ledgers"]["events"], "entries") == 0,
            secret: None,
            trouble: None,
        })
    }
}

/// Where a collector takes OTLP over HTTP, or would.
fn otlp(status: &Value) -> &str {
    let places = list(status, "endpoints").iter().filter(|endpoint| text(endpoint, "kind") == "otlp");
    let http = |endpoint| text(endpoint, "place").split(", ").find_map(|part| part.strip_prefix("http "));
    places.into_iter().find_map(http).unwrap_or(OTLP)
}

impl Source {
    fn of(recipe: &Recipe, places: &Places) -> Self {
        let collectors: Vec<String> = recipe.needs.iter().map(recipes::Need::configuration).collect();
        let token = recipe.trust.map(|trust| {
            let dialects: Vec<String> = recipe.needs.iter().map(|need| format!("--dialect {}", need.dialect)).collect();
            let dialects = dialects.join(" ");
            format!("tachograph token create --role ingest --name {} {dialects} --trust {trust}", recipe.name)
        });
        Self {
            title: recipe.title,
            configuration: collectors.join("\n"),
            sender: recipe.told(places, "$TACHOGRAPH_TOKEN"),
            token,
        }
    }
}

impl Collector {
    fn of(endpoint: &Value) -> Self {
        let refused = number(endpoint, "refused_requests");
        let (role, icon, word) = match (text(endpoint, "state"), endpoint["last_event"].is_string()) {
            ("ok", true) => ("allow", "check", "the first event arrived".to_owned()),
            ("ok", false) if refused > 0 => {
                ("deny", "cross", format!("{refused} requests were refused: look at the token"))
            }
            ("ok", false) => ("info", "waiting", "waits for the first event".to_owned()),
            (state, _) => ("warn", "high", format!("{}: {}", state.replace('_', " "), text(endpoint, "reason"))),
        };
        Self {
            name: text(endpoint, "name").to_owned(),
            kind: text(endpoint, "kind").to_owned(),
            place: text(endpoint, "place").to_owned(),
            role,
            icon,
            word,
        }
    }
}

#[derive(Template)]
#[template(path = "connect.html")]
struct ConnectPage {
    frame: Frame,
    connect: Connect,
}

/// The page on connecting sources, whether anything was recorded or not.
pub async fn show(visit: Visit) -> Result<Response, Trouble> {
    let frame = Frame::of(&visit, &super::PAGE).await?;
    let connect = Connect::of(&visit).await?;
    trouble::page(&ConnectPage { frame, connect })
}

/// Creates a token that can send one dialect and nothing else, and shows its secret once.
pub async fn create_token(visit: Visit, Form(fields): Form<Vec<(String, String)>>) -> Result<Response, Trouble> {
    let field = |name: &str| {
        let found = fields.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    };
    let mut wanted =
        json!({ "name": field("name"), "roles": ["ingest"], "dialects": [field("dialect").unwrap_or("native")] });
    if let Some(team) = field("team") {
        wanted["team"] = team.into();
    }
    let created = visit.post("/api/v1/tokens", &wanted).await;
    let frame = Frame::of(&visit, &super::PAGE).await?;
    let mut connect = Connect::of(&visit).await?;
    match created {
        Ok(created) => connect.secret = Some(text(&created, "secret").to_owned()),
        Err(trouble) if trouble.status.is_client_error() => connect.trouble = Some(trouble.detail),
        Err(trouble) => return Err(trouble),
    }
    trouble::page(&ConnectPage { frame, connect })
}
