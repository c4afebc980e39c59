//! Tachograph, the sealed flight recorder for fleets of autonomous coding agents: the table of contents of the program.
//!
//! | command | file |
//! |---|---|
//! | `init` | `init.rs` |
//! | `demo` | `demo.rs`, with its parts in `demo/`; its fleet: the package `generator` |
//! | `serve` | `serve.rs`, with its parts in `serve/` |
//! | `collect` | `collect.rs`, with its part in `collect/`; spool and delivery: the package `collect` |
//! | `verify` | `verify.rs` |
//! | `proof` | `prove.rs` |
//! | `backup` | `backup.rs` |
//! | `sql` | `sql.rs` |
//! | `tail` | `tail.rs` |
//! | `fleet` | `fleet.rs` |
//! | `session` | `session.rs` |
//! | `alerts` | `alerts.rs`, with its parts in `alerts/` |
//! | `budgets` | `budgets.rs` |
//! | `token` | `token.rs`; what a token is: `operations/src/access.rs` |
//! | `collectors` | `collectors.rs`; what each source needs: `dashboards/src/recipes.rs` |
//! | `hook` | `hook.rs`, with its parts in `hook/` |
//! | `sinks` | `sinks.rs` |
//! | `route` | `route.rs` |
//! | `rules` | `rules.rs`, with its parts in `rules/`; `rules canary`: `canary.rs` |
//! | `config` | `config.rs`; the file itself: `settings.rs`; the certificate that it names: `certificate.rs` |
//! | `doctor` | `doctor.rs` |
//!
//! `sql`, `tail`, `fleet`, `session`, `proof`, `alerts`, `budgets`, `collectors`, `token`, `sinks` and `doctor` ask through `client.rs`, of a server's address, of the server that runs on
//! a directory (its socket: `control.rs`), or in this process; everything is printed by `output.rs`, and every end of the program is in `exit.rs`.

// Tests stop at the first thing that they did not expect; the lints are for code that users run.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod alerts;
mod backup;
mod budgets;
mod canary;
mod certificate;
mod cli;
mod client;
mod collect;
mod collectors;
mod config;
mod control;
mod demo;
mod doctor;
mod endpoints;
mod exit;
mod fleet;
mod hook;
mod init;
mod limits;
mod logging;
mod login;
mod output;
mod prove;
mod receipts;
mod render;
mod route;
mod rules;
mod serve;
mod session;
mod settings;
mod sinks;
mod sql;
mod status;
mod tail;
mod token;
mod verify;

// Named for its features only: see the root's dependencies.
use futures_executor as _;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use exit::CommandResult;
use tikv_jemallocator::Jemalloc;

/// The C library's allocator keeps what each thread freed; this one returns it after ten seconds. `_RJEM_MALLOC_CONF=dirty_decay_ms:0` returns
/// it at once: 100 MiB less at full speed, for a fifth more CPU time.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // An agent would take the exit code of a wrong option for a decision.
        Err(error) if hook::is_called() && error.use_stderr() => return hook::excuse(&error.to_string()),
        Err(error) => error.exit(),
    };
    run(cli).unwrap_or_else(|failure| failure.report())
}

fn run(cli: Cli) -> CommandResult {
    // A server says what it does; of a command its output is enough.
    let default = if matches!(cli.command, Command::Serve(_) | Command::Collect(_)) { "info" } else { "warn" };
    logging::start(cli.log_format, cli.log.as_deref().unwrap_or(default))?;
    match cli.command {
        Command::Init(arguments) => init::run(arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Collect(arguments) => collect::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Proof(arguments) => prove::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Sql(arguments) => sql::run(&arguments),
        Command::Tail(arguments) => tail::run(&arguments),
        Command::Fleet(arguments) => fleet::run(&arguments),
        Command::Session(command) => session::run(command),
        Command::Alerts(command) => alerts::run(command),
        Command::Budgets(command) => budgets::run(command),
        Command::Login(arguments) => login::run(&arguments),
        Command::Token(command) => token::run(command),
        Command::Collectors(command) => collectors::run(command),
        Command::Hook(arguments) => hook::run(arguments),
        Command::Sinks(command) => sinks::run(command),
        Command::Receipts(command) => receipts::run(&command),
        Command::Export(command) => render::run(&command),
        Command::Rules(command) => rules::run(command),
        Command::Route(command) => route::run(command),
        Command::Config(command) => config::run(command),
        Command::Doctor(arguments) => doctor::run(&arguments),
    }
}
