//! What of GitHub's webhooks is known to be a fact. Titles, texts, messages, names of labels and whatever else people write are content,
//! and so is every member that a later release adds.

use crate::dialect::schema::Schema;

/// A webhook.
pub static WEBHOOK: Schema = Schema {
    facts: &["action", "after", "base_ref", "before", "compare", "created", "deleted", "forced", "number", "ref"],
    objects: &[
        ("check_run", &CHECK),
        ("check_suite", &CHECK),
        ("enterprise", &ACCOUNT),
        ("installation", &ACCOUNT),
        ("organization", &ACCOUNT),
        ("pull_request", &PULL_REQUEST),
        ("repository", &REPOSITORY),
        ("review", &REVIEW),
        ("sender", &ACCOUNT),
    ],
};

static ACCOUNT: Schema = Schema::flat(&["id", "login", "node_id", "site_admin", "slug", "type"]);
static REPOSITORY: Schema = Schema {
    facts: &[
        "archived",
        "default_branch",
        "fork",
        "full_name",
        "html_url",
        "id",
        "master_branch",
        "name",
        "private",
        "pushed_at",
        "visibility",
    ],
    objects: &[("owner", &ACCOUNT)],
};
static PULL_REQUEST: Schema = Schema {
    facts: &[
        "additions",
        "author_association",
        "changed_files",
        "closed_at",
        "comments",
        "commits",
        "created_at",
        "deletions",
        "draft",
        "html_url",
        "id",
        "locked",
        "merge_commit_sha",
        "mergeable_state",
        "merged",
        "merged_at",
        "number",
        "review_comments",
        "state",
        "updated_at",
    ],
    objects: &[("base", &BRANCH), ("head", &BRANCH), ("merged_by", &ACCOUNT), ("user", &ACCOUNT)],
};
static BRANCH: Schema = Schema { facts: &["label", "ref", "sha"], objects: &[("user", &ACCOUNT)] };
static REVIEW: Schema = Schema {
    facts: &["author_association", "commit_id", "html_url", "id", "state", "submitted_at"],
    objects: &[("user", &ACCOUNT)],
};
static CHECK: Schema = Schema {
    facts: &[
        "after",
        "before",
        "completed_at",
        "conclusion",
        "created_at",
        "head_branch",
        "head_sha",
        "html_url",
        "id",
        "latest_check_runs_count",
        "name",
        "started_at",
        "status",
        "updated_at",
    ],
    objects: &[("app", &ACCOUNT), ("check_suite", &CHECK_SUITE)],
};
static CHECK_SUITE: Schema =
    Schema::flat(&["after", "before", "conclusion", "head_branch", "head_sha", "id", "status"]);
