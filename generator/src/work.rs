//! Ordinary work: a session from the person's prompt to its end, in which an agent reads, changes, tests and commits.

use crate::fleet::Agent;
use crate::numbers::Numbers;
use crate::records::{Pace, Teller};
use crate::rhythm::SECOND;
use crate::wire::Wire;

/// The longest session: what two sources tell of it then lies so near in time that neither comes too late to be judged.
pub const SESSION_MAX: i64 = 9 * 60 * SECOND;

/// What a session is about.
struct Task {
    title: String,
    part: &'static str,
    file: &'static str,
}

/// The records of one session of an agent that begins at the origin of the pace.
pub fn session(agent: &Agent, numbers: Numbers, pace: Pace) -> Vec<Wire> {
    let mut teller = Teller::new(agent, numbers, pace);
    work(&mut teller);
    teller.end()
}

/// Tells a session of ordinary work; it ends after so long.
pub fn work(teller: &mut Teller<'_>) -> i64 {
    let task = task(teller);
    let mut now = begin(teller, &task);
    now = look(teller, &task, now);
    let rounds = 1 + teller.numbers.below(2);
    for round in 0..rounds {
        now = change(teller, &task, round, now);
        let passes = round + 1 == rounds;
        now = test(teller, &task, round, passes, now);
    }
    if teller.numbers.percent(4) {
        now = asked(teller, now);
    }
    now = commit(teller, &task, now);
    teller.finish(now);
    now
}

/// The ticket that a session works on, by number.
pub fn ticket(agent: &Agent, number: u64) -> String {
    let (prefix, first) = agent.work.tickets;
    format!("{prefix}-{}", first + number)
}

fn task(teller: &mut Teller<'_>) -> Task {
    let (work, numbers) = (teller.agent.work, &mut teller.numbers);
    let (name, number) = (numbers.text(work.tasks), numbers.below(60));
    let title = format!("{name}, {}", ticket(teller.agent, number));
    Task { title, part: teller.numbers.text(work.parts), file: teller.numbers.text(work.files) }
}

/// What a person asks of an agent, and how the agent begins.
fn begin(teller: &mut Teller<'_>, task: &Task) -> i64 {
    teller.start(0);
    let prompt = format!("{}. Work on a branch, run the tests, and commit when they pass.", task.title);
    teller.prompt(SECOND, &prompt);
    teller.model(2 * SECOND);
    7 * SECOND
}

/// How long an agent thinks.
fn think(teller: &mut Teller<'_>) -> i64 {
    teller.numbers.between(6 * SECOND, 26 * SECOND)
}

fn look(teller: &mut Teller<'_>, task: &Task, mut now: i64) -> i64 {
    let source = source(&mut teller.numbers, 9);
    teller.read(now, task.file, &source);
    now += think(teller);
    if teller.numbers.percent(40) {
        let line = teller.numbers.text(teller.agent.work.looks);
        let output = format!("{} {}", teller.numbers.hex(7), source_name(&mut teller.numbers));
        teller.command(now, 300_000, line, &output, 0);
        now += think(teller);
    }
    if teller.numbers.percent(35) {
        now = fetch(teller, now);
    }
    now
}

fn fetch(teller: &mut Teller<'_>, now: i64) -> i64 {
    let (line, url) = teller.numbers.one(teller.agent.work.fetches).copied().unwrap_or_default();
    teller.request(now + 400_000, "GET", url, false);
    if teller.numbers.percent(6) {
        teller.request(now + 700_000, "GET", teller.agent.work.refused, true);
    }
    let output = format!("added {} packages in 2s", 1 + teller.numbers.below(40));
    teller.command(now, 2_100_000, line, &output, 0);
    now + 3 * SECOND + think(teller)
}

fn change(teller: &mut Teller<'_>, task: &Task, round: u64, now: i64) -> i64 {
    teller.model(now);
    let (old, new) = (source(&mut teller.numbers, 2), source(&mut teller.numbers, 3 + round));
    teller.edit(now + 4 * SECOND, task.file, &old, &new);
    now + 5 * SECOND + think(teller)
}

fn test(teller: &mut Teller<'_>, task: &Task, round: u64, passes: bool, now: i64) -> i64 {
    teller.model(now);
    let work = teller.agent.work;
    let line = work.test.replace("{}", task.part);
    let passed = (9 + teller.numbers.below(70) + round).to_string();
    let failed = if passes { 0 } else { 1 + teller.numbers.below(3) };
    let case = source_name(&mut teller.numbers);
    let output = if passes { work.passes } else { work.fails };
    let output = output.replace("{passed}", &passed).replace("{failed}", &failed.to_string()).replace("{case}", &case);
    let took = teller.numbers.between(1_400_000, 5_600_000);
    teller.command(now + 4 * SECOND, took, &line, &output, i32::from(!passes));
    now + 10 * SECOND + think(teller)
}

/// A permission that a person gives soon.
fn asked(teller: &mut Teller<'_>, now: i64) -> i64 {
    let line = teller.agent.work.asks;
    teller.ask(now, line);
    let answered = now + teller.numbers.between(2 * SECOND, 6 * SECOND);
    teller.command(answered, 1_200_000, line, "done", 0);
    answered + 2 * SECOND + think(teller)
}

fn commit(teller: &mut Teller<'_>, task: &Task, now: i64) -> i64 {
    teller.model(now);
    let hash = teller.numbers.hex(7);
    let line = format!("git commit -am \"{}\"", task.title);
    teller.command(now + 4 * SECOND, 200_000, &line, &format!("[work {hash}] {}", task.title), 0);
    let pushed = now + 6 * SECOND;
    let repository = teller.agent.repository;
    let url = format!("https://git.acme.example/acme/{repository}.git/git-receive-pack");
    teller.request(pushed + 300_000, "POST", &url, false);
    teller.command(pushed, 1_100_000, "git push origin HEAD", &format!("{hash} -> work"), 0);
    teller.model(pushed + 3 * SECOND);
    pushed + 9 * SECOND
}

const WORDS: &[&str] = &[
    "amount", "batch", "cache", "column", "cursor", "draft", "entry", "field", "frame", "index", "label", "limit",
    "order", "page", "queue", "range", "report", "result", "row", "scale", "session", "state", "table", "total",
    "window",
];

/// A name as programs have them, which hardly ever comes twice.
fn source_name(numbers: &mut Numbers) -> String {
    format!("{}_{}_{}", numbers.text(WORDS), numbers.text(WORDS), numbers.below(10_000))
}

/// So many lines of a program.
fn source(numbers: &mut Numbers, lines: u64) -> String {
    let line = |numbers: &mut Numbers| {
        let (name, other) = (source_name(numbers), source_name(numbers));
        format!("    let {name} = {other}({});\n", numbers.below(1_000))
    };
    (0..lines).map(|_| line(numbers)).collect()
}
