//! Whom a script asks or sends to: the addresses and hosts that its calls name.

use super::{assigned, literals, name_at, text_end};

/// The address that the texts of a call name, or else the first one in the script.
pub fn address(code: &str, texts: &[String]) -> Vec<String> {
    let is_address = |text: &&String| text.contains("://");
    let own = texts.iter().find(is_address).cloned();
    own.or_else(|| literals(code).into_iter().find(|text| text.contains("://")))
        .or_else(|| peer(code))
        .into_iter()
        .collect()
}

/// The name of the call whose brackets these are.
pub fn call_of<'c>(code: &'c str, call: &str) -> &'c str {
    let before = code.find(call).map_or("", |at| &code[..at]).trim_end();
    let start =
        before.rfind(|char: char| !char.is_ascii_alphanumeric() && char != '_' && char != '.').map_or(0, |at| at + 1);
    before.get(start..).unwrap_or("")
}

/// The host to which a script opens a connection that is no request.
fn peer(code: &str) -> Option<String> {
    const CALLS: [&str; 9] = [
        "HTTPConnection(",
        "HTTPSConnection(",
        ".connect((",
        "create_connection((",
        "SMTP(",
        "SMTP_SSL(",
        "FTP(",
        "createConnection(",
        ".sendto(",
    ];
    CALLS.iter().find_map(|call| {
        let at = code.find(call)? + call.len();
        let argument = code.get(at..)?.trim_start();
        let host = if argument.starts_with(['\'', '"']) {
            argument.get(1..text_end(argument, 0))?.to_owned()
        } else {
            assigned(code, name_at(code, code.len() - argument.len()))?
        };
        (host.contains('.') && !host.contains(['/', ' '])).then_some(host)
    })
}
