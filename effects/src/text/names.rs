//! What a text or a call names: addresses, hosts, accounts, people, files and exact words. Each in one form, however it is written;
//! what is ordinary is left out, since everybody names it.

use crate::host;
use crate::limits::{TEXT_NAME_BYTES_MAX, TEXT_NAMES_MAX};

macro_rules! kinds {
    ($($name:ident $word:literal $said:literal;)*) => {
        /// What kind of thing is named.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum NameKind {
            $(#[doc = $said] $name,)*
        }

        impl NameKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its word.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// It with its article, for sentences.
            pub const fn said(self) -> &'static str {
                match self { $(Self::$name => $said,)* }
            }

            /// The kind with this word.
            pub fn of(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.word() == word)
            }
        }
    };
}

kinds! {
    Email "email" "an e-mail address";
    Url "url" "an address on the web";
    Host "host" "a host";
    Account "account" "an account or a wallet";
    Number "number" "a long number or id";
    Handle "handle" "a handle";
    Path "path" "a file";
    Proper "name" "a name";
    Words "words" "exact words";
}

impl NameKind {
    /// Whether it says where something goes, or to whom.
    pub fn is_destination(self) -> bool {
        matches!(self, Self::Email | Self::Url | Self::Host | Self::Account | Self::Handle)
    }
}

/// Something that is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// What kind of thing.
    pub kind: NameKind,
    /// The name in its one form.
    pub text: String,
}

/// Hosts that everybody names; addresses below them are names all the same.
const ORDINARY: &[&str] = &[
    "github.com",
    "gitlab.com",
    "bitbucket.org",
    "pypi.org",
    "npmjs.com",
    "registry.npmjs.org",
    "crates.io",
    "docs.rs",
    "google.com",
    "stackoverflow.com",
    "wikipedia.org",
    "youtube.com",
    "microsoft.com",
    "apple.com",
    "mozilla.org",
    "python.org",
    "rust-lang.org",
    "golang.org",
    "nodejs.org",
    "w3.org",
    "schema.org",
    "apache.org",
    "gnu.org",
    "opensource.org",
    "debian.org",
    "ubuntu.com",
    "docker.com",
    "docker.io",
    "readthedocs.io",
    "raw.githubusercontent.com",
    "linkedin.com",
    "twitter.com",
    "x.com",
    "facebook.com",
    "json-schema.org",
    "shields.io",
    "img.shields.io",
    "anthropic.com",
    "openai.com",
];
/// Ends of names of files.
const FILE_ENDS: &[&str] = &[
    "md", "rs", "py", "js", "ts", "tsx", "jsx", "json", "txt", "yml", "yaml", "toml", "sh", "html", "css", "go", "c",
    "h", "cc", "cpp", "java", "lock", "cfg", "ini", "log", "csv", "pdf", "docx", "xlsx", "pptx", "doc", "xls", "png",
    "jpg", "jpeg", "gif", "svg", "zip", "gz", "tar", "sql", "rb", "php", "xml", "env", "pem", "key", "conf", "ipynb",
    "db", "bak", "exe", "dll", "so", "kt", "swift", "scala", "lua", "pl", "ps1", "bat", "rst", "tex", "eml", "ics",
    "vue",
];

/// Small words inside of names.
const PARTICLES: &[&str] = &["de", "del", "della", "di", "du", "la", "of", "the", "van", "von"];

/// What a text names, in order and once each.
pub fn names(text: &str) -> Vec<Name> {
    let mut found = Found { names: Vec::new() };
    for word in text.split(|char: char| char.is_whitespace() || "\"'`<>(){}[],;|，。、！「」".contains(char)) {
        if found.is_full() {
            break;
        }
        found.word(word.trim_matches(|char: char| ".:!?*=#&".contains(char)));
    }
    found.quoted(text);
    found.proper(text);
    found.numbers(text);
    found.names
}

/// A host as a name, unless everybody names it.
pub fn name_of_host(host: &str) -> Option<Name> {
    let host = host.strip_prefix("www.").unwrap_or(host);
    let is_name = !host.is_empty() && !ORDINARY.contains(&host) && host::of(host, "") != host::Class::Local;
    is_name.then(|| Name { kind: NameKind::Host, text: host.to_owned() })
}

struct Found {
    names: Vec<Name>,
}

impl Found {
    fn is_full(&self) -> bool {
        self.names.len() >= TEXT_NAMES_MAX
    }

