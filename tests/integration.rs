//! The whole program as its users run it: the real binary, a data directory, HTTP.

// Tests stop at the first thing that they did not expect; the lints are for code that users run.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

#[path = "integration/alertmanager.rs"]
mod alertmanager;
#[path = "integration/alerts.rs"]
mod alerts;
#[path = "integration/arrival.rs"]
mod arrival;
#[path = "integration/budgets.rs"]
mod budgets;
#[path = "integration/collect.rs"]
mod collect;
#[path = "integration/commands.rs"]
mod commands;
#[path = "integration/compute.rs"]
mod compute;
#[path = "integration/console.rs"]
mod console;
#[path = "integration/demo.rs"]
mod demo;
#[path = "integration/disk.rs"]
mod disk;
#[path = "integration/doors.rs"]
mod doors;
#[path = "integration/forwarding.rs"]
mod forwarding;
#[path = "integration/health.rs"]
mod health;
#[path = "integration/hook.rs"]
mod hook;
#[path = "integration/integrity.rs"]
mod integrity;
#[path = "integration/kafka.rs"]
mod kafka;
#[path = "integration/kafka_security.rs"]
mod kafka_security;
#[path = "integration/life.rs"]
mod life;
#[path = "integration/orders.rs"]
mod orders;
#[path = "integration/otlp.rs"]
mod otlp;
#[path = "integration/proofs.rs"]
mod proofs;
#[path = "integration/quickstart.rs"]
mod quickstart;
#[path = "integration/rules.rs"]
mod rules;
#[path = "integration/senders.rs"]
mod senders;
#[path = "integration/slack.rs"]
mod slack;
#[path = "integration/stories.rs"]
mod stories;
#[path = "integration/syslog.rs"]
mod syslog;
#[path = "integration/tls.rs"]
mod tls;
#[path = "integration/truth.rs"]
mod truth;
