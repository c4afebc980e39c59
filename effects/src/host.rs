//! What kind of destination a host is: file drop, webhook, tunnel, resolver, address. Names and syntax only: what an agent
//! usually asks is not known here.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// The kind of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing is known about it.
    Ordinary,
    /// The machine itself.
    Local,
    /// An address that is not routed on the internet.
    PrivateAddress,
    /// An address instead of a name.
    Address,
    /// A resolver that takes DNS questions over HTTPS.
    Resolver,
    /// A service where anybody leaves files or texts for anybody.
    FileDrop,
    /// A service that shows whoever made an address what was sent to it, or passes it on to a chat.
    Webhook,
    /// A name that leads to a machine that somebody opened to the internet for a while.
    Tunnel,
    /// The cloud's metadata service, which hands out credentials.
    Metadata,
}

impl Class {
    /// Whether data that goes there is likely to be picked up by a stranger, or credentials come back.
    pub fn is_risky(self) -> bool {
        matches!(self, Self::FileDrop | Self::Webhook | Self::Tunnel | Self::Metadata)
    }

    /// The class as a sentence; empty where there is nothing to say.
    pub fn sentence(self) -> String {
        match self.clause() {
            "" => String::new(),
            clause => format!("It is {clause}."),
        }
    }

    fn clause(self) -> &'static str {
        match self {
            Self::Ordinary | Self::Local => "",
            Self::PrivateAddress => "an address of a private network instead of a name",
            Self::Address => "an address instead of a name, which no policy by name covers",
            Self::Resolver => "a resolver that takes DNS questions over HTTPS, which can carry data past every filter",
            Self::FileDrop => "a service where anybody leaves files or texts for anybody",
            Self::Webhook => "a service that shows what it is sent to whoever made the address",
            Self::Tunnel => "a name that leads to a machine that somebody opened to the internet for a while",
            Self::Metadata => "the cloud's metadata service, which hands out credentials",
        }
    }
}

/// The class of a host, with the path where one host serves several purposes.
pub fn of(host: &str, path: &str) -> Class {
    if let Some(address) = address(host) {
        return of_address(address);
    }
    if host == "localhost" || host.ends_with(".localhost") {
        return Class::Local;
    }
    if is_metadata_name(host) {
        return Class::Metadata;
    }
    if path == "/dns-query" || path.starts_with("/dns-query?") {
        return Class::Resolver;
    }
    let hook = HOOKS.iter().any(|(name, prefix)| host == *name && path.starts_with(prefix));
    if hook { Class::Webhook } else { suffixes(host).find_map(listed).unwrap_or(Class::Ordinary) }
}

/// The host as an address, if it is one: also in the forms that only old resolvers understand and filters miss.
fn address(host: &str) -> Option<IpAddr> {
    // Most hosts are names: every form of an address has a colon, or ends in a number, which begins with a digit.
    let last = host.rsplit('.').next().unwrap_or(host);
    if !last.starts_with(|char: char| char.is_ascii_digit()) && !host.contains(':') {
        return None;
    }
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    let parts: Vec<Option<u32>> = host.split('.').take(5).map(number).collect();
    let numbers: Vec<u32> = parts.iter().copied().collect::<Option<_>>()?;
    // The last number fills what is left: 127.1 is 127.0.0.1.
    let (last, bytes) = numbers.split_last()?;
    let room = 32 - 8 * u32::try_from(bytes.len()).ok().filter(|len| *len < 4)?;
    if bytes.iter().any(|byte| *byte > 255) || (room < 32 && *last >> room != 0) {
        return None;
    }
    let high = bytes.iter().zip([24, 16, 8]).map(|(byte, shift)| byte << shift).sum::<u32>();
    Some(IpAddr::V4(Ipv4Addr::from_bits(high | last)))
}

/// A number as C reads it: decimal, `0x` hexadecimal, `0` octal.
fn number(text: &str) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    if let Some(hex) = lower.strip_prefix("0x") {
        u32::from_str_radix(hex, 16).ok()
    } else if lower.len() > 1 && lower.starts_with('0') {
        u32::from_str_radix(&lower, 8).ok()
    } else if lower.bytes().all(|byte| byte.is_ascii_digit()) {
        lower.parse().ok()
    } else {
        None
    }
}

/// Whether a name is that of a metadata service, or of a public name server that answers with an address in the name.
fn is_metadata_name(host: &str) -> bool {
    const NAMES: [&str; 8] = [
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.tencentyun.com",
        "metadata.platformequinix.com",
        "metadata.packet.net",
    ];
    const ECHOES: [&str; 4] = [".nip.io", ".sslip.io", ".xip.io", ".traefik.me"];
    let said = ECHOES.iter().find_map(|ending| host.strip_suffix(ending)).map(|said| said.replace('-', "."));
    // The address may stand behind other labels.
    let is_said = said.is_some_and(|said| {
        let labels: Vec<&str> = said.rsplit('.').take(4).collect();
        let address: Vec<&str> = labels.into_iter().rev().collect();
        address.join(".").parse().is_ok_and(|address| of_address(address) == Class::Metadata)
    });
    NAMES.contains(&host) || is_said
}

