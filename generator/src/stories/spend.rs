//! Agents of one team call the dearest model with whole repositories: about two dollars a call.

use crate::records::{Teller, Tokens};
use crate::rhythm::SECOND;
use crate::stories::Story;
use crate::wire::Label;

/// Calls of each agent.
const CALLS: i64 = 14;

pub fn tell(teller: &mut Teller<'_>) {
    let step = |step| Label { story: Story::Spend, step };
    teller.step(step("the task begins"));
    teller.model = ("anthropic", "claude-opus-5");
    teller.start(0);
    teller.prompt(
        SECOND / 5,
        "Move every component to the new design tokens, WEB-1410. Read the whole repository first.",
    );
    teller.step(step("calls of about two dollars each"));
    for call in 0..CALLS {
        let now = SECOND + call * 5 * SECOND / 2;
        let tokens = Tokens {
            input: teller.numbers.between(120_000, 170_000),
            output: teller.numbers.between(9_000, 14_000),
            cache_read: teller.numbers.between(40_000, 90_000),
            cache_write: teller.numbers.between(90_000, 130_000),
        };
        teller.model_of(now, tokens);
        let file = format!("src/components/Part{}{call}.tsx", teller.agent.number);
        let content = format!("export const part = {};\n", teller.numbers.below(100_000));
        teller.read(now + SECOND / 2, &file, &content);
    }
    teller.finish((CALLS + 2) * 5 * SECOND / 2);
}
