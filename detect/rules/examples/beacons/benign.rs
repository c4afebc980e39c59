//! What asks for one rare place again and again and is no beacon: each by one agent, as programs and agents do it.

use crate::AGENT;
use crate::draw::{Asked, at_work, exponential, fraction, words};
use crate::numbers::Numbers;

/// The requests of one pair of agent and domain.
type Make = fn(&mut Numbers) -> Vec<Asked>;

const HOUR: f64 = 3_600.0;

/// Kinds by name.
pub const KINDS: [(&str, Make); 17] = [
    ("build server, every 10 to 60 s until it is done", |numbers| {
        let (wait, id) = (10.0 + 50.0 * fraction(numbers), numbers.below(100_000));
        let duration = 600.0 + 3_000.0 * fraction(numbers);
        steady(numbers, wait, duration, "ci.", &format!("/api/v4/projects/7/pipelines/{id}"))
    }),
    ("job that an agent waits for, turn by turn", |numbers| {
        let path = format!("/v2/jobs/{}", numbers.below(100_000));
        let (mut time, mut list) = (0.0, Vec::new());
        for _ in 0..20 + numbers.below(30) {
            list.push(Asked::new(time, AGENT, "batch.example", &path));
            list.push(Asked { domain: String::new(), ..Asked::new(time + 1.0, AGENT, "", "") });
            time += 30.0 + at_work(numbers, 8.0);
        }
        list
    }),
    ("job with back-off up to two minutes", |numbers| {
        let path = format!("/jobs/{}/status", numbers.below(100_000));
        let (mut time, mut wait, mut list) = (0.0, 1.0_f64, Vec::new());
        for _ in 0..40 {
            list.push(Asked::new(time, AGENT, "batch.example", &path));
            time += wait + fraction(numbers);
            wait = (wait * 1.5).min(120.0);
        }
        list
    }),
    ("job with back-off and full jitter", |numbers| {
        let path = format!("/runs/{}", numbers.below(100_000));
        let (mut time, mut wait, mut list) = (0.0, 2.0_f64, Vec::new());
        for _ in 0..40 {
            list.push(Asked::new(time, AGENT, "batch.example", &path));
            time += wait * fraction(numbers);
            wait = (wait * 2.0).min(120.0);
        }
        list
    }),
    ("health check of a service under test", |numbers| {
        let wait = [5.0, 10.0, 30.0, 60.0][numbers.below(4) as usize] + 1.0;
        let path = ["/healthz", "/health", "/readyz", "/api/health", "/status"][numbers.below(5) as usize];
        steady(numbers, wait, 8.0 * HOUR, "", path)
    }),
    ("metrics that are scraped", |numbers| steady(numbers, 15.0, 4.0 * HOUR, "prometheus.", "/metrics")),
    ("mirror of packages", |numbers| {
        let (mut time, mut list) = (0.0, Vec::new());
        while time < 8.0 * HOUR {
            for _ in 0..=numbers.below(30) {
                let path = format!("/simple/{}/", words(numbers).replace('/', "-"));
                list.push(Asked { below: "pypi.", ..Asked::new(time, AGENT, "mirror-eu.example", &path) });
                time += 2.0 * fraction(numbers);
            }
            time += exponential(numbers, 900.0);
        }
        list
    }),
    ("model interface, asked whether it is up", |numbers| {
        let wait = 30.0 + 60.0 * fraction(numbers);
        steady(numbers, wait, 8.0 * HOUR, "llm.", "/v1/models")
    }),
    ("model that an agent works with", |numbers| {
        let (mut time, mut list) = (0.0, Vec::new());
        while time < 4.0 * HOUR {
            list.push(Asked { method: "POST", ..Asked::new(time, AGENT, "inference.example", "/v1/chat/completions") });
            time += at_work(numbers, 15.0);
        }
        list
    }),
    ("repository that is fetched every few minutes", |numbers| {
        let wait = 120.0 + 300.0 * fraction(numbers);
        steady(numbers, wait, 8.0 * HOUR, "git.", "/team/project.git/info/refs?service=git-upload-pack")
    }),
    ("feed", |numbers| steady(numbers, 900.0, 24.0 * HOUR, "", "/blog/feed.xml")),
    ("webhook deliveries that are looked up", |numbers| {
        steady(numbers, 20.0, 1.5 * HOUR, "", "/api/v1/hooks/771/deliveries/status")
    }),
    ("cluster that is watched", |numbers| {
        steady(numbers, 60.0, 6.0 * HOUR, "k8s.", "/api/v1/namespaces/web/pods?watch=true&timeoutSeconds=60")
    }),
    ("reports of an editor's language server", |numbers| {
        let mut list = steady(numbers, 300.0, 8.0 * HOUR, "", "/v1/logs");
        for asked in &mut list {
            asked.method = "POST";
        }
        list
    }),
    ("documentation that is read", |numbers| {
        let (mut time, mut list) = (0.0, Vec::new());
        for _ in 0..60 {
            list.push(Asked::new(time, AGENT, "handbook.example", &words(numbers)));
            time += at_work(numbers, 40.0);
        }
        list
    }),
    ("interface of a customer that is worked on", |numbers| {
        let (mut time, mut list) = (0.0, Vec::new());
        while time < 6.0 * HOUR {
            list.push(Asked::new(time, AGENT, "shop.example", &words(numbers)));
            time += at_work(numbers, 30.0) + if numbers.below(8) == 0 { exponential(numbers, 900.0) } else { 0.0 };
        }
        list
    }),
    ("load test", |numbers| {
        let (mut time, mut list) = (0.0, Vec::new());
        while time < HOUR {
            list.push(Asked::new(time, AGENT, "staging.example", "/"));
            time += exponential(numbers, 1.0);
        }
        list
    }),
];

/// The same request at steady intervals, and latency.
fn steady(numbers: &mut Numbers, wait: f64, duration: f64, below: &'static str, path: &str) -> Vec<Asked> {
    let (mut time, mut list) = (0.0, Vec::new());
    while time < duration {
        list.push(Asked { below, ..Asked::new(time, AGENT, "vendor.example", path) });
        time += wait + 0.05 + at_work(numbers, 0.3).min(3.0);
    }
    list
}
