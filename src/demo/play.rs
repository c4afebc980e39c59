//! The live part: records go out when their time has come, and what the server makes of them is told as it happens.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use generator::{Door, Fleet, Generator, Label, Live, Speed, Story, Wire};
use ledger::{SystemClock, TimeSource as _, Timestamp};
use operations::alert::Severity;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::gateway::{Gateway, Passage};
use super::inbox::{InboxName, Inboxes};
use super::score::{self, Score};
use super::screen::Screen;
use super::sender::Doors;
use super::tamper::{self, Tampered};
use super::watch::Seen;
use crate::exit::Failure;
use crate::limits;

/// What a stage needs from outside.
pub struct Setting<'a> {
    /// The data directory.
    pub data: &'a Path,
    /// The file of labels.
    pub labels: &'a Path,
    /// Where messages arrive.
    pub inboxes: &'a Inboxes,
    /// How fast time passes.
    pub speed: Speed,
}

/// How long it plays.
#[derive(Debug, Clone, Copy)]
pub struct Length {
    /// So long, in the time of the stories; without it until somebody stops it.
    pub until: Option<Duration>,
    /// Whether it then waits for stories that were not found yet.
    pub waits: bool,
}

/// Who is told what, and what is known.
pub struct Stage<'a> {
    screen: &'a Screen,
    fleet: &'a Fleet,
    setting: Setting<'a>,
    score: Score,
    /// Steps of stories that were told.
    told: BTreeSet<(Story, &'static str)>,
    /// Alerts that were told, by id: when the newest event of the news was recorded, and where the news has arrived.
    alerts: BTreeMap<String, (Timestamp, BTreeSet<InboxName>)>,
    /// The newest message of each inbox that was looked at.
    seen: BTreeMap<InboxName, u64>,
    labels: BufWriter<File>,
    /// Asks hard budgets before a model is called.
    gateway: Gateway,
    began: Instant,
    /// Records that were sent.
    pub sent: u64,
}

/// What happens next on a stage.
enum Next {
    Wire,
    Alert(Box<Seen>),
    Messages,
    Line(String),
    Broken(Box<Result<Tampered, Failure>>, Duration),
    Over,
}

impl<'a> Stage<'a> {
    /// A stage on which nothing happened yet.
    pub fn new(screen: &'a Screen, fleet: &'a Fleet, setting: Setting<'a>, gateway: Gateway) -> Result<Self, Failure> {
        let labels = BufWriter::new(File::create(setting.labels)?);
        Ok(Self {
            screen,
            fleet,
            setting,
            score: Score::new(fleet),
            told: BTreeSet::new(),
            alerts: BTreeMap::new(),
            seen: BTreeMap::new(),
            labels,
            gateway,
            began: Instant::now(),
            sent: 0,
        })
    }

    /// What was found.
    pub fn score(&self) -> &Score {
        &self.score
    }

    /// Takes an alert into account that came before it began to play.
    pub fn hear(&mut self, seen: &Seen) {
        self.score.hear(&seen.alert, seen.at);
    }

    /// Plays until its time is over or somebody stops it.
    pub async fn play(
        &mut self,
        generator: &Generator,
        doors: &mut Doors,
        alerts: &mut mpsc::Receiver<Seen>,
        length: Length,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        self.began = Instant::now();
        let start = SystemClock.now();
        let mut live = generator.live(start.unix_micros(), self.setting.speed);
        let mut next = live.next();
        let mut deadline = length.until.map(|until| self.began + self.scaled(until));
        let mut messages = self.setting.inboxes.watch();
        let mut lines = typed()?;
        let (broken, mut breaks) = mpsc::channel(1);
        let mut waits = length.waits;
        loop {
            let due = next.as_ref().map_or(Duration::from_hours(1), |wire| until(wire.at));
            let happens = tokio::select! {
                biased;
                () = stop.cancelled() => Next::Over,
                Some(seen) = alerts.recv() => Next::Alert(Box::new(seen)),
                () = changed(&mut messages) => Next::Messages,
                Some((report, took)) = breaks.recv() => Next::Broken(Box::new(report), took),
                Some(line) = lines.recv() => Next::Line(line),
                () = tokio::time::sleep_until(deadline.unwrap_or(self.began + FOREVER).into()) => {
                    self.score.close();
                    if std::mem::take(&mut waits) && !self.score.is_complete() {
                        deadline = Some(Instant::now() + limits::DEMO_GRACE);
                        continue;
                    }
                    Next::Over
                }
                () = tokio::time::sleep(due) => Next::Wire,
            };
            match happens {
                Next::Wire => self.send_due(&mut live, &mut next, doors).await?,
                Next::Alert(seen) => {
                    self.alert(&seen)?;
                    let is_waiting = length.until.is_some() && !waits && self.score.is_complete();
                    if is_waiting && length.waits {
                        deadline = Some(Instant::now());
                    }
                }
                Next::Messages => self.messages()?,
                Next::Line(line) => self.line(&line, &broken)?,
                Next::Broken(report, took) => match *report {
                    Ok(tampered) => self.screen.tampered(&tampered, took)?,
                    Err(failure) => self.screen.say(&failure.in_one_line())?,
                },
                Next::Over => break,
            }
        }
        self.labels.flush()?;
        Ok(())
    }

