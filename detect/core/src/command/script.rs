//! What scripts of other languages do to files, processes and the network, as the commands of a shell that do the same.
//!
//! Python, JavaScript, Perl, Ruby, PHP and awk are alike enough for that: a call is a name with brackets, its texts stand in
//! quotes. Names that are put together at run time are not seen.

use crate::command::carry::Carried;

/// Calls of one script that are looked at, and texts of one call.
const CALLS_MAX: usize = 64;
const TEXTS_MAX: usize = 16;

/// What a call does.
#[derive(Clone, Copy)]
enum Act {
    /// Runs the text as a line, or the list of texts as a command.
    Run,
    /// The same as a command with the texts behind these words.
    As(&'static [&'static str]),
    /// Opens a file: to write it if the second text says so, else to read it.
    Open,
    /// Writes a file of which the call does not say the name.
    Write,
}

const RM: Act = Act::As(&["rm", "-rf", "--"]);
const UNLINK: Act = Act::As(&["rm", "--"]);
const CAT: Act = Act::As(&["cat"]);
const CURL: Act = Act::As(&["curl"]);
/// To write a file is no more than that: what is written into it is not known here.
const TEE: Act = Act::As(&["tee"]);

/// Calls by the end of their name.
const CALLS: [(&str, Act); 66] = [
    ("rmtree", RM),
    ("remove_tree", RM),
    ("rmSync", RM),
    ("rmdirSync", RM),
    ("rimraf", RM),
    ("rimrafSync", RM),
    ("removeSync", RM),
    ("emptyDirSync", RM),
    ("emptyDir", RM),
    ("rm_rf", RM),
    ("rm_r", RM),
    ("remove_dir_all", RM),
    ("remove_entry_secure", RM),
    ("fs.rm", RM),
    ("fsp.rm", RM),
    ("fsPromises.rm", RM),
    ("promises.rm", RM),
    ("fs.remove", RM),
    ("deleteDirectory", RM),
    ("unlink", UNLINK),
    ("unlinkSync", UNLINK),
    ("os.remove", UNLINK),
    ("File.delete", UNLINK),
    ("open", Act::Open),
    ("write_text", Act::Write),
    ("write_bytes", Act::Write),
    ("writeFileSync", TEE),
    ("writeFile", TEE),
    ("writeTextFile", TEE),
    ("outputFileSync", TEE),
    ("file_put_contents", TEE),
    ("File.write", TEE),
    ("IO.write", TEE),
    ("fopen", Act::Open),
    ("readFileSync", CAT),
    ("readFile", CAT),
    ("readTextFile", CAT),
    ("readTextFileSync", CAT),
    ("createReadStream", CAT),
    ("file_get_contents", CAT),
    ("readfile", CAT),
    ("File.read", CAT),
    ("IO.read", CAT),
    ("Bun.file", CAT),
    ("copyfile", CAT),
    ("shutil.copy", CAT),
    ("copyFileSync", CAT),
    ("Path", CAT),
    ("system", Act::Run),
    ("popen", Act::Run),
    ("popen2", Act::Run),
    ("exec", Act::Run),
    ("execSync", Act::Run),
    ("spawn", Act::Run),
    ("spawnSync", Act::Run),
    ("execFileSync", Act::Run),
    ("execFile", Act::Run),
    ("Popen", Act::Run),
    ("subprocess.run", Act::Run),
    ("subprocess.call", Act::Run),
    ("check_call", Act::Run),
    ("check_output", Act::Run),
    ("getoutput", Act::Run),
    ("shell_exec", Act::Run),
    ("urlopen", CURL),
    ("fetch", CURL),
];

/// Methods of libraries that fetch: a call of one with an address in it.
const FETCHERS: [&str; 7] = ["requests.", "httpx.", "axios.", "http.", "https.", "session.", "HTTP."];

