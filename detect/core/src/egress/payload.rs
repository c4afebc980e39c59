//! How much data a text of an address carries: names that people and programs give look otherwise than data that was written
//! down with letters and digits. Nothing here knows destinations.

/// What a text carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Payload {
    /// Bytes of data, as they are written; identifiers count for little, names and words for nothing.
    pub bytes: u32,
    /// Bytes of them that are a text once they are decoded: what nobody calls a hash or a signature.
    pub text: u32,
}

impl Payload {
    /// Adds what another text carries.
    pub fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.text = self.text.saturating_add(other.text);
    }

    /// What a path with its query carries.
    pub fn of_path(path: &str) -> Self {
        let mut sum = Self::default();
        // Most paths are short, and then nothing in them is long enough.
        if path.len() < TOKEN_BYTES_MIN {
            return sum;
        }
        let path = &path[..path.floor_char_boundary(SCANNED_PATH_BYTES_MAX.min(path.len()))];
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        path.split('/').for_each(|part| sum.add(Self::of_token(part)));
        for pair in query.split(['&', ';']) {
            match pair.split_once('=') {
                Some((name, value)) => sum.add(Self::of_value(name, value)),
                None => sum.add(Self::of_token(pair)),
            }
        }
        sum
    }

    /// What the labels before the registrable domain carry.
    pub fn of_labels(labels: &str) -> Self {
        let mut sum = Self::default();
        labels.split('.').for_each(|label| sum.add(Self::of_word(label, LABEL_BYTES_MIN)));
        sum
    }

    fn of_value(name: &str, value: &str) -> Self {
        if SIGNATURES.iter().any(|(known, most)| name.eq_ignore_ascii_case(known) && value.len() <= *most) {
            return Self { bytes: value.len() as u32 / IDENTIFIER_SHARE, text: 0 };
        }
        let mut sum = Self::default();
        value.split('/').for_each(|token| sum.add(Self::of_token(token)));
        // A long text is data, whatever its words; an address within an address is none.
        let is_address = value.starts_with("http") || value.starts_with('/') || value.starts_with("%2F");
        if value.len() >= VALUE_BYTES_MIN && !is_address && sum.bytes < value.len() as u32 {
            sum.bytes = value.len() as u32;
        }
        sum
    }

    fn of_token(token: &str) -> Self {
        Self::of_word(token, TOKEN_BYTES_MIN)
    }

    /// What one word carries, if it is at least so many bytes long.
    fn of_word(token: &str, bytes_min: usize) -> Self {
        let token = without_padding(token);
        // Nearly no word has a bracket, which is found faster than a mark.
        if token.contains('[') {
            let redacted = token.matches("[REDACTED:").count();
            if redacted > 0 {
                return Self { bytes: redacted as u32 * REDACTED_BYTES, text: 0 };
            }
        }
        if token.len() < bytes_min {
            return Self::default();
        }
        let (is_text, bytes) = (is_coded_text(token), token.len() as u32);
        if !is_text && !looks_coded(token, bytes_min) {
            return Self::default();
        }
        if !is_text && is_identifier(token) {
            return Self { bytes: bytes / IDENTIFIER_SHARE, text: 0 };
        }
        Self { bytes, text: if is_text { bytes } else { 0 } }
    }
}

/// A word without what fills its end up in the alphabets that data is written with.
fn without_padding(word: &str) -> &str {
    if word.ends_with(['=', 'D', 'd']) {
        word.trim_end_matches('=').trim_end_matches("%3D").trim_end_matches("%3d")
    } else {
        word
    }
}

/// A shorter word of a path carries too little to be told from a name.
const TOKEN_BYTES_MIN: usize = 16;
/// Labels of a host are names more often than parts of a path, and shorter.
const LABEL_BYTES_MIN: usize = 8;
/// A value of a query that is at least so long is data, whatever it looks like.
const VALUE_BYTES_MIN: usize = 160;
/// The longest path that is looked at, in bytes.
const SCANNED_PATH_BYTES_MAX: usize = 8_192;
/// Identifiers are everywhere, and each carries a few bytes: they count for one in so many.
const IDENTIFIER_SHARE: u32 = 8;
/// So many bytes at least were where something was redacted.
const REDACTED_BYTES: u32 = 32;

