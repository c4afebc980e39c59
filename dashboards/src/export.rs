//! Exports: everything that a query gives, as a file that the server makes while somebody goes on, with a manifest that says what it is.
//!
//! Files lie in a folder of the data directory that only its owner reads, and go after [`limits::EXPORT_AGE_MAX`] or when there are too
//! many. They do not outlive the process: content that was erased must not come back from one.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use ledger::LedgerName;
use operations::access::Principal;
use query::output::{Encoded, Format};
use query::{AccessCheck, Engine, Limits, Purpose, QueryError, Request, Statistics};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::limits;

/// The formats of files, with the ending of each.
pub const FORMATS: [(Format, &str); 4] =
    [(Format::Csv, "csv"), (Format::NdJson, "ndjson"), (Format::Parquet, "parquet"), (Format::Arrow, "arrow")];

/// All exports of a process. Clones share them.
#[derive(Clone)]
pub struct Exports {
    engine: Engine,
    folder: PathBuf,
    jobs: Arc<Mutex<BTreeMap<u64, Job>>>,
    next: Arc<AtomicU64>,
}

/// One export.
#[derive(Clone)]
pub struct Job {
    /// Whose it is: nobody else sees it.
    owner: String,
    /// Its number.
    pub id: u64,
    /// The name of the file.
    pub name: String,
    /// The query.
    pub sql: String,
    /// When it was asked for.
    pub asked: DateTime<Utc>,
    /// How far it is.
    pub state: JobState,
}

/// How far an export is.
#[derive(Clone)]
pub enum JobState {
    /// So many bytes were written.
    Running(u64),
    /// It is whole; the manifest says what it is.
    Ready(Arc<Value>),
    /// It is not, and why.
    Failed(String),
}

/// Why an export does not begin.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// As many are running as may.
    #[error("{max} exports are running, the most there may be; wait for one", max = limits::EXPORTS_RUNNING_MAX)]
    Busy,
    /// The folder cannot be written.
    #[error("the export cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Why an export ended before it was whole.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("the file cannot be written: {0}")]
    Io(#[from] io::Error),
    #[error("the file would be larger than {max} bytes", max = limits::EXPORT_BYTES_MAX)]
    TooLarge,
}