    fn add(&mut self, kind: NameKind, text: &str) {
        let text = text.trim().to_lowercase();
        if text.len() < 3 || text.len() > TEXT_NAME_BYTES_MAX || self.is_full() {
            return;
        }
        let name = Name { kind, text };
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    /// A word without blanks: most names are.
    fn word(&mut self, word: &str) {
        if word.len() < 4 || word.len() > 2 * TEXT_NAME_BYTES_MAX || !word.is_ascii() {
            return;
        }
        // Values that are joined to their names: `--to=x`, `email:x`.
        let value = word.rsplit_once('=').map_or(word, |(_, value)| value);
        let value = value.strip_prefix("mailto:").unwrap_or(value);
        if let Some((local, domain)) = value.split_once('@') {
            if local.is_empty() {
                if domain.len() >= 3
                    && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
                {
                    self.add(NameKind::Handle, domain);
                }
            } else if is_host(domain) && !value.contains("://") {
                let local = local.rsplit(':').next().unwrap_or(local);
                self.add(NameKind::Email, &format!("{local}@{domain}"));
            }
        }
        if let Some((_, rest)) = word.split_once("://") {
            self.address(rest);
        } else if let Some((host, rest)) = value.split_once('/').filter(|(host, _)| is_host(host)) {
            self.address(&format!("{host}/{rest}"));
        } else if is_host(value) {
            self.address(value);
        } else if is_path(value) {
            self.add(NameKind::Path, value.trim_start_matches("./"));
        } else if is_account(value) {
            self.add(NameKind::Account, value);
        } else if value.len() >= 8 && value.bytes().any(|byte| byte.is_ascii_digit()) && is_id(value) {
            self.add(NameKind::Number, value);
        }
    }

    /// An address without its scheme.
    fn address(&mut self, rest: &str) {
        let rest = rest.split('#').next().unwrap_or(rest).trim_end_matches(['/', '.', ',', ':', '?', '!']);
        let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
        let host =
            authority.rsplit('@').next().unwrap_or(authority).split(':').next().unwrap_or("").to_ascii_lowercase();
        let host = host.strip_prefix("www.").unwrap_or(&host);
        if host.is_empty() || host::of(host, path) == host::Class::Local {
            return;
        }
        if let Some(name) = name_of_host(host) {
            self.add(name.kind, &name.text);
        }
        if path.len() > 1 {
            self.add(NameKind::Url, &format!("{host}{path}"));
        }
    }

    /// Exact words in quotes, as messages, subjects and passwords are given. The name of a member of JSON is none.
    fn quoted(&mut self, text: &str) {
        let is_letter = |char: Option<char>| char.is_some_and(char::is_alphanumeric);
        for (opening, closing) in [('"', '"'), ('\'', '\''), ('`', '`'), ('\u{201c}', '\u{201d}')] {
            let mut rest = text;
            while let Some(at) = rest.find(opening).filter(|_| !self.is_full()) {
                let (before, inside) = (&rest[..at], &rest[at + opening.len_utf8()..]);
                rest = inside;
                // An apostrophe stands in a word.
                if is_letter(before.chars().next_back()) {
                    continue;
                }
                let ends = inside
                    .match_indices(closing)
                    .find(|(at, quote)| !is_letter(inside[at + quote.len()..].chars().next()));
                let Some((end, quote)) = ends else { break };
                rest = &inside[end + quote.len()..];
                if !rest.trim_start().starts_with(':') {
                    self.exact(inside[..end].trim());
                }
            }
        }
    }

    fn exact(&mut self, words: &str) {
        let is_exact = words.bytes().any(|byte| !byte.is_ascii_alphabetic()) && words.chars().any(char::is_alphabetic);
        let is_known = self.names.iter().any(|name| name.text.eq_ignore_ascii_case(words));
        if !is_known && (8..=TEXT_NAME_BYTES_MAX).contains(&words.len()) && is_exact && !words.contains('\n') {
            self.add(NameKind::Words, words.trim_matches(['.', ',', '!', '?']));
        }
    }

    /// Names of two words or more that begin with capitals: people, hotels, firms.
    fn proper(&mut self, text: &str) {
        let mut run: Vec<&str> = Vec::new();
        for piece in text.split_inclusive([' ', '\n', '\t', '"', '\'', '`', '>', '(', ':', '|', '<']) {
            // Whatever ends it but a blank ends the name, too.
            let bare = piece.trim_end_matches([' ', '\t']);
            let word = bare.trim_matches(|char: char| !char.is_alphanumeric());
            let begins = bare.starts_with(|char: char| !char.is_alphanumeric());
            if begins {
                self.proper_run(&mut run);
            }
            let is_proper =
                word.chars().next().is_some_and(char::is_uppercase) && word.chars().skip(1).any(char::is_lowercase);
            let is_joining = !run.is_empty() && bare == word && PARTICLES.contains(&word);
            if is_proper || is_joining {
                run.push(word);
            }
            if !(is_proper || is_joining) || !bare.ends_with(char::is_alphanumeric) || piece.ends_with('\n') {
                self.proper_run(&mut run);
            }
        }
        self.proper_run(&mut run);
    }

    fn proper_run(&mut self, run: &mut Vec<&str>) {
        while run.last().is_some_and(|word| PARTICLES.contains(word)) {
            run.pop();
        }
        if (2..=5).contains(&run.len()) {
            self.add(NameKind::Proper, &run.join(" "));
            // A sentence may begin with the word before: `Reserve Harbour View Inn`.
            if run.len() > 2 {
                self.add(NameKind::Proper, &run[1..].join(" "));
            }
        }
        run.clear();
    }

    /// Telephone and account numbers, which are written in groups.
    fn numbers(&mut self, text: &str) {
        let is_part = |char: char| char.is_ascii_digit() || matches!(char, ' ' | '-' | '(' | ')' | '.' | '+');
        let mut end = 0;
        for run in text.split(|char: char| !is_part(char)) {
            let start = end;
            end = start + run.len() + text[start + run.len()..].chars().next().map_or(0, char::len_utf8);
            let touches = |char: Option<char>, digit: Option<char>| {
                char.is_some_and(|char| char.is_alphanumeric() || char == '_')
                    && digit.is_some_and(|digit| digit.is_ascii_digit())
            };
            // Digits in a word are a part of it.
            if touches(text[..start].chars().next_back(), run.chars().next())
                || touches(text[start + run.len()..].chars().next(), run.chars().next_back())
            {
                continue;
            }
            let run = run.trim_matches(|char: char| !char.is_ascii_digit() && char != '+');
            let digits: String = run.chars().filter(char::is_ascii_digit).collect();
            // Times and dates have as many digits, and more hyphens.
            let is_date =
                run.len() >= 10 && run.as_bytes()[4] == b'-' && (digits.starts_with("20") || digits.starts_with("19"));
            if (7..=20).contains(&digits.len()) && !is_date {
                self.add(NameKind::Number, &digits);
            }
        }
    }
}

/// Whether a word is a host: labels, of which the last are letters and no end of a file's name; or an address.
fn is_host(word: &str) -> bool {
    let word = word.split(':').next().unwrap_or(word);
    let labels = word.split('.').count();
    if labels == 4 && word.split('.').all(|label| label.parse::<u8>().is_ok()) {
        return true;
    }
    let Some((rest, last)) = word.rsplit_once('.') else { return false };
    let is_label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_file = labels == 2 && FILE_ENDS.contains(&last.to_ascii_lowercase().as_str());
    let is_top = (2..=18).contains(&last.len()) && last.bytes().all(|byte| byte.is_ascii_lowercase());
    // Members of objects look alike: `self.name`; hosts of two labels are written without capitals.
    rest.len() >= 2 && is_top && !is_file && rest.split('.').all(is_label) && (labels > 2 || TOPS.contains(&last))
}

/// Ends of hosts of two labels that are not taken for members of objects.
const TOPS: &[&str] = &[
    "com", "net", "org", "io", "dev", "app", "ai", "co", "me", "info", "biz", "xyz", "site", "online", "cloud", "tech",
    "shop", "store", "example", "test", "de", "fr", "es", "it", "nl", "pl", "ru", "cn", "jp", "kr", "uk", "us", "eu",
    "ch", "at", "be", "br", "in", "au", "ca", "se", "no", "to", "cc", "tv", "gg", "sh", "ly", "gov", "edu", "zip",
    "top", "live", "club", "link", "click", "pw", "su", "tk", "ml", "ga", "ws", "page", "run", "team", "onion",
];

fn is_path(word: &str) -> bool {
    let is_rooted = (word.starts_with('/') || word.starts_with("~/"))
        && word.len() > 3
        && word[1..].contains(|char: char| char.is_ascii_alphabetic());
    let end = word.rsplit_once('.').map_or("", |(_, end)| end);
    let is_file = FILE_ENDS.contains(&end.to_ascii_lowercase().as_str()) && word.len() > end.len() + 2;
    let is_written = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-~@+".contains(&byte));
    is_written && !word.starts_with("//") && !word.starts_with("</") && (is_rooted || is_file)
}

/// Whether a word is an account's number as banks and chains write it.
fn is_account(word: &str) -> bool {
    let bytes = word.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_iban = (12..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && digits >= 8;
    let is_wallet = (word.starts_with("0x") && bytes.len() == 42 && bytes[2..].iter().all(u8::is_ascii_hexdigit))
        || (word.starts_with("bc1") && bytes.len() >= 26 && bytes.iter().all(u8::is_ascii_alphanumeric));
    is_iban || is_wallet
}

fn is_id(word: &str) -> bool {
    let is_version = word.contains('.') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit() || b"-.:+T/Z".contains(&byte));
    !is_version && !is_number && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
