//! What the server costs, read from outside: CPU time by thread, resident memory, bytes on disk, and how fast the disk
//! syncs meanwhile.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::histogram;

/// Nanoseconds of CPU time, kernel included, by the name of the thread: the server names its threads by stage.
#[derive(Debug, Clone, Default)]
pub struct Cost {
    /// The whole process, threads that ended included.
    pub total: u64,
    /// Name → time.
    pub threads: BTreeMap<String, u64>,
}

impl Cost {
    /// What a process has used up to now.
    pub fn of(process: u32) -> Self {
        let mut threads = BTreeMap::new();
        for task in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
            let read = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            // The first number is the time on a core in nanoseconds, finer than the ticks of `stat`.
            let nanos: u64 = read("schedstat").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
            *threads.entry(read("comm").trim().to_owned()).or_insert(0) += nanos;
        }
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // After the name, which may hold anything but ends at the last parenthesis, user and system time are the 12th
        // and 13th field, in ticks of 10 ms.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = fields.get(11..13).into_iter().flatten().filter_map(|field| field.parse::<u64>().ok()).sum();
        Self { total: ticks * 10_000_000, threads }
    }

    /// What was used since an earlier reading. By thread, those that ended meanwhile are missing.
    pub fn since(&self, earlier: &Self) -> Self {
        let since = |(name, nanos): (&String, &u64)| {
            (name.clone(), nanos.saturating_sub(earlier.threads.get(name).copied().unwrap_or(0)))
        };
        Self { total: self.total.saturating_sub(earlier.total), threads: self.threads.iter().map(since).collect() }
    }
}

/// What a process has of memory, in bytes.
pub struct Memory {
    /// Now.
    pub resident: u64,
    /// Of that what no file is behind.
    pub anonymous: u64,
    /// The most that it had at once.
    pub resident_max: u64,
}

impl Memory {
    /// What a process has now.
    pub fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
        };
        Self { resident: bytes("VmRSS:"), anonymous: bytes("RssAnon:"), resident_max: bytes("VmHWM:") }
    }
}

/// Pages that the process had to be given, or read from the disk.
pub fn page_faults(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // After the name the 8th field counts minor faults and the 10th major ones.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    [7, 9].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum()
}

/// What the server says of itself.
pub struct Metrics(String);

impl Metrics {
    /// Asks at the console's address.
    pub fn of(console: &str) -> Self {
        let mut stream = TcpStream::connect(console).unwrap();
        // Version 1.0: the answer ends with the connection.
        write!(stream, "GET /metrics HTTP/1.0\r\nHost: {console}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        Self(answer)
    }

    /// The value of a series, by its name with labels.
    pub fn value(&self, series: &str) -> u64 {
        let value = self.0.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("no series {series}"))
    }
}

/// Bytes that a directory takes on the disk.
pub fn disk_bytes(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => disk_bytes(&entry.path()),
        Ok(data) => data.blocks() * 512,
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// Syncs one block now and then on the same disk: what an acknowledgement cannot be faster than.
pub struct SyncProbe(JoinHandle<Histogram<u64>>);

impl SyncProbe {
    /// Starts probing.
    pub fn start(path: PathBuf, stop: Arc<AtomicBool>) -> Self {
        Self(std::thread::spawn(move || {
            let mut file = File::create(&path).unwrap();
            let mut times = histogram();
            while !stop.load(Ordering::Relaxed) {
                file.write_all(&[0x55; 4096]).unwrap();
                let started = Instant::now();
                file.sync_data().unwrap();
                times.record(started.elapsed().as_micros() as u64).unwrap();
                std::thread::sleep(Duration::from_millis(20));
            }
            fs::remove_file(&path).unwrap();
            times
        }))
    }

    /// The times, in microseconds.
    pub fn finish(self) -> Histogram<u64> {
        self.0.join().unwrap()
    }
}
