//! Trajectories of made-up coding agents with what each step costs: healthy work that looks repetitive, slips out of which an
//! agent comes by itself, and standstills out of which it does not. The same seed gives the same trajectory.
//!
//! How seldom an agent comes out of a slip is what was measured on real agents: of those that go round three times one in five
//! does, of those that go round eight times one in twenty. Failures that are varied are three times as often a slip.

#[path = "../../src/numbers.rs"]
mod numbers;

use numbers::Numbers;

/// One step of an agent: what it did and what came of it.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The kind of the event; empty for a message that calls nothing.
    pub kind: &'static str,
    /// The tool.
    pub tool: &'static str,
    /// The command line, where it has one.
    pub command: &'static str,
    /// Identity of the call.
    pub action: u64,
    /// Identity of the answer.
    pub result: u64,
    /// Whether it failed.
    pub fails: bool,
    /// The class of the error in the answer, where it has one.
    pub class: &'static str,
    /// What the model call before it cost, in micro-dollars.
    pub micros: u64,
    /// Seconds since the step before.
    pub seconds: u64,
}

/// The answer of a command that prints nothing.
const SILENCE: u64 = 1;
/// The echo of every change.
const ECHO: u64 = 2;

/// A call of a tool, not yet answered.
#[derive(Debug, Clone, Copy)]
struct Call {
    kind: &'static str,
    tool: &'static str,
    command: &'static str,
    action: u64,
}

/// Ways to come to a standstill.
const WAYS: u64 = 10;
/// The ways in which failures are varied: they are three times as often a slip.
const VARIED: [u64; 4] = [2, 5, 6, 9];

/// Writes one trajectory.
pub struct Agent {
    numbers: Numbers,
    steps: Vec<Step>,
    last_id: u64,
    /// Reads and searches that were done, to be done again.
    looks: Vec<(Call, u64)>,
    /// A thousandth of what its model costs.
    price: u64,
    is_mixed: bool,
}

/// The trajectory of a seed. Its work is only to read, edit and test, or also to wait, to change many files alike and to read again
/// what was forgotten, which looks most like a loop.
pub fn trajectory(seed: u64, is_mixed: bool) -> Vec<Step> {
    let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let price = [300, 700, 1_000, 1_000, 2_500][numbers.below(5) as usize];
    let mut agent =
        Agent { numbers, steps: Vec::new(), last_id: 100 + (seed << 20), looks: Vec::new(), price, is_mixed };
    agent.explore();
    // Most runs are short; some last long.
    let turns = 1 + agent.numbers.below(2) + if agent.chance(12) { agent.numbers.below(6) } else { 0 };
    let stuck_at = if agent.chance(8) { Some(agent.numbers.below(turns)) } else { None };
    for turn in 0..turns {
        agent.work();
        if agent.chance(6) {
            let way = agent.numbers.below(WAYS);
            agent.slip(way);
        }
        if agent.chance(6) {
            let way = VARIED[agent.numbers.below(4) as usize];
            agent.slip(way);
        }
        if stuck_at == Some(turn) {
            agent.stand_still();
            // Its budget or its patience is spent. Somebody may help it after all.
            if !agent.chance(4) {
                break;
            }
        }
    }
    agent.steps
}

impl Agent {
    fn chance(&mut self, per_cent: u64) -> bool {
        self.numbers.below(100) < per_cent
    }

    fn id(&mut self) -> u64 {
        self.last_id += 1;
        // Identities are hashes; those of known answers are small.
        Numbers(self.last_id).next() | 1 << 32
    }

    fn call(&mut self, kind: &'static str, tool: &'static str, command: &'static str) -> Call {
        Call { kind, tool, command, action: self.id() }
    }

    fn answer(&mut self, call: Call, result: u64, class: Option<&'static str>) {
        let length = self.steps.len() as u64;
        let micros = (15_000 + 1_200 * length.min(60) + self.numbers.below(8_000)) * self.price / 1_000;
        let pause = if matches!(call.tool, "BashOutput") || call.command.starts_with("sleep") { 60 } else { 8 };
        let seconds = pause + self.numbers.below(pause * 2);
        self.steps.push(Step {
            kind: call.kind,
            tool: call.tool,
            command: call.command,
            action: call.action,
            result,
            fails: class.is_some(),
            class: class.unwrap_or_default(),
            micros,
            seconds,
        });
    }

