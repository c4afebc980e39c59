//! How much a command line deletes at once, as far as it says: `rm -r`, `find -delete`, `git clean`, `xargs rm`.
//!
//! A line does not say how much a folder holds, so folders are counted as such and the detector weighs them. What can be made
//! again, such as build folders, caches and temporary files, is not counted.

use crate::command::words::{is_recursive, program};
use crate::file::paths;

/// What a command line deletes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Files that are named.
    pub files: u32,
    /// Folders, and other numbers of files that the line does not tell.
    pub folders: u32,
    /// Everything in the folder that is worked in, and how.
    pub everything: Option<&'static str>,
}

impl Sweep {
    /// What all commands of a line delete together; `None` if that is nothing. `is_workspace` knows the folders that the
    /// session works in.
    pub fn of(commands: &[Vec<&str>], mut is_workspace: impl FnMut(&str) -> bool) -> Option<Self> {
        let (mut sweep, mut elsewhere) = (Self::default(), false);
        for (at, words) in commands.iter().enumerate() {
            let words = without_rest(words);
            let Some(name) = words.first().map(|word| program(word)) else { continue };
            let mut place = Place { elsewhere, is_workspace: &mut is_workspace };
            match name {
                "cd" | "pushd" => elsewhere = words.get(1).is_some_and(|folder| is_needless(folder)),
                "rm" | "rimraf" | "unlink" | "Remove-Item" => {
                    let feeding = at.checked_sub(1).and_then(|before| commands.get(before));
                    sweep.remove(name, words, feeding.map_or(&[], Vec::as_slice), &mut place);
                }
                "find" if deletes(words) => sweep.find(words, &mut place),
                "git" => sweep.clean(words, &mut place),
                _ => {}
            }
        }
        (sweep != Self::default()).then_some(sweep)
    }

    /// How many files that is, if a folder counts as `folder` files and everything as at least `everything`.
    pub fn weight(&self, folder: u32, everything: u32) -> u32 {
        let counted = self.folders.saturating_mul(folder).saturating_add(self.files);
        if self.everything.is_some() { counted.max(everything) } else { counted }
    }

    /// What to say of a number that was not counted but weighed.
    pub fn what(&self) -> Option<&'static str> {
        let folders = (self.folders > 0).then_some("commands delete whole folders");
        self.everything.or(folders)
    }

    /// `rm` and its like. What it is given no names for, `xargs` gives it from the command before.
    fn remove(&mut self, name: &str, words: &[&str], feeding: &[&str], place: &mut Place<'_>) {
        let recursive = name == "rimraf" || is_recursive(words);
        let mut names = operands(words).filter(|name| *name != "{}").peekable();
        if names.peek().is_none() {
            return self.feed(without_rest(feeding), place);
        }
        for name in names {
            if place.is_needless(name) {
                continue;
            }
            // What ends like a file is one, whatever options come with it.
            let last = program(name);
            let is_file = last.find('.').is_some_and(|at| at > 0 && at + 1 < last.len()) && !name.contains('*');
            match () {
                () if recursive && place.is_everything(name) => {
                    self.everything = Some("rm of everything in the folder that it works in");
                }
                () if recursive && !is_file || matches!(name, "*" | "./*") => self.folders += 1,
                () => self.files += 1,
            }
        }
    }

    /// What `xargs` hands on.
    fn feed(&mut self, words: &[&str], place: &mut Place<'_>) {
        match words.first().map(|word| program(word)) {
            Some("find") => self.find(words, place),
            Some("git") if words.get(1) == Some(&"ls-files") && operands(&words[1..]).next().is_none() => {
                self.everything = Some("rm of all files that git lists");
            }
            Some(_) => self.folders += 1,
            None => {}
        }
    }

    /// `find` whose findings are deleted. Tests of names, ages and the like narrow it, unless they are turned around.
    fn find(&mut self, words: &[&str], place: &mut Place<'_>) {
        const NARROWING: [&str; 9] =
            ["-name", "-iname", "-path", "-ipath", "-regex", "-size", "-empty", "-mtime", "-newer"];
        let narrow = |pair: &[&str]| NARROWING.contains(&pair[1]) && !matches!(pair[0], "!" | "-not");
        let is_narrow = words.windows(2).any(narrow);
        let mut starts = words[1..].iter().copied().take_while(|word| !word.starts_with(['-', '!', '\\'])).peekable();
        if starts.peek().is_none() && !place.elsewhere {
            return self.found(is_narrow, true);
        }
        for start in starts {
            if !place.is_needless(start) {
                let everything = place.is_everything(start);
                self.found(is_narrow, everything);
            }
        }
    }

    fn found(&mut self, is_narrow: bool, everything: bool) {
        if everything && !is_narrow {
            self.everything = Some("find deletes everything in the folder that it works in");
        } else {
            self.folders += 1;
        }
    }

    /// `git clean`, unless it only says what it would do.
    fn clean(&mut self, words: &[&str], place: &mut Place<'_>) {
        let after = |option: &str| matches!(option, "-C" | "-c" | "-e" | "--exclude");
        let mut rest = (1..words.len()).filter(|at| !after(words[at - 1])).map(|at| words[at]);
        if rest.find(|word| !word.starts_with('-')) != Some("clean") {
            return;
        }
        let (options, names): (Vec<&str>, Vec<&str>) = rest.partition(|word| word.starts_with('-'));
        let has = |letter: char, long: &str| {
            options.iter().any(|option| *option == long || (!option.starts_with("--") && option.contains(letter)))
        };
        if !has('f', "--force") || has('n', "--dry-run") {
            return;
        }
        let names: Vec<&str> = names.into_iter().filter(|name| !matches!(*name, "." | "./" | "sudo")).collect();
        if !names.is_empty() {
            self.folders += names.iter().filter(|name| !place.is_needless(name)).count() as u32;
        } else if (has('d', "") || has('x', "")) && !has('X', "") {
            self.everything = Some("git clean of everything that is not committed");
        } else {
            self.folders += 1;
        }
    }
}

