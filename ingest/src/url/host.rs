//! The one name of a host, however it is written: what clients connect to when they read that spelling.
//!
//! | written | name |
//! |---|---|
//! | capitals, closing dots, tabs and line breaks inside | lower case, without them |
//! | other scripts, full-width letters, other full stops | ASCII by IDNA (UTS 46), as `xn--…` |
//! | percent-encoded | decoded |
//! | `0xa9fea9fe`, `2852039166`, `0251.0376.0251.0376`, `169.254.43518` | the IPv4 address with four decimal numbers |
//! | `[2001:DB8:0:0::7]`, with a zone or without brackets | the IPv6 address in RFC 5952's form, without zone and brackets |
//! | `[::ffff:169.254.169.254]`, `[::ffff:a9fe:a9fe]` | the IPv4 address that it maps |
//! | anything that clients refuse | lower case, without closing dots |

use std::borrow::Cow;
use std::net::Ipv6Addr;

use url::Host;

use super::lower;
use crate::limits::HOST_BYTES_MAX;

/// The most times that a name is read again. Each time decodes one layer of a disguise.
const READINGS_MAX: usize = 4;

/// The host's one name; naming it again changes nothing.
pub fn canonical(written: &str) -> Cow<'_, str> {
    let trimmed = written.trim();
    if is_plain(trimmed) {
        return Cow::Borrowed(trimmed);
    }
    // What stands before an encoded closing dot may be an address.
    let mut name = read(trimmed);
    for _ in 1..READINGS_MAX {
        let again = read(&name);
        if again == name {
            break;
        }
        name = Cow::Owned(again.into_owned());
    }
    name
}

/// Reads a host as clients do.
fn read(written: &str) -> Cow<'_, str> {
    let text = lower(written);
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&text);
    if let Some(address) = v6(inner) {
        return Cow::Owned(address.to_ipv4_mapped().map_or_else(|| address.to_string(), |mapped| mapped.to_string()));
    }
    let host = if text.len() <= HOST_BYTES_MAX { Host::parse(trim(&text)).ok() } else { None };
    match host {
        Some(Host::Domain(name)) => Cow::Owned(trim(&name).to_owned()),
        Some(Host::Ipv4(address)) => Cow::Owned(address.to_string()),
        Some(Host::Ipv6(_)) | None => refused(text),
    }
}

/// What is recorded of a host that no client takes.
fn refused(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(trim(text)),
        Cow::Owned(text) => Cow::Owned(trim(&text).to_owned()),
    }
}

/// Without white space around it and without closing dots.
fn trim(text: &str) -> &str {
    text.trim_start().trim_end_matches(|char: char| char == '.' || char.is_whitespace())
}

/// Whether the text is an IPv6 address, zone or not.
pub fn is_v6(text: &str) -> bool {
    v6(text).is_some()
}

fn v6(text: &str) -> Option<Ipv6Addr> {
    // The zone says through which interface, which means nothing outside of the machine.
    let address = text.split('%').next().unwrap_or(text);
    if address.contains(':') { address.parse().ok() } else { None }
}

/// Whether the text is a name in its usual form, or an IPv4 address in it, so that it is its own name.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let usual = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    let last = text.rsplit('.').next().unwrap_or(text);
    // A last label that begins with a digit may be a number of an address, and punycode may be wrong.
    !bytes.is_empty()
        && bytes.len() <= HOST_BYTES_MAX
        && bytes.iter().all(usual)
        && last.starts_with(|char: char| char.is_ascii_lowercase())
        && !text.contains("xn--")
}
