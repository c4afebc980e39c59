//! The reference of all settings, derived from the packages' lists.

use std::fmt::Write;

use detect_core::parameters::Meaning;
use detect_rules::registry::{self, Rules};

/// Everything that a configuration file may hold, as Markdown.
pub fn reference() -> String {
    let mut text = String::from(HEAD);
    text.push_str(&nested(&ingest::config::reference()));
    detectors(&mut text);
    text.push_str(BUDGETS);
    text.push_str(ALERTS);
    sinks(&mut text);
    text
}

const HEAD: &str = "\
# Configuration

One TOML file. Unknown keys are errors. Relative paths start at the directory in which the command is run. Secrets are references,
`env:NAME` or `file:PATH`, never values.

## `[store]`

- `data`: the data directory that `tachograph init` made. Default: `\"data\"`. A change needs a restart.
- `reserve_bytes`: free space on its disk below which events are refused with 507, so that sealing, alerts and receipts go on (down to a
  quarter of it). Two of the largest segments: a smaller one may stop sealing on a full disk. Default: 536870912. A change needs a restart.
- `seal_seconds`: seconds after which recorded events are sealed into Parquet files at the latest; earlier, once there are 262,144 of them
  or 256 MiB. Default: 900. A change needs a restart.

## `[listen]`

- `console`: address of the API, metrics and health. Default: `\"127.0.0.1:7070\"`. A change needs a restart.
- `ingest`: address of intake. Default: `\"127.0.0.1:7071\"`. A change needs a restart.
- `names`: names by which people ask the console, such as `[\"tachograph.acme.example\"]`. Addresses and `localhost` always go; a request
  under another name is answered 421, since a page in somebody's browser could make its own name mean this server. Read again on SIGHUP.
- `certificate`: a PEM file with the certificate that the listeners show and the rest of its chain. With it they speak TLS 1.2 and 1.3 and
  nothing else: a request without TLS is answered 421. Default: none, plain HTTP. It and its key are read again on SIGHUP; open
  connections go on as they began, and a pair that cannot be used changes nothing, which the log, `/readyz` and the metric
  `tachograph_certificate_last_reload_successful` tell.
- `key`: where the key of the certificate lies, `file:PATH` or `env:NAME`, in PEM and not encrypted.
- `tls`: the listeners that speak TLS, such as `[\"ingest\"]`. Default: `[\"console\", \"ingest\"]`. Read again on SIGHUP.
- `client_certificate_authorities`: a PEM file of authorities: whoever connects to intake shows a certificate of one of them. It says who may
  connect; who sends is still the token's word. Lists of revoked certificates are not read. Default: nobody is asked. Read again on SIGHUP.

## `[ingest]`

- `names`: a file that says which API key, workspace, user and team belong together. Read again on SIGHUP.
- `prices`: a file of prices in place of the built-in table, in the form of `ingest/prices.toml`. It is read again on SIGHUP; which
  prices are in force is logged, is an entry of kind `prices` in `operations`, and is told by `doctor`.

## `[query]`

- `threads`: threads that run queries. Default: one per core. A change needs a restart.
- `queries_max`: queries at the same time; more are answered with 503. Default: 8. A change needs a restart.

## `[[collector]]`

One table for each. A change needs a restart.

- `name`: in the `collector` column, in metrics, and in the path of pushed events.
- `transport`: how bytes arrive.
- `dialect`: what they mean.
- `trust`, `workspace`, `user`, `team`, `org`: what its records get where no token says it.
- `backfill`: true for a collector that brings a history: nobody is woken for what it brings. Default: false; then what is old is decided by
  when the control plane or Tachograph saw it.
- The settings of its transport.

";

/// A package's chapter, one level deeper.
fn nested(chapter: &str) -> String {
    chapter.lines().map(|line| if line.starts_with('#') { format!("#{line}\n") } else { format!("{line}\n") }).collect()
}

fn detectors(text: &mut String) {
    text.push_str(DETECT);
    // A test below holds that they have one.
    let defaults = toml::Value::try_from(Rules::default()).unwrap_or(toml::Value::Boolean(false));
    for spec in registry::DETECTORS {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n### `[detect.rules.\"{}\"]`\n\n{}\n\n{}\n\nLooks the same: {}\n\nTuning: {}\n\nTechniques: {}\n\n",
            spec.name,
            spec.what,
            spec.why,
            spec.false_positives,
            spec.tuning,
            spec.tags.join(", ")
        );
        for meaning in registry::meanings(spec.name) {
            let default = defaults.get(spec.name).and_then(|rule| rule.get(meaning.name));
            text.push_str(&parameter(meaning, default));
        }
    }
    text.push_str(RULE_TABLES);
}