fn of_address(address: IpAddr) -> Class {
    // Of the clouds that have one: most share the first; containers and pods have their own.
    const METADATA_V4: [[u8; 4]; 7] = [
        [169, 254, 169, 254],
        [169, 254, 170, 2],
        [169, 254, 170, 23],
        [169, 254, 42, 42],
        [100, 100, 100, 200],
        [192, 0, 0, 192],
        [168, 63, 129, 16],
    ];
    const METADATA_V6: [Ipv6Addr; 4] = [
        Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
        Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0023),
        Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
        Ipv6Addr::new(0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x0042),
    ];
    let address = address.to_canonical();
    match address {
        IpAddr::V4(v4) if METADATA_V4.contains(&v4.octets()) => Class::Metadata,
        IpAddr::V6(v6) if METADATA_V6.contains(&v6) => Class::Metadata,
        _ if address.is_loopback() || address.is_unspecified() => Class::Local,
        IpAddr::V4(v4) if v4.is_private() || v4.is_link_local() => Class::PrivateAddress,
        IpAddr::V6(v6) if v6.is_unique_local() || v6.is_unicast_link_local() => Class::PrivateAddress,
        _ => Class::Address,
    }
}

/// The host, and what is left of it after each dot.
fn suffixes(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |name| name.split_once('.').map(|(_, rest)| rest)).take(8)
}

fn listed(name: &str) -> Option<Class> {
    let first = name.bytes().next().unwrap_or_default();
    if LENGTHS.get(usize::from(first)).copied().unwrap_or_default() & length_bit(name.len()) == 0 {
        return None;
    }
    let at = LISTED.binary_search_by(|(listed, _)| (*listed).cmp(name)).ok()?;
    LISTED.get(at).map(|(_, class)| *class)
}

/// For each first byte the lengths of the names that are listed, one bit each: nearly all hosts are told apart by that.
const LENGTHS: [u64; 256] = {
    let (mut lengths, mut at) = ([0; 256], 0);
    while at < LISTED.len() {
        let name = LISTED[at].0;
        lengths[name.as_bytes()[0] as usize] |= length_bit(name.len());
        at += 1;
    }
    lengths
};

const fn length_bit(length: usize) -> u64 {
    1 << (length % 64)
}

/// Hosts of which only some paths pass messages on.
const HOOKS: [(&str, &str); 5] = [
    ("api.telegram.org", "/bot"),
    ("canary.discord.com", "/api/webhooks/"),
    ("discord.com", "/api/webhooks/"),
    ("discordapp.com", "/api/webhooks/"),
    ("ptb.discord.com", "/api/webhooks/"),
];