    /// Reads and searches; now and then one that was done before, or one that finds nothing.
    fn explore(&mut self) {
        for _ in 0..2 + self.numbers.below(5) {
            match self.numbers.below(10) {
                0 if !self.looks.is_empty() => self.look_again(),
                1 => {
                    let call = self.call("command", "Bash", "grep -rn cart src");
                    self.answer(call, SILENCE, None);
                }
                2..=3 => self.look("command", "Bash", "ls src"),
                _ => self.look("file.read", "Read", ""),
            }
        }
    }

    fn look(&mut self, kind: &'static str, tool: &'static str, command: &'static str) {
        let (call, result) = (self.call(kind, tool, command), self.id());
        self.looks.push((call, result));
        self.answer(call, result, None);
    }

    fn look_again(&mut self) {
        let (call, result) = self.looks[self.numbers.below(self.looks.len() as u64) as usize];
        self.answer(call, result, None);
    }

    fn edit(&mut self) {
        let call = self.call("file.write", "Edit", "");
        // Some tools show the file, others say that it was done.
        let result = if self.chance(50) { ECHO } else { self.id() };
        self.answer(call, result, None);
    }

    /// One piece of healthy work.
    fn work(&mut self) {
        match self.numbers.below(20) {
            5..=11 => self.edit_and_test(),
            12..=13 if self.is_mixed => self.migrate(),
            14 if self.is_mixed => self.poll(),
            15 if self.is_mixed => self.after_compaction(),
            0..=4 | 12..=15 => self.explore(),
            16 => self.try_cases(),
            _ => {
                self.explore();
                self.edit();
            }
        }
    }

    /// Edits and tests until the test passes, which may take long; its answer often stays as it was.
    fn edit_and_test(&mut self) {
        let test = self.call("command", "Bash", "make test");
        let mut failing = self.id();
        let rounds = 1 + self.numbers.below(4) + if self.chance(15) { 4 + self.numbers.below(12) } else { 0 };
        for _ in 0..rounds {
            if self.chance(20) {
                self.explore();
            }
            self.edit();
            if self.chance(45) {
                failing = self.id();
            }
            self.answer(test, failing, Some("test"));
        }
        self.edit();
        let passes = self.id();
        self.answer(test, passes, None);
    }

    /// Changes one file after the other, each followed by checks that pass as before.
    fn migrate(&mut self) {
        let checks: Vec<(Call, u64)> =
            (0..=self.numbers.below(4)).map(|_| (self.call("command", "Bash", "cargo check"), self.id())).collect();
        for _ in 0..4 + self.numbers.below(20) {
            self.edit();
            for (check, passes) in &checks {
                self.answer(*check, *passes, None);
            }
        }
    }

    /// Waits for a build that shows no sign of life for long.
    fn poll(&mut self) {
        let (kind, tool, command) = [
            ("command", "Bash", "sleep 60; gh run view 7"),
            ("tool.result", "BashOutput", ""),
            ("command", "Bash", "sleep 30 && curl -s localhost:8080/health"),
        ][self.numbers.below(3) as usize];
        let (call, pending, done) = (self.call(kind, tool, command), self.id(), self.id());
        for _ in 0..3 + self.numbers.below(25) {
            self.answer(call, pending, None);
        }
        self.answer(call, done, None);
    }

    /// Its context was cut, so it reads once more what it was working on.
    fn after_compaction(&mut self) {
        for _ in 0..(2 + self.numbers.below(5)).min(self.looks.len() as u64) {
            self.look_again();
        }
        self.edit();
    }

    /// Writes tests that are meant to fail, one by one.
    fn try_cases(&mut self) {
        for _ in 0..3 + self.numbers.below(5) {
            self.edit();
            let (call, result) = (self.call("command", "Bash", "pytest tests/case.py"), self.id());
            self.answer(call, result, Some("test"));
        }
    }

