//! Dialect `github`: webhooks of GitHub and of GitHub Enterprise Server, as they are posted (content type `application/json`).
//!
//! A body does not say which event it is of (the header `X-GitHub-Event` does, which no dialect sees), so its members tell:
//!
//! | event | kind | action | outcome |
//! |---|---|---|---|
//! | `pull_request` | `review` | `pull_request.opened`, `.merged`, `.closed`, `.synchronize`, … | |
//! | `pull_request_review` | `review` | `review.approved`, `.changes_requested`, `.commented`, `.dismissed`, … | allow, deny |
//! | `check_run`, `check_suite` with a conclusion | `check.result` | `check_run.completed`, … | success, error |
//! | … without one | `check.pending` | `check_run.created`, … | |
//! | `push` | `push` | `push`, `push.forced`, `ref.created`, `ref.deleted` | |
//! | `ping` | skipped | | |
//!
//! `target` is `owner/repository#number`, of what belongs to no single pull request `owner/repository@ref`. `user` is who acted, by the
//! login; `actor` whether that is a person or a bot, and `agent` the login of a bot that acted or whose pull request it is. A webhook
//! that is delivered again has the same bytes: the natural id is a keyed hash of them.

mod examples;
mod schema;

use ledger::events::column;
use operations::access::Trust;

use crate::dialect::json::{Integer, Raw, Text, record};
use crate::dialect::{Decoded, Dialect, SKIP_SERVER_LINE, read_record};
use crate::encoding::FieldPath;
use crate::event::{Draft, Drafts, Record};
use crate::timestamp::Stated;

/// Source of all webhooks.
const SOURCE: &str = "github";

/// Dialect `github`.
pub struct Github;

impl Dialect for Github {
    fn name(&self) -> &'static str {
        "github"
    }

    fn doc(&self) -> &'static str {
        "Webhooks of GitHub: pull requests, their reviews, results of checks, and pushes, each with who acted and whether that is a \
         person or a bot. GitHub signs webhooks in place of showing a token: the collector has `signature = { type = \"github\", … }`."
    }

    fn trust(&self) -> Trust {
        Trust::ControlPlane
    }

    fn examples(&self) -> &'static [&'static str] {
        examples::EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        let (text, webhook) = match read_record::<Webhook>(record, "webhook") {
            Ok(read) => read,
            Err(decoded) => return decoded,
        };
        if webhook.zen.is_some() {
            return Decoded::Skip(SKIP_SERVER_LINE);
        }
        let draft = drafts.add();
        match decode(&webhook, received, draft) {
            Ok(()) => {
                schema::WEBHOOK.add_content(draft, text, &FieldPath::root(), text);
                draft.identity.push_str(text);
                Decoded::Events
            }
            Err(reason) => Decoded::Unparsed(reason.to_owned()),
        }
    }
}

record! {
    /// A webhook.
    Webhook {
        action: Text<'a> = "action",
        zen: Raw<'a> = "zen",
        pull_request: Option<PullRequest<'a>> = "pull_request",
        review: Option<Review<'a>> = "review",
        check_run: Option<Check<'a>> = "check_run",
        check_suite: Option<Check<'a>> = "check_suite",
        git_ref: Text<'a> = "ref",
        after: Text<'a> = "after",
        created: Text<'a> = "created",
        deleted: Text<'a> = "deleted",
        forced: Text<'a> = "forced",
        commits: Option<Vec<serde::de::IgnoredAny>> = "commits",
        repository: Repository<'a> = "repository",
        organization: Account<'a> = "organization",
        sender: Account<'a> = "sender",
    }

    /// A pull request.
    PullRequest {
        number: Text<'a> = "number",
        merged: Text<'a> = "merged",
        author: Account<'a> = "user",
        created_at: Text<'a> = "created_at",
        updated_at: Text<'a> = "updated_at",
    }

    /// A review of a pull request.
    Review {
        state: Text<'a> = "state",
        submitted_at: Text<'a> = "submitted_at",
    }

