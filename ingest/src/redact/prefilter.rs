//! A quick look at a text: whether it may hold a secret at all. Most text has none, and is passed over here at the speed of memory.
//!
//! Three things are looked for: words that names, phrases and addresses of secrets have in them; long runs of letters and digits,
//! since every token is one, with what tokens begin with; and what hides text (escapes, percent-encoding, base64). It may say yes
//! for nothing; where it says no, no rule finds anything. It knows no rule's pattern: each keyword of the rules and names is
//! covered here, as a test holds.

use aho_corasick::packed::{Config, MatchKind, Searcher};
use memchr::memmem::Finder;

use super::{made, view};

/// What names and phrases of secrets have in them; at least four bytes each, so that few places look like one.
const WORDS: &[&str] = &[
    "pass",
    "secret",
    "token",
    "auth",
    "_key",
    "-key",
    " key",
    "ikey",
    "skey",
    "ekey",
    "gkey",
    "nkey",
    "tkey",
    "rkey",
    "key-",
    "key=",
    "credential",
    "cookie",
    "mnemonic",
    "seed",
    "login",
    "bw unlock",
    "bearer",
    "from-literal",
    "http-basic",
    "bundle config",
    "identified by",
    "net use",
    "private-lines",
    "\"val",
];
/// A word of a name that is shorter.
const SHORT_WORD: &str = "pwd";
/// Ends of names before the `=` of a query.
const QUERY_NAMES: &[&str] = &["sig", "code", "session", "sid", "jwt", "signature", "hmac", "ticket"];
/// Four bytes of what each token has in front.
const TOKENS: &[&str] = &[
    "akia", "asia", "abia", "acca", "aiza", "ya29", "gocs", "doo_", "dop_", "dor_", "dapi", "tske", "ghp_", "gho_",
    "ghu_", "ghs_", "ghr_", "hub_", "glpa", "gldt", "glrt", "glcb", "glpt", "glag", "glso", "gloa", "glft", "glim",
    "npm_", "ypi-", "dckr", "ems_", "i_or", "pplx", "gsk_", "xai-", "shpa", "shpc", "shpp", "shps", "hvs.", "hvb.",
    "hvr.", "sv1.", "lin_", "ntn_", "nrak", "pmak", "pul-", "figd", "sbp_", "ale_", "nfp_", "hrku", "atat", "atbb",
    "bkua", "cloj", "fo1_", "aio_", "ops_", "phx_", "akcp", "cmvm", "1//0", "lsv2", "rnd_", "cfpa", "rese", "magi",
    "invi", "veri", "webh", "ack.", "hat.", "ls0t", "whse", "glsa", "glc_", "sntr", "absk", "fm1_", "fm2_", "k_te",
    "k_li", "k_pr", "xapp", "xoxa", "xoxb", "xoxe", "xoxo", "xoxp", "xoxr", "xoxs",
];
/// The same of three bytes.
const SHORT_TOKENS: &[&str] = &["hf_", "sg.", "dp.", "re_", "fc-", "sl.", "cio", "-us", "eyj", "r8_", "sq0", "sk-"];

/// The shortest run that may be a token's.
const TOKEN_BYTES_MIN: usize = 14;
/// How far before a run its beginning is looked for, where a full stop or a tilde stands before it.
const BEFORE_BYTES_MAX: usize = 24;
/// Texts up to this length are looked at without memory of their own.
const STACK_BYTES: usize = 1_024;

/// What is searched for, in the form in which it is searched.
pub struct Prefilter {
    words: Searcher,
    tokens: Quads,
    short_tokens: Searcher,
    short_word: Finder<'static>,
}

impl Prefilter {
    /// `None` where the processor has no such search.
    pub fn new() -> Option<Self> {
        let searcher = |words: &[&str]| {
            let mut builder =
                Config::new().match_kind(MatchKind::LeftmostFirst).heuristic_pattern_limits(false).builder();
            for word in words {
                builder.add(word.bytes().map(fold).collect::<Vec<u8>>());
            }
            builder.build()
        };
        Some(Self {
            words: searcher(WORDS)?,
            tokens: Quads::new(TOKENS.iter().copied()),
            short_tokens: searcher(SHORT_TOKENS)?,
            short_word: Finder::new(SHORT_WORD),
        })
    }

    /// Whether a text may hold a secret.
    pub fn may_find(&self, text: &str) -> bool {
        const BLOCKS: usize = STACK_BYTES / 64;
        let count = text.len().div_ceil(64);
        if count <= BLOCKS {
            self.look(text, &mut [[0; 64]; BLOCKS][..count], &mut [0; BLOCKS][..count])
        } else {
            self.look(text, &mut vec![[0; 64]; count], &mut vec![0; count])
        }
    }

    fn look(&self, text: &str, folded: &mut [[u8; 64]], runs: &mut [u64]) -> bool {
        let bytes = text.as_bytes();
        let signs = Signs::of(bytes, folded, runs);
        let Some(folded) = folded.as_flattened_mut().get_mut(..text.len()) else { return true };
        signs.is_hiding
            || begins_option(bytes)
            || (signs.is_at && has_user(text))
            || self.words.find(&*folded).is_some()
            || self.short_word.find(folded).is_some()
            || (signs.is_equal && has_query_name(folded))
            || self.has_token(text, folded, runs)
    }

