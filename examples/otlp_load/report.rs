//! The figures of all runs, as a table for people and as JSON.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::cost::{Cost, Memory};
use crate::records::Body;
use crate::sender::Form;
use crate::target::Kind;

/// What one run gave.
pub struct Run {
    /// Time on the wall until the last answer.
    pub seconds: f64,
    /// CPU time of the program until then.
    pub answered: Cost,
    /// The same until everything was done.
    pub done: Cost,
    /// CPU time of this process until the last answer.
    pub own: Cost,
    /// Requests that were refused for lack of space, and sent again.
    pub refused: u64,
    /// Microseconds from a request to its answer.
    pub latency: Histogram<u64>,
    /// Microseconds of an fdatasync on the same disk.
    pub sync: Histogram<u64>,
    /// What the program had of memory when everything was done.
    pub memory: Memory,
    /// Pages that it had to be given.
    pub faults: u64,
    /// What it wrote.
    pub disk_bytes: u64,
}

/// All runs.
pub struct Report {
    records: u64,
    requests: usize,
    connections: usize,
    /// Bytes of a record in protobuf and in JSON.
    bytes: [u64; 2],
    runs: Vec<(Kind, Form, Run)>,
}

impl Report {
    /// Of what is sent in each run.
    pub fn of(bodies: &[Body], connections: usize) -> Self {
        let records: u64 = bodies.iter().map(|body| body.records).sum();
        let bytes = [Form::Protobuf, Form::Json]
            .map(|form| bodies.iter().map(|body| form.bytes(body).len() as u64).sum::<u64>() / records.max(1));
        Self { records, requests: bodies.len(), connections, bytes, runs: Vec::new() }
    }

    /// Adds a run, and says a line about it.
    pub fn add(&mut self, kind: Kind, form: Form, run: Run) -> String {
        self.runs.push((kind, form, run));
        let (.., run) = &self.runs[self.runs.len() - 1];
        let rate = self.records as f64 / run.seconds;
        let done = self.micros(&run.done);
        format!("{}, {}: {rate:.0} records/s, {done:.2} µs of CPU a record", form.name(), kind.name())
    }

    fn micros(&self, cost: &Cost) -> f64 {
        cost.total as f64 / 1_000.0 / self.records as f64
    }

    /// Prints the figures.
    pub fn print(&self, as_json: bool) {
        let rows = self.rows();
        if as_json {
            println!("{:#}", json!({ "records": self.records, "requests": self.requests, "rows": rows }));
            return;
        }
        println!(
            "{} records in {} requests over {} connections; {} bytes a record in protobuf, {} in JSON; median (least to most) of {} runs",
            self.records, self.requests, self.connections, self.bytes[0], self.bytes[1], rows[0]["runs"],
        );
        let names = NAMES.map(|(_, name, _)| name).join(" | ");
        println!("\n| form | program | {names} |");
        println!("|{}", "---|".repeat(2 + NAMES.len()));
        for row in &rows {
            let cells = NAMES.map(|(key, _, digits)| shown(&row[key], digits)).join(" | ");
            println!("| {} | {} | {cells} |", words(&row["form"]), words(&row["program"]));
        }
    }

    /// A row for each form and program, in the order in which they ran.
    fn rows(&self) -> Vec<Value> {
        let mut pairs: Vec<(Kind, Form)> = Vec::new();
        for (kind, form, _) in &self.runs {
            if !pairs.contains(&(*kind, *form)) {
                pairs.push((*kind, *form));
            }
        }
        pairs.into_iter().map(|pair| self.row(pair)).collect()
    }

    fn row(&self, (kind, form): (Kind, Form)) -> Value {
        let runs: Vec<&Run> = self.runs.iter().filter(|run| (run.0, run.1) == (kind, form)).map(|run| &run.2).collect();
        let of = |figure: &dyn Fn(&Run) -> f64| spread(runs.iter().map(|run| figure(run)).collect());
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let millis = |times: &Histogram<u64>, at| times.value_at_quantile(at) as f64 / 1_000.0;
        json!({
            "form": form.name(),
            "program": kind.name(),
            "runs": runs.len(),
            "records_per_second": of(&|run| self.records as f64 / run.seconds),
            "cpu_us_answered": of(&|run| self.micros(&run.answered)),
            "cpu_us_done": of(&|run| self.micros(&run.done)),
            "cpu_us_load": of(&|run| self.micros(&run.own)),
            "answer_ms_p50": of(&|run| millis(&run.latency, 0.5)),
            "answer_ms_p99": of(&|run| millis(&run.latency, 0.99)),
            "fdatasync_ms_p50": of(&|run| millis(&run.sync, 0.5)),
            "refused": of(&|run| run.refused as f64),
            "resident_mib_max": of(&|run| mib(run.memory.resident_max)),
            "resident_mib_done": of(&|run| mib(run.memory.resident)),
            "anonymous_mib_done": of(&|run| mib(run.memory.anonymous)),
            "page_faults": of(&|run| run.faults as f64 / self.records as f64),
            "disk_bytes": of(&|run| run.disk_bytes as f64 / self.records as f64),
            "cpu_us_by_thread": self.threads(&runs),
        })
    }

    /// Microseconds of CPU a record by the name of the thread, on average.
    fn threads(&self, runs: &[&Run]) -> Value {
        let mut threads = serde_json::Map::new();
        for (name, nanos) in runs.iter().flat_map(|run| &run.done.threads) {
            let micros = *nanos as f64 / 1_000.0 / self.records as f64 / runs.len() as f64;
            let sum = threads.get(name).and_then(Value::as_f64).unwrap_or(0.0) + micros;
            threads.insert(name.clone(), json!(sum));
        }
        threads.retain(|_, micros| micros.as_f64().unwrap_or(0.0) >= 0.05);
        Value::Object(threads)
    }
}

/// The columns of the table: the member of a row, what the table calls it, and digits after the point.
const NAMES: [(&str, &str, usize); 9] = [
    ("records_per_second", "records/s", 0),
    ("cpu_us_answered", "CPU µs a record, answered", 2),
    ("cpu_us_done", "… all done", 2),
    ("answer_ms_p50", "answer p50 ms", 1),
    ("answer_ms_p99", "p99 ms", 1),
    ("refused", "sent again", 0),
    ("resident_mib_max", "memory MiB", 0),
    ("disk_bytes", "disk bytes a record", 0),
    ("cpu_us_load", "load process µs", 2),
];

/// Least, median and most.
fn spread(mut values: Vec<f64>) -> Value {
    values.sort_by(f64::total_cmp);
    json!([values[0], values[values.len() / 2], values[values.len() - 1]])
}

fn shown(spread: &Value, digits: usize) -> String {
    let [least, median, most] = [0, 1, 2].map(|at| spread[at].as_f64().unwrap_or(f64::NAN));
    if least.total_cmp(&most).is_eq() {
        return format!("{median:.digits$}");
    }
    format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