    /// A check, or a suite of them.
    Check {
        name: Text<'a> = "name",
        app: App<'a> = "app",
        status: Text<'a> = "status",
        conclusion: Text<'a> = "conclusion",
        head: Text<'a> = "head_sha",
        started_at: Text<'a> = "started_at" | "created_at",
        completed_at: Text<'a> = "completed_at",
        updated_at: Text<'a> = "updated_at",
        pull_requests: Option<Vec<PullRequest<'a>>> = "pull_requests",
    }

    /// The program that checks.
    App {
        slug: Text<'a> = "slug",
    }

    /// A repository.
    Repository {
        full_name: Text<'a> = "full_name",
        pushed_at: Text<'a> = "pushed_at",
    }

    /// A person, an organization or a bot.
    Account {
        login: Text<'a> = "login",
        id: Integer = "id",
        kind: Text<'a> = "type",
    }
}

fn decode(webhook: &Webhook, received: i64, draft: &mut Draft) -> Result<(), &'static str> {
    let repository = webhook.repository.full_name.some().ok_or("the webhook names no repository")?;
    let of_pull = |number: &str| [repository, "#", number].concat();
    if let (Some(pull), Some(review)) = (&webhook.pull_request, &webhook.review) {
        draft.set_times(review.submitted_at.time().or(pull.updated_at.time()), Stated::Nothing, received);
        set(draft, webhook, "review", &review_action(webhook.action.as_str(), review.state.as_str()));
        draft.columns.set_text(column::TARGET, &of_pull(pull.number.as_str()));
        if webhook.action.as_str() == "submitted" {
            draft.columns.set_text_if(column::OUTCOME, verdict(review.state.as_str()));
        }
        set_agent(draft, &pull.author);
    } else if let Some(pull) = &webhook.pull_request {
        let action = match webhook.action.some().ok_or("the webhook about a pull request has no action")? {
            "closed" if pull.merged.as_str() == "true" => "merged",
            action => action,
        };
        draft.set_times(pull.updated_at.time().or(pull.created_at.time()), Stated::Nothing, received);
        set(draft, webhook, "review", &["pull_request.", action].concat());
        draft.columns.set_text(column::TARGET, &of_pull(pull.number.as_str()));
        set_agent(draft, &pull.author);
    } else if let Some((check, name)) = [(&webhook.check_run, "check_run"), (&webhook.check_suite, "check_suite")]
        .into_iter()
        .find_map(|(check, name)| Some((check.as_ref()?, name)))
    {
        set_check(draft, webhook, check, name, received);
        let pull = match check.pull_requests.as_deref() {
            Some([one]) => of_pull(one.number.as_str()),
            _ => [repository, "@", check.head.as_str()].concat(),
        };
        draft.columns.set_text(column::TARGET, &pull);
    } else if let (Some(git_ref), Some(_)) = (webhook.git_ref.some(), webhook.after.some()) {
        // When the commits were made is the word of whoever made them.
        draft.set_times(webhook.repository.pushed_at.time(), Stated::Nothing, received);
        set(draft, webhook, "push", push_action(webhook));
        draft.columns.set_text(column::TARGET, &[repository, "@", git_ref].concat());
        draft.columns.set_integer(column::AMOUNT, webhook.commits.as_ref().map_or(0, Vec::len) as i64);
    } else {
        return Err(
            "it is none of pull_request, pull_request_review, check_run, check_suite and push; have only these sent",
        );
    }
    Ok(())
}

/// Sets what all webhooks have: who acted, and where.
fn set(draft: &mut Draft, webhook: &Webhook, kind: &str, action: &str) {
    draft.set_origin(SOURCE, "workspace", kind);
    let sender = &webhook.sender;
    set_agent(draft, sender);
    let columns = &mut draft.columns;
    columns.set_text(column::ACTION, action);
    columns.set_text_if(column::USER, sender.login.some());
    columns.set_text_if(column::ORG, webhook.organization.login.some());
    columns.set_text_if(column::ACTOR, actor(sender));
    if sender.login.some().is_some() {
        columns.set_text(column::ATTRIBUTION, "direct");
    }
}