    /// Whether a run may be a token, or base64. What is kept of `folded` are the runs that may be.
    fn has_token(&self, text: &str, folded: &mut [u8], runs: &[u64]) -> bool {
        let bytes = text.as_bytes();
        let mut kept = 0;
        for (start, end) in Runs::of(runs) {
            let run = &bytes[start..end];
            let before = bytes[..start].last().copied().unwrap_or(b' ');
            // Behind one of these, what tokens begin with stands in front of the run.
            let is_continued = matches!(before, b'.' | b'~' | b':');
            if is_digits(run) && !is_continued {
                continue;
            }
            if view::may_be_base64(run) {
                return true;
            }
            if run.len() < TOKEN_BYTES_MIN {
                continue;
            }
            if run.len() >= 24 && is_long_token(bytes, start, end, before)
                || run.len() >= 32 && memchr::memchr2(b'_', b'-', run).is_some() && made::may_find(&text[start..end])
            {
                return true;
            }
            let reach = if is_continued { BEFORE_BYTES_MAX } else { 1 };
            // What is kept never reaches the run, and what lies between was not kept.
            let begin = start.saturating_sub(reach).max(kept);
            folded.copy_within(begin..end, kept);
            kept += end - begin;
        }
        self.tokens.any(&folded[..kept]) || self.short_tokens.find(&folded[..kept]).is_some()
    }
}

/// Tokens that are known by more than what they begin with.
fn is_long_token(bytes: &[u8], start: usize, end: usize, before: u8) -> bool {
    let is_discord = bytes.get(end) == Some(&b'.') && bytes.get(end + 7) == Some(&b'.');
    is_discord
        || end - start >= 34
            && (before == b':'
                || (memchr::memchr(b'S', &bytes[start..end]).is_some()
                    && memchr::memmem::find(&bytes[start..end], b"SK").is_some()))
}

/// A set of texts of four bytes, of which any is found in about the time that it takes to read the bytes.
struct Quads {
    bits: Box<[u64; Self::BITS / 64]>,
    quads: Vec<u32>,
}

impl Quads {
    const BITS: usize = 1 << 15;

    fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let quads = texts.into_iter().filter_map(|text| text.as_bytes().first_chunk::<4>());
        let mut quads: Vec<u32> = quads.map(|quad| u32::from_le_bytes(quad.map(fold))).collect();
        quads.sort_unstable();
        let mut bits = Box::new([0; Self::BITS / 64]);
        for quad in &quads {
            let hash = Self::hash(*quad);
            bits[hash / 64] |= 1 << (hash % 64);
        }
        Self { bits, quads }
    }

    fn hash(quad: u32) -> usize {
        (quad.wrapping_mul(0x9e37_79b1) >> (32 - Self::BITS.trailing_zeros())) as usize
    }

    fn may_be(&self, quad: u32) -> u64 {
        let hash = Self::hash(quad);
        self.bits[hash / 64] >> (hash % 64) & 1
    }

    fn any(&self, bytes: &[u8]) -> bool {
        let mut at = 0;
        while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*chunk);
            let mut found = 0;
            for shift in 0..5 {
                found |= self.may_be((word >> (8 * shift)) as u32);
            }
            if found != 0 && (0..5).any(|shift| self.has((word >> (8 * shift)) as u32)) {
                return true;
            }
            at += 5;
        }
        let last = bytes.get(at..).unwrap_or_default().windows(4).filter_map(|quad| quad.first_chunk::<4>());
        last.into_iter().any(|quad| self.has(u32::from_le_bytes(*quad)))
    }

    fn has(&self, quad: u32) -> bool {
        self.may_be(quad) != 0 && self.quads.contains(&quad)
    }
}

/// A byte in which letters have no case. It makes equal what is different, never the other way round.
fn fold(byte: u8) -> u8 {
    byte | 0x20
}

/// What one pass over a text tells.
#[derive(Debug, Clone, Copy, Default)]
struct Signs {
    /// Escapes, percent-encoding, and the tilde that one kind of token has.
    is_hiding: bool,
    is_at: bool,
    is_equal: bool,
}

impl Signs {
    /// Folds the text, and gives each byte that may be part of a token its bit. Simple loops over all bytes become vector code.
    fn of(bytes: &[u8], folded: &mut [[u8; 64]], runs: &mut [u64]) -> Self {
        let folded = folded.as_flattened_mut();
        for (byte, folded) in bytes.iter().zip(&mut *folded) {
            *folded = is_in_run(*byte);
        }
        for (run, mask) in runs.iter_mut().zip(folded.as_chunks::<64>().0) {
            *run =
                mask.as_chunks::<8>().0.iter().rev().fold(0, |run, mask| {
                    run << 8 | u64::from_le_bytes(*mask).wrapping_mul(0x0102_0408_1020_4080) >> 56
                });
        }
        let (mut hiding, mut at, mut equal) = (0, 0, 0);
        for (byte, folded) in bytes.iter().zip(folded) {
            *folded = fold(*byte);
            hiding |= is(*byte, b'\\') | is(*byte, b'%') | is(*byte, b'~');
            at |= is(*byte, b'@');
            equal |= is(*byte, b'=');
        }
        Self { is_hiding: hiding != 0, is_at: at != 0, is_equal: equal != 0 }
    }
}

