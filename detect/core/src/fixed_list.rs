//! A short list of bounded length that lies where it is kept. A list of its own for each agent leaves a hole in memory each time that it
//! grows, and takes as much again for few items.

use crate::pack::{Pack, RestoreError};

/// At most `N` items, oldest first.
#[derive(Debug)]
pub struct FixedList<T, const N: usize> {
    places: [T; N],
    /// How many of the places are taken, from the first.
    len: u8,
}

impl<T: Default, const N: usize> Default for FixedList<T, N> {
    fn default() -> Self {
        Self { places: std::array::from_fn(|_| T::default()), len: 0 }
    }
}

impl<T: Default, const N: usize> FixedList<T, N> {
    /// The items.
    pub fn as_slice(&self) -> &[T] {
        self.places.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The same, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.places.get_mut(..usize::from(self.len)).unwrap_or_default()
    }

    /// Adds an item at the end, if there is room.
    pub fn push(&mut self, item: T) -> Option<&mut T> {
        let place = self.places.get_mut(usize::from(self.len))?;
        *place = item;
        self.len += 1;
        Some(place)
    }

    /// Takes an item out; those behind it move up.
    pub fn remove(&mut self, at: usize) -> Option<T> {
        self.as_mut_slice().get_mut(at..).filter(|behind| !behind.is_empty())?.rotate_left(1);
        self.len -= 1;
        self.places.get_mut(usize::from(self.len)).map(std::mem::take)
    }
}

impl<T: Default + Pack, const N: usize> Pack for FixedList<T, N> {
    fn pack(&self, out: &mut Vec<u8>) {
        u32::from(self.len).pack(out);
        self.as_slice().iter().for_each(|item| item.pack(out));
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let mut list = Self::default();
        for _ in 0..u32::unpack(input)? {
            list.push(T::unpack(input)?).ok_or(RestoreError::Malformed)?;
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_list_that_ends() {
        let mut list = FixedList::<u32, 3>::default();
        for number in 1..5 {
            assert_eq!(list.push(number).is_some(), number < 4);
        }
        assert_eq!((list.remove(1), list.remove(2), list.as_slice()), (Some(2), None, [1, 3].as_slice()));
        let mut bytes = Vec::new();
        list.pack(&mut bytes);
        assert_eq!(FixedList::<u32, 3>::unpack(&mut bytes.as_slice()).unwrap().as_slice(), [1, 3]);
        assert!(FixedList::<u32, 1>::unpack(&mut bytes.as_slice()).is_err());
        assert_eq!((list.remove(0), list.remove(0), list.remove(0)), (Some(1), Some(3), None));
    }
}
