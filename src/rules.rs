//! `tachograph rules`: which rules there are, built in and users' own, what each looks for, whether it is written well, and
//! what it would have found in the stored history.

mod backtest;
mod check;
mod coverage;
mod import;
mod report;

use std::borrow::Cow;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use detect_core::spec::{self, Spec};
use detect_rules::registry::DETECTORS;
use detect_rules::user::{Depth, Form, Source as UserSource};
use serde::Serialize;
use toml::Table as Toml;

use crate::canary;
use crate::cli::Output;
use crate::exit::{CommandResult, Failure};
use crate::output::{self, Format, Table};
use crate::settings::{self, Settings};

/// The commands on rules.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List all rules.
    List(List),
    /// Show what a rule looks for and why, what else looks the same, and its parameters.
    Explain(Explain),
    /// Check files of user rules: types, columns, parameters, and what looks wrong.
    Check(check::Arguments),
    /// Run the tests that stand beside user rules, and the examples of the built-in ones.
    Test(check::Arguments),
    /// Run rules over the stored history, and compare with what runs now.
    Backtest(backtest::Arguments),
    /// Show what a change of rules changes: parameters, and alerts in the stored history that only one side gives.
    Diff(backtest::Arguments),
    /// Show what became of the alerts of each rule, and which parameters would have given fewer false ones.
    Report(report::Arguments),
    /// Make rules of rules that were written for other programs.
    #[command(subcommand)]
    Import(import::Command),
    /// Show which technique is found by which built-in rule, and what is not found.
    Coverage(coverage::Arguments),
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
    /// The configuration file [default: the built-in parameters, and no rules of users].
    #[arg(long, value_name = "FILE", env = "TACHOGRAPH_CONFIG")]
    config: Option<PathBuf>,
}

/// A rule as programs read it.
#[derive(Debug, Serialize)]
struct Rule {
    name: Cow<'static, str>,
    version: u32,
    /// Whether it is one of the users' own, and then where it stands.
    file: Option<String>,
    what: Cow<'static, str>,
    why: Cow<'static, str>,
    false_positives: Cow<'static, str>,
    tuning: Cow<'static, str>,
    tags: Vec<Cow<'static, str>>,
    /// What happens in the examples that are its tests, and whether they give an alert.
    examples: Vec<Example>,
    /// Of a user rule everything that decides.
    parameters: Toml,
}

#[derive(Debug, Serialize)]
struct Example {
    name: Cow<'static, str>,
    fires: bool,
}

/// Runs the command.
pub fn run(command: Command) -> CommandResult {
    match command {
        Command::List(arguments) => list(&arguments),
        Command::Explain(arguments) => explain(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Test(arguments) => check::test(&arguments),
        Command::Backtest(arguments) => backtest::backtest(&arguments),
        Command::Diff(arguments) => backtest::diff(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Import(command) => import::run(command),
        Command::Coverage(arguments) => coverage::run(&arguments),
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

    /// The rules with the parameters that are in force.
    fn rules(&self) -> Result<Vec<Rule>, Failure> {
        let settings = self.settings()?;
        let all = Toml::try_from(&settings.detect.rules).context("the parameters have no TOML form")?;
        let parameters = |spec: &Spec| all.get(spec.name).and_then(|value| value.as_table()).cloned();
        let mut rules: Vec<Rule> =
            DETECTORS.iter().map(|spec| Rule::of(spec, parameters(spec).unwrap_or_default())).collect();
        let loaded = settings::rules::load(&settings, Depth::Form)?;
        settings::rules::refuse(&loaded.errors)?;
        for source in &loaded.rules {
            rules.push(Rule::of_user(source)?);
        }
        Ok(rules)
    }
}

impl Rule {
    fn of(spec: &'static Spec, parameters: Toml) -> Self {
        let example =
            |example: &spec::Example| Example { name: example.name.into(), fires: !example.alerts.is_empty() };
        Self {
            name: spec.name.into(),
            version: spec.version,
            file: None,
            what: spec.what.into(),
            why: spec.why.into(),
            false_positives: spec.false_positives.into(),
            tuning: spec.tuning.into(),
            tags: spec.tags.iter().map(|tag| Cow::Borrowed(*tag)).collect(),
            examples: spec.examples.iter().map(example).collect(),
            parameters,
        }
    }

    fn of_user(source: &UserSource) -> Result<Self, Failure> {
        let form = source.rule.form();
        let text = |text: &str| Cow::Owned(if text.is_empty() { "not said".to_owned() } else { text.to_owned() });
        // What is printed apart is no parameter.
        let parameters = Form {
            what: String::new(),
            why: String::new(),
            false_positives: String::new(),
            tuning: String::new(),
            tags: Vec::new(),
            ..form.clone()
        };
        Ok(Self {
            name: Cow::Owned(form.name.clone()),
            version: form.version,
            file: Some(format!("{}:{}", source.file.display(), source.line)),
            what: if form.what.is_empty() { Cow::Owned(form.title.clone()) } else { text(&form.what) },
            why: text(&form.why),
            false_positives: text(&form.false_positives),
            tuning: text(&form.tuning),
            tags: form.tags.iter().map(|tag| Cow::Owned(tag.clone())).collect(),
            examples: source
                .tests
                .iter()
                .map(|test| Example { name: Cow::Owned(test.name.clone()), fires: !test.alerts.is_empty() })
                .collect(),
            parameters: Toml::try_from(parameters).context("the rule has no TOML form")?,
        })
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
        let (file, table) = match &self.file {
            Some(file) => (format!(", in {file}"), "[[rule]]".to_owned()),
            None => (String::new(), format!("[detect.rules.\"{name}\"]")),
        };
        // Users' rules are texts of users.
        Ok(output::visible_lines(&format!(
            "{name}, version {version}{file}\n\n{what}\n\nWhy: {why}\n\nLooks the same: {false_positives}\n\nTuning: {tuning}\n\n\
             Techniques: {}\n\nExamples, which are its tests:\n{}\n{table}\n{parameters}",
            tags.join(", "),
            examples.concat(),
        )))
    }
}

fn list(arguments: &List) -> CommandResult {
    let rules = arguments.source.rules()?;
    match arguments.output.format {
        Format::Json => output::print_json(&rules)?,
        Format::Table => {
            let mut table = Table::new(&["rule", "on", "what"]);
            for rule in &rules {
                table.row([rule.name.as_ref(), if rule.enabled() { "yes" } else { "no" }, rule.what.as_ref()]);
            }
            output::print(&table.render())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn explain(arguments: &Explain) -> CommandResult {
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
