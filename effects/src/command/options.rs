//! How rules ask for the options and operands of a command: bundled, long, shortened, before or after operands.

use crate::command::line::Command;

/// The value of an option by its letter, which may end a bundle, or by its long name.
pub(super) fn option_value<'w>(words: &'w [String], letter: char, long: &str) -> Option<&'w str> {
    words.iter().enumerate().skip(1).find_map(|(at, word)| {
        if let Some(value) = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value);
        }
        let is = word == long || (word.starts_with('-') && !word.starts_with("--") && word.ends_with(letter));
        words.get(at + 1).filter(|_| is).map(String::as_str)
    })
}

impl Command {
    /// The value of an option by its letter, which may end a bundle, or by its long name.
    pub fn value(&self, letter: char, long: &str) -> Option<&str> {
        option_value(&self.words, letter, long)
    }

    /// Its words before `--`, without the program.
    pub fn before_dashes(&self) -> impl Iterator<Item = &str> {
        self.words.iter().skip(1).map(String::as_str).take_while(|word| *word != "--")
    }

    /// Whether it has an option by its letter, alone or in a bundle (`-rf`), or by its long name, which may be shortened to
    /// three letters or have a value (`--recurs`, `--force=true`). No letter is a blank.
    pub fn flag(&self, letter: char, long: &str) -> bool {
        self.before_dashes().any(|word| match word.strip_prefix("--") {
            Some(name) => {
                let name = name.split('=').next().unwrap_or(name);
                name == long || (name.len() >= 3 && long.starts_with(name))
            }
            None => letter != ' ' && word.strip_prefix('-').is_some_and(|letters| letters.contains(letter)),
        })
    }

    /// Whether one of its words, as they are written, is one of these.
    pub fn has(&self, words: &[&str]) -> bool {
        self.words.iter().skip(1).any(|word| words.contains(&word.as_str()))
    }

    /// Whether it has an option of exactly this name, a value aside.
    pub fn option(&self, names: &[&str]) -> bool {
        self.before_dashes().any(|word| names.contains(&word.split('=').next().unwrap_or(word)))
    }

    /// Whether it only says what it would do.
    pub fn is_rehearsal(&self) -> bool {
        self.before_dashes().any(|word| {
            let word = word.to_ascii_lowercase();
            let (name, value) = word.split_once('=').unwrap_or((&word, ""));
            matches!(name, "--dry-run" | "--dryrun" | "--help" | "--noop" | "--simulate" | "-whatif" | "--what-if")
                && !matches!(value, "none" | "false" | "no" | "0")
        })
    }

    /// Its words that are no options. `valued` are the options whose value is the next word.
    pub fn operands<'c>(&'c self, valued: &'c [&'c str]) -> impl Iterator<Item = &'c str> {
        let (mut is_value, mut all) = (false, false);
        self.words.iter().skip(1).map(String::as_str).filter(move |word| {
            if all {
                return true;
            }
            if is_value {
                is_value = false;
                return false;
            }
            all = *word == "--";
            is_value = valued.contains(word);
            !word.starts_with('-') || *word == "-"
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::command::Line;

    #[test]
    fn options_are_found_wherever_they_stand() {
        let check = |line: &str, is: bool| {
            let line_read = Line::read(line);
            assert_eq!(line_read.commands[0].flag('r', "recursive"), is, "{line}");
        };
        for line in ["rm -fr x", "rm x -r", "rm --recursive x", "rm --recurs x", "rm -f -r -- x"] {
            check(line, true);
        }
        for line in ["rm -- -r", "rm --re x", "rm x", "rm --force x", "rm -f xr"] {
            check(line, false);
        }
    }

    #[test]
    fn operands_are_what_is_left() {
        let check = |line: &str, expected: &[&str]| {
            let line_read = Line::read(line);
            assert_eq!(line_read.commands[0].operands(&["-C"]).collect::<Vec<_>>(), expected, "{line}");
        };
        check("git -C app push -f origin", &["push", "origin"]);
        check("rm -r -- -x --", &["-x", "--"]);
        check("rm", &[]);
    }

    #[test]
    fn who_only_says_what_it_would_do() {
        for (line, is) in [
            ("kubectl delete ns a --dry-run=client", true),
            ("kubectl delete ns a --dry-run=none", false),
            ("Remove-Item x -WhatIf", true),
            ("rm -- --dry-run", false),
            ("rm x", false),
        ] {
            assert_eq!(Line::read(line).commands[0].is_rehearsal(), is, "{line}");
        }
    }
}
