//! How much the writes of one team usually carry: the measure of what is much.

use detect_core::packed;

/// Counts of writes by the power of two of their size.
#[derive(Debug, Default, Clone)]
pub struct Usual {
    counts: [u16; SIZES],
}
packed!(Usual { counts });

/// Sizes from one byte to a gigabyte.
const SIZES: usize = 31;
/// Fewer writes say nothing about what is usual.
const WRITES_MIN: u32 = 50;
/// So many are remembered; older ones fade.
const WRITES_MAX: u32 = 8_192;

impl Usual {
    /// Adds a write.
    pub fn note(&mut self, bytes: u64) {
        if self.total() >= WRITES_MAX {
            self.counts.iter_mut().for_each(|count| *count /= 2);
        }
        let at = (bytes.max(1).ilog2() as usize).min(SIZES - 1);
        if let Some(count) = self.counts.get_mut(at) {
            *count = count.saturating_add(1);
        }
    }

    fn total(&self) -> u32 {
        self.counts.iter().map(|count| u32::from(*count)).sum()
    }

    /// How many are known, and the size below which 99 of 100 lie; `None` if they are too few.
    pub fn most(&self) -> Option<(u32, u64)> {
        let total = self.total();
        let (mut sum, mut size) = (0, 1u64);
        for count in &self.counts {
            sum += u32::from(*count);
            size *= 2;
            if sum * 100 >= total * 99 {
                break;
            }
        }
        (total >= WRITES_MIN).then_some((total, size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_lies_below_a_size() {
        let mut usual = Usual::default();
        (0..49).for_each(|_| usual.note(300));
        assert_eq!(usual.most(), None);
        usual.note(0);
        assert_eq!(usual.most(), Some((50, 512)));
        (0..1_000).for_each(|_| usual.note(9_000));
        usual.note(u64::MAX);
        assert_eq!(usual.most(), Some((1_051, 16_384)));
        (0..100_000).for_each(|_| usual.note(2));
        assert!(usual.most().is_some_and(|(writes, size)| writes <= WRITES_MAX && size == 4));
    }
}
