//! What the receivers committed, against what was recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use operations::alert::{Alert, State};
use serde_json::Value;

use crate::life::{LAST, revisions};

/// How much happened.
pub struct Counts {
    alerts: usize,
    requests: usize,
    faults: usize,
    committed: usize,
    digests: usize,
    /// Mails and batches for Splunk that arrived more than once, each the same.
    doubled: [usize; 2],
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { alerts, requests, faults, committed, digests, doubled: [mails, batches] } = self;
        write!(
            f,
            "{alerts} alerts, {requests} requests with {faults} faults, {committed} commits, {digests} digests: \
             0 lost, 0 doubled where the receiver takes an id or can be asked, 0 reopened; {mails} mails doubled under the \
             same Message-ID, {batches} batches doubled at indexers that acknowledge"
        )
    }
}

struct Accepted {
    path: String,
    id: String,
    text: String,
    body: Value,
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Stops at the first loss, double or disorder and names the seed.
pub fn check(folder: &Path, seed: u64, alerts: u64) -> Counts {
    let answers = lines(&folder.join("answers"));
    let commits: Vec<Accepted> = lines(&folder.join("commits"))
        .into_iter()
        .map(|line| {
            let text = line["body"].as_str().unwrap().to_owned();
            let (path, id) = (line["path"].as_str().unwrap().to_owned(), line["id"].as_str().unwrap().to_owned());
            Accepted { path, id, body: serde_json::from_str(&text).unwrap_or_default(), text }
        })
        .collect();
    let all = revisions(seed, alerts);
    let at = |path: &str| -> Vec<&Accepted> { commits.iter().filter(|commit| commit.path == path).collect() };
    let lost = |sink: &str, committed: &BTreeSet<String>, name: &dyn Fn(&Value) -> String| {
        let sent = lines(&folder.join("sent")).into_iter().filter(|line| line["sink"] == sink);
        let arrived = sent.filter(|line| committed.contains(&name(line)));
        let told: BTreeSet<String> = arrived
            .flat_map(|line| line["ids"].as_array().unwrap().clone())
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
        let lost: Vec<&str> = ids(&all).into_iter().filter(|id| !told.contains(*id)).collect();
        assert!(lost.is_empty(), "seed {seed}: {lost:?} are lost at {sink}");
    };
    let key = |line: &Value| line["key"].as_str().unwrap().to_owned();
    let (keys, digests) = pagerduty(&at("/pagerduty"), seed);
    lost("pager", &keys, &|line| format!("tachograph/{}", line["subject"].as_str().unwrap()));
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    lost("hook", &webhook(&at("/hook"), seed), &|line| {
        format!("msg_{}", key(line).chars().map(plain).collect::<String>())
    });
    let mut channel = slack(&at("/slack/chat.postMessage"), seed);
    // A change in place says the newest of an alert whose message stands in the channel.
    channel.extend(
        at("/slack/chat.update")
            .iter()
            .filter_map(|commit| Some(commit.body["metadata"]["event_payload"]["key"].as_str()?.to_owned())),
    );
    lost("slack", &channel, &key);
    let mails: Vec<&Accepted> = commits.iter().filter(|commit| commit.path.starts_with("/smtp")).collect();
    let (mails, mails_doubled) = mail(&mails, seed);
    lost("mail", &mails, &|line| message_name(&key(line)));
    alertmanager(&at("/api/v2/alerts"), &all, seed);
    siem(&at("/services/collector/event"), &all, seed);
    let batches_doubled = siem(&at("/indexed"), &all, seed);
    Counts {
        alerts: all.iter().filter(|alert| alert.state == State::Open).count(),
        requests: answers.len(),
        faults: answers.iter().filter(|answer| answer["fault"].as_u64().unwrap() < 5).count(),
        committed: commits.iter().filter(|commit| commit.path != REFUSED_MAIL).count(),
        digests,
        doubled: [mails_doubled, batches_doubled],
    }
}

/// Where mails are written down that the server refused.
const REFUSED_MAIL: &str = "/smtp/refused";

/// The name of a message as it stands in the Message-ID of its mail, before what tells its versions apart.
fn message_name(key: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '.' };
    let atom: String = key.chars().map(plain).collect();
    atom.split('.').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
}

/// Mail that arrives again is the same mail under the same Message-ID, which the reader's client folds. Only what was refused
/// meanwhile may say something else when it is sent once more, and has another Message-ID then.
fn mail(commits: &[&Accepted], seed: u64) -> (BTreeSet<String>, usize) {
    let (mut seen, mut newest, mut names, mut doubled) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new(), 0);
    for commit in commits {
        let (name, _version) = commit.id.trim_start_matches('<').rsplit_once('@').unwrap().0.rsplit_once('.').unwrap();
        if commit.path == REFUSED_MAIL {
            newest.remove(name);
            continue;
        }
        names.insert(name.to_owned());
        if let Some(before) = seen.insert(commit.id.as_str(), commit.text.as_str()) {
            assert_eq!(before, commit.text, "seed {seed}: a repeat of {} differs", commit.id);
            doubled += 1;
        }
        let before = newest.insert(name.to_owned(), commit.id.as_str());
        assert!(
            before.is_none_or(|before| before == commit.id),
            "seed {seed}: {name} came again and says something else"
        );
    }
    (names, doubled)
}

