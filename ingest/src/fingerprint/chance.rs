//! What differs from run to run without meaning anything, in command lines and in results: it is folded to `#`.
//!
//! In a command line only what is chance by its place is folded (a seed's value, a port of this machine, a process id), so
//! that two commands on different files never become one.

use std::borrow::Cow;

use regex::{Captures, Regex, RegexBuilder};

/// Longer texts are no paths.
const PATH_BYTES_MAX: usize = 1_024;

/// Patterns of what differs between results. `\b` is the ASCII one.
const VOLATILE: &[&str] = &[
    // Colours and other controls of terminals.
    r"\x1b\[[0-9;?]*[A-Za-z]",
    // UUIDs, addresses, and ids of requests.
    r"(?-u:\b)[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?-u:\b)",
    r"(?-u:\b)0x[0-9a-fA-F]{4,16}(?-u:\b)",
    r"(?-u:\b)req_[0-9A-Za-z]{8,}",
    r"(?i:(?-u:\b)(?:request|correlation|trace)[-_ ]?id)[\s:=#]{1,3}[0-9A-Za-z-]{6,}",
    // Dates with or without a time, and times of day.
    r"(?-u:\b)[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?",
    r"(?-u:\b)[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?-u:\b)",
    // Epochs in seconds to nanoseconds, of the years 2001 to 2286.
    r"(?-u:\b)[1-9][0-9]{9}(?:[0-9]{3}){0,3}(?:\.[0-9]+)?(?-u:\b)",
    // Durations with their unit.
    r"(?-u:\b)[0-9]+(?:\.[0-9]+)?m[0-9]+(?:\.[0-9]+)?s(?-u:\b)",
    r"(?-u:\b)[0-9]+(?:\.[0-9]+)?\s?(?:ns|us|µs|ms|s|sec|secs|seconds?|min|mins|minutes?|h|hours?)(?-u:\b)",
    // Process ids behind their name or in the brackets of a log line, and JSON fields whose name says what they are.
    r"(?i:(?-u:\b)p?p?g?id|process)[\s:=#]{0,3}[0-9]+",
    r"\[[0-9]{2,7}\]",
    r#""[A-Za-z_]*(?i:duration|elapsed|time|timestamp|pid|_ms|millis|seed|port)[A-Za-z_]*":"?-?[0-9.]+"?"#,
    // Seeds, and ports of this machine.
    r"(?i:(?-u:\b)[a-z_-]*seed)[\s:=#]{1,3}[0-9]+",
    r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):[0-9]{2,5}(?-u:\b)",
    r"(?i:(?-u:\b)port)[\s:=#]{1,3}[0-9]{2,5}(?-u:\b)",
];

