//! How data is taken out: shapes, sizes and paces. Who writes a rule does not look here for words to match.

use std::collections::BTreeMap;

use crate::event::{Event, request};
use crate::numbers::Numbers;

/// One attack.
pub struct Attack {
    pub shape: &'static str,
    bytes: u64,
    gap: i64,
    /// Its events by sequence number, with the number of the step.
    pub events: BTreeMap<u64, usize>,
}

impl Attack {
    /// Its size in words.
    pub fn size(&self) -> String {
        format!("{:>9} bytes", self.bytes)
    }

    /// Its pace in words.
    pub fn pace(&self) -> String {
        format!("{:>5} s between requests", self.gap)
    }
}

const SHAPES: [&str; 20] = [
    "upload",
    "posts",
    "posts among reads",
    "query",
    "query, plain words",
    "path",
    "labels of hosts",
    "dns",
    "dns TXT",
    "headers",
    "many domains",
    "git push",
    "gist",
    "bucket",
    "bucket in the path",
    "package",
    "bot",
    "paste",
    "form",
    "refused posts",
];
const SIZES: [u64; 4] = [300, 4_000, 60_000, 5_000_000];
const GAPS: [i64; 3] = [2, 170, 2_900];
/// More requests than this nobody waits for.
const STEPS_MAX: u64 = 600;

/// Makes an attack of a random kind on an agent, and adds its events.
pub fn attack(numbers: &mut Numbers, victim: u64, days_before: i64, days: i64, events: &mut Vec<Event>) -> Attack {
    loop {
        let shape = SHAPES[numbers.below(SHAPES.len() as u64) as usize];
        let bytes = SIZES[numbers.below(4) as usize];
        let gap = GAPS[numbers.below(3) as usize];
        let chunk = chunk(shape, bytes);
        let steps = bytes.div_ceil(chunk);
        let room = (days - days_before) * 86_400;
        if steps > STEPS_MAX || steps as i64 * gap > room * 3 / 4 {
            continue;
        }
        let from = days_before * 86_400 + numbers.below((room - steps as i64 * gap) as u64) as i64;
        let place = numbers.next() % 1_000_000;
        for step in 0..steps {
            let second = from + step as i64 * gap + numbers.below(gap as u64 / 2 + 1) as i64;
            let before = events.len();
            one(numbers, shape, victim, second, place, step, chunk.min(bytes), events);
            for event in &mut events[before..] {
                event.attack = Some((victim as usize, step as usize));
            }
        }
        return Attack { shape, bytes, gap, events: BTreeMap::new() };
    }
}

/// Bytes that one request of a shape carries.
fn chunk(shape: &str, bytes: u64) -> u64 {
    match shape {
        "upload" | "git push" | "gist" | "bucket" | "bucket in the path" | "package" | "paste" => bytes,
        "query" | "query, plain words" => 700,
        "path" => 160,
        "labels of hosts" | "dns" | "dns TXT" => 110,
        "headers" => 6_000,
        "form" => 2_000,
        _ => 3_500.min(bytes / 8 + 1),
    }
}

#[allow(clippy::too_many_arguments, reason = "each says another thing of one request")]
fn one(
    numbers: &mut Numbers,
    shape: &str,
    victim: u64,
    second: i64,
    place: u64,
    step: u64,
    chunk: u64,
    events: &mut Vec<Event>,
) {
    let stranger = format!("stat-{place}.example");
    let mut add =
        |method, host: &str, path: &str, bytes| events.push(request(second, victim, method, host, path, bytes));
    match shape {
        "upload" => add("PUT", &stranger, "/u/archive", chunk),
        "posts" | "refused posts" => add("POST", &stranger, "/v1/collect", chunk + 300),
        "posts among reads" => {
            (0..4).for_each(|page| add("GET", &stranger, &format!("/page/{page}"), 300));
            add("POST", &stranger, "/v1/collect", chunk + 300);
        }
        "query" => add("GET", &stranger, &format!("/p.gif?d={}", coded(numbers, chunk, BASE64)), 300 + chunk),
        "query, plain words" => add("GET", &stranger, &format!("/p?note={}", words(numbers, chunk)), 300 + chunk),
        "path" => add("GET", &stranger, &format!("/a/{}/b.png", coded(numbers, chunk, BASE64)), 300 + chunk),
        "labels of hosts" => {
            let host =
                format!("{}.{}.{stranger}", coded(numbers, chunk / 2, BASE32), coded(numbers, chunk / 2, BASE32));
            add("GET", &host, "/", 300);
        }
        "dns" | "dns TXT" => {
            let host =
                format!("{}.{}.{stranger}", coded(numbers, chunk / 2, BASE32), coded(numbers, chunk / 2, BASE32));
            add(if shape == "dns" { "A" } else { "TXT" }, &host, "", 0);
        }
        "headers" => add("GET", &stranger, "/", chunk + 600),
        "many domains" => add("POST", &format!("site{place}-{step}.example"), "/submit", chunk),
        "git push" => {
            add("GET", "github.com", &format!("/x{place}/loot.git/info/refs?service=git-receive-pack"), 200);
            add("POST", "github.com", &format!("/x{place}/loot.git/git-receive-pack"), chunk);
        }
        "gist" => add("POST", "api.github.com", "/gists", chunk),
        "bucket" => add("PUT", &format!("loot-{place}.s3.eu-west-1.amazonaws.com"), "/dump.tgz", chunk),
        "bucket in the path" => add("PUT", "storage.googleapis.com", &format!("/loot-{place}/dump.tgz"), chunk),
        "package" => add("PUT", "registry.npmjs.org", &format!("/left-{place}"), chunk),
        "bot" => add("POST", "api.telegram.org", &format!("/bot{place}:AAx/sendDocument"), chunk),
        "paste" => add("POST", "paste.rs", "/", chunk),
        _ => add("POST", "docs.google.com", &format!("/forms/d/e/1FA{place}/formResponse"), chunk),
    }
    if shape == "refused posts"
        && let Some(event) = events.last_mut()
    {
        event.refused = true;
    }
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Data as letters and digits; half of the time it is a text once decoded.
fn coded(numbers: &mut Numbers, len: u64, alphabet: &[u8]) -> String {
    let bits = alphabet.len().ilog2();
    let is_text = numbers.below(2) == 0;
    let (mut held, mut count, mut text) = (0u64, 0, String::new());
    while (text.len() as u64) < len {
        while count < bits {
            let byte = if is_text { 0x61 + numbers.below(26) } else { numbers.below(256) };
            held = held << 8 | byte;
            count += 8;
        }
        count -= bits;
        text.push(char::from(alphabet[(held >> count) as usize % alphabet.len()]));
        held &= (1 << count) - 1;
    }
    text
}

fn words(numbers: &mut Numbers, len: u64) -> String {
    const WORDS: [&str; 8] = ["password", "customer", "table", "row", "the", "of", "account", "balance"];
    let mut text = String::new();
    while (text.len() as u64) < len {
        text.push_str(WORDS[numbers.below(8) as usize]);
        text.push('+');
    }
    text
}