fn ids(all: &[Alert]) -> BTreeSet<&str> {
    all.iter().map(|alert| alert.id.as_str()).collect()
}

/// PagerDuty's own rules: a trigger of an open incident folds, a trigger after a resolution opens another.
fn pagerduty(commits: &[&Accepted], seed: u64) -> (BTreeSet<String>, usize) {
    let (mut open, mut closed, mut digests) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    let mut triggered = BTreeSet::new();
    for commit in commits {
        let key = commit.body["dedup_key"].as_str().unwrap().to_owned();
        match commit.body["event_action"].as_str().unwrap() {
            "trigger" => {
                assert!(!closed.contains(&key), "seed {seed}: {key} was triggered after its resolution");
                if key.contains("digest") {
                    let before = digests.insert(key.clone(), commit.text.clone());
                    assert!(
                        before.is_none_or(|before| before == commit.text),
                        "seed {seed}: a repeat of {key} differs"
                    );
                }
                triggered.insert(key.clone());
                open.insert(key);
            }
            "resolve" => {
                open.remove(&key);
                closed.insert(key);
            }
            action => panic!("seed {seed}: {action}"),
        }
    }
    // Only the last alert does not end; it stands alone or in one digest.
    assert!(open.len() <= 1, "seed {seed}: {open:?} are open for ever");
    (triggered, digests.len())
}

/// A consumer that remembers ids: one body for each, and no news of an alert after its end.
fn webhook(commits: &[&Accepted], seed: u64) -> BTreeSet<String> {
    let (mut seen, mut over) = (BTreeMap::new(), BTreeSet::new());
    for commit in commits {
        if let Some(before) = seen.insert(commit.id.clone(), commit.text.clone()) {
            assert_eq!(before, commit.text, "seed {seed}: a repeat of {} differs", commit.id);
            continue;
        }
        let Some(id) = commit.body["data"]["alert_id"].as_str() else { continue };
        if commit.body["type"] == "alert.resolved" {
            assert!(over.insert(id.to_owned()), "seed {seed}: the end of {id} is told twice");
        } else {
            assert!(!over.contains(id), "seed {seed}: {id} goes on after its end");
        }
    }
    seen.into_keys().collect()
}

/// Alertmanager keeps the newest of each label set: everything but the last alert has ended, and nothing ended that did not
/// fire before.
fn alertmanager(commits: &[&Accepted], all: &[Alert], seed: u64) {
    let (mut newest, mut told) = (BTreeMap::new(), BTreeSet::new());
    for commit in commits {
        for alert in commit.body.as_array().unwrap() {
            let (labels, ended) = (alert["labels"].to_string(), alert["startsAt"].is_null());
            assert!(!ended || newest.contains_key(&labels), "seed {seed}: the end of what never fired: {labels}");
            newest.insert(labels, ended);
            told.insert(alert["labels"]["alert_id"].as_str().unwrap().to_owned());
        }
    }
    let lost: Vec<&str> = ids(all).into_iter().filter(|id| !told.contains(*id)).collect();
    assert!(lost.is_empty(), "seed {seed}: {lost:?} are lost at Alertmanager");
    let open = newest.iter().filter(|(labels, ended)| !**ended && !labels.contains(LAST)).count();
    assert_eq!(open, 0, "seed {seed}: alerts stay open at Alertmanager");
}

/// Slack takes no id, but it can be asked: no message stands there twice.
fn slack(commits: &[&Accepted], seed: u64) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for commit in commits {
        let key = commit.body["metadata"]["event_payload"]["key"].as_str().unwrap();
        assert!(keys.insert(key.to_owned()), "seed {seed}: {key} stands twice in the channel");
    }
    keys
}

/// Splunk gets every revision at least once, and the repeats are the same, whole batches. Returns how many were repeated.
fn siem(commits: &[&Accepted], all: &[Alert], seed: u64) -> usize {
    let (mut records, mut batches, mut batch_of) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
    for commit in commits {
        batches.insert(commit.text.as_str());
        for line in commit.text.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let id = event["fields"]["id"].as_str().unwrap().to_owned();
            let batch = *batch_of.entry(id.clone()).or_insert(commit.text.as_str());
            assert_eq!(batch, commit.text, "seed {seed}: {id} came again in another batch");
            if event["sourcetype"] == "tachograph:alert" {
                let before = records.insert(event["fields"]["id"].as_str().unwrap().to_owned(), line.to_owned());
                assert!(before.is_none_or(|before| before == line), "seed {seed}: a repeat differs at Splunk");
            }
        }
    }
    assert_eq!(records.len(), all.len(), "seed {seed}: revisions are lost at Splunk");
    commits.len() - batches.len()
}
