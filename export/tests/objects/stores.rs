//! The stores of a run: folders, and programs that others wrote.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::faults::Faults;

/// The account of Azurite and its key, which its documentation publishes.
const AZURITE: (&str, &str) =
    ("devstoreaccount1", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==");
const BUCKET: &str = "agents";

/// The stores, which end with this.
pub struct Stores {
    folder: PathBuf,
    s3: Program,
    azure: Program,
    gateway: Option<Program>,
}

/// A program that serves a store.
struct Program {
    child: Child,
    address: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// The Python with the validators.
fn python() -> PathBuf {
    let python = target().join("validators/bin/python");
    assert!(python.exists(), "there is no {}: `make validators` fetches it", python.display());
    python
}

impl Program {
    /// Starts it, and waits until it says where it listens: the first word of its output that begins with `says`, which stands before the port.
    fn start(command: &mut Command, says: &str, errors: bool) -> Self {
        let command = command.stdin(Stdio::null());
        let command = if errors {
            command.stderr(Stdio::piped()).stdout(Stdio::null())
        } else {
            command.stdout(Stdio::piped()).stderr(Stdio::null())
        };
        let mut child = command.spawn().unwrap();
        let output: Box<dyn std::io::Read + Send> =
            if errors { Box::new(child.stderr.take().unwrap()) } else { Box::new(child.stdout.take().unwrap()) };
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let found = lines.find_map(|line| {
            let (_, port) = line.split_once(says)?;
            let port: String = port.chars().take_while(char::is_ascii_digit).collect();
            (!port.is_empty() && port != "0").then(|| format!("http://127.0.0.1:{port}"))
        });
        let address = found.unwrap_or_else(|| panic!("{says} was not said by {command:?}"));
        // What it says from now on must not fill the pipe.
        std::thread::spawn(move || lines.count());
        Self { child, address }
    }
}

impl Stores {
    /// Starts them, each with an empty bucket.
    pub fn start(folder: &Path) -> Self {
        for name in ["lines", "columns"] {
            std::fs::create_dir(folder.join(name)).unwrap();
        }
        let moto = python().with_file_name("moto_server");
        let s3 = Program::start(
            Command::new(moto).args(["-H", "127.0.0.1", "-p", "0"]),
            "Running on http://127.0.0.1:",
            true,
        );
        let azurite = target().join("azurite/node_modules/azurite/dist/src/blob/main.js");
        assert!(azurite.exists(), "there is no {}: `make validators` fetches it", azurite.display());
        let azurite =
            [azurite.to_str().unwrap(), "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"];
        let azure = Program::start(Command::new("node").args(azurite), "listens on http://127.0.0.1:", false);
        let stores = Self { folder: folder.to_owned(), s3, azure, gateway: gateway(folder) };
        stores.python("make", &[]);
        stores
    }

    /// The sinks that create objects in them, over connections to which faults happen.
    pub fn sinks(&self, faults: &Faults, seed: u64) -> Value {
        let front = |program: &Program, number: u64| faults.before(&program.address, seed ^ number);
        let secret = |name: &str, text: &str| {
            std::fs::write(self.folder.join(name), text).unwrap();
            format!("file:{}", self.folder.join(name).display())
        };
        let (account, key) = AZURITE;
        let key = secret("azure", key);
        // Whoever reads asks the store itself.
        let s3 = |address: &str, itself: &Program, name: &str, format: &str| {
            json!({"name": name, "type": "s3", "bucket": BUCKET, "region": "eu-central-1", "endpoint": address, "prefix": name,
                "format": format, "access_key_id": "testing", "secret_access_key": secret("s3", "testing"),
                "read": {"endpoint": itself.address}})
        };
        let mut sinks = vec![
            json!({"name": "lines", "type": "file", "folder": self.folder.join("lines")}),
            json!({"name": "columns", "type": "file", "folder": self.folder.join("columns"), "format": "parquet"}),
            s3(&front(&self.s3, 1), &self.s3, "s3", "ndjson.zst"),
            s3(&front(&self.s3, 2), &self.s3, "s3-columns", "parquet"),
            json!({"name": "azure", "type": "azure_blob", "account": account, "container": BUCKET, "access_key": key, "prefix": "azure",
                "endpoint": format!("{}/{account}", front(&self.azure, 3)),
                "read": {"endpoint": format!("{}/{account}", self.azure.address)}}),
        ];
        sinks.extend(self.gateway.as_ref().map(|gateway| s3(&front(gateway, 4), gateway, "gateway", "ndjson.zst")));
        for sink in &mut sinks {
            sink["allow_private"] = true.into();
            sink["timeout_seconds"] = 20.into();
            sink["seconds_max"] = 1.into();
            sink["bytes_max"] = (1 << 20).into();
        }
        Value::Array(sinks)
    }

    /// Copies the objects of each store to a folder, as its own client reads them.
    pub fn copy_to(&self, copies: &Path) {
        self.python("copy", &[copies.to_str().unwrap()]);
    }

    fn python(&self, what: &str, more: &[&str]) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/objects/stores.py");
        let (account, key) = AZURITE;
        let gateway = self.gateway.as_ref().map_or("", |gateway| &gateway.address);
        let azure = format!(
            "DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};BlobEndpoint={}/{account};",
            self.azure.address
        );
        let ran =
            Command::new(python()).args([script, what, BUCKET, &self.s3.address, &azure, gateway]).args(more).status();
        assert!(ran.unwrap().success(), "{what}");
    }
}

/// VersityGW, which `make validators` builds where there is a compiler of Go: nobody publishes it in another way.
fn gateway(folder: &Path) -> Option<Program> {
    let path = target().join("s3/versitygw");
    if !path.exists() {
        println!("there is no {}: the second S3 is not tried", path.display());
        return None;
    }
    for name in ["gateway-objects", "gateway-metadata"] {
        std::fs::create_dir(folder.join(name)).unwrap();
    }
    let [objects, metadata] = ["gateway-objects", "gateway-metadata"].map(|name| folder.join(name));
    // It does not say which port it was given.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new(path);
    command.args([
        "--access",
        "testing",
        "--secret",
        "testing",
        "--region",
        "eu-central-1",
        "--port",
        &port.to_string(),
        "posix",
        "--sidecar",
    ]);
    Some(Program::start(command.arg(metadata).arg(objects), "http://127.0.0.1:", false))
}

/// What a query of DuckDB over files says: the values of its first row.
pub fn duckdb(sql: &str) -> Vec<Value> {
    let run = "import duckdb, json, sys; print(json.dumps([list(row) for row in duckdb.sql(sys.argv[1]).fetchall()], default=str))";
    let ran = Command::new(python()).args(["-c", run, sql]).output().unwrap();
    assert!(ran.status.success(), "{sql}: {}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}