impl Exports {
    /// Exports of what this engine answers. What an earlier process left is removed.
    pub fn new(engine: Engine) -> Self {
        let folder = engine.reader(LedgerName::Events).data_directory().join("exports");
        if let Err(error) = fs::remove_dir_all(&folder)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %folder.display(), "old exports cannot be removed");
        }
        Self { engine, folder, jobs: Arc::default(), next: Arc::new(AtomicU64::new(1)) }
    }

    /// Begins one. It ends early when `access` does.
    pub fn begin(
        &self,
        sql: &str,
        format: Format,
        principal: &Arc<Principal>,
        access: AccessCheck,
    ) -> Result<u64, ExportError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let ending = FORMATS.iter().find(|(other, _)| *other == format).map_or("txt", |(_, ending)| ending);
        let asked = Utc::now();
        let name = format!("tachograph-{}-{id}.{ending}", asked.format("%Y%m%dT%H%M%SZ"));
        let state = JobState::Running(0);
        let job = Job { owner: principal.token.clone(), id, name, sql: sql.to_owned(), asked, state };
        self.keep(job)?;
        let file = match self.create(id) {
            Ok(file) => file,
            Err(error) => {
                self.jobs().remove(&id);
                return Err(error.into());
            }
        };
        let request = Request {
            sql: sql.to_owned(),
            principal: Arc::clone(principal),
            purpose: Purpose::AdHoc("export"),
            limits: Limits { rows: u64::MAX, bytes: u64::MAX, time: limits::EXPORT_TIME_MAX },
            access,
        };
        let (exports, name) = (self.clone(), principal.name.clone());
        tokio::spawn(async move {
            let state = match exports.write(id, request, format, file).await {
                Ok(mut manifest) => {
                    manifest["by"] = name.into();
                    JobState::Ready(Arc::new(manifest))
                }
                Err(error) => {
                    // What is not whole is no export.
                    let _ = fs::remove_file(exports.path(id));
                    JobState::Failed(error.to_string())
                }
            };
            exports.set(id, state);
        });
        Ok(id)
    }

    /// Writes the file and returns its manifest.
    async fn write(&self, id: u64, request: Request, format: Format, mut file: File) -> Result<Value, Ended> {
        let sql = request.sql.clone();
        let checkpoint = self.engine.reader(LedgerName::Events).checkpoint().map_err(QueryError::from)?;
        let mut encoded = Encoded::new(self.engine.run(request).await?, format, None)?;
        let query = encoded.id().to_owned();
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        loop {
            let chunk = match encoded.pull(limits::EXPORT_CHUNK_BYTES).await {
                Ok(chunk) if chunk.is_empty() => break,
                Ok(chunk) => chunk,
                Err((_, error)) => return Err(error.into()),
            };
            bytes += chunk.len() as u64;
            if bytes > limits::EXPORT_BYTES_MAX {
                return Err(Ended::TooLarge);
            }
            hash.update(&chunk);
            file = tokio::task::spawn_blocking(move || file.write_all(&chunk).map(|()| file))
                .await
                .map_err(io::Error::other)??;
            self.set(id, JobState::Running(bytes));
        }
        let Statistics { rows, .. } = encoded.statistics().unwrap_or_default();
        let sha256 = hex::encode(hash.finalize());
        let form = match format {
            Format::Csv => "formula-safe: a text that a spreadsheet would run has an apostrophe in front",
            _ => "raw: texts are as they were recorded",
        };
        Ok(json!({
            "query": sql, "query_id": query, "format": format.name(), "form": form, "rows": rows, "bytes": bytes, "sha256": sha256,
            "checkpoint": checkpoint, "made": Utc::now().to_rfc3339(),
        }))
    }

    /// Exports of a person, the newest first.
    pub fn of(&self, principal: &Principal) -> Vec<Job> {
        let jobs = self.jobs();
        jobs.values().rev().filter(|job| job.owner == principal.token).cloned().collect()
    }

    /// One export of a person.
    pub fn get(&self, id: u64, principal: &Principal) -> Option<Job> {
        self.jobs().get(&id).filter(|job| job.owner == principal.token).cloned()
    }

    /// The file of an export that is whole.
    pub async fn open(&self, job: &Job) -> io::Result<tokio::fs::File> {
        tokio::fs::File::open(self.path(job.id)).await
    }

    /// An empty file that only its owner reads.
    fn create(&self, id: u64) -> io::Result<File> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path(id))
    }

    /// Takes a job in, unless as many run as may, and lets go of old ones.
    fn keep(&self, job: Job) -> Result<(), ExportError> {
        let mut jobs = self.jobs();
        let is_done = |job: &Job| !matches!(job.state, JobState::Running(_));
        if jobs.values().filter(|job| !is_done(job)).count() >= limits::EXPORTS_RUNNING_MAX {
            return Err(ExportError::Busy);
        }
        jobs.insert(job.id, job);
        let oldest = Utc::now() - limits::EXPORT_AGE_MAX;
        let mut gone: Vec<u64> =
            jobs.values().filter(|job| is_done(job) && job.asked < oldest).map(|job| job.id).collect();
        let excess = jobs.len().saturating_sub(gone.len()).saturating_sub(limits::EXPORTS_KEPT_MAX);
        gone.extend(jobs.values().filter(|job| is_done(job) && job.asked >= oldest).map(|job| job.id).take(excess));
        for id in gone {
            jobs.remove(&id);
            if let Err(error) = fs::remove_file(self.path(id))
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, "an old export cannot be removed");
            }
        }
        Ok(())
    }

    fn set(&self, id: u64, state: JobState) {
        if let Some(job) = self.jobs().get_mut(&id) {
            job.state = state;
        }
    }

    fn path(&self, id: u64) -> PathBuf {
        Path::new(&self.folder).join(id.to_string())
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<u64, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
