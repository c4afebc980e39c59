//! Command lines as lists of words: as much of a shell's grammar as judging a command needs, without evaluating anything.

use crate::limits::COMMAND_BYTES_MAX;

/// Words of one command and commands of one line that are looked at.
const WORDS_MAX: usize = 128;
const COMMANDS_MAX: usize = 64;

/// The simple commands of a line, each as its words without quotes, without `sudo`, `env` and the like before them. What
/// `sh -c` is given is a line of its own, and so is what a quoted word has put in by `$(…)` or backticks.
pub fn commands(line: &str) -> impl Iterator<Item = Vec<&str>> {
    let mut lines = vec![&line[..line.floor_char_boundary(COMMAND_BYTES_MAX)]];
    let (mut found, mut at) = (Vec::new(), 0);
    // A line inside of a line is looked into as long as there is room.
    while let Some(line) = lines.get(at).copied()
        && at < COMMANDS_MAX
        && found.len() < COMMANDS_MAX
    {
        let before = found.len();
        split(line, &mut found, &mut lines);
        lines.extend(found[before..].iter().filter_map(|words| inner_line(words)));
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

/// The words from the first that names one of these programs on: the whole command, or what another program runs for it.
pub fn run<'w, 'a>(words: &'w [&'a str], is_sought: impl Fn(&str) -> bool) -> Option<&'w [&'a str]> {
    let first = program(words.first()?);
    if is_sought(first) {
        return Some(words);
    }
    let runs = matches!(first, "docker" | "podman" | "kubectl" | "ssh" | "find" | "parallel" | "watch");
    let at = words.iter().position(|word| is_sought(program(word))).filter(|_| runs)?;
    words.get(at..)
}

/// What a shell is given: the line after `-c` or a bundle of options that ends in it.
fn inner_line<'a>(words: &[&'a str]) -> Option<&'a str> {
    words.first().filter(|word| is_shell(word))?;
    let at = words.iter().position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'))?;
    words.get(at + 1).copied()
}

/// Adds the commands of a line, and the lines that stand in its words.
fn split<'a>(line: &'a str, found: &mut Vec<Vec<&'a str>>, inner: &mut Vec<&'a str>) {
    let bytes = line.as_bytes();
    let (mut words, mut start, mut quote) = (Vec::new(), None, None);
    let (mut at, mut begun, mut document) = (0, found.len(), None);
    while at <= bytes.len() {
        let byte = bytes.get(at).copied();
        match (byte, quote) {
            (Some(byte), Some(open)) if byte == open => quote = None,
            (Some(_), Some(_)) => {}
            (Some(byte @ (b'\'' | b'"' | b'`')), None) => {
                start.get_or_insert(at);
                quote = Some(byte);
            }
            (Some(b' ' | b'\t' | b'\n' | b';' | b'|' | b'&' | b'(' | b')') | None, _) => {
                if let Some(start) = start.take()
                    && words.len() < WORDS_MAX
                {
                    inner.extend(substituted(&line[start..at]));
                    words.push(unquoted(&line[start..at]));
                }
                if !matches!(byte, Some(b' ' | b'\t')) && !words.is_empty() {
                    let command = without_prefix(std::mem::take(&mut words));
                    if found.len() < COMMANDS_MAX && !command.is_empty() {
                        found.push(command);
                    }
                }
                if byte == Some(b'\n') {
                    // What a here-document holds is text, unless a shell reads it.
                    let read = found[begun..].iter().any(|words| words.first().is_some_and(|word| is_shell(word)));
                    let skipped =
                        document.take().filter(|_| !read).and_then(|name| document_len(&line[at + 1..], name));
                    at += skipped.unwrap_or(0);
                    begun = found.len();
                }
            }
            (Some(b'<'), None) if line[at..].starts_with("<<") => {
                start.get_or_insert(at);
                let signs = line[at..].bytes().take_while(|byte| *byte == b'<').count();
                document = document.or_else(|| document_name(&line[at + 2..])).filter(|_| signs == 2);
                at += signs - 1;
            }
            (Some(_), None) => {
                start.get_or_insert(at);
            }
        }
        at += 1;
    }
}

/// The word that ends the here-document of which this stands after `<<`.
fn document_name(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start_matches([' ', '\t', '\'', '"', '\\']);
    let end = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(rest.len());
    rest.get(..end).filter(|name| !name.is_empty() && !name.starts_with(|char: char| char.is_ascii_digit()))
}

