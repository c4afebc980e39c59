//! Numbers that look like chance and follow from a seed, and the ids that are drawn from them.

/// A sequence of numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Numbers(u64);

const BASE62: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Numbers {
    /// The sequence of a seed for one purpose: others do not follow from it.
    pub fn of(seed: u64, purpose: &str, number: u64) -> Self {
        let hash = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut numbers = Self(seed ^ hash ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        numbers.draw();
        numbers
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw().checked_rem(bound).unwrap_or(0)
    }

    /// A number from `least` on and below `most`.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        least + self.below(most.saturating_sub(least).max(0) as u64) as i64
    }

    /// Whether something happens that happens so often in a hundred times.
    pub fn percent(&mut self, of_hundred: u64) -> bool {
        self.below(100) < of_hundred
    }

    /// One of these; nothing of nothing.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len() as u64) as usize)
    }

    /// One of these texts.
    pub fn text(&mut self, of: &[&'static str]) -> &'static str {
        self.one(of).copied().unwrap_or_default()
    }

    /// A UUID of version 4.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.draw(), self.draw());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }

    /// So many letters and digits.
    pub fn letters(&mut self, count: usize) -> String {
        (0..count).filter_map(|_| BASE62.chars().nth(self.below(62) as usize)).collect()
    }

    /// So many hexadecimal digits.
    pub fn hex(&mut self, count: usize) -> String {
        (0..count).filter_map(|_| char::from_digit(self.below(16) as u32, 16)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_within_their_bounds_and_ids_have_their_form() {
        let mut numbers = Numbers::of(7, "test", 0);
        for _ in 0..1_000 {
            assert!(numbers.below(3) < 3 && (2..9).contains(&numbers.between(2, 9)));
        }
        assert_eq!((numbers.below(0), numbers.between(5, 5), numbers.text(&[])), (0, 5, ""));
        let id = numbers.uuid();
        assert!(id.len() == 36 && id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(Numbers::of(7, "a", 0).draw(), Numbers::of(7, "b", 0).draw());
    }
}