/// Where a command runs.
struct Place<'a> {
    /// Whether the line has gone to a folder that can be made again.
    elsewhere: bool,
    is_workspace: &'a mut dyn FnMut(&str) -> bool,
}

impl Place<'_> {
    fn is_needless(&self, name: &str) -> bool {
        (self.elsewhere && !name.starts_with(['/', '~', '$'])) || is_needless(name)
    }

    /// Whether it is the folder that is worked in, all in it, or one that holds more than that.
    fn is_everything(&mut self, name: &str) -> bool {
        let folder = name.trim_end_matches('*').trim_end_matches('/');
        matches!(folder, "" | "." | "$PWD" | "${PWD}") || paths::is_root(name) || (self.is_workspace)(folder)
    }
}

/// The command without what stays of `xargs` and its values, and of loops and conditions.
fn without_rest<'a, 'b>(words: &'b [&'a str]) -> &'b [&'a str] {
    let is_rest = |word: &&&str| {
        matches!(**word, "{}" | "do" | "then" | "else") || word.bytes().all(|byte| byte.is_ascii_digit())
    };
    &words[words.iter().take_while(is_rest).count()..]
}

/// The names that a command is given: neither options nor where its output goes, nor the mark of privileges.
fn operands<'a, 'b>(words: &'b [&'a str]) -> impl Iterator<Item = &'a str> + use<'a, 'b> {
    let words = words.strip_suffix(&["sudo"]).unwrap_or(words);
    words.iter().skip(1).copied().filter(|word| !word.starts_with('-') && !word.contains('>'))
}

fn deletes(words: &[&str]) -> bool {
    words.contains(&"-delete")
        || words.windows(2).any(|pair| pair[0].starts_with("-exec") && matches!(program(pair[1]), "rm" | "unlink"))
}

/// Whether what is deleted can be made again: build output, caches, temporary files.
fn is_needless(name: &str) -> bool {
    let is_variable = name.starts_with('$') && name.to_ascii_lowercase().contains("tmp");
    let plain = paths::plain(name);
    is_variable || paths::is_scratch(&plain) || paths::is_generated(&plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::command::words::commands;

    fn of(line: &str) -> Sweep {
        let commands: Vec<Vec<&str>> = commands(line).collect();
        Sweep::of(&commands, |folder| folder == "/home/coder/app").unwrap_or_default()
    }

    #[test]
    fn what_a_line_deletes() {
        const ALL: u32 = 9_999;
        for (line, files, folders, everything) in [
            // Everything.
            ("rm -rf .", 0, 0, true),
            ("cd src && rm -fr ./*", 0, 0, true),
            ("rm -rf /home/coder/app/", 0, 0, true),
            ("rm -r \"$PWD\"", 0, 0, true),
            ("git clean -fdx", 0, 0, true),
            ("git -C app clean -d --force -e .env", 0, 0, true),
            ("sudo git clean -ffdx .", 0, 0, true),
            ("find . -type f -delete", 0, 0, true),
            ("find -delete", 0, 0, true),
            ("find . -type f ! -name '*.md' -exec rm {} +", 0, 0, true),
            ("git ls-files -z | xargs -0 rm -f", 0, 0, true),
            ("find . -type f | xargs -n 1 rm", 0, 0, true),
            ("bash -c 'rm -rf *'", 0, 0, true),
            // Some, how many is not said.
            ("rm -rf src lib/", 0, 2, false),
            ("rm -rf src 2>/dev/null", 0, 1, false),
            ("find . -name '*.orig' -delete", 0, 1, false),
            ("find src tests -type f -delete", 0, 2, false),
            ("git clean -fdX", 0, 1, false),
            ("git clean -fd docs target", 0, 1, false),
            ("grep -l x -r . | xargs rm", 0, 1, false),
            ("if true; then rm -r docs; fi", 0, 1, false),
            ("rm *", 0, 1, false),
            // So many.
            ("rm a.txt b.txt -f c", 3, 0, false),
            ("rm -rf notes.md", 1, 0, false),
            ("sudo rm a", 1, 0, false),
            // Nothing that matters.
            ("rm -rf target/debug node_modules ./dist", 0, 0, false),
            ("cd /tmp/x && rm -rf *", 0, 0, false),
            ("rm -rf /tmp/x \"$TMPDIR\"/y", 0, 0, false),
            ("find . -name a", 0, 0, false),
            ("find /tmp -delete", 0, 0, false),
            ("git clean -ndx; git clean -dx; git commit -m 'clean -fdx'", 0, 0, false),
            ("echo rm -rf .; docker run --rm app", 0, 0, false),
            ("", 0, 0, false),
        ] {
            let sweep = of(line);
            assert_eq!(
                (sweep.files, sweep.folders, sweep.everything.is_some()),
                (files, folders, everything),
                "{line}"
            );
            let weight = if everything { ALL } else { files + 10 * folders };
            assert_eq!(sweep.weight(10, ALL), weight, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in "(rm|find|git|clean|xargs|-rf|-delete|-exec|[*./{}$ |;!]|\\PC){0,40}") {
            let _ = of(&line);
        }
    }
}
