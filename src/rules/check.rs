//! `tachograph rules check` and `rules test`: whether files of user rules are in order, and do what their tests say.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use detect_rules::registry::DETECTORS;
use detect_rules::rule_test;
use detect_rules::user::{Depth, Loaded, RuleError, RuleTestReport};
use detect_runner::user_rules;
use serde::Serialize;

use super::Source;
use crate::cli::Output;
use crate::exit::{self, CommandResult, Failure};
use crate::output::{self, Format, visible};
use crate::settings;

/// Arguments of both.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 in order, 1 a test failed, 2 usage, 78 a file is wrong.")]
pub struct Arguments {
    /// Files of rules, or directories of them [default: those of the configuration].
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    /// The rules that the arguments mean, with everything that is wrong with them.
    fn load(&self) -> Result<Loaded, Failure> {
        if self.files.is_empty() {
            return settings::rules::load(&self.source.settings()?, Depth::Events);
        }
        user_rules::load(&self.files, Depth::Events).map_err(|error| Failure::new(exit::CONFIG, error))
    }
}

#[derive(Serialize)]
struct Remark {
    file: String,
    line: usize,
    column: usize,
    rule: Option<String>,
    message: String,
}

impl From<&RuleError> for Remark {
    fn from(error: &RuleError) -> Self {
        Self {
            file: error.file.display().to_string(),
            line: error.place.0,
            column: error.place.1,
            rule: error.rule.clone(),
            message: error.message.clone(),
        }
    }
}

#[derive(Serialize)]
struct Checked {
    rules: Vec<String>,
    errors: Vec<Remark>,
    warnings: Vec<Remark>,
}

/// Checks rules.
pub fn check(arguments: &Arguments) -> CommandResult {
    let loaded = arguments.load()?;
    let remarks = |remarks: &[RuleError]| remarks.iter().map(Remark::from).collect::<Vec<_>>();
    let rules: Vec<String> = loaded.rules.iter().map(|source| source.rule.form().name.clone()).collect();
    match arguments.output.format {
        Format::Json => {
            let (errors, warnings) = (remarks(&loaded.errors), remarks(&loaded.warnings));
            output::print_json(&Checked { rules, errors, warnings })?;
        }
        Format::Table => {
            let line = |kind: &str, remark: &RuleError| format!("{kind}: {}\n", visible(&remark.to_string()));
            let errors = loaded.errors.iter().map(|error| line("error", error));
            let mut text: String =
                errors.chain(loaded.warnings.iter().map(|warning| line("warning", warning))).collect();
            let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
            let [rules, errors, warnings] =
                [(rules.len(), "rule"), (loaded.errors.len(), "error"), (loaded.warnings.len(), "warning")]
                    .map(|(count, noun)| counted(count, noun));
            let _ = writeln!(text, "{rules} in order, {errors}, {warnings}");
            output::print(&text)?;
        }
    }
    Ok(if loaded.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::CONFIG) })
}

#[derive(Serialize)]
struct TestResult {
    rule: String,
    test: String,
    passed: bool,
    /// What was expected (-) and what came (+).
    differences: Vec<String>,
}

/// Runs the tests of rules.
pub fn test(arguments: &Arguments) -> CommandResult {
    let loaded = arguments.load()?;
    settings::rules::refuse(&loaded.errors)?;
    let mut results = Vec::new();
    let mut add = |rule: &str, outcome: RuleTestReport| {
        results.push(TestResult {
            rule: rule.to_owned(),
            test: outcome.name,
            passed: outcome.differences.is_empty(),
            differences: outcome.differences,
        });
    };
    for source in &loaded.rules {
        for test in &source.tests {
            add(&source.rule.form().name, rule_test::run(&source.rule, test));
        }
    }
    // Who names files asks for these only.
    if arguments.files.is_empty() {
        for spec in DETECTORS {
            for outcome in rule_test::examples(spec) {
                add(spec.name, outcome);
            }
        }
    }
    let failed = results.iter().filter(|result| !result.passed).count();
    match arguments.output.format {
        Format::Json => output::print_json(&results)?,
        Format::Table => output::print(&describe(&results, failed))?,
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(exit::INTERNAL) })
}

fn describe(results: &[TestResult], failed: usize) -> String {
    let mut text = String::new();
    for TestResult { rule, test, passed, differences } in results {
        let word = if *passed { "ok  " } else { "FAIL" };
        let _ = writeln!(text, "{word} {rule}: {}", visible(test));
        for difference in differences {
            let _ = writeln!(text, "     {}", visible(difference));
        }
    }
    text + &format!("{} passed, {failed} failed\n", results.len() - failed)
}