    /// Duration of the stories as a duration of life.
    fn scaled(&self, story: Duration) -> Duration {
        let micros = i64::try_from(story.as_micros()).unwrap_or(i64::MAX);
        Duration::from_micros(self.setting.speed.scale(micros).max(0) as u64)
    }

    /// Sends everything whose time has come.
    async fn send_due(
        &mut self,
        live: &mut Live<'_>,
        next: &mut Option<Wire>,
        doors: &mut Doors,
    ) -> Result<(), Failure> {
        while let Some(wire) = next.take_if(|wire| until(wire.at).is_zero()) {
            *next = live.next();
            match self.gateway.pass(&wire).await? {
                Passage::Free => {}
                Passage::Refused(team) => {
                    self.screen.refused(self.began.elapsed(), &team)?;
                    continue;
                }
                Passage::Silent => continue,
            }
            if let Some(label) = wire.label {
                self.label(&wire, label)?;
            }
            self.sent += 1;
            doors.send(wire).await?;
        }
        Ok(())
    }

    /// Notes which story a record is of, and tells the step if it is a new one.
    fn label(&mut self, wire: &Wire, label: Label) -> Result<(), Failure> {
        let now = SystemClock.now();
        self.score.begin(label.story, now);
        let who = match wire.door {
            Door::Hooks(number) => self.fleet.agent(number).map_or("", |agent| &agent.name),
            door => door.collector(),
        };
        let line = json!({
            "at": wire.at, "sent": now.unix_micros(), "story": label.story, "step": label.step,
            "door": wire.door.collector(), "who": who, "expected": label.story.expected(),
        });
        writeln!(self.labels, "{line}")?;
        // Of a step that two sources tell of, the one that names the agent is told.
        let names = matches!(wire.door, Door::Hooks(_)) || label.story == Story::Silent;
        if names && self.told.insert((label.story, label.step)) {
            self.screen.step(self.began.elapsed(), who, label)?;
        }
        Ok(())
    }

    fn alert(&mut self, seen: &Seen) -> Result<(), Failure> {
        let Seen { alert, at } = seen;
        let told = self.score.hear(alert, *at);
        if alert.backfill {
            return Ok(());
        }
        let is_told = told.story.map_or(alert.severity > Severity::Low, |story| score::is_loud(story, alert.severity));
        if told.is_news && is_told {
            // Later revisions that are no worse only add to it: what is measured is the way of the news.
            self.alerts.insert(alert.id.clone(), (alert.recorded_last, BTreeSet::new()));
            let delay = at.micros_since(alert.recorded_last);
            self.screen.alert(self.began.elapsed(), alert, told, delay)?;
        }
        Ok(())
    }

    /// Tells of messages to people that came since the last look. What a SIEM gets is too much to tell.
    fn messages(&mut self) -> Result<(), Failure> {
        for inbox in [InboxName::Slack, InboxName::PagerDuty] {
            let after = self.seen.get(&inbox).copied().unwrap_or_default();
            for message in self.setting.inboxes.messages(inbox).iter().filter(|message| message.number > after) {
                self.seen.insert(inbox, message.number);
                let text = message.body.to_string();
                let about = self.alerts.iter_mut().find(|(id, _)| text.contains(id.as_str()));
                if let Some((_, (recorded, arrived))) = about
                    && arrived.insert(inbox)
                {
                    self.screen.delivered(message, message.at.micros_since(*recorded))?;
                }
            }
        }
        Ok(())
    }

    /// Somebody typed something.
    fn line(&self, line: &str, broken: &mpsc::Sender<(Result<Tampered, Failure>, Duration)>) -> Result<(), Failure> {
        if line.trim() != "b" {
            return Ok(());
        }
        self.screen.say("Copying the ledger, changing one byte of the copy, verifying both …")?;
        let (data, broken) = (self.setting.data.to_owned(), broken.clone());
        tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            // If nobody listens any more, the demo is over.
            let _ = broken.blocking_send((tamper::try_to_break(&data), begun.elapsed()));
        });
        Ok(())
    }
}

/// Longer than anybody watches.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// How long it is until a moment.
fn until(micros: i64) -> Duration {
    let now = SystemClock.now().unix_micros();
    Duration::from_micros(micros.saturating_sub(now).max(0) as u64)
}

/// Waits until messages came; for ever once nobody receives any more.
async fn changed(messages: &mut watch::Receiver<u64>) {
    if messages.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What somebody types, line by line. A thread waits for it, since nobody can be made to type.
fn typed() -> std::io::Result<mpsc::Receiver<String>> {
    let (sender, lines) = mpsc::channel(8);
    let read = move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("typed".to_owned()).spawn(read)?;
    Ok(lines)
}
