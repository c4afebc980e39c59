//! A real Apache Kafka of one node (KRaft), on free ports of the loopback address, in a directory of its own. It names nothing of
//! `ingest`, so that tests of the whole program can use it too.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};
use tempfile::TempDir;

/// How long anything may take on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_mins(4);

/// A broker that runs until this is dropped.
pub struct Broker {
    directory: TempDir,
    port: u16,
    child: Child,
}

impl Broker {
    /// Formats the storage of a new cluster and starts it.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Both are bound at the same time, so that they are two.
        let free = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
        let [port, controller] = free.map(|listener| listener.local_addr().unwrap().port());
        let properties = directory.path().join("server.properties");
        std::fs::write(&properties, configuration(directory.path(), port, controller)).unwrap();
        let arguments = ["format", "--cluster-id", "dGFjaG9ncmFwaC10ZXN0cw", "--config"];
        let mut format = java(directory.path(), "kafka.tools.StorageTool");
        let status = format.args(arguments).arg(&properties).status().unwrap();
        assert!(status.success(), "the storage is not formatted: {}", log(directory.path()));
        let child = run(directory.path());
        let broker = Self { directory, port, child };
        broker.wait();
        broker
    }

    /// Where it listens.
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

    fn admin(&self) -> AdminClient<DefaultClientContext> {
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

    /// Deletes a topic.
    pub fn delete(&self, topic: &str) {
        block_on(self.admin().delete_topics(&[topic], &AdminOptions::new())).unwrap().remove(0).unwrap();
    }

    /// Has the broker delete the records of a partition before an offset, as retention does.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(before)).unwrap();
        block_on(self.admin().delete_records(&list, &AdminOptions::new())).unwrap();
    }

    /// The offset after the last one of a partition.
    pub fn end(&self, topic: &str, partition: i32) -> u64 {
        let consumer: BaseConsumer = self.client().set("isolation.level", "read_uncommitted").create().unwrap();
        consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap().1 as u64
    }

    /// Members of a group.
    pub fn members(&self, group: &str) -> usize {
        let consumer: BaseConsumer = self.client().create().unwrap();
        let list = consumer.fetch_group_list(Some(group), PATIENCE).unwrap();
        list.groups().iter().map(|group| group.members().len()).sum()
    }

    /// Offset and value of all records of a partition, tombstones included, as another client reads them.
    pub fn read(&self, topic: &str, partition: i32) -> Vec<(i64, Option<Vec<u8>>)> {
        let mut config = self.client();
        config.set("group.id", "reader").set("enable.partition.eof", "true").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut records = Vec::new();
        while let Some(Ok(message)) = consumer.poll(PATIENCE) {
            records.push((message.offset(), message.payload().map(<[u8]>::to_vec)));
        }
        records
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for an answer of the administration.
fn block_on<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer)
}

fn configuration(directory: &Path, port: u16, controller: u16) -> String {
    format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\nlog.dirs={}\n\
         offsets.topic.replication.factor=1\noffsets.topic.num.partitions=3\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\ntransaction.state.log.num.partitions=3\ngroup.initial.rebalance.delay.ms=0\n\
         auto.create.topics.enable=false\nlog.cleaner.backoff.ms=100\nlog.segment.delete.delay.ms=100\n\
         message.max.bytes=4194304\n",
        directory.join("logs").display()
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