/// Patterns of what is chance in a command line: the first group stays.
const IN_COMMANDS: &[&str] = &[
    // Options and variables whose name says that their number is chance.
    r#"(?i)((?:^|[\s"'(])-{1,2}[a-z_-]*(?:seed|time-?out|max-?time|wait|delay|interval|duration|port|pid)[\s=]["']?)(?:[0-9][\w.:]*|\$\w+)"#,
    r#"(?i)((?:^|[\s"'(])-{1,2}[a-z_-]*(?:request|correlation|trace|span|run|job|invocation)[-_]?id[\s=]["']?)[\w.:-]+"#,
    r#"((?:^|[\s"'(;&])[A-Z0-9_]*(?:SEED|TIMEOUT|PORT|PID|REQUEST_ID|TRACE_ID|RUN_ID|NONCE)=["']?)[\w.:$-]+"#,
    r"(?i)((?-u:\b)[a-z0-9_]*seed\s?[=:]\s?)[0-9]+",
    // Headers and parameters of addresses that only tell requests apart.
    r#"(?i)((?:(?-u:\b)(?:x-)?(?:request|correlation|amzn-trace|idempotency|trace)[-_]?(?:id|key)|(?-u:\b)traceparent)["']?\s*[:=]\s*["']?)[\w.:-]+"#,
    r"([?&](?:_|cb|nocache|nonce|r|rand|t|timestamp|ts)=)[\w.-]+",
    // Durations that a command waits, and process ids.
    r"((?-u:\b)timeout)(?:\s+-{1,2}[\w-]+(?:[= ](?:[0-9.]+[smhd]?|[A-Z]+))?)*\s+[0-9][0-9.]*[smhd]?(?-u:\b)",
    r"((?-u:\b)sleep\s+)[0-9.]+[smhd]?(?-u:\b)",
    r"((?-u:\b)(?:kill|renice|wait)(?:\s+-\w+)*\s+)[0-9]+(?:\s+[0-9]+)*(?-u:\b)",
    r"((?-u:\b)(?:ps|strace|lsof|gdb|pmap|py-spy|top)(?:\s+-?[\w-]+)*?\s+-?p\s*)[0-9]+(?-u:\b)",
    r"(/proc/)[0-9]+(?-u:\b)",
    r"(?i)((?-u:\b)pid[\s:=#]{0,3})[0-9]+",
    // Ports of this machine.
    r"((?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::|\s+))[0-9]{2,5}(?-u:\b)",
    r"((?-u:\b)(?:lsof|fuser|ss)(?:\s+-[\w]+)*\s*(?:-i\s*)?(?:tcp|udp)?:?)[0-9]{2,5}(?-u:\b)",
    r"((?-u:\b)http\.server\s+)[0-9]{2,5}(?-u:\b)",
    // Moments, but not the day in the name of a file.
    r"()(?-u:\b)[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?",
];

/// A UUID or an epoch, which is chance where it is a word of its own and an argument where it is part of a name.
const WORDS: &str = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[12][0-9]{9}(?:[0-9]{3}){0,3}(?:\.[0-9]+)?";

/// The name behind a folder for temporary files.
const TEMPORARY: &str = r#"(?:(?:/private)?/(?:tmp|var/tmp|var/folders/[^/\s]+/[^/\s]+/T)|/dev/shm|\$\{?TMPDIR\}?|[\\/]Temp)[\\/]([^\s\\/"'`;|&()<>:,]+)"#;

/// The patterns in the form in which they run. A test holds that all compile.
pub struct Chance {
    volatile: Option<Regex>,
    commands: Vec<Regex>,
    words: Option<Regex>,
    temporary: Option<Regex>,
}

impl Chance {
    /// Compiles the patterns.
    pub fn new() -> Self {
        Self {
            volatile: RegexBuilder::new(&VOLATILE.join("|")).build().ok(),
            commands: IN_COMMANDS.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect(),
            words: Regex::new(WORDS).ok(),
            temporary: Regex::new(TEMPORARY).ok(),
        }
    }

    /// Whether every pattern compiled.
    #[cfg(test)]
    pub fn is_whole(&self) -> bool {
        self.volatile.is_some()
            && self.commands.len() == IN_COMMANDS.len()
            && self.words.is_some()
            && self.temporary.is_some()
    }

    /// A result without what differs from run to run.
    pub fn fold_result<'a>(&self, result: &'a str) -> Cow<'a, str> {
        let named = self.fold_temporary(result);
        let folded = match &self.volatile {
            Some(volatile) => volatile.replace_all(&named, "#"),
            None => Cow::Borrowed(&*named),
        };
        match folded {
            Cow::Owned(folded) => Cow::Owned(folded),
            Cow::Borrowed(_) => named,
        }
    }

    /// A command line without comments, needless white space and chance.
    pub fn fold_command(&self, line: &str) -> String {
        let mut text = without_comments(line);
        for pattern in &self.commands {
            if let Cow::Owned(folded) = pattern.replace_all(&text, "${1}#") {
                text = folded;
            }
        }
        if let Some(words) = &self.words {
            text = words.replace_all(&text, |found: &Captures| fold_word(&text, found)).into_owned();
        }
        self.fold_temporary(&text).into_owned()
    }

    /// A path with its temporary name folded; `None` if it has none.
    pub fn fold_path(&self, text: &str) -> Option<String> {
        if text.len() > PATH_BYTES_MAX {
            return None;
        }
        match self.fold_temporary(text) {
            Cow::Owned(folded) => Some(folded),
            Cow::Borrowed(_) => None,
        }
    }

    fn fold_temporary<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(temporary) = &self.temporary else { return Cow::Borrowed(text) };
        temporary.replace_all(text, |found: &Captures| {
            let (whole, name) = (&found[0], &found[1]);
            match random_part(name) {
                Some(kept) => [&whole[..whole.len() - name.len()], kept, "#", ending(name)].concat(),
                None => whole.to_owned(),
            }
        })
    }
}