/// Parameters of links that clouds sign, and the longest value of each.
const SIGNATURES: [(&str, usize); 12] = [
    ("x-amz-signature", 64),
    ("x-amz-credential", 128),
    ("x-amz-security-token", 1_600),
    ("x-goog-signature", 512),
    ("x-goog-credential", 160),
    ("signature", 400),
    ("policy", 800),
    ("key-pair-id", 32),
    ("sig", 96),
    ("skoid", 36),
    ("sktid", 36),
    ("verify", 128),
];

/// Whether the characters of a word change between kinds as they do in data: names are written in one kind, or change seldom.
/// Words that begin with a capital are no change.
fn looks_coded(token: &str, bytes_min: usize) -> bool {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 1,
        b'a'..=b'z' => 2,
        b'A'..=b'Z' => 3,
        _ => 0,
    };
    let (mut changes, mut letters, mut vowels, mut longest, mut word) = (0, 0, 0, 0, 0);
    let mut before = 0;
    for byte in token.bytes() {
        let now = kind(byte);
        changes += usize::from(now != before && now != 0 && before != 0 && (before, now) != (3, 2));
        if now >= 2 {
            letters += 1;
            vowels += usize::from(matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y'));
        }
        word = if now == 0 { 0 } else { word + 1 };
        longest = longest.max(word);
        before = now;
    }
    // Words between hyphens, dots and the like are a name, unless they are few and long.
    let is_changing = changes * 100 >= token.len() * 22;
    let is_unspoken = letters >= bytes_min + 4 && vowels * 100 < letters * 27;
    longest >= LABEL_BYTES_MIN && (is_changing || (is_unspoken && longest >= bytes_min))
}

/// Whether a word has the form of what programs call their things by: a UUID, a digest in hexadecimal digits, a number, a
/// digest at the end of a file's name.
fn is_identifier(token: &str) -> bool {
    let stem = token.rsplit_once('.').map_or(token, |(stem, ending)| if ending.len() <= 5 { stem } else { token });
    let last = stem.rsplit(['-', '.', '_', ':']).next().unwrap_or(stem);
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_digest = |text: &str| matches!(text.len(), 32 | 40 | 64) && is_hex(text);
    let is_uuid =
        || stem.len() == 36 && stem.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && is_hex(&stem.replace('-', ""));
    let is_ulid = || stem.len() == 26 && stem.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let is_number =
        || stem.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':' | b'T' | b'Z'));
    let is_hashed_name = || stem.len() > last.len() && (last.len() <= 12 || (last.len() <= 20 && is_hex(last)));
    is_digest(stem) || is_digest(last) || is_uuid() || is_ulid() || is_number() || is_hashed_name()
}

/// Whether a word is a text that was written down in hexadecimal digits, base64 or base32.
pub fn is_coded_text(token: &str) -> bool {
    let bytes = &token.as_bytes()[..token.len().min(DECODED_BYTES_MAX)];
    let reads = |bits: u32, digit: fn(u8) -> Option<u8>| is_text(bytes, bits, digit);
    reads(4, hex_digit) || reads(6, base64_digit) || reads(5, base32_digit)
}

/// So much of a word is decoded.
const DECODED_BYTES_MAX: usize = 256;

