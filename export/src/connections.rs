//! How bytes reach a receiver: one file for each kind of connection, and which addresses any of them may reach. What the bytes
//! say is the sinks' business.

mod guard;
pub mod http;
pub mod smtp;

/// The start of a receiver's text, for receipts and the status: one line, no control characters.
pub fn excerpt(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(crate::limits::ANSWER_CHARS_KEPT).collect::<String>().trim().to_owned()
}

/// The error with its causes, which say more than itself.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