/// `#` for a word of its own; a part of a path or of another name stays.
fn fold_word(text: &str, found: &Captures) -> String {
    let Some(word) = found.get(0) else { return String::new() };
    let inside = |char: char| char.is_alphanumeric() || "/\\._-~@%".contains(char);
    let before = text[..word.start()].chars().next_back();
    let after = text[word.end()..].chars().next();
    if before.is_some_and(inside) || after.is_some_and(inside) { word.as_str().to_owned() } else { "#".to_owned() }
}

/// What stands before the random part of a temporary name, as `mktemp` and its like make them; `None` if nothing in it
/// looks random. `notes.txt` does not, `tmp.Xa81kQ`, `tmpab12cd34`, `build-83412` and `x_9fQ2mZ7p.log` do.
fn random_part(name: &str) -> Option<&str> {
    let stem = &name[..name.len() - ending(name).len()];
    if let Some(rest) = stem.strip_prefix("tmp") {
        let named = rest.strip_prefix(['.', '-', '_']).is_some_and(|rest| rest.len() >= 4);
        if named || (rest.len() == 8 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')) {
            return Some("tmp");
        }
    }
    let start = stem.rfind(['.', '-', '_']).map_or(0, |at| at + 1);
    let last = &stem.as_bytes()[start..];
    let changes = |is: fn(&u8) -> bool| last.windows(2).filter(|pair| is(&pair[0]) != is(&pair[1])).count();
    let is_number = last.len() >= 3 && last.iter().all(u8::is_ascii_digit);
    let is_mixed = last.len() >= 6
        && last.iter().all(u8::is_ascii_alphanumeric)
        && (changes(u8::is_ascii_digit) >= 2 || (start > 0 && changes(u8::is_ascii_uppercase) >= 3));
    (is_number || is_mixed).then_some(&stem[..start])
}

/// The ending of a file's name, with its dot: up to four letters.
fn ending(name: &str) -> &str {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= 5 && name[at + 1..].bytes().all(|byte| byte.is_ascii_lowercase()) => {
            &name[at..]
        }
        _ => "",
    }
}

/// A command line without comments, and with one space for any white space that is not quoted. Lines stay lines.
fn without_comments(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut quote = None;
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        match (char, quote) {
            ('\\', None | Some('"')) => match chars.next() {
                // A line that goes on in the next one.
                Some('\n') if quote.is_none() => push_blank(&mut out, ' '),
                next => {
                    out.push(char);
                    out.extend(next);
                }
            },
            ('\'' | '"', None) => {
                quote = Some(char);
                out.push(char);
            }
            (_, Some(open)) => {
                if char == open {
                    quote = None;
                }
                out.push(char);
            }
            ('#', None) if out.is_empty() || out.ends_with([' ', '\n', ';', '&', '|', '(']) => {
                while chars.next_if(|next| *next != '\n').is_some() {}
            }
            ('\n', None) => push_blank(&mut out, '\n'),
            (char, None) if char.is_whitespace() => push_blank(&mut out, ' '),
            (char, None) => out.push(char),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Adds one space, or the end of a line, which takes the place of a space.
fn push_blank(out: &mut String, blank: char) {
    if out.is_empty() || out.ends_with('\n') {
        return;
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out.push(blank);
}