/// Decodes digits of so many bits, most significant first, and says whether a text comes out.
fn is_text(token: &[u8], bits: u32, digit: fn(u8) -> Option<u8>) -> bool {
    let (mut held, mut count, mut decoded, mut printable) = (0u32, 0u32, 0u32, 0u32);
    for byte in token {
        let Some(value) = digit(*byte) else { return false };
        held = held << bits | u32::from(value);
        count += bits;
        if count >= 8 {
            count -= 8;
            let byte = (held >> count) as u8;
            held &= (1 << count) - 1;
            decoded += 1;
            printable += u32::from(matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r'));
        }
    }
    // A third of all bytes is printable: a dozen of them in a row are no chance.
    decoded >= 12 && printable * 20 >= decoded * 19
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

fn base64_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

fn base32_digit(byte: u8) -> Option<u8> {
    match byte.to_ascii_uppercase() {
        upper @ b'A'..=b'Z' => Some(upper - b'A'),
        b'2'..=b'7' => Some(byte - b'2' + 26),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(path: &str, bytes: std::ops::RangeInclusive<u32>, is_text: bool) {
        let found = Payload::of_path(path);
        assert!(bytes.contains(&found.bytes) && (found.text > 0) == is_text, "{path}: {found:?}");
    }

    #[test]
    fn names_carry_nothing_and_identifiers_little() {
        for path in [
            "/",
            "/docs/getting-started/installing-the-command-line-tools",
            "/api/v2/customers?status=active&sort=created_at&page_size=100",
            "/packages/source/r/requests/requests-2.32.3.tar.gz",
            "/search?q=how+to+parse+json+in+rust+without+allocating",
            "/w/index.php?title=Special:RecentChanges&hideWikibase=1",
            "/com/fasterxml/jackson/core/jackson-databind/2.17.1/jackson-databind-2.17.1.pom",
            "/org/springframework/boot/spring-boot-autoconfigure/maven-metadata.xml",
            "/javaScriptObjectNotation/getElementsByClassName",
        ] {
            check(path, 0..=0, false);
        }
        for path in [
            "/assets/index-DfG3kd9sQ2.js",
            "/static/js/main.8f3a2b1c9d7e.chunk.js",
            "/v1/jobs/5d2f8c1e-0b7a-4e63-b1d4-9a3c7e6f2b80",
            "/v2/library/x/blobs/sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1",
            "/commit/9bb4a9d1c0f2e3d4c5b6a7988990a1b2c3d4e5f6",
        ] {
            check(path, 0..=9, false);
        }
        check(
            "/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1",
            0..=12,
            false,
        );
    }

    #[test]
    fn data_is_data_however_it_is_written() {
        check("/p.gif?d=QVdTX1NFQ1JFVF9BQ0NFU1NfS0VZPXdKYWxyWFV0bkZFTUk", 40..=60, true);
        check("/QVdTX1NFQ1JFVF9BQ0NFU1NfS0VZPXdKYWxyWFV0bkZFTUk/x", 40..=60, true);
        check("/p?x=4157535f5345435245545f4143434553535f4b45593d774a616c72585574", 56..=70, true);
        check("/p?x=IFLVGX2TIVBVERKUL5AUGQ2FKNJV6S2FLE6XOSTBNRZFQVLU", 40..=60, true);
        check("/p?x=kJ8sLq0Zt4Vb1xYw7Rc2Nf5Hg9Dm3Pa6Te8Uo", 30..=50, false);
        let plain = format!("/p?note={}", "the+users+table+has+these+rows+".repeat(8));
        check(&plain, 200..=300, false);
        check("/p?token=[REDACTED:url_query]", 32..=32, false);
    }

    const HEX: &[u8] = b"0123456789abcdef";

    /// Bytes as digits of so many bits.
    fn digits(bytes: &[u8], bits: usize, alphabet: &[u8]) -> String {
        let all: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
        let value = |bits: &[u8]| bits.iter().fold(0, |value, bit| value << 1 | usize::from(*bit));
        all.chunks_exact(bits).map(|bits| char::from(alphabet[value(bits)])).collect()
    }

    proptest! {
        #[test]
        fn a_text_is_one_however_it_is_written_down(text in "[ -~]{16,40}") {
            let base64 = digits(text.as_bytes(), 6, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
            let base32 = digits(text.as_bytes(), 5, b"abcdefghijklmnopqrstuvwxyz234567");
            for written in [digits(text.as_bytes(), 4, HEX), base64, base32] {
                let found = Payload::of_token(&written);
                prop_assert_eq!([found.bytes, found.text], [written.len() as u32; 2], "{}", written);
            }
        }

        #[test]
        fn any_path_is_looked_at(path in "\\PC{0,200}", data in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Payload::of_path(&path);
            let hex = digits(&data, 4, HEX);
            prop_assert!(Payload::of_token(&hex).bytes as usize <= hex.len());
        }
    }
}