/// One if the bytes are equal. Compilers make vector code of this, and not of conditions.
fn is(byte: u8, other: u8) -> u8 {
    u8::from(byte == other)
}

/// One if the byte is a letter, a digit, `_`, `-`, `+` or `/`.
fn is_in_run(byte: u8) -> u8 {
    let is_letter = is((byte | 0x20).wrapping_sub(b'a').saturating_sub(25), 0);
    // From `+` to `9` all but two are.
    let is_other = is(byte.wrapping_sub(b'+').saturating_sub(14), 0) ^ is(byte, b',') ^ is(byte, b'.');
    is_letter | is_other | is(byte, b'_')
}

/// Whether a hyphen begins a word: before it stands white space, a quote or a comma. White space beyond ASCII is negative.
fn begins_option(bytes: &[u8]) -> bool {
    let Some((_, after)) = bytes.split_first() else { return false };
    let (before, last_before) = bytes[..after.len()].as_chunks::<64>();
    let (after, last_after) = after.as_chunks::<64>();
    let begins = |before: u8, after: u8| u8::from((before as i8) < 0x2d) & is(after, b'-');
    let mut found = [0; 64];
    for (before, after) in before.iter().zip(after) {
        for index in 0..64 {
            found[index] |= begins(before[index], after[index]);
        }
    }
    bytes.first() == Some(&b'-')
        || found.iter().any(|found| *found != 0)
        || last_before.iter().zip(last_after).any(|(before, after)| begins(*before, *after) != 0)
}

/// The runs of bits that are as long as base64 must be.
struct Runs<'a> {
    bits: &'a [u64],
    word: usize,
    /// Where long runs go on, in the word.
    long: u64,
    /// The end of the run that was given last.
    end: usize,
}

impl<'a> Runs<'a> {
    fn of(bits: &'a [u64]) -> Self {
        Self { bits, word: 0, long: Self::long(bits, 0), end: 0 }
    }

    /// Passes over what stands before `end`.
    fn pass(&mut self, end: usize) {
        let passed = end.saturating_sub(self.word * 64);
        self.long &= u64::MAX.checked_shl(passed as u32).unwrap_or(0);
    }

    /// The bits of a word that are followed by eleven others.
    fn long(bits: &[u64], word: usize) -> u64 {
        let bit = |word: usize| bits.get(word).map_or(0, |bits| u128::from(*bits));
        let run = bit(word) | bit(word + 1) << 64;
        let run = run & run >> 1;
        let run = run & run >> 2;
        let run = run & run >> 4;
        (run & run >> 4) as u64
    }
}

impl Iterator for Runs<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        while self.long == 0 {
            self.word += 1;
            if self.word >= self.bits.len() {
                return None;
            }
            self.long = Self::long(self.bits, self.word);
            self.pass(self.end);
        }
        let start = self.word * 64 + self.long.trailing_zeros() as usize;
        let mut end = start + view::BASE64_BYTES_MIN;
        while let Some(bits) = self.bits.get(end / 64) {
            let ones = (bits >> (end % 64)).trailing_ones() as usize;
            end += ones;
            if !end.is_multiple_of(64) || ones == 0 {
                break;
            }
        }
        self.end = end;
        self.pass(end);
        Some((start, end))
    }
}

/// Whether a run is a number, a hash or a UUID, in small letters: no token is, and no text in base64.
fn is_digits(run: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.wrapping_sub(b'0') < 10 || byte.wrapping_sub(b'a') < 6;
    match <&[u8; 36]>::try_from(run) {
        Ok(run) if run[8] == b'-' && run[13] == b'-' && run[18] == b'-' && run[23] == b'-' => {
            run.iter().fold(true, |is, byte| is & (is_digit(byte) || *byte == b'-'))
        }
        _ => run.iter().all(is_digit),
    }
}

/// Whether an `@` may end the user of an address, or a password in front of a database's name: a slash stands before the word.
pub fn has_user(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'@', bytes).any(|at| {
        let is_stop = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'');
        let stop = bytes[..at].iter().rposition(is_stop);
        stop.is_some_and(|stop| stop + 1 < at && bytes[stop] == b'/')
    })
}

/// Whether six bytes stand between two full stops, as in the middle of one kind of token.
pub fn has_middle(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'.', bytes).any(|at| bytes.get(at + 7) == Some(&b'.'))
}

/// Whether a name before an equals sign is one that addresses call a secret.
fn has_query_name(folded: &[u8]) -> bool {
    memchr::memchr_iter(b'=', folded).any(|at| QUERY_NAMES.iter().any(|name| folded[..at].ends_with(name.as_bytes())))
}
