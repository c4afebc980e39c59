//! Networks: the pattern that finds the addresses of a CIDR in `host`, which holds each address in one form (RFC 5952 for IPv6).

use std::fmt::Write as _;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The pattern of the addresses in a network.
pub fn regex(network: &str) -> Result<String, String> {
    let refuse = || format!("`{network}` is not a network, such as 10.0.0.0/8");
    let (address, length) = network.split_once('/').ok_or_else(refuse)?;
    let length: u32 = length.parse().map_err(|_| refuse())?;
    match address.parse::<IpAddr>().map_err(|_| refuse())? {
        IpAddr::V4(address) if length <= 32 => Ok(v4(address, length)),
        IpAddr::V6(address) if length <= 128 => v6(address, length)
            .ok_or_else(|| format!("network `{network}`: in the short form of its addresses it is no beginning")),
        _ => Err(refuse()),
    }
}

fn v4(address: Ipv4Addr, length: u32) -> String {
    let octets = address.octets().into_iter().enumerate().map(|(at, octet)| {
        let bits = length.saturating_sub(8 * at as u32).min(8);
        let open = (1_u32 << (8 - bits)) - 1;
        let first = u32::from(octet) & !open;
        match bits {
            0 => "[0-9]+".to_owned(),
            8 => octet.to_string(),
            _ => format!("(?:{})", (first..=first + open).map(|octet| octet.to_string()).collect::<Vec<_>>().join("|")),
        }
    });
    format!("^{}$", octets.collect::<Vec<_>>().join("\\."))
}

/// `None` where zeros may be left out of what the network decides.
fn v6(address: Ipv6Addr, length: u32) -> Option<String> {
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    let network = Ipv6Addr::from(u128::from(address) & mask);
    if length == 128 {
        return Some(format!("^{}$", network.to_string().replace('.', "\\.")));
    }
    let whole = (length / 16) as usize;
    let rest = length % 16;
    let segments = network.segments();
    let mut pattern = String::from("^");
    for segment in &segments[..whole] {
        if *segment == 0 {
            return None;
        }
        _ = write!(pattern, "{segment:x}:");
    }
    if rest > 0 {
        // Four digits, so that no zero is left out of it.
        let first = u32::from(segments[whole]);
        if first < 0x1000 {
            return None;
        }
        let open = (1_u32 << (16 - rest)) - 1;
        pattern.push_str(&digits(first, first + open));
        pattern.push(if whole == 7 { '$' } else { ':' });
    } else if whole == 0 {
        pattern.push_str("[0-9a-f]*:");
    }
    Some(pattern)
}

/// The four digits between two numbers that differ in their last bits only.
fn digits(first: u32, last: u32) -> String {
    let digit = |number: u32, at: u32| number >> (4 * (3 - at)) & 0xF;
    let class = |at: u32| match (digit(first, at), digit(last, at)) {
        (a, b) if a == b => format!("{a:x}"),
        (0, 0xF) => "[0-9a-f]".to_owned(),
        (a, b) => format!("[{}]", (a..=b).filter_map(|digit| char::from_digit(digit, 16)).collect::<String>()),
    };
    (0..4).map(class).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["10.0.0.0", "10.0.0.0/33", "a/8", "fe80::/129", "10.0.0/8"] {
            assert!(regex(text).unwrap_err().contains("is not a network"), "{text}");
        }
        for text in ["::/8", "2001:0:1::/48", "2001:db8::/33"] {
            assert!(regex(text).unwrap_err().contains("short form"), "{text}");
        }
        assert!(!Regex::new(&regex("10.0.0.0/8").unwrap()).unwrap().is_match("10.0.0.1.attacker.example"));
    }

    proptest! {
        #[test]
        fn a_pattern_finds_the_addresses_of_its_network(network in any::<u32>(), length in 0u32..=32, other in any::<u32>(), near in 0u32..32) {
            let pattern = Regex::new(&regex(&format!("{}/{length}", Ipv4Addr::from(network))).unwrap()).unwrap();
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            for address in [other, network, network ^ 1 << near] {
                let is_inside = address & mask == network & mask;
                prop_assert_eq!(pattern.is_match(&Ipv4Addr::from(address).to_string()), is_inside);
            }
        }

        #[test]
        fn a_pattern_finds_the_long_addresses_of_its_network(network in any::<u128>(), length in 0u32..=128, other in any::<u128>(), near in 0u32..128, zeros in any::<u8>()) {
            let clear = |address: u128| (0..8).fold(address, |address, at| if zeros >> at & 1 == 1 { address & !(0xFFFF << (16 * at)) } else { address });
            let network = clear(network);
            let Ok(pattern) = regex(&format!("{}/{length}", Ipv6Addr::from(network))) else { return Ok(()) };
            let pattern = Regex::new(&pattern).unwrap();
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            for address in [other, clear(other), network, network ^ 1 << near] {
                let address = Ipv6Addr::from(address);
                if address.to_ipv4_mapped().is_some() {
                    continue;
                }
                let is_inside = u128::from(address) & mask == network & mask;
                prop_assert_eq!(pattern.is_match(&address.to_string()), is_inside, "{} {}", pattern, address);
            }
        }
    }
}
