//! What was read of texts lately, kept as it was read: a call, its approval and its result carry the same line, and files come again.
//!
//! What is kept follows from the text alone, so that nothing found depends on it, and it is no state that a snapshot holds.

/// What was read of the latest texts, each at the place that its hash says.
pub struct Known<T> {
    places: Vec<Option<Entry<T>>>,
}

struct Entry<T> {
    text: Box<str>,
    value: T,
}

impl<T: Clone> Known<T> {
    /// Nothing was read; room for so many texts.
    pub fn new(places: usize) -> Self {
        Self { places: std::iter::repeat_with(|| None).take(places.max(1)).collect() }
    }

    /// What a text says, read by `read` unless it is known. `hash` is one of the text that senders cannot make collide; `is_kept` says of
    /// what was read whether it is small enough to be kept.
    pub fn of(&mut self, hash: u64, text: &str, read: impl FnOnce(&str) -> T, is_kept: impl FnOnce(&T) -> bool) -> T {
        let at = hash as usize % self.places.len();
        let place = self.places.get_mut(at);
        if let Some(Some(known)) = &place
            && *known.text == *text
        {
            return known.value.clone();
        }
        let value = read(text);
        if let Some(place) = place
            && is_kept(&value)
        {
            *place = Some(Entry { text: text.into(), value: value.clone() });
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_once_and_what_is_large_is_not_kept() {
        let mut known = Known::new(4);
        let mut reads = 0;
        let mut read = |hash: u64, text: &str| {
            let len = known.of(
                hash,
                text,
                |text| {
                    reads += 1;
                    text.len()
                },
                |len| *len < 10,
            );
            assert_eq!(len, text.len());
            reads
        };
        assert_eq!(read(7, "make"), 1);
        assert_eq!(read(7, "make"), 1);
        assert_eq!(read(7, "make test, and more"), 2, "another text with the same hash");
        assert_eq!(read(7, "make test, and more"), 3, "too large to be kept");
        assert_eq!(read(7, "make"), 3, "and so it pushes nothing out");
        for number in 0..100_u64 {
            read(number, &number.to_string());
        }
        assert_eq!(read(99, "99"), 103);
    }
}
