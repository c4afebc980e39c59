//! Splits a URL into the columns of egress events. It takes URLs as sources write them and normalises only the case of
//! scheme and host, because what is recorded must be what was requested.

use std::borrow::Cow;

/// The parts of an absolute URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Scheme in lower case.
    pub scheme: Cow<'a, str>,
    /// Host name or address in lower case; an IPv6 address without its brackets; without a trailing dot.
    pub host: Cow<'a, str>,
    /// The port that is written, or the scheme's own.
    pub port: Option<u16>,
    /// Path and query; `/` if there is none. The fragment never leaves the client.
    pub path: &'a str,
}

/// Splits an absolute URL; `None` if it has no scheme or no host.
pub fn split(url: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let well_formed = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if scheme.is_empty() || !well_formed {
        return None;
    }
    let scheme = lower(scheme);
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = if let Some(bracketed) = host_port.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']')?;
        (host, after.strip_prefix(':'))
    } else {
        host_port.split_once(':').map_or((host_port, None), |(host, port)| (host, Some(port)))
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() {
        return None;
    }
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => port.parse().ok(),
        None => default_port(&scheme),
    };
    let path = tail.split_once('#').map_or(tail, |(path, _)| path);
    Some(Parts { scheme, host: lower(host), port, path: if path.is_empty() { "/" } else { path } })
}

/// The registrable domain of a host by the public suffix list with its private part; an address has none.
pub fn domain(host: &str) -> Option<&str> {
    let last = host.rsplit('.').next().unwrap_or(host);
    if host.contains(':') || (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    psl::domain_str(host)
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

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(url: &str, expected: Option<(&str, &str, Option<u16>, &str)>) {
        let parts = split(url);
        let found = parts.as_ref().map(|parts| (&*parts.scheme, &*parts.host, parts.port, parts.path));
        assert_eq!(found, expected, "{url}");
    }

    #[test]
    fn urls_are_split() {
        check(
            "https://packages.acme.example/left-pad?v=1#top",
            Some(("https", "packages.acme.example", Some(443), "/left-pad?v=1")),
        );
        check("HTTP://User:pa:ss@Attacker-Logger.COM:8080", Some(("http", "attacker-logger.com", Some(8080), "/")));
        check("https://acme.example.?x=/", Some(("https", "acme.example", Some(443), "?x=/")));
        check("wss://[2001:DB8::1]:9443/s", Some(("wss", "2001:db8::1", Some(9443), "/s")));
        check("https://[2001:db8::1/s", None);
        check("custom://host:99999/", Some(("custom", "host", None, "/")));
        check("https://acme.example:/", Some(("https", "acme.example", Some(443), "/")));
        check("/only/a/path", None);
        check("https:///path", None);
        check("a b://host/", None);
        check("", None);
    }

    #[test]
    fn domains_are_registrable_ones() {
        assert_eq!(domain("a.b.acme.co.uk"), Some("acme.co.uk"));
        assert_eq!(domain("somebody.github.io"), Some("somebody.github.io"), "the private part counts");
        assert_eq!(domain("packages.acme.example"), Some("acme.example"));
        assert_eq!(domain("10.4.7.21"), None);
        assert_eq!(domain("2001:db8::1"), None);
        assert_eq!(domain("com"), None);
        assert_eq!(domain(""), None);
    }

    proptest! {
        #[test]
        fn any_text_is_split_or_refused(text in "\\PC{0,60}") {
            for url in [text.clone(), format!("https://{text}")] {
                if let Some(parts) = split(&url) {
                    prop_assert!(!parts.host.is_empty() && !parts.path.is_empty());
                    let _ = domain(&parts.host);
                }
            }
        }
    }
}