/// The bytes of a here-document with the line that ends it; `None` if no line does.
fn document_len(rest: &str, name: &str) -> Option<usize> {
    let mut len = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_matches(['\t', '\r', '\n']) == name {
            return Some(len + line.trim_end_matches('\n').len());
        }
        len += line.len();
    }
    None
}

/// The line that a word is put together from: what stands in backticks or, if the word is not quoted by `'`, in `$(…)`.
fn substituted(word: &str) -> Option<&str> {
    if word.starts_with('\'') {
        return None;
    }
    let (start, close) = [("$(", ')'), ("`", '`')].into_iter().find_map(|(open, close)| {
        let start = word.find(open)? + open.len();
        Some((start, close))
    })?;
    let rest = &word[start..];
    rest.get(..rest.rfind(close).unwrap_or(rest.len()))
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
        // Which of its options take a word, and how many words stand between them and the command.
        let (options, operands): (&[&str], usize) = match name {
            "sudo" | "doas" => (&["-u", "-g"], 0),
            "env" => (&["-u"], 0),
            "xargs" => (&["-n", "-I", "-L", "-P"], 0),
            "nice" => (&["-n"], 0),
            "timeout" => (&["-s", "-k"], 1),
            "nohup" | "time" | "exec" | "command" | "setsid" => (&[], 0),
            _ if is_assignment => (&[], 0),
            _ => break,
        };
        privileged |= matches!(name, "sudo" | "doas");
        let mut end = 1;
        while let Some(option) = words.get(end).filter(|word| word.starts_with('-')) {
            end += 1 + usize::from(options.contains(option));
        }
        words.drain(..(end + operands).min(words.len()));
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
        check("sudo -u root timeout -k 5 60 rm x", &[&["rm", "x", "sudo"]]);
        check("xargs -n 1 rm", &[&["rm"]]);
        check("", &[]);
        assert_eq!(program("/usr/bin/rm"), "rm");
    }

    #[test]
    fn what_is_put_into_a_word_is_a_line_and_what_is_quoted_is_not() {
        let check =
            |line: &str, expected: &[&[&str]]| assert_eq!(commands(line).collect::<Vec<_>>(), expected, "{line}");
        check("echo \"a $(rm -r b) c\"", &[&["echo", "a $(rm -r b) c"], &["rm", "-r", "b"]]);
        check("rm `cat a`", &[&["rm", "`cat a`"], &["cat", "a"]]);
        check("echo '$(rm b)'", &[&["echo", "$(rm b)"]]);
        check(
            "bash -c \"sh -c 'ls $(pwd)'\"",
            &[&["bash", "-c", "sh -c 'ls $(pwd)'"], &["pwd"], &["sh", "-c", "ls $(pwd)"], &["ls", "$"], &["pwd"]],
        );
    }

    #[test]
    fn a_document_is_text_unless_a_shell_reads_it() {
        let names = |line: &str| commands(line).map(|words| words[0].to_owned()).collect::<Vec<_>>().join(" ");
        assert_eq!(names("cat > a <<'EOF' && ls\nrm -rf /\n\tEOF\nmake"), "cat ls make");
        assert_eq!(names("cat <<-EOF\nrm -rf /\n\tEOF\nmake"), "cat make");
        assert_eq!(names("bash <<EOF\nrm -rf /\nEOF\n"), "bash rm EOF");
        assert_eq!(names("cat <<EOF | sh\nrm -rf /\nEOF\n"), "cat sh rm EOF");
        assert_eq!(names("cat <<EOF\nrm -rf /\n"), "cat rm", "it has no end");
        assert_eq!(names("cat <<<EOF\nrm -rf /\nEOF"), "cat rm EOF");
        assert_eq!(names("echo $((1<<2))\nrm -rf /\n2"), "echo 1<<2 rm 2");
    }

    #[test]
    fn a_program_is_found_where_it_runs() {
        let check = |line: &str, expected: Option<&str>| {
            let found =
                commands(line).find_map(|words| run(&words, |name| name == "curl").map(|words| words.join(" ")));
            assert_eq!(found.as_deref(), expected, "{line}");
        };
        check("cat x | /usr/bin/curl a", Some("/usr/bin/curl a"));
        check("docker run --rm alpine curl a", Some("curl a"));
        check("apt-get install curl", None);
        check("echo 'curl a'", None);
    }

    proptest! {
        #[test]
        fn any_text_is_split(line in "\\PC{0,200}") {
            prop_assert!(commands(&line).count() <= COMMANDS_MAX);
        }
    }
}
