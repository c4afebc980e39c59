//! The tags that pages had (`ETag`), so that a page which is as it was is not sent again.

use std::collections::HashMap;

use reqwest::Url;

use super::cursor::Place;
use crate::limits;

/// The tags of one list's pages, by address.
#[derive(Debug, Default)]
pub struct Tags(HashMap<String, Tag>);

#[derive(Debug)]
struct Tag {
    text: String,
    /// Where the list went on after the page.
    next: Option<Place>,
}

impl Tags {
    /// The tag of a page that was recorded.
    pub fn tag(&self, url: &Url) -> Option<&str> {
        self.0.get(url.as_str()).map(|tag| tag.text.as_str())
    }

    /// Where the list went on after it.
    pub fn next(&self, url: &Url) -> Option<Place> {
        self.0.get(url.as_str()).and_then(|tag| tag.next.clone())
    }

    /// A page was recorded.
    pub fn note(&mut self, url: Url, tag: Option<String>, next: Option<Place>) {
        // Without all of them each page is sent once more, and nothing worse.
        if self.0.len() >= limits::POLL_TAGS_MAX {
            self.0.clear();
        }
        match tag {
            Some(text) => drop(self.0.insert(url.into(), Tag { text, next })),
            None => drop(self.0.remove(url.as_str())),
        }
    }
}
