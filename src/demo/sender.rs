//! Sends records to intake over HTTP, as collectors outside of the server do: the days before as fast as they are taken, what is live when
//! its time has come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use export::tls::ClientTls;
use generator::{Door, Generator, Wire};
use reqwest::{Client, StatusCode, Url};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::setup::{Secrets, collector};
use crate::client::{client_builder, not_reached};
use crate::exit::Failure;
use crate::limits;

/// Connections over which the days before are sent: one for each control plane, the others for hooks.
const CONNECTIONS: usize = 4;
/// Requests that wait for each of them.
const WAITING: usize = 64;
/// The pause before a request is sent again that there was no room for.
const PAUSE: Duration = Duration::from_millis(50);

/// Sends to one server. Copies share connections.
#[derive(Clone)]
pub struct Sender {
    client: Client,
    base: Url,
    secrets: Arc<Secrets>,
}

/// Records of one door.
struct Post {
    door: Door,
    body: String,
}

impl Sender {
    /// Sends to intake at this address.
    pub fn new(ingest: &str, secrets: Secrets) -> Result<Self, Failure> {
        let base = Url::parse(&format!("http://{ingest}/"))?;
        let client = client_builder(&base, &ClientTls::default())?.build()?;
        Ok(Self { client, base, secrets: Arc::new(secrets) })
    }

    /// Sends records of one door, and comes back when they are durable.
    async fn post(&self, door: Door, is_history: bool, body: String) -> Result<(), Failure> {
        let url = self.base.join(&format!("v1/events/{}", collector(door, is_history)))?;
        let begun = Instant::now();
        loop {
            let request = self.client.post(url.clone()).bearer_auth(self.secrets.of(door));
            let request = request.header("content-type", "application/x-ndjson").body(body.clone());
            let answer = request.send().await.map_err(|error| not_reached(&self.base, error))?;
            let status = answer.status();
            if status.is_success() {
                return Ok(());
            }
            let is_busy = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
            if !is_busy || begun.elapsed() > limits::DEMO_PATIENCE {
                let said = answer.text().await.unwrap_or_default();
                return Err(anyhow::anyhow!("intake answered {status} at {}: {said}", url.path()).into());
            }
            // Some of it may have been taken: records are known again by their ids.
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends the days before `end`; says how many records. Records of a day's door go in one request.
    pub async fn history(&self, generator: &Arc<Generator>, end: i64) -> Result<u64, Failure> {
        let mut senders = Vec::new();
        let mut workers: JoinSet<Result<(), Failure>> = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (posts, mut taken) = mpsc::channel::<Post>(WAITING);
            senders.push(posts);
            let sender = self.clone();
            workers.spawn(async move {
                while let Some(Post { door, body }) = taken.recv().await {
                    sender.post(door, true, body).await?;
                }
                Ok(())
            });
        }
        let generator = Arc::clone(generator);
        // It takes a core for some seconds.
        let telling = tokio::task::spawn_blocking(move || tell(&generator, end, &senders));
        while let Some(ended) = workers.join_next().await {
            ended??;
        }
        Ok(telling.await?)
    }
}

/// Tells the days to the connections; says how many records. It ends early if one of them does.
fn tell(generator: &Generator, end: i64, senders: &[mpsc::Sender<Post>]) -> u64 {
    let mut records = 0;
    for day in generator.baseline(end) {
        records += day.len() as u64;
        let mut bodies: BTreeMap<Door, String> = BTreeMap::new();
        for Wire { door, body: record, .. } in day {
            let body = bodies.entry(door).or_default();
            body.push_str(&record);
            body.push('\n');
        }
        for (door, body) in bodies {
            let sender = match door {
                Door::Coderd => senders.first(),
                Door::CoderdEu => senders.get(1),
                Door::Hooks(number) => senders.get(2 + number % (CONNECTIONS - 2)),
            };
            if sender.is_none_or(|sender| sender.blocking_send(Post { door, body }).is_err()) {
                return records;
            }
        }
    }
    records
}

/// Sends what is live: each door in its order, all doors at once.
pub struct Doors {
    sender: Sender,
    queues: BTreeMap<Door, mpsc::Sender<String>>,
    tasks: JoinSet<Result<(), Failure>>,
}

impl Doors {
    /// Nothing is sent yet.
    pub fn new(sender: Sender) -> Self {
        Self { sender, queues: BTreeMap::new(), tasks: JoinSet::new() }
    }

    /// Hands a record over. It waits only if its door is far behind.
    pub async fn send(&mut self, wire: Wire) -> Result<(), Failure> {
        let (sender, tasks, door) = (&self.sender, &mut self.tasks, wire.door);
        let queue = self.queues.entry(door).or_insert_with(|| {
            let (queue, records) = mpsc::channel(limits::DEMO_QUEUE_RECORDS_MAX);
            tasks.spawn(send_all(sender.clone(), door, records));
            queue
        });
        if queue.send(wire.body).await.is_ok() {
            return Ok(());
        }
        // Its task ended, and says why.
        self.queues.remove(&door);
        self.end().await
    }

    /// Waits until all is sent.
    pub async fn end(&mut self) -> Result<(), Failure> {
        self.queues.clear();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}

async fn send_all(sender: Sender, door: Door, mut records: mpsc::Receiver<String>) -> Result<(), Failure> {
    let mut waiting = Vec::new();
    while records.recv_many(&mut waiting, limits::DEMO_BATCH_RECORDS_MAX).await > 0 {
        let mut body = waiting.join("\n");
        body.push('\n');
        waiting.clear();
        sender.post(door, false, body).await?;
    }
    Ok(())
}