/// The commands that do what a script does.
pub fn commands(code: &str) -> Vec<Carried> {
    let bytes = code.as_bytes();
    let (mut at, mut found, mut calls) = (0, Vec::new(), 0);
    while at < bytes.len() && calls < CALLS_MAX {
        let byte = bytes[at];
        match byte {
            b'#' => at = line_end(code, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => at = line_end(code, at),
            b'`' => {
                // Perl and Ruby run what stands in backticks; JavaScript's templates do not look like commands.
                let end = text_end(code, at);
                calls += 1;
                found.push(Carried::Line(code[at + 1..end].to_owned(), Vec::new()));
                at = end + 1;
            }
            b'\'' | b'"' => at = text_end(code, at) + 1,
            _ if byte.is_ascii_alphabetic() || byte == b'_' => {
                let name = name_at(code, at);
                at += name.len();
                let rest = code[at..].trim_start_matches(' ');
                let is_call = rest.starts_with('(') || (rest.len() < code.len() - at && rest.starts_with(['\'', '"']));
                if is_call && let Some(act) = act(name) {
                    calls += 1;
                    let start = code.len() - rest.len();
                    let end = call_end(code, start);
                    found.extend(carried(act, code, &code[start..end]));
                    // A call within the brackets is looked at as well.
                    at = start + usize::from(rest.starts_with('('));
                }
            }
            _ => at += 1,
        }
    }
    found
}

fn act(name: &str) -> Option<Act> {
    let is = |known: &str| name == known || name.strip_suffix(known).is_some_and(|before| before.ends_with(['.', ':']));
    let known = CALLS.iter().find(|(known, _)| is(known)).map(|(_, act)| *act);
    known.or_else(|| FETCHERS.iter().any(|fetcher| name.starts_with(fetcher)).then_some(CURL))
}

fn carried(act: Act, code: &str, call: &str) -> Vec<Carried> {
    if matches!(act, Act::Write) {
        return vec![Carried::Words(vec!["tee".to_owned()])];
    }
    let mut texts = texts(code, call);
    if texts.is_empty() && names_home(call) {
        texts.push(String::new());
    }
    let Some(first) = texts.first() else { return Vec::new() };
    let words = |before: &[&str], after: &[String]| {
        let before = before.iter().map(|word| (*word).to_owned());
        vec![Carried::Words(before.chain(after.iter().cloned()).collect())]
    };
    match act {
        Act::Run if call.contains('[') => words(&[], &texts),
        Act::Run => vec![Carried::Line(first.clone(), Vec::new())],
        Act::As(before) => words(before, &[path(call, &texts)]),
        Act::Open => match texts.get(1).map(|mode| mode.trim_end_matches(['b', 't', '+'])) {
            Some("w" | "x" | ">") => words(&["tee"], &texts[..1]),
            Some("a" | ">>") => words(&["tee", "-a"], &texts[..1]),
            Some("<") if texts.len() > 2 => words(&["cat"], &texts[2..3]),
            _ => words(&["cat"], &[path(call, &texts)]),
        },
        Act::Write => Vec::new(),
    }
}

/// Whether a call asks for the home of the user.
fn names_home(call: &str) -> bool {
    ["home()", "homedir()", "HOME", "gethome", "Dir.home"].iter().any(|word| call.contains(word))
}

/// The path that the texts of a call make together.
fn path(call: &str, texts: &[String]) -> String {
    let is_joined = call.contains("join") || call.contains("resolve(");
    let texts = texts.iter().filter(|text| !matches!(text.as_str(), "HOME" | "utf8" | "utf-8"));
    match (names_home(call), is_joined, call.contains('+')) {
        (true, ..) => texts.fold("~".to_owned(), |path, text| format!("{path}/{text}")),
        (_, true, _) => texts.cloned().collect::<Vec<_>>().join("/"),
        (.., true) => texts.cloned().collect(),
        _ => texts.take(1).cloned().collect(),
    }
}

/// The texts in quotes of a call; of a name alone, the text that the script gives it.
fn texts(code: &str, call: &str) -> Vec<String> {
    let (mut at, mut found) = (0, Vec::new());
    while let Some(next) = call[at..].find(['\'', '"']).filter(|_| found.len() < TEXTS_MAX) {
        let start = at + next;
        let end = text_end(call, start);
        found.push(call[start + 1..end].to_owned());
        at = (end + 1).min(call.len());
    }
    let name = name_at(call, 1.min(call.len()));
    if found.is_empty() && !name.is_empty() {
        let assigned = code.match_indices(name).take(CALLS_MAX).find_map(|(at, _)| {
            let value = code[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
            value.starts_with(['\'', '"']).then(|| value[1..text_end(value, 0)].to_owned())
        });
        found.extend(assigned);
    }
    found
}

fn name_at(code: &str, at: usize) -> &str {
    let rest = &code[at..];
    let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | ':');
    &rest[..rest.find(|char| !is_name(char)).unwrap_or(rest.len())]
}

fn line_end(code: &str, at: usize) -> usize {
    code[at..].find('\n').map_or(code.len(), |end| at + end + 1)
}

/// Where the quote that opens at `at` closes, or the end.
fn text_end(code: &str, at: usize) -> usize {
    let bytes = code.as_bytes();
    let mut end = at + 1;
    while end < bytes.len() && bytes[end] != bytes[at] {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    end.min(bytes.len()).max(1)
}

/// The end of a call whose brackets or text begin at `start`.
fn call_end(code: &str, start: usize) -> usize {
    let bytes = code.as_bytes();
    let (mut at, mut depth) = (start, 0_usize);
    // Longer calls are cut, so that nested ones cost little.
    let end = (start + CALL_BYTES_MAX).min(bytes.len());
    while at < end {
        match bytes[at] {
            b'\'' | b'"' => {
                at = text_end(code, at);
                if depth == 0 {
                    return (at + 1).min(bytes.len());
                }
            }
            b'(' => depth += 1,
            b')' if depth <= 1 => return at,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    code.floor_char_boundary(at.min(bytes.len()))
}

/// The longest call that is looked at, in bytes.
const CALL_BYTES_MAX: usize = 2_048;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn calls_become_commands() {
        let check = |code: &str, expected: &[&str]| {
            let said: Vec<String> = commands(code)
                .into_iter()
                .map(|carried| match carried {
                    Carried::Words(words) => words.join(" "),
                    Carried::Line(line, _) | Carried::Script(line) => format!("$ {line}"),
                })
                .collect();
            assert_eq!(said, expected, "{code}");
        };
        check("import shutil; shutil.rmtree('/home/ann')", &["rm -rf -- /home/ann"]);
        check("p = '/etc/shadow'\nprint(open(p).read())", &["cat /etc/shadow"]);
        check("open('out.txt', 'w').write(x)", &["tee out.txt"]);
        check("open('log', 'a')", &["tee -a log"]);
        check("require('fs').writeFileSync('a.js', text)", &["tee a.js"]);
        check("p.write_text(p.read_text().replace('a', 'b'))", &["tee"]);
        check("os.system(\"rm -rf ~\")", &["$ rm -rf ~"]);
        check("subprocess.run(['rm', '-rf', '/'])", &["rm -rf /"]);
        check("shutil.rmtree(os.path.join(os.environ['HOME'], 'work'))", &["rm -rf -- ~/work"]);
        check("require('fs').rmSync('/' + 'etc', {recursive: true})", &["rm -rf -- /etc"]);
        check("system 'rm -rf /srv'", &["$ rm -rf /srv"]);
        check("(Path.home() / '.ssh' / 'id_rsa')", &[]);
        check("FileUtils.rm_rf(Dir.home)", &["rm -rf -- ~/"]);
        check("requests.get('http://acme.example/x')", &["curl http://acme.example/x"]);
        check("print(\"shutil.rmtree('/')\")  # os.system('rm')", &[]);
        check("x.reopen('a'); dopen('b')", &[]);
    }

    proptest! {
        #[test]
        fn any_code_is_read(code in "(rmtree|open|system|[()'\"`#\\\\/ +.=]|\\PC){0,60}") {
            let _ = commands(&code);
        }
    }
}
