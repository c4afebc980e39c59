//! Addresses in the spellings that sources, clients and attackers use, and the properties.

use super::*;
use proptest::prelude::*;

fn check(address: &str, expected: Option<(&str, &str, Option<u16>, &str)>) {
    let parts = split(address);
    let found = parts.as_ref().map(|parts| (&*parts.scheme, &*parts.host, parts.port, parts.path));
    assert_eq!(found, expected, "{address:?}");
}

#[test]
fn addresses_are_split() {
    let https = |host, port, path| Some(("https", host, Some(port), path));
    check("https://packages.acme.example/left-pad?v=1#top", https("packages.acme.example", 443, "/left-pad?v=1"));
    check("HTTP://User:pa:ss@Attacker-Logger.COM:8080", Some(("http", "attacker-logger.com", Some(8080), "/")));
    check("https://acme.example.?x=/", https("acme.example", 443, "?x=/"));
    check("wss://[2001:DB8::1]:9443/s", Some(("wss", "2001:db8::1", Some(9443), "/s")));
    check("custom://host:99999/", Some(("custom", "host", None, "/")));
    check("https://acme.example:/", https("acme.example", 443, "/"));
    check("https://acme.example:0443/", https("acme.example", 443, "/"));
    check("https://acme.example:-1/", Some(("https", "acme.example", None, "/")));
    check("https://acme.example:80x/", Some(("https", "acme.example", None, "/")));
    check("https://a@b@acme.example/x", https("acme.example", 443, "/x"));
    check("https://packages.acme.example:443@drop.example/", https("drop.example", 443, "/"));
    check("https://drop.example\\@packages.acme.example/f", https("drop.example", 443, "\\@packages.acme.example/f"));
    check("https://drop.example?@packages.acme.example", https("drop.example", 443, "?@packages.acme.example"));
    check("https://drop.example#@packages.acme.example", https("drop.example", 443, "/"));
    check("  https://acme.example/x \n", https("acme.example", 443, "/x"));
    check("ht\ntps:/\t/ac\nme.exam\tple:4\r43/x", https("acme.example", 443, "/x"));
    check("https:\\\\acme.example\\x", https("acme.example", 443, "\\x"));
    check("https:/acme.example/x", https("acme.example", 443, "/x"));
    check("//acme.example/x", Some(("", "acme.example", None, "/x")));
    check("\\\\acme.example\\x", Some(("", "acme.example", None, "\\x")));
    check("acme.example:443", Some(("", "acme.example", Some(443), "/")));
    check("[2001:db8::7]:443", Some(("", "2001:db8::7", Some(443), "/")));
}

#[test]
fn what_names_no_host_is_not_split() {
    for address in [
        "",
        "/only/a/path",
        "https:///path",
        "https:////path",
        "https://",
        "https://:443/",
        "https://@/",
        "https://.../",
        "a b://host/",
        "https://[2001:db8::1/s",
        "https://[::1]x/",
        "mailto:mira@acme.example",
        "acme.example",
        "acme.example:443/x",
        "C:\\temp\\x",
        "note: see //",
        "Bash",
        "workspace/7d1",
        "custom:/host/x",
        "1https://x/",
    ] {
        check(address, None);
    }
}

const METADATA: &str = "169.254.169.254";
const LOCAL: &str = "127.0.0.1";

/// Spellings of hosts, and the one name of each.
const HOSTS: &[(&str, &str)] = &[
    ("acme.example", "acme.example"),
    ("ACME.Example", "acme.example"),
    ("acme.example.", "acme.example"),
    ("acme.example...", "acme.example"),
    ("a_b.acme.example", "a_b.acme.example"),
    ("acme%2Eexample", "acme.example"),
    ("%61cme.ex%41mple", "acme.example"),
    ("acme.example%2e", "acme.example"),
    ("acme%252eexample", "acme%252eexample"),
    ("ac\u{ad}me.example", "acme.example"),
    ("ac\u{200b}me.example", "acme.example"),
    ("acme\u{3002}example", "acme.example"),
    ("acme\u{ff0e}example\u{ff61}", "acme.example"),
    ("\u{ff41}\u{ff43}\u{ff4d}\u{ff45}.example", "acme.example"),
    ("B\u{dc}CHER.example", "xn--bcher-kva.example"),
    ("b\u{fc}cher.example", "xn--bcher-kva.example"),
    ("bu\u{308}cher.example", "xn--bcher-kva.example"),
    ("b%C3%BCcher.example", "xn--bcher-kva.example"),
    ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
    ("xn--bcher-kva.example.", "xn--bcher-kva.example"),
    ("fa\u{df}.example", "xn--fa-hia.example"),
    ("\u{4f8b}\u{3048}.example", "xn--r8jz45g.example"),
    ("xn--a.example", "xn--a.example"),
    ("\u{212a}ube.example", "kube.example"),
    ("localhost", "localhost"),
    ("LOCALHOST.", "localhost"),
    (METADATA, METADATA),
    ("169.254.169.254.", METADATA),
    ("0xa9fea9fe", METADATA),
    ("0XA9FEA9FE", METADATA),
    ("2852039166", METADATA),
    ("025177524776", METADATA),
    ("0251.0376.0251.0376", METADATA),
    ("0xa9.0xfe.0xa9.0xfe", METADATA),
    ("169.254.43518", METADATA),
    ("169.16689662", METADATA),
    ("169.0376.0xa9fe", METADATA),
    ("\u{ff11}\u{ff16}\u{ff19}.254.169.254", METADATA),
    ("169\u{3002}254\u{3002}169\u{3002}254", METADATA),
    ("\u{2460}\u{2465}\u{2468}.254.169.254", METADATA),
    ("%31%36%39.254.169.254", METADATA),
    ("[::ffff:169.254.169.254]", METADATA),
    ("[::ffff:a9fe:a9fe]", METADATA),
    ("[::FFFF:A9FE:A9FE]", METADATA),
    ("[0:0:0:0:0:ffff:a9fe:a9fe]", METADATA),
    ("127.1", LOCAL),
    ("127.0.1", LOCAL),
    ("0x7f.1", LOCAL),
    ("017700000001", LOCAL),
    ("2130706433", LOCAL),
    ("0", "0.0.0.0"),
    ("256.1.1.1", "256.1.1.1"),
    ("1.2.3.4.5", "1.2.3.4.5"),
    ("4294967296", "4294967296"),
    ("[2001:DB8::7]", "2001:db8::7"),
    ("[2001:0db8:0000:0:0:0:0:0007]", "2001:db8::7"),
    ("[fe80::1%25eth0]", "fe80::1"),
    ("[FE80::1%eth0]", "fe80::1"),
    ("[::1]", "::1"),
    ("[0:0:0:0:0:0:0:1]", "::1"),
    ("[64:ff9b::a9fe:a9fe]", "64:ff9b::a9fe:a9fe"),
    ("2001:DB8::7", "2001:db8::7"),
    ("acme example", "acme example"),
    ("acme<x>.example", "acme<x>.example"),
    ("*.ACME.example", "*.acme.example"),
];

