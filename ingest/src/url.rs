//! Splits an address into the columns of egress events. It reads addresses as sources write them and as clients obey them
//! (the WHATWG's rules for `https:` and its like), and gives every host its one name; path and query stay as requested.

mod host;

use std::borrow::Cow;
use std::ops::Range;

pub use host::canonical as canonical_host;

/// Where the parts of an address stand in the text that writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spans {
    /// The scheme, without its colon; empty if none is written.
    pub scheme: Range<usize>,
    /// User and password before the `@`, if there is one.
    pub user: Option<Range<usize>>,
    /// The host as it is written, brackets included.
    pub host: Range<usize>,
    /// What is written behind the host's colon.
    pub port: Option<Range<usize>>,
    /// Path, query and fragment.
    pub tail: Range<usize>,
}

/// The parts of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Scheme in lower case; empty if none is written.
    pub scheme: Cow<'a, str>,
    /// The host's one name: see [`canonical_host`].
    pub host: Cow<'a, str>,
    /// The port that is written, or the scheme's own.
    pub port: Option<u16>,
    /// Path and query; `/` if there is none. The fragment never leaves the client.
    pub path: &'a str,
}

/// Splits an address that names a host: with a scheme, without one (`//host/path`), or as `CONNECT` has it (`host:443`).
pub fn split(address: &str) -> Option<Parts<'_>> {
    Spans::of(address).and_then(|spans| spans.parts(address))
}

impl Spans {
    /// Finds the parts; `None` if the address names no host.
    pub fn of(address: &str) -> Option<Self> {
        let start = address.len() - address.trim_start_matches(is_blank).len();
        let end = start + address[start..].trim_end_matches(is_blank).len();
        let text = &address[start..end];
        let (scheme, slashes) = match scheme(text) {
            Some(scheme) => (start..start + scheme, start + scheme + 1),
            None if text.starts_with(['/', '\\']) => (start..start, start),
            None => return Self::of_authority(address, start..end, start..start, true),
        };
        let rest = &address[slashes..end];
        let is_between = |byte: &u8| is_slash(char::from(*byte)) || is_ignored(char::from(*byte));
        let count = rest.bytes().take_while(is_between).count();
        let written = rest.bytes().take(count).filter(|byte| is_slash(char::from(*byte))).count();
        // Clients read `https:/host` and `https:\\host` like `https://host`. A third slash stands where a host is missing.
        let is_special = || default_port(&address[scheme.clone()].to_ascii_lowercase()).is_some();
        if written != 2 && !(written == 1 && is_special()) {
            return None;
        }
        Self::of_authority(address, slashes + count..end, scheme, false)
    }

    /// Finds the parts behind the slashes, or those of a bare `host:port`.
    fn of_authority(address: &str, rest: Range<usize>, scheme: Range<usize>, bare: bool) -> Option<Self> {
        let text = &address[rest.clone()];
        let is_end = |byte: u8| matches!(byte, b'/' | b'?' | b'#' | b'\\');
        let end = rest.start + text.bytes().position(is_end).unwrap_or(text.len());
        let at = address.as_bytes()[rest.start..end].iter().rposition(|byte| *byte == b'@').map(|at| rest.start + at);
        let begin = at.map_or(rest.start, |at| at + 1);
        let (host, port) = split_port(&address[begin..end])?;
        let (host, port) =
            (begin + host.start..begin + host.end, port.map(|port| begin + port.start..begin + port.end));
        if bare {
            let numeric = port.as_ref().is_some_and(|port| number(&address[port.clone()]).is_some());
            if end != rest.end || at.is_some() || !numeric || address[host.clone()].contains(char::is_whitespace) {
                return None;
            }
        }
        let is_named = !address[host.clone()].trim_matches(|char: char| char == '.' || is_ignored(char)).is_empty();
        is_named.then_some(Self { scheme, user: at.map(|at| rest.start..at), host, port, tail: end..rest.end })
    }

    /// Reads the parts. `None` if nothing is left of the host.
    pub fn parts<'a>(&self, address: &'a str) -> Option<Parts<'a>> {
        let scheme = lower(&address[self.scheme.clone()]);
        let host = host::canonical(&address[self.host.clone()]);
        if host.is_empty() {
            return None;
        }
        let port = self.port.clone().map_or("", |port| &address[port]);
        let port = if without_ignored(port).is_empty() { default_port(&scheme) } else { number(port) };
        let tail = &address[self.tail.clone()];
        let path = tail.split_once('#').map_or(tail, |(path, _)| path);
        Some(Parts { scheme, host, port, path: if path.is_empty() { "/" } else { path } })
    }
}

/// The length of the scheme at the start of a text. What is no scheme may be a host with its port.
fn scheme(text: &str) -> Option<usize> {
    let (scheme, rest) = text.split_once(':')?;
    let well_formed = scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.') || is_ignored(char));
    (well_formed && rest.trim_start_matches(is_ignored).starts_with(is_slash)).then_some(scheme.len())
}

/// Host and port in an authority without its user.
fn split_port(text: &str) -> Option<(Range<usize>, Option<Range<usize>>)> {
    if text.starts_with('[') && !text.starts_with("[REDACTED:") {
        let close = text.find(']')? + 1;
        let port = text[close..].strip_prefix(':').map(|_| close + 1..text.len());
        return (port.is_some() || close == text.len()).then_some((0..close, port));
    }
    // A placeholder in a label has a colon of its own.
    let labels = text.rfind(']').map_or(0, |at| at + 1);
    match text[labels..].find(':').map(|colon| labels + colon) {
        // An IPv6 address that somebody wrote without its brackets has no port.
        Some(colon) if !host::is_v6(text) => Some((0..colon, Some(colon + 1..text.len()))),
        _ => Some((0..text.len(), None)),
    }
}

/// The registrable domain of a host by the public suffix list with its private part; an address has none.
pub fn domain(host: &str) -> Option<&str> {
    let last = host.rsplit('.').next().unwrap_or(host);
    if host.contains(':') || (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    psl::domain_str(host)
}

/// Splits a host that came without an address around it, as in a `Host` header: its one name, and the port if one is
/// written. Some clients put a whole address there.
pub fn split_host(written: &str) -> (Cow<'_, str>, Option<u16>) {
    if let Some(parts) = split(written) {
        let written_port = Spans::of(written).is_some_and(|spans| spans.port.is_some());
        return (parts.host, parts.port.filter(|_| written_port));
    }
    match split_port(written.trim()) {
        Some((host, Some(port))) => (host::canonical(&written.trim()[host]), number(&written.trim()[port])),
        _ => (host::canonical(written), None),
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "ftp" => Some(21),
        "ssh" => Some(22),
        _ => None,
    }
}

/// A port in digits; `None` if it is none or out of range.
fn number(text: &str) -> Option<u16> {
    let text = without_ignored(text);
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn is_slash(char: char) -> bool {
    matches!(char, '/' | '\\')
}

/// What clients drop wherever it stands in an address.
fn is_ignored(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r')
}

/// What clients drop at the ends of an address.
fn is_blank(char: char) -> bool {
    char <= ' '
}

fn without_ignored(text: &str) -> Cow<'_, str> {
    if text.contains(is_ignored) { Cow::Owned(text.replace(is_ignored, "")) } else { Cow::Borrowed(text) }
}

fn lower(text: &str) -> Cow<'_, str> {
    let text = without_ignored(text);
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { Cow::Owned(text.to_ascii_lowercase()) } else { text }
}

#[cfg(test)]
mod tests;
