//! Shows events to an engine as the runner does, and measures the CPU time of that.

use std::time::Duration;

use detect_core::engine::Engine;
use detect_core::findings::Findings;
use ledger::Rows;
use rustix::time::{ClockId, clock_gettime};

use crate::fleet::START;

/// Shows blocks to an engine with every second in between, as the runner does. Gives back the CPU time that the second half
/// took, since an engine that has just begun learns names that it knows later. Reading each block, which is copying here,
/// comes before and is not counted, but leaves it in the cache as reading does.
pub fn feed(engine: &mut Engine, blocks: &[Rows]) -> Duration {
    let mut findings = Findings::new();
    let (mut second, mut taken) = (START / 1_000_000, Duration::ZERO);
    for (number, block) in blocks.iter().enumerate() {
        let read = std::hint::black_box(block.clone());
        let before = cpu_time();
        for row in read.iter() {
            let until = row.recorded.unix_seconds();
            while second < until {
                second += 1;
                engine.advance(second, false, &mut findings);
            }
            engine.observe(&row, &mut findings);
        }
        if number >= blocks.len() / 2 {
            taken += cpu_time().saturating_sub(before);
        }
        findings.clear();
    }
    taken
}

/// CPU time of this thread so far.
pub fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