#[test]
fn a_host_has_one_name() {
    let check = |written: &str, name: &str| {
        assert_eq!(canonical_host(written), name, "{written:?}");
        assert_eq!(canonical_host(name), name, "{written:?} twice");
        let address = format!("https://{written}/x");
        assert_eq!(split(&address).map(|parts| parts.host.into_owned()).as_deref(), Some(name), "{address:?}");
    };
    for (written, name) in HOSTS {
        check(written, name);
    }
    let long = format!("{}.example", "a".repeat(300));
    check(&long.to_ascii_uppercase(), &long);
    let longer = format!("{}\u{fc}.example", "\u{fc}".repeat(2_000));
    check(&longer, &longer);
}

#[test]
fn a_host_without_an_address_has_one_name_too() {
    let check = |written: &str, host: &str, port: Option<u16>| {
        let (found, found_port) = split_host(written);
        assert_eq!((&*found, found_port), (host, port), "{written:?}");
    };
    check("Files.Drop.Example.:8443", "files.drop.example", Some(8443));
    check("Files.Drop.Example.", "files.drop.example", None);
    check("files.drop.example:99999", "files.drop.example", None);
    check("files.drop.example:", "files.drop.example", None);
    check("https://Files.Drop.Example/x", "files.drop.example", None);
    check("https://mira:x@files.drop.example:8443", "files.drop.example", Some(8443));
    check("[FE80::1%25eth0]:8080", "fe80::1", Some(8080));
    check("FE80::1%eth0", "fe80::1", None);
    check("0xa9fea9fe", "169.254.169.254", None);
    check("", "", None);
    check("...", "", None);
}

#[test]
fn domains_are_registrable_ones() {
    assert_eq!(domain("a.b.acme.co.uk"), Some("acme.co.uk"));
    assert_eq!(domain("somebody.github.io"), Some("somebody.github.io"), "the private part counts");
    assert_eq!(domain("packages.acme.example"), Some("acme.example"));
    for none in ["10.4.7.21", "256.1.1.1", "2001:db8::1", "com", ""] {
        assert_eq!(domain(none), None, "{none}");
    }
}

/// Pieces that hosts and their disguises are made of.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a", "B", "7", "0x", "0", ".", "..", "-", "xn--", "%2e", "%25", "%", "[", "]", ":", "::", "1", "ff", "@", "\t",
        "\n", " ", "\u{fc}", "\u{3002}", "\u{ff11}", "\u{200d}", "\u{ad}", "\u{a0}", "/", "\\", "?", "#", "example",
        "com",
    ]);
    proptest::collection::vec(pieces, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_is_split_or_refused(text in prop_oneof!["\\PC{0,60}", pieces()]) {
        let once = canonical_host(&text).into_owned();
        prop_assert_eq!(canonical_host(&once), once.as_str(), "{:?}", text);
        for address in [text.clone(), format!("https://{text}"), format!("//{text}"), format!("{text}:1")] {
            if let Some(spans) = Spans::of(&address) {
                let ends = [spans.scheme.end, spans.host.start, spans.host.end, spans.tail.start, spans.tail.end];
                prop_assert!(ends.is_sorted(), "{:?} {:?}", spans, address);
                if let Some(parts) = spans.parts(&address) {
                    prop_assert!(!parts.host.is_empty() && !parts.path.is_empty());
                    prop_assert_eq!(canonical_host(&parts.host), &*parts.host, "{:?}", address);
                    let _ = domain(&parts.host);
                }
            }
            let _ = split_host(&address);
        }
    }
}
