//! The rules of a configuration: parameters of the built-in detectors with the users' own rules from their files.

use detect_rules::rule_set::RuleSet;
use detect_rules::user::{Depth, Loaded, RuleError};

use super::Settings;
use crate::exit::{self, Failure};

/// Mistakes that are named at once; `rules check` names all.
const ERRORS_NAMED: usize = 5;

/// Reads the users' rules. Any mistake in them is one of the configuration: no rule runs until there is none. The events of
/// their tests are not looked at: a test stops no rule.
pub fn rules(settings: &Settings) -> Result<RuleSet, Failure> {
    let loaded = load(settings, Depth::Form)?;
    refuse(&loaded.errors)?;
    let detect = &settings.detect;
    Ok(RuleSet { builtin: detect.rules.clone(), user: loaded.rules(), alert_budget: detect.alert_budget.clone() })
}

/// Reads the users' rules with everything that is wrong with them.
pub fn load(settings: &Settings, depth: Depth) -> Result<Loaded, Failure> {
    settings.detect.load_user(depth).map_err(|error| {
        let hint = "`user_rules` in [detect] names the directory; relative paths start where the command is run.";
        Failure::new(exit::CONFIG, error).hint(hint)
    })
}

/// Ends in the exit code of wrong configurations if there are mistakes.
pub fn refuse(errors: &[RuleError]) -> Result<(), Failure> {
    if errors.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> = errors.iter().take(ERRORS_NAMED).map(ToString::to_string).collect();
    if errors.len() > ERRORS_NAMED {
        lines.push(format!("and {} more", errors.len() - ERRORS_NAMED));
    }
    Err(Failure::config(lines.join("\n")).hint("`tachograph rules check` names every mistake with its place."))
}