/// One line for a parameter: what it decides, what it may be, what it is if nobody says.
fn parameter(meaning: &Meaning, default: Option<&toml::Value>) -> String {
    let range = meaning.range.map(|(least, greatest)| format!(" {least} to {greatest}.")).unwrap_or_default();
    let default = default.map(|default| format!(" Default: `{default}`.")).unwrap_or_default();
    format!("- `{}`: {}{range}{default}\n", meaning.name, meaning.text())
}

const RULE_TABLES: &str = "
### `[detect.rules.\"spend.budget\".agent]`

- `day_usd`, `month_usd`: whole dollars that each agent may spend in a day and in a month. 0 is no budget.

### `[detect.rules.\"spend.budget\".run]`

- `day_usd`, `month_usd`: whole dollars that each run may spend in a day and in a month. 0 is no budget.

### `[detect.rules.\"spend.budget\".team]`

- `day_usd`, `month_usd`: whole dollars that each team may spend in a day and in a month. 0 is no budget.

### `[detect.rules.\"spend.budget\".organisation]`

- `day_usd`, `month_usd`: whole dollars that each organisation may spend in a day and in a month. 0 is no budget.

Two rules have lists of tables, which are empty by default.

### `[[detect.rules.\"spend.budget\".named]]`

Another budget for one of them, at most 256.

- `scope`: `\"agent\"`, `\"run\"`, `\"team\"` or `\"organisation\"`.
- `name`: its name, as it stands in the events.
- `day_usd`, `month_usd`: whole dollars for each day and each month. Default: 0, which is no budget.

### `[[detect.rules.\"secret.egress\".canaries]]`

A decoy that nobody uses, by its hash. `tachograph rules canary new` makes one and prints its table.

- `name`: what the alert calls it.
- `length`: the length of its value in bytes, at least 16.
- `sha256`: the salted SHA-256 of its value, in 64 hexadecimal digits.
";

const DETECT: &str = "
## `[detect]`

A change is taken over on SIGHUP, and recorded with the position from which it applies.

- `user_rules`: a directory of TOML files with your own rules, or one such file (docs/rules.md). All of them are checked at the start and on
  SIGHUP, which reads them again; one mistake refuses them all, as one in this file does. `tachograph rules check` names every mistake.

Every built-in rule is on unless `enabled = false`.
";

fn sinks(text: &mut String) {
    text.push_str(ROUTES);
    text.push_str(SINKS_HEAD);
    for spec in export::SINKS {
        // Writing to a string does not fail.
        let _ = write!(text, "\n### `{}`\n\n{}\n\nGuarantee: {}\n\n", spec.kind, spec.what, spec.guarantee);
        for setting in spec.settings {
            let _ = writeln!(text, "- `{}`: {}", setting.name, setting.doc);
        }
        let _ = write!(text, "\n```toml\n{}\n```\n", spec.example.trim_end());
    }
}

const BUDGETS: &str = "
## `[[budget]]`

A hard cap on money: a gateway reserves before a call and is refused when the cap would not hold. One table for each, at most 1024. A
change is taken over on SIGHUP and is an entry of `operations`; a budget that is taken out is closed. Nothing is stopped unless the
gateway asks: what is spent without asking is shown as unreserved and leaves less to reserve.

- `name`: how requests name it.
- `cap_usd`: the cap in dollars, such as 200 or 0.5.
- `period`: `\"day\"` or `\"month\"`; it is full again when the next begins.
- `utc_offset_minutes`: it begins this many minutes before midnight UTC: -840 to 840. Default: 0.
- `org`, `team`, `user`, `agent`, `run`, `workspace`: whose money it is. All that is given must hold for an event to count; a token that is
  bound to an organisation or a team may reserve from budgets with that `org` and `team` only. Default: everybody's.
- `families`: sources whose recorded calls count: `gateway`, `workspace`, `boundary`. Several families may report the same call: name one.
  A call belongs to the reservation whose id is its `interception` or its `run`; the rest is unreserved. Default: `[\"gateway\"]`; with `[]`
  only what gateways commit counts.
- `trust`: how far sources must be from the agent's reach for their calls to count: a list of `control_plane`, `gateway`, `host`,
  `workspace`, `agent`. Default: `[\"gateway\", \"control_plane\"]`; what an agent claims with its own token uses up nobody's budget.

```toml
[[budget]]
name = \"payments\"
cap_usd = 200
period = \"day\"
team = \"payments\"
```
";

