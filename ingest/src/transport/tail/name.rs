//! Which names rotation gives to a file, as far as a name can tell.

/// How a name beside a log is related to the log's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kinship {
    /// The log's name with a date, a number, a word for old files or an ending of compression in it.
    Rotation,
    /// It has the log's name in it and something that rotation does not usually add: nobody can know.
    Alike,
    /// Another file.
    Other,
}

/// Words that rotation adds to names.
const WORDS: [&str; 15] = [
    "old", "bak", "backup", "back", "rotated", "archive", "archived", "prev", "previous", "orig", "save", "gz", "zst",
    "bz2", "xz",
];

/// A word of a name, and the byte before it.
struct Word<'a> {
    text: &'a str,
    before: u8,
}

fn words(name: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for text in name.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let start = text.as_ptr() as usize - name.as_ptr() as usize;
        let before = start.checked_sub(1).map_or(0, |at| name.as_bytes()[at]);
        words.push(Word { text, before });
    }
    words
}

/// Whether rotation adds such a word: a number, a piece of a date, or one of a few words.
fn is_added(word: &str) -> bool {
    let is_date = word.starts_with(|char: char| char.is_ascii_digit())
        && word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'T' | b'Z' | b't' | b'z'));
    is_date || WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// How a name is related to that of the log.
pub(super) fn kinship(log: &str, name: &str) -> Kinship {
    let (log, name) = (words(log), words(name));
    let mut own = log.iter().peekable();
    let mut added = Vec::new();
    for word in &name {
        if own.peek().is_some_and(|own| own.text == word.text) {
            own.next();
        } else {
            added.push((word, own.len()));
        }
    }
    if log.is_empty() || own.len() > 0 {
        return Kinship::Other;
    }
    // `app-2.log` beside `app.log` is as likely the log of a second process.
    let is_second = |(word, left): &(&Word<'_>, usize)| {
        *left > 0 && word.before != b'.' && word.text.len() < 4 && word.text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_ambiguous = added.len() == 1 && added.iter().any(is_second);
    if added.iter().all(|(word, _)| is_added(word.text)) && !is_ambiguous { Kinship::Rotation } else { Kinship::Alike }
}

/// The name without the words that rotation adds.
pub(super) fn family(name: &str) -> String {
    words(name).iter().filter(|word| !is_added(word.text)).map(|word| word.text).collect::<Vec<_>>().join(".")
}

/// The names that a rotated file may have had: without one, two or more of the words at its end that rotation adds.
pub(super) fn former(name: &str) -> impl Iterator<Item = &str> {
    let mut name = name;
    std::iter::from_fn(move || {
        let at = name.rfind(|char: char| !char.is_alphanumeric())?;
        is_added(&name[at + 1..]).then(|| name = &name[..at])?;
        Some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_rotation_gives_are_known() {
        let check = |log, names: &[&str], want| {
            for name in names {
                assert_eq!(kinship(log, name), want, "{name} beside {log}");
            }
        };
        let rotations = [
            "coderd.json.1",
            "coderd.1.json",
            "coderd.json.2.gz",
            "coderd-20261127.json",
            "coderd.json-20261127",
            "coderd.json-20261127.zst",
            "coderd-2026-11-27T09-00-00.123.json",
            "coderd_2026-11-27_09-00.json",
            "20261127-coderd.json",
            "coderd.json.old",
            "coderd.bak.json",
            "coderd.json.2026-11-27_10:00:00",
            "coderd.json.20261127T090000Z.gz",
            "coderd.json",
            "coderd.json~",
        ];
        check("coderd.json", &rotations, Kinship::Rotation);
        check(
            "coderd.json",
            &["coderd-audit.json", "coderd-2.json", "coderd.json.a8f3c1", "coderd.json.tmp"],
            Kinship::Alike,
        );
        check("coderd.json", &["postgres.log", "coderd.log", "audit.json", ""], Kinship::Other);
        check("app-1.log", &["app-2.log", "app-2.log.1", "app.log"], Kinship::Other);
        check("app-1.log", &["app-1.log.7", "app-1-20261127.log"], Kinship::Rotation);
        assert_eq!((family("app-20261127.log"), family("app.log.3.gz")), ("app.log".to_owned(), "app.log".to_owned()));
        assert_eq!(former("a.log.1.gz").collect::<Vec<_>>(), ["a.log.1", "a.log"]);
        assert_eq!(former("a.log").count(), 0);
    }
}
