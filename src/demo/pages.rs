//! What the console shows of a demo: its inboxes, and the copy with one changed byte.

use std::path::PathBuf;
use std::time::Instant;

use dashboards::demo::Demo;
use serde_json::Value;

use super::inbox::{InboxName, Inboxes};
use super::tamper;

/// The demo as its pages see it.
pub struct Pages {
    inboxes: Inboxes,
    data: PathBuf,
}

impl Pages {
    /// Of these inboxes and this data directory.
    pub fn new(inboxes: Inboxes, data: PathBuf) -> Self {
        Self { inboxes, data }
    }
}

impl Demo for Pages {
    fn messages(&self, inbox: &str) -> Option<Vec<Value>> {
        let name = InboxName::ALL.into_iter().find(|name| name.as_str() == inbox)?;
        let messages = self.inboxes.messages(name);
        Some(messages.iter().rev().filter_map(|message| serde_json::to_value(message).ok()).collect())
    }

    fn tamper(&self) -> Result<Value, String> {
        let begun = Instant::now();
        let tampered = tamper::try_to_break(&self.data).map_err(|failure| failure.in_one_line())?;
        let mut shown = serde_json::to_value(tampered).map_err(|error| error.to_string())?;
        shown["took_ms"] = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).into();
        Ok(shown)
    }

    fn directory(&self) -> String {
        self.data.display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inbox_is_known_by_its_name_and_a_failure_is_a_sentence() {
        let pages = Pages::new(Inboxes::default(), PathBuf::from("/nowhere/at/all"));
        assert_eq!(pages.messages("slack"), Some(Vec::new()));
        assert_eq!(pages.messages("fax"), None);
        assert!(pages.tamper().is_err_and(|sentence| !sentence.is_empty()));
    }
}
