//! The path of a field: names and numbers that lead from a record to one of its values, whatever the record's encoding.

use std::borrow::Cow;
use std::fmt;

/// Where a field stands in a record, as a JSON Pointer (RFC 6901): `/fields/prompt`, `/sessions/3/last_prompt`. The empty path is
/// the record itself. An encoding without names of its own, such as protobuf, takes those of its schema.
#[derive(Clone)]
pub struct FieldPath(Form);

/// A path that nobody has to build costs nothing.
#[derive(Clone)]
enum Form {
    /// The pointer.
    Pointer(Cow<'static, str>),
    /// A member of the record, by its name as it is.
    Member(&'static str),
}

impl FieldPath {
    /// The record itself.
    pub fn root() -> Self {
        Self::from("")
    }

    /// The path that a JSON Pointer writes, which is empty or begins with `/`.
    pub fn of(pointer: &str) -> Self {
        Self(Form::Pointer(Cow::Owned(pointer.to_owned())))
    }

    /// A member of the record.
    pub fn member(name: &'static str) -> Self {
        Self(Form::Member(name))
    }

    /// The member with this name of the value at this path.
    #[must_use]
    pub fn then(&self, name: &str) -> Self {
        let mut pointer = self.to_string();
        pointer.push('/');
        push_escaped(&mut pointer, name);
        Self(Form::Pointer(Cow::Owned(pointer)))
    }

    /// The item with this number, from 0, of the list at this path.
    #[must_use]
    pub fn item(&self, number: usize) -> Self {
        self.then(&number.to_string())
    }

    /// The names and numbers on the way, from the record on.
    pub fn steps(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let (pointer, member) = match &self.0 {
            Form::Pointer(pointer) => (pointer.as_ref(), None),
            Form::Member(name) => ("", Some(Cow::Borrowed(*name))),
        };
        pointer.split('/').skip(1).map(unescaped).chain(member)
    }
}

impl From<&'static str> for FieldPath {
    fn from(pointer: &'static str) -> Self {
        Self(Form::Pointer(Cow::Borrowed(pointer)))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Pointer(pointer) => f.write_str(pointer),
            Form::Member(name) => {
                let mut pointer = "/".to_owned();
                push_escaped(&mut pointer, name);
                f.write_str(&pointer)
            }
        }
    }
}

// As the pointer: which of its forms a path has means nothing.
impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

fn push_escaped(pointer: &mut String, name: &str) {
    for char in name.chars() {
        match char {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            _ => pointer.push(char),
        }
    }
}

fn unescaped(step: &str) -> Cow<'_, str> {
    if step.contains('~') { Cow::Owned(step.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(step) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(path: &FieldPath, pointer: &str, steps: &[&str]) {
        assert_eq!(path.to_string(), pointer);
        assert_eq!(path.steps().collect::<Vec<_>>(), steps, "{pointer}");
    }

    #[test]
    fn paths_are_json_pointers() {
        check(&FieldPath::root(), "", &[]);
        check(&FieldPath::from("/fields/prompt"), "/fields/prompt", &["fields", "prompt"]);
        check(&FieldPath::member("a/b~c"), "/a~1b~0c", &["a/b~c"]);
        check(&FieldPath::root().then(""), "/", &[""]);
        check(&FieldPath::from("/rows").item(3).then("~1"), "/rows/3/~01", &["rows", "3", "~1"]);
        check(&FieldPath::member("a").then("b"), "/a/b", &["a", "b"]);
    }

    proptest! {
        #[test]
        fn any_names_are_steps(names in prop::collection::vec("[a~/01é]{0,4}", 0..5)) {
            let path = names.iter().fold(FieldPath::root(), |path, name| path.then(name));
            prop_assert_eq!(path.steps().collect::<Vec<_>>(), names);
        }
    }
}
