//! What leaves the generator: bytes as a real system sends them, when, by which door, and which story they belong to.

use serde::Serialize;

use crate::stories::Story;

/// Where a record enters: which listener of Tachograph it is sent to, under whose token, and in which dialect it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Door {
    /// The log of the main coderd: requests at the firewall, model calls at the gateway, audit and connections. Dialect `coder`.
    Coderd,
    /// The log of a second coderd, in another region, which is the source of one team. Dialect `coder`.
    CoderdEu,
    /// The hooks of the agent with this number, by `tachograph hook` in its workspace. Dialect `hooks`.
    Hooks(usize),
}

impl Door {
    /// The name of the dialect.
    pub fn dialect(self) -> &'static str {
        match self {
            Self::Coderd | Self::CoderdEu => "coder",
            Self::Hooks(_) => "hooks",
        }
    }

    /// What a collector for it may be called.
    pub fn collector(self) -> &'static str {
        match self {
            Self::Coderd => "coderd",
            Self::CoderdEu => "coderd-eu",
            Self::Hooks(_) => "hooks",
        }
    }
}

/// A record on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    /// When it is sent, in microseconds since 1970 UTC.
    pub at: i64,
    /// Where it enters.
    pub door: Door,
    /// The record, without a line break.
    pub body: String,
    /// The story that it belongs to; ordinary work has none.
    pub label: Option<Label>,
}

/// The truth about a record, which stands in no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The story.
    pub story: Story,
    /// What happens, in words; the same for all records of one step.
    pub step: &'static str,
}

/// How much faster than in life everything happens, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speed(u32);

impl Speed {
    /// As in life.
    pub const LIFE: Self = Self(1_000);

    /// So many times as fast as in life, from a tenth up to a thousand times.
    pub fn times(times: f64) -> Self {
        Self(((times * 1_000.0) as u32).clamp(100, 1_000_000))
    }

    /// How long something takes that takes so long in life, in the same unit.
    pub fn scale(self, duration: i64) -> i64 {
        (i128::from(duration) * 1_000 / i128::from(self.0)) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_shortens_what_takes_time() {
        assert_eq!(Speed::LIFE.scale(90_000_001), 90_000_001);
        assert_eq!(Speed::times(10.0).scale(90), 9);
        assert_eq!(Speed::times(0.5).scale(90), 180);
        assert_eq!(Speed::times(0.0), Speed::times(0.1));
        assert_eq!(Speed::times(f64::NAN), Speed::times(0.1));
    }
}
