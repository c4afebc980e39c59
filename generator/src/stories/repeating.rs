//! An agent runs the same failing test again and again. Nothing changes but the bill: about $0.41 a minute.

use crate::records::{Teller, Tokens};
use crate::rhythm::SECOND;
use crate::stories::Story;
use crate::wire::Label;

/// How often the test is run.
const TIMES: i64 = 46;
/// How long one round takes.
const ROUND: i64 = 3 * SECOND / 2;

const FAILURE: &str = "test queue::drains_in_order ... FAILED\n\nthread 'queue::drains_in_order' panicked at src/queue.rs:88:\n\
                       assertion `left == right` failed\n  left: 3\n right: 4\n\ntest result: FAILED. 118 passed; 1 failed; 2 ignored";

pub fn tell(teller: &mut Teller<'_>) {
    let step = |step| Label { story: Story::Repeating, step };
    teller.step(step("the task begins"));
    teller.start(0);
    teller.prompt(SECOND / 5, "Upgrade the async runtime, PLT-880. All tests of the scheduler have to pass.");
    teller.model(SECOND / 2);
    teller.read(
        4 * SECOND,
        "src/queue.rs",
        "pub fn drain(queue: &mut Queue) -> Vec<Task> {\n    queue.tasks.split_off(0)\n}\n",
    );
    teller.step(step("the same test fails in the same way"));
    for round in 0..TIMES {
        let now = 5 * SECOND + round * ROUND;
        // A small call on a cached context, at the rates of claude-sonnet-5.
        teller.model_of(now, Tokens { input: 400, output: 250, cache_read: 16_000, cache_write: 150 });
        teller.command(now + 4 * SECOND / 5, 400_000, "cargo test -p scheduler", FAILURE, 101);
    }
}
