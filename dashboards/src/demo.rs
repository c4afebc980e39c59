//! What a demo in this process shows on its own pages. Without one there is neither a page nor a trace of it.

use serde_json::Value;

/// A demo that runs the server.
pub trait Demo: Send + Sync {
    /// The newest messages of an inbox, the newest first; `None` if there is no such inbox. Each has `number`, `at` in microseconds since
    /// 1970 UTC, `method`, `path`, `text` and `body`. Every text in them may be an attacker's.
    fn messages(&self, inbox: &str) -> Option<Vec<Value>>;

    /// Changes one byte of a copy of the data directory and verifies both: `file`, `offset`, `before`, `after`, `copy` (the verifier's
    /// report), `verdict`, `original`, `took_ms`; the error is a sentence. It blocks.
    fn tamper(&self) -> Result<Value, String>;

    /// The data directory, for commands that are shown.
    fn directory(&self) -> String;
}
