//! A real Apache Kafka of one node (KRaft), on free ports of the loopback address, in a directory of its own. It names nothing of
//! `ingest`, so that tests of the whole program can use it too.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::TempDir;

use super::port::free_port;

/// How long anything may take on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_mins(4);

/// What a broker has beside the listener that asks nobody who they are.
#[derive(Default)]
pub struct More {
    /// Other listeners, each as `PROTOCOL://127.0.0.1:PORT`.
    pub listeners: Vec<String>,
    /// Lines of its settings.
    pub settings: String,
    /// Users, as the formatting of its storage takes them (`--add-scram`).
    pub users: Vec<String>,
}

/// A broker that runs until this is dropped.
pub struct Broker {
    directory: TempDir,
    port: u16,
    child: Child,
}

impl Broker {
    /// Formats the storage of a new cluster and starts it.
    pub fn start() -> Self {
        Self::start_with(&More::default())
    }

    /// The same with more than the usual.
    pub fn start_with(more: &More) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [port, controller] = [(); 2].map(|()| free_port());
        let properties = directory.path().join("server.properties");
        std::fs::write(&properties, configuration(directory.path(), port, controller, more)).unwrap();
        let arguments = ["format", "--cluster-id", "dGFjaG9ncmFwaC10ZXN0cw", "--config"];
        let mut format = java(directory.path(), "kafka.tools.StorageTool");
        format.args(arguments).arg(&properties);
        for user in &more.users {
            format.args(["--add-scram", user]);
        }
        let status = format.status().unwrap();
        assert!(status.success(), "the storage is not formatted: {}", log(directory.path()));
        let child = run(directory.path());
        let broker = Self { directory, port, child };
        broker.wait();
        broker
    }

    /// Where it listens and asks nobody who they are.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills it as `kill -9` does, and starts it again.
    pub fn restart(&mut self) {
        self.kill();
        self.child = run(self.directory.path());
        self.wait();
    }

    /// Kills it as `kill -9` does.
    pub fn kill(&mut self) {
        // It may have ended already, of which what waits for it tells.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it answers.
    fn wait(&self) {
        let (consumer, until) = (self.client().create::<BaseConsumer>().unwrap(), Instant::now() + PATIENCE);
        while consumer.fetch_metadata(None, Duration::from_secs(1)).is_err() {
            assert!(Instant::now() < until, "the broker does not start: {}", log(self.directory.path()));
        }
    }

    /// What every client is told.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address()).set("log_level", "0");
        config
    }

    /// A client of its administration.
    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    /// Creates a topic, with settings of its own. One of the name that is being deleted is waited for.
    pub fn create(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            new = new.set(key, value);
        }
        let until = Instant::now() + PATIENCE;
        while let Err(error) = block_on(self.admin().create_topics([&new], &AdminOptions::new())).unwrap().remove(0) {
            assert!(Instant::now() < until, "{error:?}");
        }
        let consumer: BaseConsumer = self.client().create().unwrap();
        while (0..partitions).any(|number| consumer.fetch_watermarks(topic, number, Duration::from_secs(1)).is_err()) {
            assert!(Instant::now() < until, "the partitions of {topic} do not answer");
        }
    }

    /// The offset after the last one of a partition.
    pub fn end(&self, topic: &str, partition: i32) -> u64 {
        let consumer: BaseConsumer = self.client().set("isolation.level", "read_uncommitted").create().unwrap();
        consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap().1 as u64
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for an answer of the administration.
pub fn block_on<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer)
}

fn configuration(directory: &Path, port: u16, controller: u16, more: &More) -> String {
    let listeners: String = more.listeners.iter().flat_map(|listener| [",", listener.as_str()]).collect();
    format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{listeners}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}{listeners}\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL\nlog.dirs={}\n\
         offsets.topic.replication.factor=1\noffsets.topic.num.partitions=3\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\ntransaction.state.log.num.partitions=3\ngroup.initial.rebalance.delay.ms=0\n\
         auto.create.topics.enable=false\nlog.cleaner.backoff.ms=100\nlog.segment.delete.delay.ms=100\n\
         message.max.bytes=4194304\n{}",
        directory.join("logs").display(),
        more.settings,
    )
}

/// The broker's process, whose output goes to a file.
fn run(directory: &Path) -> Child {
    java(directory, "kafka.Kafka").arg(directory.join("server.properties")).spawn().unwrap()
}

fn java(directory: &Path, class: &str) -> Command {
    let output = File::options().create(true).append(true).open(directory.join("output")).unwrap();
    let mut command = Command::new("java");
    command.args(["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]);
    command.arg(format!("{}/*", jars().display())).arg(class).current_dir(directory);
    command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
    command
}

fn log(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("output")).unwrap_or_default()
}

/// The folder that `make kafka` fills.
fn jars() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let jars = target.join("kafka");
    assert!(jars.is_dir(), "there is no {}: `make kafka` fetches the broker", jars.display());
    jars
}