/// Domains with everything below them, sorted by name.
const LISTED: &[(&str, Class)] = &[
    ("0x0.st", Class::FileDrop),
    ("anonfiles.com", Class::FileDrop),
    ("bashupload.com", Class::FileDrop),
    ("beeceptor.com", Class::Webhook),
    ("bore.pub", Class::Tunnel),
    ("burpcollaborator.net", Class::Webhook),
    ("canarytokens.com", Class::Webhook),
    ("catbox.moe", Class::FileDrop),
    ("clbin.com", Class::FileDrop),
    ("cloudflare-dns.com", Class::Resolver),
    ("dns.adguard-dns.com", Class::Resolver),
    ("dns.google", Class::Resolver),
    ("dns.nextdns.io", Class::Resolver),
    ("dns.quad9.net", Class::Resolver),
    ("doh.opendns.com", Class::Resolver),
    ("dpaste.com", Class::FileDrop),
    ("dpaste.org", Class::FileDrop),
    ("file.io", Class::FileDrop),
    ("filebin.net", Class::FileDrop),
    ("gofile.io", Class::FileDrop),
    ("hastebin.com", Class::FileDrop),
    ("hookbin.com", Class::Webhook),
    ("hooks.slack.com", Class::Webhook),
    ("interact.sh", Class::Webhook),
    ("ix.io", Class::FileDrop),
    ("justpaste.it", Class::FileDrop),
    ("kvdb.io", Class::FileDrop),
    ("lhr.life", Class::Tunnel),
    ("loca.lt", Class::Tunnel),
    ("localhost.run", Class::Tunnel),
    ("localtunnel.me", Class::Tunnel),
    ("mega.nz", Class::FileDrop),
    ("mockbin.org", Class::Webhook),
    ("ngrok-free.app", Class::Tunnel),
    ("ngrok-free.dev", Class::Tunnel),
    ("ngrok.app", Class::Tunnel),
    ("ngrok.dev", Class::Tunnel),
    ("ngrok.io", Class::Tunnel),
    ("oast.fun", Class::Webhook),
    ("oast.live", Class::Webhook),
    ("oast.me", Class::Webhook),
    ("oast.online", Class::Webhook),
    ("oast.pro", Class::Webhook),
    ("oast.site", Class::Webhook),
    ("oastify.com", Class::Webhook),
    ("paste.ee", Class::FileDrop),
    ("paste.rs", Class::FileDrop),
    ("pastebin.com", Class::FileDrop),
    ("pastie.org", Class::FileDrop),
    ("pinggy.io", Class::Tunnel),
    ("pinggy.link", Class::Tunnel),
    ("pipedream.net", Class::Webhook),
    ("privatebin.net", Class::FileDrop),
    ("ptsv3.com", Class::Webhook),
    ("rentry.co", Class::FileDrop),
    ("rentry.org", Class::FileDrop),
    ("requestbin.com", Class::Webhook),
    ("requestbin.net", Class::Webhook),
    ("requestcatcher.com", Class::Webhook),
    ("serveo.net", Class::Tunnel),
    ("sprunge.us", Class::FileDrop),
    ("telegra.ph", Class::FileDrop),
    ("temp.sh", Class::FileDrop),
    ("termbin.com", Class::FileDrop),
    ("tmpfiles.org", Class::FileDrop),
    ("transfer.sh", Class::FileDrop),
    ("trycloudflare.com", Class::Tunnel),
    ("tunnelmole.net", Class::Tunnel),
    ("typedwebhook.tools", Class::Webhook),
    ("uguu.se", Class::FileDrop),
    ("webhook.cool", Class::Webhook),
    ("webhook.site", Class::Webhook),
    ("wetransfer.com", Class::FileDrop),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_list_is_sorted_and_holds_for_names_below() {
        assert!(LISTED.is_sorted_by(|one, other| one.0 < other.0));
        for (name, class) in LISTED {
            assert_eq!(of(name, "/"), *class);
            assert_eq!(of(&format!("x1.{name}"), "/"), *class);
            assert_eq!(of(&format!("x{name}"), "/"), Class::Ordinary, "no label of its own");
        }
        for (host, path) in HOOKS {
            assert_eq!(of(host, &format!("{path}1/a")), Class::Webhook);
            assert_eq!(of(host, "/"), Class::Ordinary);
        }
    }

    #[test]
    fn addresses_are_told_in_every_form() {
        let cases = [
            ("203.0.113.7", Class::Address),
            ("2001:db8::1", Class::Address),
            ("3405803783", Class::Address),
            ("0xcb007107", Class::Address),
            ("0313.0.0161.07", Class::Address),
            ("127.1", Class::Local),
            ("::1", Class::Local),
            ("::ffff:127.0.0.1", Class::Local),
            ("localhost", Class::Local),
            ("10.4.7.21", Class::PrivateAddress),
            ("fe80::1", Class::PrivateAddress),
            ("169.254.169.254", Class::Metadata),
            ("0xa9.254.0251.254", Class::Metadata),
            ("169.254.170.2", Class::Metadata),
            ("::ffff:169.254.169.254", Class::Metadata),
            ("fd00:ec2::254", Class::Metadata),
            ("x.169-254-169-254.sslip.io", Class::Metadata),
            ("10.0.0.1.nip.io", Class::Ordinary),
            ("metadata.goog", Class::Metadata),
            ("0xa9fea9fe", Class::Metadata),
            ("fd00:ec2::254", Class::Metadata),
            ("256.1.1.1", Class::Ordinary),
            ("1.2.3.4.5", Class::Ordinary),
            ("acme.example", Class::Ordinary),
            ("", Class::Ordinary),
        ];
        for (host, class) in cases {
            assert_eq!(of(host, "/"), class, "{host}");
        }
        assert_eq!(of("acme.example", "/dns-query?dns=AAAB"), Class::Resolver);
        assert_eq!(of("acme.example", "/dns-queryx"), Class::Ordinary);
    }

    proptest! {
        #[test]
        fn any_text_has_a_class(host in "\\PC{0,40}", path in "\\PC{0,20}", number: u32) {
            let _ = of(&host, &path);
            let address = Ipv4Addr::from_bits(number);
            prop_assert_eq!(of(&number.to_string(), "/"), of(&address.to_string(), "/"));
            prop_assert_eq!(of(&format!("{number:#x}"), "/"), of(&address.to_string(), "/"));
        }
    }
}
