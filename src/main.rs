//! Tachograph, the sealed flight recorder for fleets of autonomous coding agents: the table of contents of the program.
//!
//! | command | file |
//! |---|---|
//! | `init` | `init.rs` |
//! | `serve` | `serve.rs`, with its parts in `serve/` |
//! | `verify` | `verify.rs` |
//! | `sql` | `sql.rs` |
//! | `tail` | `tail.rs` |
//! | `token` | `token.rs`; what a token is: `access.rs` |
//! | `sinks` | `sinks.rs` |
//! | `config` | `config.rs`; the file itself: `settings.rs` |

// Tests stop at the first thing that they did not expect; the lints are for code that users run.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod access;
mod cli;
mod control;
mod exit;
mod init;
mod limits;
mod logging;
mod output;
mod settings;
mod token;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use exit::Outcome;

fn main() -> ExitCode {
    run(Cli::parse()).unwrap_or_else(|failure| failure.report())
}

fn run(cli: Cli) -> Outcome {
    // A server says what it does; of a command its output is enough.
    let default = if false { "info" } else { "warn" };
    logging::start(cli.log_format, cli.log.as_deref().unwrap_or(default))?;
    match cli.command {
        Command::Init(arguments) => init::run(arguments),
        Command::Token(command) => token::run(command),
    }
}
