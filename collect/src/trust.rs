//! Whether the server is the one that is known: the newest checkpoint that was seen is kept, and a server whose log does not begin with
//! it is refused. Nothing is sent to one that was not asked.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use proof::note::{Checkpoint, Verifier};
use proof::{Digest, tree};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, Client};
use crate::durable::{self, DurableError};
use crate::limits::{CHECK_AFTER, CHECK_EVERY, PAUSE_MAX, PAUSE_MIN};
use crate::metrics::Metrics;

/// The file of the newest checkpoint, in the directory of the spool.
const CHECKPOINT: &str = "checkpoint.json";

/// How the server stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It was not asked yet, or does not answer; says why.
    Unknown(String),
    /// Its log is the one that is known.
    Trusted,
    /// Its log is not; says what is wrong, and what to do.
    Refused(String),
}

/// The newest checkpoint that was seen, and the key that signs the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    /// The public key.
    key: String,
    /// The signed note.
    note: String,
}

/// Why the server is not trusted now.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Doubt {
    Later(String, Option<Duration>),
    Refused(String),
}

/// Asks the server, and tells those who deliver.
pub(crate) struct Guard {
    client: Arc<Client>,
    path: PathBuf,
    /// The key of the configuration.
    key: Option<String>,
    standing: watch::Sender<Standing>,
    doubt: Notify,
    /// When the server answered last.
    answered: Mutex<Instant>,
    metrics: Metrics,
}

impl Guard {
    pub fn new(client: Arc<Client>, spool: &Path, key: Option<String>, metrics: Metrics) -> Self {
        let standing = watch::Sender::new(Standing::Unknown("it was not asked yet".to_owned()));
        let (path, answered) = (spool.join(CHECKPOINT), Mutex::new(Instant::now()));
        Self { client, path, key, standing, doubt: Notify::new(), answered, metrics }
    }

    /// How the server stands, now and later.
    pub fn watch(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// The server answered.
    pub fn note_answer(&self) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// The server may be another one: it is asked before anything is sent again.
    pub fn doubt(&self, reason: &str) {
        let forget = |standing: &mut Standing| {
            let was_trusted = *standing == Standing::Trusted;
            if was_trusted {
                *standing = Standing::Unknown(reason.to_owned());
            }
            was_trusted
        };
        if self.standing.send_if_modified(forget) {
            self.doubt.notify_one();
        }
    }

    /// Waits until the server is trusted. After a silence it is asked first.
    pub async fn trusted(&self) {
        let silence = self.answered.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        if silence > CHECK_AFTER {
            self.doubt("it was silent for a while");
        }
        // The sender lives as long as this.
        let _ = self.standing.subscribe().wait_for(|standing| *standing == Standing::Trusted).await;
    }

    /// Asks until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let (mut pause, mut told) = (PAUSE_MIN, None);
        loop {
            let Some(checked) = stop.run_until_cancelled(self.check()).await else { return };
            let (standing, wait) = match checked {
                Ok(()) => (Standing::Trusted, CHECK_EVERY),
                Err(Doubt::Refused(reason)) => (Standing::Refused(reason), CHECK_EVERY),
                Err(Doubt::Later(reason, asked)) => (Standing::Unknown(reason), asked.unwrap_or(pause)),
            };
            pause = if matches!(standing, Standing::Unknown(_)) { (pause * 2).min(PAUSE_MAX) } else { PAUSE_MIN };
            if told.as_ref() != Some(&standing) {
                self.tell(&standing);
                told = Some(standing.clone());
            }
            self.metrics.server_trusted.set(i64::from(standing == Standing::Trusted));
            self.standing.send_replace(standing);
            // Whoever doubts while the server is not trusted has nothing new.
            if stop.run_until_cancelled(timeout(wait, self.doubt.notified())).await.is_none() {
                return;
            }
        }
    }

    fn tell(&self, standing: &Standing) {
        let server = self.client.place();
        match standing {
            Standing::Trusted => tracing::info!(server, "the server's log is the one that is known"),
            Standing::Unknown(reason) => tracing::warn!(server, reason, "the server is not there; what is read waits"),
            Standing::Refused(reason) => {
                tracing::error!(server, reason, "the server is refused; nothing is sent to it");
            }
        }
    }

