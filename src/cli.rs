//! The command line: names, help and defaults. What the commands do stands in their own files.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::logging::LogFormat;
use crate::output::Format;
use crate::{
    alerts, backup, budgets, collect, collectors, config, demo, doctor, fleet, hook, init, login, prove, receipts,
    render, route, rules, serve, session, sinks, sql, tail, token, verify,
};

/// The sealed flight recorder for fleets of autonomous coding agents.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What is logged to standard error: a level, or a list such as info,ledger=debug.
    #[arg(long, global = true, value_name = "FILTER", env = "TACHOGRAPH_LOG")]
    pub log: Option<String>,
    /// The form of log lines.
    #[arg(long, global = true, value_enum, default_value_t, env = "TACHOGRAPH_LOG_FORMAT")]
    pub log_format: LogFormat,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show everything on a made-up fleet: thirty days of work, and six stories as they happen.
    Demo(demo::Arguments),
    /// Make a new data directory with its keys and empty ledgers.
    Init(init::Arguments),
    /// Collect, record, detect, answer and forward until it is stopped.
    Serve(serve::Arguments),
    /// Collect on this machine, keep what is read in a spool, and deliver it to a server that records it.
    Collect(collect::Arguments),
    /// Check a data directory: rebuild every commitment from the bytes on disk.
    Verify(verify::Arguments),
    /// Print the proof of one record, which `verify` checks without the data directory.
    Proof(prove::Arguments),
    /// Copy a data directory, also while a server writes it, and verify the copy.
    Backup(backup::Arguments),
    /// Ask a question in SQL, on a data directory or of a server.
    Sql(sql::Arguments),
    /// Print events as they are recorded.
    Tail(tail::Arguments),
    /// Show what every agent does now, whoever needs a person first.
    Fleet(fleet::Arguments),
    /// Show what a session did.
    #[command(subcommand)]
    Session(session::Command),
    /// Look at alerts, work on them, and silence them.
    #[command(subcommand)]
    Alerts(alerts::Command),
    /// Look at hard budgets: what is left, what is kept, and what was spent past them.
    #[command(subcommand)]
    Budgets(budgets::Command),
    /// Print a link that lets a person into the console once.
    Login(login::Arguments),
    /// Create, list and revoke the tokens of senders and people.
    #[command(subcommand)]
    Token(token::Command),
    /// Connect sources: what to write on both sides, a token, and when the first event arrived.
    #[command(subcommand)]
    Collectors(collectors::Command),
    /// Take what an agent's hook says on standard input; never blocks or fails the agent.
    Hook(hook::Arguments),
    /// Test the sinks of the configuration and show how far they are.
    #[command(subcommand)]
    Sinks(sinks::Command),
    /// Print what a SIEM would be sent.
    #[command(subcommand)]
    Export(render::Command),
    /// Prove what arrived at a sink: by its receipts, and by a copy that the receiver gives back.
    #[command(subcommand)]
    Receipts(receipts::Command),
    /// Say what detectors look for; check, test and backtest rules of your own.
    #[command(subcommand)]
    Rules(rules::Command),
    /// Show to whom an alert goes, and why.
    #[command(subcommand)]
    Route(route::Command),
    /// Check a configuration file, or print the reference of all settings.
    #[command(subcommand)]
    Config(config::Command),
    /// Look at what usually goes wrong, and say what to do about it.
    Doctor(doctor::Arguments),
}

/// Where the data is: named directly, or by the configuration of the server.
#[derive(Debug, Clone, Args)]
pub struct DataLocation {
    /// The data directory [default: the configuration's, or ./data].
    #[arg(long, value_name = "DIR", env = "TACHOGRAPH_DATA")]
    pub data: Option<PathBuf>,
    /// The configuration file of the server.
    #[arg(long, value_name = "FILE", env = "TACHOGRAPH_CONFIG")]
    pub config: Option<PathBuf>,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, Args)]
pub struct Output {
    /// The form of the output.
    #[arg(short = 'o', long = "output", value_enum, default_value = "table")]
    pub format: Format,
}
