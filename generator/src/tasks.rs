//! What each team works on: tasks, repositories, files, commands and the hosts that they need. Words only.

/// A team and its work.
#[derive(Debug)]
pub struct Team {
    pub name: &'static str,
    /// The prefix of its tickets, and the number of the first.
    pub tickets: (&'static str, u64),
    pub repositories: &'static [&'static str],
    pub tasks: &'static [&'static str],
    /// Files, below the repository.
    pub files: &'static [&'static str],
    /// The command that tests a part of the work, with `{}` for the part,
    pub test: &'static str,
    /// what it prints where so many of so many pass, with `{passed}` and `{failed}`,
    pub passes: &'static str,
    /// and otherwise, with `{case}` too.
    pub fails: &'static str,
    /// Parts of the work that are tested by themselves.
    pub parts: &'static [&'static str],
    /// Commands that only look.
    pub looks: &'static [&'static str],
    /// Commands that fetch what the work needs, and what they ask for.
    pub fetches: &'static [(&'static str, &'static str)],
    /// A request that the policy refuses, now and then.
    pub refused: &'static str,
    /// What a permission is asked for, now and then.
    pub asks: &'static str,
}

/// The teams.
pub const TEAMS: [Team; 4] = [
    Team {
        name: "payments",
        tickets: ("PAY", 2_260),
        repositories: &["refunds", "ledger-core", "disputes"],
        tasks: &[
            "Fix refund rounding",
            "Idempotent webhooks",
            "Currency table v3",
            "Dispute letters",
            "Settlement report in euros",
            "Retry of card payouts",
        ],
        files: &[
            "src/rounding.rs",
            "src/webhook/dedup.rs",
            "src/refund.rs",
            "src/letters.rs",
            "src/payout/retry.rs",
            "tests/refunds.rs",
        ],
        test: "cargo test -p {}",
        passes: "test result: ok. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out",
        fails: "test {case} ... FAILED\n\ntest result: FAILED. {passed} passed; {failed} failed; 0 ignored",
        parts: &["refunds", "webhook", "settlement", "letters", "payout"],
        looks: &["git log --oneline -8", "git diff --stat", "cargo tree -p refunds --depth 1"],
        fetches: &[
            ("cargo fetch", "https://index.crates.example/de/ci/decimal-rs"),
            (
                "cargo update -p rust_decimal",
                "https://static.crates.example/crates/rust_decimal/rust_decimal-1.36.0.crate",
            ),
        ],
        refused: "https://fonts.type-vendor.example/s/inter/v13/inter.woff2",
        asks: "sqlx migrate run --target 0041",
    },
    Team {
        name: "platform",
        tickets: ("PLT", 850),
        repositories: &["scheduler", "base-image", "ci-tools"],
        tasks: &[
            "Rate limit for the API",
            "Triage flaky tests",
            "Smaller base image",
            "Pin CI actions",
            "Metrics of the scheduler",
            "Upgrade the async runtime",
        ],
        files: &[
            "src/limit.rs",
            "src/queue.rs",
            "images/runtime/Dockerfile",
            "src/runtime.rs",
            "src/metrics.rs",
            "tests/scheduler.rs",
        ],
        test: "cargo nextest run -p {}",
        passes: "Summary [ 3.104s] {passed} tests run: {passed} passed, {failed} failed",
        fails: "FAIL [ 0.412s] {case}\nSummary [ 3.104s] tests run: {passed} passed, {failed} failed",
        parts: &["scheduler", "limits", "images", "runtime", "metrics"],
        looks: &["git log --oneline -5", "cargo clippy --all-targets", "git status --short"],
        fetches: &[
            ("cargo fetch", "https://index.crates.example/to/ki/tokio"),
            (
                "docker pull images.containers.example/acme/runtime:24.04",
                "https://images.containers.example/v2/acme/runtime/manifests/24.04",
            ),
        ],
        refused: "https://api.analytics-vendor.example/v1/status",
        asks: "docker push registry.acme.example/runtime:24.04",
    },
    Team {
        name: "web",
        tickets: ("WEB", 1_390),
        repositories: &["checkout-web", "search-web", "image-cdn"],
        tasks: &[
            "Checkout: lazy images",
            "Accessible date picker",
            "Search results page",
            "Image CDN headers",
            "Checkout: form labels",
            "Smaller bundle for the cart",
        ],
        files: &[
            "src/search/Results.tsx",
            "src/checkout/Labels.tsx",
            "src/date/Picker.tsx",
            "src/cart/Cart.tsx",
            "edge/headers.ts",
            "tests/checkout.spec.ts",
        ],
        test: "pnpm test --filter {}",
        passes: "Tests  {passed} passed | {failed} failed",
        fails: "FAIL  {case}\nTests  {failed} failed | {passed} passed",
        parts: &["checkout", "search", "date", "cart", "edge"],
        looks: &["git log --oneline -8", "pnpm ls --depth 0", "git diff --stat"],
        fetches: &[
            ("pnpm install", "https://registry.modules.example/date-fns"),
            ("pnpm add -D vitest", "https://registry.modules.example/vitest/-/vitest-3.2.4.tgz"),
        ],
        refused: "https://www.tags-vendor.example/gtm.js",
        asks: "pnpm run deploy:preview",
    },
    Team {
        name: "data",
        tickets: ("DAT", 290),
        repositories: &["cohorts", "lineage", "nightly-jobs"],
        tasks: &[
            "Nightly job metrics",
            "Column lineage view",
            "Rebuild cohort export",
            "Backfill invoices 2024",
            "Faster joins for cohorts",
            "Types for the event table",
        ],
        files: &[
            "jobs/metrics.py",
            "lineage/graph.py",
            "cohorts/export.py",
            "jobs/backfill.py",
            "cohorts/joins.py",
            "tests/test_jobs.py",
        ],
        test: "pytest tests/{} -q",
        passes: "{passed} passed, {failed} failed in 4.21s",
        fails: "FAILED tests/{case}\n{failed} failed, {passed} passed in 4.02s",
        parts: &["jobs", "lineage", "cohorts", "events", "exports"],
        looks: &["git log --oneline -8", "pip list --outdated", "git status --short"],
        fetches: &[
            ("pip install polars", "https://simple.wheels.example/simple/polars/"),
            ("uv sync", "https://files.wheels.example/packages/7a/polars-1.31.0.tar.gz"),
        ],
        refused: "https://www.datasets.example/datasets",
        asks: "dbt run --select cohorts --target staging",
    },
];
