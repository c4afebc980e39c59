//! Which addresses a sink may reach. The check stands in the resolver, so the address that was checked is the one that is
//! connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::SendError;

/// A resolver that leaves out addresses that are not public, unless they are allowed.
#[derive(Debug)]
pub struct Guard {
    /// Whether private, loopback and link-local addresses are allowed.
    pub allow_private: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> =
                found.iter().copied().filter(|address| allow_private || is_public(address.ip())).collect();
            if allowed.is_empty() && !found.is_empty() {
                return Err(PRIVATE.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The first address of a receiver that is allowed: this one is connected to.
pub async fn resolve(host: &str, port: u16, allow_private: bool) -> Result<SocketAddr, SendError> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| SendError::NotSent(error.to_string()))?;
    let found: Vec<SocketAddr> = found.collect();
    let allowed = found.iter().find(|address| allow_private || is_public(address.ip()));
    match (allowed, found.is_empty()) {
        (Some(address), _) => Ok(*address),
        (None, true) => Err(SendError::NotSent("the receiver's name has no address".to_owned())),
        (None, false) => Err(SendError::Refused(PRIVATE.to_owned())),
    }
}

/// What somebody reads whose receiver is not public.
const PRIVATE: &str = "the receiver's address is not public; set allow_private = true on the sink if it is meant";

/// Refuses an address that is written as a number and is not public.
pub fn check_literal(url: &Url, allow_private: bool) -> Result<(), String> {
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match literal {
        Ok(address) if !allow_private && !is_public(address) => Err(PRIVATE.to_owned()),
        _ => Ok(()),
    }
}

/// Refuses a receiver behind a proxy that is given as an address which is not public, whatever `allow_private` says: that is about the
/// proxy's own. A name is the proxy's to resolve.
pub fn check_through_proxy(host: &str) -> Result<(), String> {
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match literal {
        Ok(address) if !is_public(address) => Err(PRIVATE_BEHIND_PROXY.to_owned()),
        _ => Ok(()),
    }
}

/// What somebody reads who has a proxy connect to such an address.
const PRIVATE_BEHIND_PROXY: &str = "through a proxy a receiver that is not public is reached by its name only: an address such as 10.0.0.7 is \
                                    refused there; name the receiver, or take the proxy out";

/// Whether an address belongs to the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is given out; within it lie documentation, benchmarking, Teredo, ORCHID and 6to4.
    a & 0xe000 == 0x2000 && !(a == 0x2001 && (b == 0x0db8 || b < 0x0200)) && a != 0x2002 && !(a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "192.0.2.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "192.88.99.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:10.0.0.1",
            "2001:db8::1",
            "2002:a00:1::",
            "64:ff9b::a00:1",
            "2001::1",
            "ff02::1",
            "5f00::1",
            "100::1",
        ];
        for text in private {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn literal_addresses_are_checked_without_the_resolver() {
        for text in ["https://127.0.0.1/", "https://[::1]:8088/x", "https://0x7f000001/", "https://2130706433/"] {
            let url = Url::parse(text).unwrap();
            assert!(check_literal(&url, false).is_err(), "{text}");
            assert!(check_literal(&url, true).is_ok(), "{text}");
        }
        assert!(check_literal(&Url::parse("https://splunk.acme.example/").unwrap(), false).is_ok());
        for host in ["127.0.0.1", "[::1]", "::1", "169.254.169.254"] {
            assert!(check_through_proxy(host).is_err(), "{host}");
        }
        assert!(check_through_proxy("siem.acme.example").is_ok() && check_through_proxy("1.1.1.1").is_ok());
    }
}
