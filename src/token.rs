//! `tachograph token`: creates, lists and revokes tokens, of a server or on a data directory. Each step is an entry of the
//! `operations` ledger: by the owner of the token that was shown or, on a directory, by `local`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use operations::access::{NewToken, Role, Trust};
use serde::Deserialize;
use serde_json::Value;

use crate::cli::Output;
use crate::client::{Target, segment};
use crate::exit::CommandResult;
use crate::output::{self, Format, Table};

/// The commands on tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a token and print its secret, once.
    Create(Create),
    /// List the tokens.
    List(List),
    /// Stop accepting a token.
    Revoke(Revoke),
}

/// Arguments of `token create`.
#[derive(Debug, Args)]
pub struct Create {
    /// Name of the person or system that will show the token.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it may do: ingest, analyst, admin, auditor or budget; may be given several times.
    #[arg(long, value_name = "ROLE", required = true)]
    role: Vec<Role>,
    /// A dialect that it may send; may be given several times; every one if not given.
    #[arg(long, value_name = "DIALECT")]
    dialect: Vec<String>,
    /// The most trust that its records get: `control_plane`, gateway, host, workspace or agent.
    #[arg(long, value_name = "TRUST", default_value_t = Trust::Agent)]
    trust: Trust,
    /// The workspace that its records belong to, whatever they say.
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// The person for whom its sender works, whatever its records say.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The team that its records belong to, whatever they say.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// The organisation that its records belong to, whatever they say.
    #[arg(long, value_name = "NAME")]
    org: Option<String>,
    /// Let it read content: prompts, commands, tool input and output.
    #[arg(long)]
    content: bool,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `token list`.
#[derive(Debug, Args)]
pub struct List {
    /// Also those that were revoked.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `token revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// Id of the token, as `token list` prints it.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub fn run(command: Command) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Create(arguments) => create(arguments).await,
            Command::List(arguments) => list(&arguments).await,
            Command::Revoke(arguments) => revoke(&arguments).await,
        }
    })
}

async fn create(arguments: Create) -> CommandResult {
    let Create { name, role, dialect, trust, workspace, user, team, org, content, target, output } = arguments;
    let new = NewToken { name, roles: role, content, dialects: dialect, trust, workspace, user, team, org };
    let created = target.post("/api/v1/tokens", serde_json::to_string(&new)?).await?;
    match output.format {
        Format::Json => output::print_json(&created)?,
        Format::Table => {
            let text = |name: &str| output::visible(created[name].as_str().unwrap_or_default());
            // The secret alone goes to standard output, so that `TOKEN=$(tachograph token create …)` works.
            output::print_line(&text("secret"))?;
            let (id, position) = (text("id"), text("position"));
            eprintln!("Token {id}, recorded at {position}. This is the only time that its secret is shown.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One token as a table shows it.
#[derive(Deserialize)]
struct Listed {
    token: String,
    name: String,
    roles: Vec<Role>,
    #[serde(default)]
    content: bool,
    #[serde(default)]
    dialects: Vec<String>,
    trust: Trust,
    workspace: Option<String>,
    user: Option<String>,
    team: Option<String>,
    org: Option<String>,
    created: String,
    #[serde(default)]
    revoked: String,
}

async fn list(arguments: &List) -> CommandResult {
    let api = arguments.target.open()?;
    let (mut tokens, mut cursor) = (Vec::new(), None);
    loop {
        let mut parameters = vec![("all", arguments.all.to_string()), ("limit", api::limits::PAGE_MAX.to_string())];
        parameters.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let mut page = api.get("/api/v1/tokens", &parameters).await?;
        match page["tokens"].take() {
            Value::Array(more) if !more.is_empty() => tokens.extend(more),
            _ => break,
        }
        match page["next"].take() {
            Value::String(next) => cursor = Some(next),
            _ => break,
        }
    }
    match arguments.output.format {
        Format::Json => output::print_json(&tokens)?,
        Format::Table => {
            let tokens: Vec<Listed> = serde_json::from_value(tokens.into())?;
            output::print(&table(&tokens))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn table(tokens: &[Listed]) -> String {
    let mut table = Table::new(&["id", "name", "roles", "dialects", "trust", "bound to", "created", "revoked"]);
    for token in tokens {
        let roles: Vec<&str> = token.roles.iter().map(|role| role.as_str()).collect();
        let roles = if token.content { roles.join(",") + "+content" } else { roles.join(",") };
        let dialects = if token.dialects.is_empty() { "every".to_owned() } else { token.dialects.join(",") };
        let Listed { workspace, user, team, org, .. } = token;
        let bound = [("workspace", workspace), ("user", user), ("team", team), ("org", org)];
        let bound = bound.iter().filter_map(|(what, id)| id.as_ref().map(|id| format!("{what}={id}")));
        let bound = bound.collect::<Vec<_>>().join(" ");
        let trust = token.trust.as_str();
        table.row([&token.token, &token.name, &roles, &dialects, trust, &bound, &token.created, &token.revoked]);
    }
    table.render()
}

async fn revoke(arguments: &Revoke) -> CommandResult {
    let path = format!("/api/v1/tokens/{}/revoke", segment(&arguments.id));
    let revoked = arguments.target.post(&path, String::new()).await?;
    match arguments.output.format {
        Format::Json => output::print_json(&revoked)?,
        Format::Table => {
            let text = |name: &str| output::visible(revoked[name].as_str().unwrap_or_default());
            output::print_line(&format!(
                "Revoked {} of {}, recorded at {}.",
                text("id"),
                text("name"),
                text("position")
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
