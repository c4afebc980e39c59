//! An event under construction: each attribute goes where the class of the version has it, and else under `unmapped`.

use serde_json::{Map, Value};

use super::canonical;
use super::classes::{Class, Place, Version};

/// An event under construction.
pub struct Event {
    /// Its version of OCSF.
    pub version: Version,
    /// Its class, which the version has.
    pub class: Class,
    attributes: Map<String, Value>,
    unmapped: Map<String, Value>,
    profiles: Vec<&'static str>,
}

impl Event {
    /// An event without attributes.
    pub fn new(version: Version, class: Class) -> Self {
        let class = class.in_version(version);
        Self { version, class, attributes: Map::new(), unmapped: Map::new(), profiles: Vec::new() }
    }

    /// Sets an attribute of the event itself where it has its place.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        match self.class.place(name, self.version) {
            Place::Own => {}
            Place::Profile(profile) => self.name_profile(profile),
            Place::Nowhere => return self.set_unmapped(name, value.into()),
        }
        self.attributes.insert(name.to_owned(), value.into());
    }

    /// The same, if there is a value.
    pub fn set_if(&mut self, name: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Sets a number with its caption: `severity_id` and `severity`.
    pub fn set_enum(&mut self, id: &'static str, caption: &'static str, (number, words): (u64, &str)) {
        self.set(id, number);
        self.set(caption, words);
    }

    /// Sets an attribute that the version does not have, or a thing that no version has.
    pub fn set_unmapped(&mut self, name: &str, value: Value) {
        self.unmapped.insert(name.to_owned(), value);
    }

    /// The same, if there is a value.
    pub fn set_unmapped_if(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.set_unmapped(name, value);
        }
    }

    /// Whether it has an attribute.
    pub fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }

    /// What stands at a JSON pointer below an attribute.
    pub fn at(&self, attribute: &str, pointer: &str) -> Option<&Value> {
        self.attributes.get(attribute).and_then(|value| value.pointer(pointer))
    }

    /// Names a profile whose attributes the event has.
    pub fn name_profile(&mut self, profile: &'static str) {
        if !self.profiles.contains(&profile) {
            self.profiles.push(profile);
        }
    }

    /// The profiles whose attributes it has, sorted.
    pub fn profiles(&mut self) -> Vec<&'static str> {
        self.profiles.sort_unstable();
        self.profiles.clone()
    }

    /// The event, with what has no place in it.
    pub fn finish(mut self) -> Map<String, Value> {
        let mut unmapped = Value::Object(self.unmapped);
        canonical::plain_numbers(&mut unmapped);
        self.attributes.insert("unmapped".into(), unmapped);
        self.attributes
    }
}

/// An object of the members that are there; `None` if there are none.
pub fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Option<Value> {
    let object: Map<String, Value> =
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    (!object.is_empty()).then_some(Value::Object(object))
}

/// A text as a value.
pub fn text(text: Option<&str>) -> Option<Value> {
    text.map(Value::from)
}
