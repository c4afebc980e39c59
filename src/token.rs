//! `tachograph token`: creates, lists and revokes tokens. Each step is an entry of the `operations` ledger.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ledger::{LedgerName, Reader};
use operations::access::{Principal, Role, Trust};
use operations::fold::Folded;
use operations::kind::Envelope;
use operations::kind::token::{self, ACTIVE, Ended, REVOKED, TOKEN, TOKEN_REVOKED};
use serde::Serialize;

use crate::access::{Directory, Secret, TokenState, hex};
use crate::cli::{Output, Place};
use crate::control::client;
use crate::control::protocol::Operation;
use crate::exit::{Failure, Outcome};
use crate::limits;
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
    place: Place,
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
    place: Place,
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
    place: Place,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub fn run(command: Command) -> Outcome {
    match command {
        Command::Create(arguments) => create(arguments),
        Command::List(arguments) => list(&arguments),
        Command::Revoke(arguments) => revoke(&arguments),
    }
}

#[derive(Serialize)]
struct Created {
    id: String,
    secret: String,
    position: String,
}

fn create(arguments: Create) -> Outcome {
    check(&arguments)?;
    let data = arguments.place.data()?;
    let active = read(&arguments.place)?.get().tokens().values().filter(|token| token.revoked.is_none()).count();
    if active >= limits::TOKENS_MAX {
        return Err(Failure::usage(format!("there are {active} active tokens, the most there may be"))
            .hint("Revoke those that nobody uses: tachograph token list"));
    }
    let mut id = [0; 8];
    getrandom::fill(&mut id)?;
    let id = format!("tok_{}", hex(&id));
    let secret = Secret::generate()?;
    let principal = Principal {
        token: id.clone(),
        name: arguments.name,
        roles: arguments.role,
        content: arguments.content,
        dialects: arguments.dialect,
        trust: arguments.trust,
        workspace: arguments.workspace,
        user: arguments.user,
        team: arguments.team,
        org: arguments.org,
    };
    let record = token::Created { hash: hex(&secret.hash()), principal };
    let envelope = Envelope { subject: &id, revision: Some(1), to: Some(ACTIVE), ..Envelope::default() };
    let entry = Operation::new(&TOKEN, &envelope, &record)?;
    let position = client::append(&data, &entry)?.position;
    let created = Created { id, secret: secret.reveal().to_owned(), position };
    match arguments.output.format {
        Format::Json => output::print_json(&created)?,
        Format::Table => {
            // The secret alone goes to standard output, so that `TOKEN=$(tachograph token create …)` works.
            output::print_line(&created.secret)?;
            eprintln!(
                "Token {}, recorded at {}. This is the only time that its secret is shown.",
                created.id, created.position
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn check(arguments: &Create) -> Result<(), Failure> {
    let texts = [&arguments.workspace, &arguments.user, &arguments.team, &arguments.org].into_iter().flatten();
    let mut texts = texts.chain(&arguments.dialect).chain([&arguments.name]);
    if texts
        .any(|text| text.is_empty() || text.len() > limits::TOKEN_NAME_BYTES_MAX || text.chars().any(char::is_control))
    {
        let max = limits::TOKEN_NAME_BYTES_MAX;
        return Err(Failure::usage(format!("names have 1 to {max} bytes and no control characters")));
    }
    if arguments.dialect.len() > limits::TOKEN_DIALECTS_MAX {
        return Err(Failure::usage(format!("a token names at most {} dialects", limits::TOKEN_DIALECTS_MAX)));
    }
    Ok(())
}

/// One token as it is listed.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    principal: &'a Principal,
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
}

impl<'a> Listed<'a> {
    fn new(token: &'a TokenState) -> Self {
        let TokenState { principal, created, revoked, .. } = token;
        Self { principal, created: output::time(*created), revoked: revoked.map(output::time) }
    }
}

fn list(arguments: &List) -> Outcome {
    let directory = read(&arguments.place)?;
    let tokens = directory.get().tokens().values().filter(|token| arguments.all || token.revoked.is_none());
    let tokens: Vec<Listed<'_>> = tokens.map(Listed::new).collect();
    match arguments.output.format {
        Format::Json => output::print_json(&tokens)?,
        Format::Table => {
            let mut table = Table::new(&["id", "name", "roles", "dialects", "trust", "bound to", "created", "revoked"]);
            for Listed { principal, created, revoked } in &tokens {
                let roles: Vec<&str> = principal.roles.iter().map(|role| role.as_str()).collect();
                let roles = if principal.content { roles.join(",") + "+content" } else { roles.join(",") };
                let dialects =
                    if principal.dialects.is_empty() { "every".to_owned() } else { principal.dialects.join(",") };
                let Principal { workspace, user, team, org, .. } = principal;
                let bound = [("workspace", workspace), ("user", user), ("team", team), ("org", org)];
                let bound = bound.iter().filter_map(|(what, id)| id.as_ref().map(|id| format!("{what}={id}")));
                let bound = bound.collect::<Vec<_>>().join(" ");
                let revoked = revoked.as_deref().unwrap_or_default();
                table.row([
                    &principal.token,
                    &principal.name,
                    &roles,
                    &dialects,
                    principal.trust.as_str(),
                    &bound,
                    created,
                    revoked,
                ]);
            }
            output::print(&table.render())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn revoke(arguments: &Revoke) -> Outcome {
    let directory = read(&arguments.place)?;
    let unknown =
        || Failure::usage(format!("there is no token {:?}", arguments.id)).hint("tachograph token list shows them.");
    let token = directory.get().tokens().get(&arguments.id).ok_or_else(unknown)?;
    if token.revoked.is_some() {
        return Err(Failure::usage(format!("the token {:?} was revoked already", arguments.id)));
    }
    let states = (Some(ACTIVE), Some(REVOKED));
    let envelope =
        Envelope { subject: &arguments.id, revision: Some(2), from: states.0, to: states.1, ..Envelope::default() };
    let entry = Operation::new(&TOKEN_REVOKED, &envelope, &Ended {})?;
    let appended = client::append(&arguments.place.data()?, &entry)?;
    match arguments.output.format {
        Format::Json => output::print_json(&appended)?,
        Format::Table => {
            let name = output::visible(&token.principal.name);
            output::print_line(&format!("Revoked {} of {name}, recorded at {}.", arguments.id, appended.position))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(place: &Place) -> Result<Folded<Directory>, Failure> {
    let reader = Reader::open(&place.data()?, LedgerName::Operations)?;
    Ok(Folded::open(reader, Directory::default())?)
}
