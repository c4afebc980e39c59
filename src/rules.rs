//! `tachograph rules`: which detectors there are, what each looks for and what it is set to.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use detect::{DETECTORS, Spec};
use serde::Serialize;
use toml::Table as Toml;

use crate::canary;
use crate::cli::Output;
use crate::exit::{Failure, Outcome};
use crate::output::{self, Format, Table};
use crate::settings::{self, Settings};

/// The commands on rules.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List all rules.
    List(List),
    /// Show what a rule looks for and why, what else looks the same, and its parameters.
    Explain(Explain),
    /// Make decoys for secret.egress, and list them.
    #[command(subcommand)]
    Canary(canary::Command),
}

/// Arguments of `rules list`.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `rules explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Name of the rule, such as egress.denied_post.
    #[arg(value_name = "RULE")]
    rule: String,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    output: Output,
}

/// Where parameters are read.
#[derive(Debug, Args)]
pub struct Source {
    /// The configuration file [default: the built-in parameters].
    #[arg(long, value_name = "FILE", env = "TACHOGRAPH_CONFIG")]
    config: Option<PathBuf>,
}

/// A rule as programs read it.
#[derive(Debug, Serialize)]
struct Rule {
    name: &'static str,
    version: u32,
    what: &'static str,
    why: &'static str,
    false_positives: &'static str,
    tuning: &'static str,
    tags: &'static [&'static str],
    /// What happens in the examples that are its tests, and whether they give an alert.
    examples: Vec<Example>,
    parameters: Toml,
}

#[derive(Debug, Serialize)]
struct Example {
    name: &'static str,
    fires: bool,
}

/// Runs the command.
pub fn run(command: Command) -> Outcome {
    match command {
        Command::List(arguments) => list(&arguments),
        Command::Explain(arguments) => explain(&arguments),
        Command::Canary(command) => canary::run(command),
    }
}

impl Source {
    /// The configuration, or what holds without one.
    pub fn settings(&self) -> Result<Settings, Failure> {
        match &self.config {
            Some(config) => Ok(settings::load(config)?.settings),
            None => Ok(Settings::default()),
        }
    }

    /// The rule with the parameters that are in force.
    fn rules(&self) -> Result<Vec<Rule>, Failure> {
        let settings = self.settings()?;
        let all = Toml::try_from(&settings.detect.rules).context("the parameters have no TOML form")?;
        let parameters = |spec: &Spec| all.get(spec.name).and_then(|value| value.as_table()).cloned();
        Ok(DETECTORS.iter().map(|spec| Rule::of(spec, parameters(spec).unwrap_or_default())).collect())
    }
}

impl Rule {
    fn of(spec: &'static Spec, parameters: Toml) -> Self {
        let example = |example: &detect::Example| Example { name: example.name, fires: !example.alerts.is_empty() };
        Self {
            name: spec.name,
            version: spec.version,
            what: spec.what,
            why: spec.why,
            false_positives: spec.false_positives,
            tuning: spec.tuning,
            tags: spec.tags,
            examples: spec.examples.iter().map(example).collect(),
            parameters,
        }
    }

    fn enabled(&self) -> bool {
        self.parameters.get("enabled").and_then(toml::Value::as_bool).unwrap_or(true)
    }

    fn text(&self) -> Result<String, Failure> {
        let parameters = toml::to_string_pretty(&self.parameters).context("the parameters have no TOML form")?;
        let examples: Vec<String> = self
            .examples
            .iter()
            .map(|example| format!("  {} {}\n", if example.fires { "alert:" } else { "quiet:" }, example.name))
            .collect();
        let Self { name, version, what, why, false_positives, tuning, tags, .. } = self;
        Ok(format!(
            "{name}, version {version}\n\n{what}\n\nWhy: {why}\n\nLooks the same: {false_positives}\n\nTuning: {tuning}\n\n\
             Techniques: {}\n\nExamples, which are its tests:\n{}\n[detect.rules.\"{name}\"]\n{}",
            tags.join(", "),
            examples.concat(),
            output::visible_lines(&parameters)
        ))
    }
}

fn list(arguments: &List) -> Outcome {
    let rules = arguments.source.rules()?;
    match arguments.output.format {
        Format::Json => output::print_json(&rules)?,
        Format::Table => {
            let mut table = Table::new(&["rule", "on", "what"]);
            for rule in &rules {
                table.row([rule.name, if rule.enabled() { "yes" } else { "no" }, rule.what]);
            }
            output::print(&table.render())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn explain(arguments: &Explain) -> Outcome {
    let rules = arguments.source.rules()?;
    let rule = rules.iter().find(|rule| rule.name == arguments.rule).ok_or_else(|| {
        Failure::usage(format!("there is no rule {:?}", arguments.rule)).hint("`tachograph rules list` names them.")
    })?;
    match arguments.output.format {
        Format::Json => output::print_json(rule)?,
        Format::Table => output::print_line(rule.text()?.trim_end())?,
    }
    Ok(ExitCode::SUCCESS)
}
