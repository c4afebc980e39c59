//! Files that grow and are rotated, read line by line, each line exactly once.
//!
//! It polls instead of asking the kernel for notices (inotify). A notice does not come for files on NFS, on overlays of
//! containers or on FUSE, queues of notices overflow, and watches are limited per user, so polling would be needed all the
//! same. It costs one `fstat` per file and poll, and it is quick while lines come: the pause is 1 ms then and grows to
//! 100 ms over a file that is silent.

mod behind;
mod content;
mod file;
mod name;
mod source;
mod tailer;

use std::sync::Arc;
use std::time::Instant;

use operations::standing::State;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Setting, Settings, Start, Transport, Work, read};
use crate::health::Trouble;
use crate::limits;
use crate::pipeline::{Channel, PipelineError};
use file::Paths;
use tailer::{Origin, Tailer, unreadable};

/// The transport.
pub struct Tail;

/// The settings of a `tail` collector.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TailSettings {
    path: String,
    #[serde(default)]
    rotated: Option<String>,
    #[serde(default)]
    start: Origin,
}

impl Transport for Tail {
    fn name(&self) -> &'static str {
        "tail"
    }

    fn doc(&self) -> &'static str {
        "Follows one file, or all files that a pattern matches. A file is known by device, inode and hashes of its \
         first KiB and of the last KiB that was read; its offset is durable together with its lines, so each line is \
         recorded exactly once and after those before it, over restarts and rotation too. What was rotated away \
         meanwhile is found beside the file, in directories below, behind a symbolic link or where `rotated` says, by \
         its content: renamed, copied, or compressed with gzip or zstd (bzip2 and xz are told and not read). Rotation \
         by `copytruncate` loses what was written between the copy and the cut. Several files of which nothing was \
         read are read in the order of the times at which they were last written to. What cannot be known is told as \
         a problem of the collector. A line above 1 MiB is kept as unparsed with its first MiB."
    }

    fn settings(&self) -> &'static [Setting] {
        &[
            Setting {
                name: "path",
                required: true,
                doc: "The file, or a pattern with `*`, `?` and `[…]`. A rotated file need not match it.",
                example: "\"/var/log/coder/coderd.json\"",
            },
            Setting {
                name: "rotated",
                required: false,
                doc: "A pattern of the files that were rotated away, where their names or their directory do not tell. Nothing is guessed then.",
                example: "\"/var/log/coder/old/coderd-*\"",
            },
            Setting {
                name: "start",
                required: false,
                doc: "Where to begin in files that are there when the collector runs for the first time: `beginning` (the default) or `end`.",
                example: "\"beginning\"",
            },
        ]
    }

    fn check(&self, settings: &Settings) -> Result<(), String> {
        let settings = read::<TailSettings>(settings)?;
        Paths::new(&settings.path, settings.rotated.as_deref()).map(|_| ())
    }

    fn missing(&self, settings: &Settings) -> Option<String> {
        let settings = read::<TailSettings>(settings).ok()?;
        let paths = Paths::new(&settings.path, settings.rotated.as_deref()).ok()?;
        let directory = paths.directory();
        match std::fs::metadata(&directory) {
            Ok(metadata) if metadata.is_dir() => None,
            Ok(_) => Some(format!("{} is no directory", directory.display())),
            Err(error) => Some(format!("the directory {}: {error}", directory.display())),
        }
    }

    fn place(&self, _name: &str, settings: &Settings) -> String {
        read::<TailSettings>(settings).map(|settings| settings.path).unwrap_or_default()
    }

    fn follows_files(&self) -> bool {
        true
    }

    fn look(&self, settings: &Settings) -> Option<Trouble> {
        if let Some(message) = self.missing(settings) {
            return Some((State::Missing, message));
        }
        let settings = read::<TailSettings>(settings).ok()?;
        let paths = Paths::new(&settings.path, settings.rotated.as_deref()).ok()?;
        let files = match paths.list() {
            Ok(files) if files.is_empty() => return Some((State::Missing, paths.missing())),
            Ok(files) => files,
            Err((path, error)) => return Some(unreadable(&path, &error)),
        };
        let mut first = files.iter().take(limits::TAIL_FILES_MAX);
        first.find_map(|file| Some(unreadable(&file.path, &std::fs::File::open(&file.path).err()?)))
    }

    fn start(&self, start: Start<'_>) -> Result<Work, String> {
        let settings: TailSettings = read(start.settings)?;
        let paths = Paths::new(&settings.path, settings.rotated.as_deref())?;
        let channel = Arc::clone(&start.channel);
        let stop = start.stop.clone();
        let tailer = Tailer::new(
            Arc::clone(start.pipeline),
            Arc::clone(&start.channel),
            Arc::clone(&start.principal),
            &start.pipeline.positions().inputs(),
            paths,
            settings.start,
            stop.clone(),
        );
        start.tell(&tailer.position());
        Ok(Work::Blocking(Box::new(move || Handle::current().block_on(run(tailer, channel, stop)))))
    }
}

async fn run(mut tailer: Tailer, channel: Arc<Channel>, stop: CancellationToken) {
    let mut pause = limits::TAIL_POLL_MIN;
    let behind = tailer.behind();
    while !stop.is_cancelled() {
        match behind.shown_during(&channel, tailer.step(Instant::now())).await {
            Ok(0) => pause = (pause * 2).min(limits::TAIL_POLL_MAX),
            Ok(_) => {
                pause = limits::TAIL_POLL_MIN;
                continue;
            }
            Err(PipelineError::Stopping) => break,
            Err(error) => {
                channel.set_trouble(Some((State::Refused, error.to_string())));
                pause = limits::ERROR_PAUSE;
            }
        }
        stop.run_until_cancelled(sleep(pause)).await;
    }
}

#[cfg(test)]
mod tests;
