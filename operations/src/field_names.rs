//! The names of a type's fields, as serde reads them: so that who reads a table of a configuration in parts, or says what it may hold,
//! keeps no list of its own. It knows nothing about what is configured.

use std::fmt;

use serde::Deserializer;
use serde::de::Visitor;
use serde::forward_to_deserialize_any;

/// Asks a type what its fields are called, in the order of its declaration. `read` reads it from a deserializer, as `T::deserialize`
/// does. A type that is no struct, or that flattens another one, has none.
pub fn field_names<T>(read: impl FnOnce(Probe) -> Result<T, Asked>) -> &'static [&'static str] {
    match read(Probe) {
        Err(Asked::Fields(names)) => names,
        _ => &[],
    }
}

/// Has nothing to read; ends with what it was asked for.
#[derive(Debug)]
pub struct Probe;

/// What a [`Probe`] was asked for.
#[derive(Debug)]
pub enum Asked {
    /// A struct with these fields.
    Fields(&'static [&'static str]),
    /// Anything else.
    Other,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is nothing to read")
    }
}

impl std::error::Error for Asked {}

impl serde::de::Error for Asked {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self::Other
    }
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Asked;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Asked> {
        Err(Asked::Other)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Asked> {
        Err(Asked::Fields(fields))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::triage::Policy;

    #[test]
    fn a_struct_says_the_names_that_stand_in_files() {
        assert_eq!(field_names(Policy::deserialize), ["group_by", "group_minutes", "inhibit", "escalate", "schedule"]);
        assert_eq!(field_names(String::deserialize), [""; 0]);
        assert_eq!(field_names(Vec::<Policy>::deserialize), [""; 0]);
    }
}
