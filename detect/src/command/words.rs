//! Command lines as lists of words: as much of a shell's grammar as judging a command needs, without evaluating anything.

use crate::limits::COMMAND_BYTES_MAX;

/// Words of one command and commands of one line that are looked at.
const WORDS_MAX: usize = 128;
const COMMANDS_MAX: usize = 64;

/// The simple commands of a line, each as its words without quotes, without `sudo`, `env` and the like before them. What
/// `sh -c` is given is a line of its own.
pub fn commands(line: &str) -> impl Iterator<Item = Vec<&str>> {
    let line = &line[..line.floor_char_boundary(COMMAND_BYTES_MAX)];
    let mut found = Vec::new();
    split(line, &mut found);
    let mut at = 0;
    // A line inside of a line is looked into once more, as long as there is room.
    while at < found.len() && found.len() < COMMANDS_MAX {
        let inner = found[at].first().filter(|word| is_shell(word)).and_then(|_| inner_line(&found[at]));
        if let Some(inner) = inner {
            split(inner, &mut found);
        }
        at += 1;
    }
    found.into_iter()
}

/// The name of a program without its folder.
pub fn program(word: &str) -> &str {
    word.rsplit(['/', '\\']).next().unwrap_or(word)
}

/// Whether an option says that folders go with all that they hold.
pub fn is_recursive(words: &[&str]) -> bool {
    words.iter().any(|word| {
        *word == "--recursive" || (word.starts_with('-') && !word.starts_with("--") && word.contains(['r', 'R']))
    })
}

fn is_shell(word: &str) -> bool {
    matches!(program(word), "sh" | "bash" | "zsh" | "dash" | "ash" | "ksh")
}

/// The line after `-c` or a bundle of options that ends in it.
fn inner_line<'a>(words: &[&'a str]) -> Option<&'a str> {
    let at = words.iter().position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'))?;
    words.get(at + 1).copied()
}

fn split<'a>(line: &'a str, found: &mut Vec<Vec<&'a str>>) {
    let bytes = line.as_bytes();
    let (mut words, mut start, mut quote) = (Vec::new(), None, None);
    for at in 0..=bytes.len() {
        let byte = bytes.get(at).copied();
        match (byte, quote) {
            (Some(byte), Some(open)) if byte == open => quote = None,
            (Some(_), Some(_)) => {}
            (Some(byte @ (b'\'' | b'"')), None) => {
                start.get_or_insert(at);
                quote = Some(byte);
            }
            (Some(b' ' | b'\t' | b'\n' | b';' | b'|' | b'&' | b'(' | b')') | None, _) => {
                if let Some(start) = start.take()
                    && words.len() < WORDS_MAX
                {
                    words.push(unquoted(&line[start..at]));
                }
                if !matches!(byte, Some(b' ' | b'\t')) && !words.is_empty() {
                    let command = without_prefix(std::mem::take(&mut words));
                    if found.len() < COMMANDS_MAX && !command.is_empty() {
                        found.push(command);
                    }
                }
            }
            (Some(_), None) => {
                start.get_or_insert(at);
            }
        }
    }
}

/// The word without quotes around all of it.
fn unquoted(word: &str) -> &str {
    for quote in ['\'', '"'] {
        if let Some(inner) = word.strip_prefix(quote) {
            return inner.strip_suffix(quote).unwrap_or(inner);
        }
    }
    word
}

/// The command without what only changes how it runs. `sudo` stays as the last word, since it matters who runs it.
fn without_prefix(mut words: Vec<&str>) -> Vec<&str> {
    let mut privileged = false;
    while let Some(first) = words.first() {
        let name = program(first);
        let is_assignment = first.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        if matches!(name, "sudo" | "doas") {
            privileged = true;
        } else if !(is_assignment || matches!(name, "env" | "nohup" | "time" | "exec" | "command" | "xargs")) {
            break;
        }
        words.remove(0);
        while words.first().is_some_and(|word| word.starts_with('-')) {
            words.remove(0);
        }
    }
    if privileged {
        words.push("sudo");
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_become_words() {
        let check =
            |line: &str, expected: &[&[&str]]| assert_eq!(commands(line).collect::<Vec<_>>(), expected, "{line}");
        check("ls -la 'a b' | wc -l", &[&["ls", "-la", "a b"], &["wc", "-l"]]);
        check("cd /x && A=1 env B=2 make\nrm \"c", &[&["cd", "/x"], &["make"], &["rm", "c"]]);
        check("sudo -E rm x", &[&["rm", "x", "sudo"]]);
        check("bash -lc 'rm -rf /; ls'", &[&["bash", "-lc", "rm -rf /; ls"], &["rm", "-rf", "/"], &["ls"]]);
        check("echo 'rm -rf /'", &[&["echo", "rm -rf /"]]);
        check("", &[]);
        assert_eq!(program("/usr/bin/rm"), "rm");
    }

    proptest! {
        #[test]
        fn any_text_is_split(line in "\\PC{0,200}") {
            prop_assert!(commands(&line).count() <= COMMANDS_MAX);
        }
    }
}
