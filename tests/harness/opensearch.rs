//! A real OpenSearch of one node, made of its own artifacts out of Maven Central (`export/tests/opensearch/pom.xml`), on free ports of the loopback
//! address. Nothing of it is ours but the folder that it starts in. It names nothing of `export`, so that tests of the whole program can use it too.

use std::fs::{File, copy, create_dir_all, write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::port::free_port;

/// How long it may take to start on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(4);
/// How often somebody who waits for it looks. Nothing depends on it.
const LOOK: Duration = Duration::from_millis(50);

/// A node that runs until this is dropped.
pub struct Node {
    directory: TempDir,
    child: Child,
    /// Its address, without a scheme.
    pub address: String,
}

impl Node {
    /// Starts one, and waits until somebody says that it answers at this address.
    pub fn start(answers: impl Fn(&str) -> bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (home, port) = (directory.path(), free_port());
        lay_out(home, port);
        let output = File::create(home.join("output")).unwrap();
        let at = |name: &str| {
            format!("-Dopensearch.path.{name}={}", home.join(if name == "conf" { "config" } else { "" }).display())
        };
        // It does not run as root if its native library tells it so; without the library it does not ask.
        let child = Command::new("java")
            .args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.security.manager=allow"])
            .args(["-Djna.nounpack=true", "-Djna.nosys=true", "-Dlog4j2.disable.jmx=true"])
            .args([at("home"), at("conf")])
            .args(["-Dopensearch.distribution.type=tar", "-Dopensearch.bundled_jdk=false", "-cp", "lib/*"])
            .arg("org.opensearch.bootstrap.OpenSearch")
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut node = Self { child, address: format!("127.0.0.1:{port}"), directory };
        let until = Instant::now() + PATIENCE;
        while !answers(&node.address) {
            let ended = node.child.try_wait().unwrap();
            let log = || std::fs::read_to_string(node.directory.path().join("output")).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < until, "OpenSearch does not answer, {ended:?}: {}", log());
            std::thread::park_timeout(LOOK);
        }
        node
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `make opensearch` fetched.
fn artifacts() -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("opensearch");
    assert!(path.exists(), "there is no {}: `make opensearch` fetches it", path.display());
    path
}

/// The folders of its distribution: its library, and its HTTP as the module that it is there.
fn lay_out(home: &Path, port: u16) {
    let module = home.join("modules/transport-netty4");
    for folder in [&home.join("lib"), &home.join("config"), &home.join("plugins"), &module] {
        create_dir_all(folder).unwrap();
    }
    for jar in std::fs::read_dir(artifacts()).unwrap() {
        let jar = jar.unwrap().path();
        let name = jar.file_name().unwrap().to_str().unwrap().to_owned();
        let is_http = name.starts_with("netty-") || name.starts_with("transport-netty4");
        if jar.extension().is_some_and(|extension| extension == "jar") {
            // Its security manager follows no links.
            copy(&jar, if is_http { module.join(name) } else { home.join("lib").join(name) }).unwrap();
        }
    }
    let descriptor = "description=Netty 4 based transport implementation\nversion=2.19.6\nname=transport-netty4\n\
        classname=org.opensearch.transport.Netty4Plugin\njava.version=11\nopensearch.version=2.19.6\nhas.native.controller=false\n";
    write(module.join("plugin-descriptor.properties"), descriptor).unwrap();
    write(module.join("plugin-security.policy"), "grant { permission java.security.AllPermission; };\n").unwrap();
    let settings = format!(
        "discovery.type: single-node\nnetwork.host: 127.0.0.1\nhttp.port: {port}\ntransport.port: {}\n\
         cluster.routing.allocation.disk.threshold_enabled: false\n",
        free_port()
    );
    write(home.join("config/opensearch.yml"), settings).unwrap();
    let logging = "appender.console.type = Console\nappender.console.name = console\nappender.console.layout.type = PatternLayout\n\
        appender.console.layout.pattern = %d %p %c %m%n\nrootLogger.level = warn\nrootLogger.appenderRef.console.ref = console\n";
    write(home.join("config/log4j2.properties"), logging).unwrap();
}
