//! The stuck detector of OpenHands, for comparison: the same call with the same answer four times, the same call with an error
//! three times, two steps in turn six times, the same message three times. With a scale above one it asks for more of each.

use crate::corpus::Step;

/// The number of the step at which it speaks first.
pub fn first_alert(steps: &[Step], scale: f64) -> Option<usize> {
    let times = |count: f64| (count * scale).round() as usize;
    let (alike, errors, turns, messages) = (times(4.0), times(3.0), times(6.0), times(3.0));
    (1..=steps.len())
        .find(|end| {
            let all = &steps[..*end];
            // It looks at messages by themselves, and at calls without the messages between them.
            let calls: Vec<&Step> = all.iter().filter(|step| !step.kind.is_empty()).collect();
            let last = |count: usize| calls.len().checked_sub(count).map(|from| &calls[from..]);
            let is_alike = |steps: &[&Step]| steps.windows(2).all(|pair| same(pair[0], pair[1]));
            let is_same_error = |steps: &[&Step]| {
                steps.windows(2).all(|pair| pair[0].action == pair[1].action) && steps.iter().all(|step| step.fails)
            };
            let is_in_turn = |steps: &[&Step]| {
                steps.windows(3).all(|three| same(three[0], three[2]))
                    && steps.first().zip(steps.get(1)).is_some_and(|(one, other)| !same(one, other))
            };
            last(alike).is_some_and(is_alike)
                || last(errors).is_some_and(is_same_error)
                || last(turns).is_some_and(is_in_turn)
                || (all.len() >= messages && all[all.len() - messages..].iter().all(|step| step.kind.is_empty()))
        })
        .map(|end| end - 1)
}

fn same(one: &Step, other: &Step) -> bool {
    (one.action, one.result) == (other.action, other.result)
}