const ALERTS: &str = "
## `[alerts]`

What happens to alerts after a detector found them. A change is taken over on SIGHUP.

- `group_by`: columns of an alert; alerts with the same values belong together. The first is told at once, others in its thread: the same
  Slack thread, mail thread or PagerDuty incident, which is over with the last of them. What is worse than the thread opens its own.
  Alertmanager and Slack webhooks group by themselves. Default: each stands alone.
- `group_minutes`: minutes after its first alert in which a group takes in others; 0 groups only what comes at once. Default: 30.

A matcher is a column (`rule`, `severity`, `team`, `user`, `workspace`, `domain`, `host`), an operator and a value: `=` and `!=` compare, `~` and
`!~` compare with a pattern in which `*` stands for any characters and `?` for one. All matchers of a list must hold.

### `[[alerts.inhibit]]`

An alert hides others for as long as it is neither resolved nor closed. Two alerts never hide each other.

- `name`: what people read where an alert is hidden.
- `source`: matchers of the alerts that hide.
- `target`: matchers of the alerts that are hidden.
- `equal`: columns in which both have the same value.

### `[[alerts.escalate]]`

What happens to an open alert that nobody acknowledges. Each step happens once and is an entry of `operations` (`alert.notice`); an
acknowledgement, a close or the end of the alert cancels what is to come, and what a receiver was not yet sent. A receiver from which
something hides the alert when its turn comes is told of the step once nothing does. Time in which a silence or a
maintenance window hides the alert does not count. When an alert becomes worse than it was acknowledged, or is opened again, the steps
begin anew. Alerts about old events never escalate.

- `name`: what people read of it.
- `after_minutes`: minutes without an acknowledgement, 1 to 10080.
- `severity`: the mildest alerts that it is about. Default: all.
- `match`: matchers of the alerts that it is about. Default: all.
- `receivers`: the sinks that hear of it then, whatever their routes and severities. Default: those to which routes lead.
- `raise_to`: how bad it is told to be then, if it is milder.

```toml
[[alerts.escalate]]
name = \"second pager\"
after_minutes = 15
severity = \"high\"
receivers = [\"oncall\"]

[[alerts.escalate]]
name = \"manager\"
after_minutes = 30
severity = \"high\"
receivers = [\"managers\"]
```
";

const ROUTES: &str = "
## `[[route]]`

Which alerts go to which sinks. Routes are read in order; the first that matches is the last, unless it continues. A sink
that no route names gets every alert, and an alert that no route matches goes to every sink.

- `name`: for explanations.
- `receivers`: names of sinks that take alerts.
- `severity`: the mildest alerts.
- `rule`, `team`, `user`, `workspace`: lists of patterns with `*` and `?`; one of each list must match.
- `continue`: later routes are read too.

```toml
[[route]]
name = \"payments\"
receivers = [\"oncall\"]
team = [\"pay*\"]
severity = \"high\"
```
";

const SINKS_HEAD: &str = "
## `[[sink]]`

One table for each. A change is taken over on SIGHUP.

- `name`: the subject of its receipts; a sink under a new name starts anew.
- `type`: one of those below.
- `start`: `\"beginning\"` or `\"now\"`: where a sink without a receipt starts.
- `paused`: it stands still; nothing is lost meanwhile.
- `kinds`: kinds of events that it gets; every kind if not given.
- `severity`: the mildest alerts that it gets.
- `fields`: what happens to single columns of events.
- `interval_ms`: the time in which one more message may go; a few may go at once.
- `timeout_seconds`, `ca_file`, `allow_private`: how its receiver is reached.
- The settings of its type.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_every_rule_stands_in_the_reference_with_its_default() {
        let text = reference();
        let defaults = toml::Value::try_from(Rules::default()).unwrap();
        for spec in registry::DETECTORS {
            let (_, chapter) = text.split_once(&format!("\n### `[detect.rules.\"{}\"]`\n", spec.name)).unwrap();
            let chapter = chapter.split("\n#").next().unwrap();
            for name in defaults[spec.name].as_table().unwrap().keys() {
                let line = chapter.lines().find(|line| line.starts_with(&format!("- `{name}`: "))).unwrap();
                assert!(line.contains(" Default: `"), "{}: {line}", spec.name);
            }
        }
        assert!(
            text.contains("- `deletes`: So many files deleted in a minute are many. 2 to 1000000. Default: `50`.\n")
        );
        assert!(text.contains("Default: `{ day_usd = 100, month_usd = 1000 }`.\n"), "tables stand in a line");
    }
}