    /// Goes wrong for a while: of those that go wrong once more, 76 % do so again.
    fn slip(&mut self, way: u64) {
        let mut circle = Circle::new(self, way);
        loop {
            circle.step(self);
            if !self.chance(76) {
                break;
            }
        }
    }

    /// Goes wrong until its budget is spent, now and then with a step that is none of it.
    fn stand_still(&mut self) {
        let way = self.numbers.below(WAYS);
        let mut circle = Circle::new(self, way);
        for _ in 0..10 + self.numbers.below(30) {
            circle.step(self);
            if self.chance(2) {
                self.look("command", "Bash", "ls src");
            }
        }
    }
}

/// One way of going wrong.
struct Circle {
    way: u64,
    at: u64,
    calls: Vec<Call>,
    answers: Vec<u64>,
}

impl Circle {
    fn new(agent: &mut Agent, way: u64) -> Self {
        let command = match way {
            2 => "pip install carts",
            9 => "python -m cart --check",
            _ => "make test",
        };
        let calls = (0..5)
            .map(|at| match (way, at) {
                (1 | 8, 0..=1) => agent.call("file.write", "Edit", ""),
                (3, _) => agent.call("file.read", "Read", ""),
                _ => agent.call("command", "Bash", command),
            })
            .collect();
        Self { way, at: 0, calls, answers: (0..5).map(|_| agent.id()).collect() }
    }

    fn step(&mut self, agent: &mut Agent) {
        let at = self.at;
        self.at += 1;
        let (calls, answers) = (&self.calls, &self.answers);
        match self.way {
            // A change is made and undone, and the check fails as before.
            1 if at.is_multiple_of(2) => agent.answer(calls[at as usize / 2 % 2], ECHO, None),
            // It apologises, and does the same.
            4 if at.is_multiple_of(2) => {
                agent.answer(Call { kind: "", tool: "", command: "", action: 7 }, 7, None);
            }
            // The same failing check, with nothing in between or with these.
            0 | 1 | 4 => agent.answer(calls[2], answers[2], Some("test")),
            // An installation with ever other flags, with one of two errors, or with other words each time.
            2 => {
                let call = Call { action: agent.id(), ..calls[2] };
                let result = if agent.chance(70) { answers[agent.numbers.below(2) as usize] } else { agent.id() };
                agent.answer(call, result, Some("network"));
            }
            // The same few files are read again and again.
            3 => {
                let file = at as usize % 3;
                agent.answer(calls[file], answers[file], None);
            }
            // A tool is called with ever other arguments and gives the same error.
            5 => {
                let call = Call { kind: "tool.result", tool: "mcp__board__move_card", action: agent.id(), command: "" };
                agent.answer(call, answers[0], Some("arguments"));
            }
            // Edits that cannot be applied, each with its own answer, with a look in between now and then.
            6 if at % 6 == 5 => agent.look_again_or_new(),
            6 => {
                let call = Call { kind: "file.write", tool: "Edit", action: agent.id(), command: "" };
                let result = agent.id();
                agent.answer(call, result, Some("edit"));
            }
            // The same call whose answer is nothing new, told with success.
            7 => agent.answer(calls[2], answers[2], None),
            // A circle of four steps: two edits, a look and a check.
            8 if at % 4 < 2 => agent.answer(calls[at as usize % 4], ECHO, None),
            8 if at % 4 == 2 => agent.answer(calls[3], answers[3], None),
            8 => agent.answer(calls[4], answers[4], Some("test")),
            // One answer to failing calls, with known looks that succeed between them.
            _ if at % 3 == 2 => agent.look_again_or_new(),
            _ => {
                let call = Call { action: agent.id(), ..calls[2] };
                agent.answer(call, answers[0], Some("exception"));
            }
        }
    }
}

impl Agent {
    fn look_again_or_new(&mut self) {
        if self.looks.is_empty() {
            self.look("file.read", "Read", "");
        } else {
            self.look_again();
        }
    }
}