fn set_check(draft: &mut Draft, webhook: &Webhook, check: &Check, name: &str, received: i64) {
    let conclusion = check.conclusion.some();
    let ended = check.completed_at.time().or(check.updated_at.time());
    let time = if conclusion.is_some() { ended.or(check.started_at.time()) } else { check.started_at.time() };
    draft.set_times(time, Stated::Nothing, received);
    let kind = if conclusion.is_some() { "check.result" } else { "check.pending" };
    set(draft, webhook, kind, &[name, ".", webhook.action.as_str()].concat());
    draft.columns.set_text_if(column::RULE, check.name.some().or(check.app.slug.some()));
    draft.columns.set_text_if(column::OUTCOME, conclusion.and_then(outcome));
    if let (Some(end), Some(begin), true) = (ended.micros(), check.started_at.time().micros(), conclusion.is_some()) {
        draft.columns.set_integer(column::DURATION_US, end.saturating_sub(begin));
    }
}

/// The bots that are agents, by their logins without what marks them as bots, and their products.
const AGENTS: [(&str, &str); 8] = [
    ("chatgpt-codex-connector", "codex"),
    ("claude", "claude_code"),
    ("coderabbitai", "coderabbit"),
    ("copilot", "github_copilot"),
    ("copilot-swe-agent", "github_copilot"),
    ("cursor", "cursor"),
    ("devin-ai-integration", "devin"),
    ("google-labs-jules", "jules"),
];

/// Whether an account acts by itself. A person's account may be used by an agent that has its token: nothing here tells.
fn actor(account: &Account) -> Option<&'static str> {
    let login = account.login.some()?;
    match account.kind.as_str() {
        _ if agent(account).is_some() => Some("cloud_agent"),
        "Bot" => Some("automation"),
        _ if login.ends_with("[bot]") => Some("automation"),
        "User" => Some("person"),
        _ => None,
    }
}

/// The product of a bot that is an agent. A person may have an agent's name as a login, but not its type.
fn agent(account: &Account) -> Option<&'static str> {
    let login = account.login.as_str().to_ascii_lowercase();
    let name = login.strip_suffix("[bot]").unwrap_or(&login);
    let is_bot = account.kind.as_str() == "Bot" || name != login;
    AGENTS.iter().find(|(known, _)| is_bot && *known == name).map(|(_, product)| *product)
}

/// Sets which agent acted, or whose pull request it is that others act on.
fn set_agent(draft: &mut Draft, account: &Account) {
    if matches!(actor(account), Some("cloud_agent" | "automation")) && draft.columns.text(column::AGENT).is_none() {
        draft.columns.set_text_if(column::AGENT, account.login.some());
        draft.columns.set_text_if(column::AGENT_KIND, agent(account));
    }
}

/// What was done about a review. It says its state whenever it is told; only the submission is the verdict.
fn review_action(action: &str, state: &str) -> String {
    let word = if action == "submitted" { state.to_ascii_lowercase() } else { action.to_owned() };
    ["review.", &word].concat()
}

fn verdict(state: &str) -> Option<&'static str> {
    match state.to_ascii_lowercase().as_str() {
        "approved" => Some("allow"),
        "changes_requested" => Some("deny"),
        _ => None,
    }
}

/// How a check ended. One that was cancelled or left behind ended neither way.
fn outcome(conclusion: &str) -> Option<&'static str> {
    match conclusion {
        "success" | "neutral" | "skipped" => Some("success"),
        "failure" | "timed_out" | "action_required" | "startup_failure" => Some("error"),
        _ => None,
    }
}

fn push_action(webhook: &Webhook) -> &'static str {
    let is = |word: &Text| word.as_str() == "true";
    match (is(&webhook.created), is(&webhook.deleted), is(&webhook.forced)) {
        (true, ..) => "ref.created",
        (_, true, _) => "ref.deleted",
        (_, _, true) => "push.forced",
        _ => "push",
    }
}

#[cfg(test)]
mod tests;