    /// Asks for the newest checkpoint, and whether it grew out of the one that is known.
    async fn check(&self) -> Result<(), Doubt> {
        let file = |error: DurableError| Doubt::Later(error.to_string(), None);
        let seen: Option<Seen> = durable::read(&self.path).map_err(file)?;
        let answer = self.ask("checkpoint", None).await?;
        if answer.status == 404 && reason_of(&answer).as_deref() == Some("log") {
            return match known(seen.as_ref())? {
                None => Ok(()),
                Some((old, _)) => Err(Doubt::Refused(forgotten(&old, "no checkpoint at all"))),
            };
        }
        if answer.status != 200 {
            return Err(judge(&answer));
        }
        let note = String::from_utf8(answer.body.clone()).map_err(|_| odd("its checkpoint is no text"))?;
        let key = self.key.clone().or(seen.as_ref().map(|seen| seen.key.clone()));
        let is_first = key.is_none();
        let key = key.or(answer.log_key.clone()).ok_or_else(|| odd("it names no key of its log"))?;
        let verifier = Verifier::parse(&key).map_err(|_| odd("the key of its log is none"))?;
        let new = Checkpoint::open(&note, &verifier).map_err(|error| {
            let named = answer.log_key.as_deref().unwrap_or("no key");
            Doubt::Refused(format!(
                "its checkpoint is not signed by the key that is known ({error}): {key} is known, and it names {named}; if the server was \
                 made anew on purpose, delete {} and set `server.key` to the new key",
                self.path.display()
            ))
        })?;
        if let Some((old, old_note)) = known(seen.as_ref())? {
            self.compare(&old, &new).await?;
            if old.size == new.size || old_note == note {
                self.note_answer();
                return Ok(());
            }
        }
        if is_first {
            tracing::warn!(key, "the key of the server's log is remembered, since `server.key` names none");
        }
        durable::replace(&self.path, &Seen { key, note }).map_err(file)?;
        self.note_answer();
        Ok(())
    }

    /// Whether the new checkpoint is of the log that is known, grown or as it was.
    async fn compare(&self, old: &Checkpoint, new: &Checkpoint) -> Result<(), Doubt> {
        if old.origin != new.origin {
            let reason = format!(
                "its log is {:?}, and {:?} is known: it is another server, or was restored as a new generation; if that is on purpose, \
                 delete {}",
                new.origin,
                old.origin,
                self.path.display()
            );
            return Err(Doubt::Refused(reason));
        }
        let described = format!("{} batches with root {}", new.size, hex::encode(new.root.0));
        if new.size < old.size || (new.size == old.size && new.root != old.root) {
            return Err(Doubt::Refused(forgotten(old, &described)));
        }
        if new.size == old.size {
            return Ok(());
        }
        let query = format!("from={}&to={}", old.size, new.size);
        let answer = self.ask("consistency", Some(&query)).await?;
        if answer.status == 404 {
            return Err(Doubt::Refused(forgotten(old, &format!("{described}, and no proof that it grew out of that"))));
        }
        if answer.status != 200 {
            return Err(judge(&answer));
        }
        let path = path(&answer.body).ok_or_else(|| odd("its proof is not understood"))?;
        if tree::verify_consistency(old.size, new.size, &old.root, &new.root, &path) {
            return Ok(());
        }
        Err(Doubt::Refused(forgotten(old, &format!("{described}, which did not grow out of that"))))
    }

    async fn ask(&self, path: &str, query: Option<&str>) -> Result<Answer, Doubt> {
        self.client.get(path, query).await.map_err(|error| Doubt::Later(error.to_string(), None))
    }
}

/// Why there is no checkpoint to look at.
fn judge(answer: &Answer) -> Doubt {
    let reason = match answer.status {
        401 | 403 => "the server does not take the token: make one with `tachograph token create --role ingest` there",
        404 | 405 => "the address is not that of the server's intake, or the server is older than this program",
        408 | 425 | 429 | 500.. => "the server cannot answer now",
        300..=399 => "it answers with a redirect, which is not followed; name the place itself in `server.url`",
        _ => "its answer is not understood",
    };
    Doubt::Later(format!("{reason} (it answers {})", answer.status), answer.retry_after)
}

fn odd(what: &str) -> Doubt {
    Doubt::Later(format!("{what}; is `server.url` a Tachograph server?"), None)
}

/// What a server lost, in words: both sizes and roots.
fn forgotten(old: &Checkpoint, new: &str) -> String {
    format!(
        "its log is not the one that this machine has seen: {} batches with root {} were signed, and it shows {new}; it was rolled back to \
         an older copy or changed. Put the newer copy back; what is not delivered stays in the spool",
        old.size,
        hex::encode(old.root.0)
    )
}

/// The checkpoint that was seen, with its note.
fn known(seen: Option<&Seen>) -> Result<Option<(Checkpoint, String)>, Doubt> {
    let Some(seen) = seen else { return Ok(None) };
    let damaged = |error: proof::note::NoteError| {
        Doubt::Refused(format!(
            "the checkpoint that this machine keeps is damaged ({error}): put {CHECKPOINT} in the spool back"
        ))
    };
    let verifier = Verifier::parse(&seen.key).map_err(damaged)?;
    Checkpoint::open(&seen.note, &verifier).map_err(damaged).map(|checkpoint| Some((checkpoint, seen.note.clone())))
}

/// The nodes of a proof.
fn path(body: &[u8]) -> Option<Vec<Digest>> {
    #[derive(Deserialize)]
    struct Proof {
        path: Vec<String>,
    }
    let proof: Proof = serde_json::from_slice(body).ok()?;
    proof.path.iter().map(|digest| Digest::from_hex(digest)).collect()
}

/// The word of a problem, the end of its URN.
pub(crate) fn reason_of(answer: &Answer) -> Option<String> {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(rename = "type")]
        kind: String,
    }
    let problem: Problem = serde_json::from_slice(&answer.body).ok()?;
    problem.kind.strip_prefix("urn:tachograph:ingest:").map(str::to_owned)
}
