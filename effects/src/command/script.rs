//! What scripts of other languages do to files, processes and the network, as the commands of a shell that do the same.
//!
//! Python, JavaScript, Perl, Ruby, PHP and awk are alike enough for that: a call is a name with brackets, its texts stand in
//! quotes. A name that a call is given stands for the text that the script gives it; where that is not said, as of what a function
//! is given, any text of the script that looks like one may be meant. What a script does only as a whole stands in [`whole`].

mod abuse;
mod address;
mod folders;
mod guess;
mod loops;
mod whole;

use address::address;

use crate::command::carry::Carried;
use crate::file::paths;
use crate::file::secrets::holds_secrets;

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
    /// Sends data to the address that the call names, or to the one that the script does.
    Send,
    /// Fetches from the address that the call names; sends to it, if the call says what.
    Ask,
    /// Opens files to whom the second part of the call says.
    Permit,
    /// From one file to another.
    Copy(&'static str),
    /// Ends a process.
    Kill,
}

const RM: Act = Act::As(&["rm", "-rf", "--"]);
const UNLINK: Act = Act::As(&["rm", "--"]);
const CAT: Act = Act::As(&["cat"]);
/// To write a file is no more than that: what is written into it is not known here.
const TEE: Act = Act::As(&["tee"]);

/// Calls by the end of their name.
const CALLS: &[(&str, Act)] = &[
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
    ("copyfile", Act::Copy("cp")),
    ("shutil.copy", Act::Copy("cp")),
    ("shutil.copy2", Act::Copy("cp")),
    ("copytree", Act::Copy("cp")),
    ("copyFileSync", Act::Copy("cp")),
    ("shutil.move", Act::Copy("mv")),
    ("os.rename", Act::Copy("mv")),
    ("os.symlink", Act::Copy("ln")),
    ("renameSync", Act::Copy("mv")),
    ("chmod", Act::Permit),
    ("chmodSync", Act::Permit),
    ("os.kill", Act::Kill),
    ("killpg", Act::Kill),
    ("process.kill", Act::Kill),
    ("read_csv", CAT),
    ("np.load", CAT),
    ("linecache.getlines", CAT),
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
    ("asyncio.create_subprocess_shell", Act::Run),
    ("create_subprocess_exec", Act::Run),
    ("urlopen", Act::Ask),
    ("urlretrieve", Act::Ask),
    ("Request", Act::Ask),
    ("fetch", Act::Ask),
    ("curl_exec", Act::Ask),
    ("post_form", Act::Send),
    ("sendBeacon", Act::Send),
    ("sendmail", Act::Send),
    ("send_message", Act::Send),
    ("storbinary", Act::Send),
    ("sendall", Act::Send),
    ("sendto", Act::Send),
    ("upload_file", Act::Send),
    ("upload_fileobj", Act::Send),
    ("put_object", Act::Send),
    ("uploadFile", Act::Send),
];

/// Libraries that fetch and send: what their calls do, their last word says.
const CLIENTS: [&str; 11] = [
    "requests.",
    "httpx.",
    "axios.",
    "http.",
    "https.",
    "session.",
    "client.",
    "HTTP.",
    "urllib3.",
    "got.",
    "superagent.",
];
/// Words by which they send.
const SENDING: [&str; 5] = ["post", "put", "patch", "post_form", "upload"];

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
    found.extend(whole::commands(code));
    found.extend(abuse::commands(code));
    found.extend(folders::commands(code));
    let guessed = guess::commands(code, &found);
    found.extend(guessed);
    found
}

/// The commands of those that are so.
fn commands_where(found: &[(bool, &[&str])]) -> Vec<Carried> {
    let words = |words: &[&str]| Carried::Words(words.iter().map(|word| (*word).to_owned()).collect());
    found.iter().filter(|(is, _)| *is).map(|(_, of)| words(of)).collect()
}

fn act(name: &str) -> Option<Act> {
    let is = |known: &str| name == known || name.strip_suffix(known).is_some_and(|before| before.ends_with(['.', ':']));
    let known = CALLS.iter().find(|(known, _)| is(known)).map(|(_, act)| *act);
    known.or_else(|| {
        let is_client = CLIENTS.iter().any(|client| name.starts_with(client) || name.contains(&format!(".{client}")));
        let verb = name.rsplit('.').next().unwrap_or(name);
        match () {
            () if !is_client => None,
            () if SENDING.iter().any(|sending| verb.eq_ignore_ascii_case(sending)) => Some(Act::Send),
            () => Some(Act::Ask),
        }
    })
}

fn carried(act: Act, code: &str, call: &str) -> Vec<Carried> {
    let words = |before: &[&str], after: &[String]| {
        let before = before.iter().map(|word| (*word).to_owned());
        vec![Carried::Words(before.chain(after.iter().cloned()).collect())]
    };
    let mut texts = texts(code, call);
    match act {
        Act::Write => return words(&["tee"], &[]),
        Act::Send => return words(&["curl", "-d", "@-"], &address(code, &texts)),
        Act::Ask => {
            let sends =
                ["data=", "json=", "files=", "body:", "method: 'P", "method: \"P", "method='P", "method=\"P", "data:"];
            let is_sent = sends.iter().any(|part| call.contains(part));
            let address = address(code, &texts);
            return match () {
                () if address.is_empty() => Vec::new(),
                () if is_sent => words(&["curl", "-d", "@-"], &address),
                () => match texts.get(1).filter(|_| address::call_of(code, call).ends_with("urlretrieve")) {
                    // What the call is given besides is the file into which it fetches.
                    Some(file) => words(&["curl", "-o", file], &address),
                    None => words(&["curl"], &address),
                },
            };
        }
        Act::Kill if call.trim_start_matches(['(', ' ']).starts_with("-1,") => {
            return words(&["kill", "-9", "-1"], &[]);
        }
        Act::Kill => return words(&["kill"], &[whole::whom(code).to_owned()]),
        _ => {}
    }
    if let Some(name) = plain_argument(call) {
        match assigned(code, name) {
            Some(value) if texts.first() != Some(&value) => texts.insert(0, value),
            // What follows is a mode, and no name.
            None if matches!(act, Act::Open) => texts.clear(),
            _ => {}
        }
    }
    if texts.is_empty() && names_home(call) {
        texts.push(String::new());
    }
    // What is put together of a folder and its names one after another is all that the folder holds.
    let act = match act {
        Act::As(["rm", "--"]) if whole::lists_files(code) && (call.contains("join") || call.contains('/')) => RM,
        act => act,
    };
    let Some(first) = texts.first() else {
        return if matches!(act, Act::Run) { loops::each_line(code, call) } else { guessed(act, code) };
    };
    match act {
        Act::Run if call.contains('[') => words(&[], &loops::words_of(code, call)),
        Act::Run => vec![Carried::Line(first.clone(), Vec::new())],
        Act::As(before) => words(before, &[path(call, &texts)]),
        Act::Open => match texts.get(1).map(|mode| mode.trim_end_matches(['b', 't', '+'])) {
            Some("w" | "x" | ">") => words(&["tee"], &texts[..1]),
            Some("a" | ">>") => words(&["tee", "-a"], &texts[..1]),
            Some("<") if texts.len() > 2 => words(&["cat"], &texts[2..3]),
            _ => words(&["cat"], &[path(call, &texts)]),
        },
        Act::Permit => words(&["chmod", whole::mode(call)], &[path(call, &texts)]),
        Act::Copy(program) => match texts.as_slice() {
            [from, to, ..] => words(&[program], &[from.clone(), to.clone()]),
            // Where it goes, the script says elsewhere.
            _ => words(&[program], &[first.clone(), "./copy".to_owned()]),
        },
        Act::Write | Act::Send | Act::Ask | Act::Kill => Vec::new(),
    }
}

/// What a call of which the script does not say what it is given may be about: any path that the script names and that work has
/// nothing to do with.
fn guessed(act: Act, code: &str) -> Vec<Carried> {
    let is_dear = |text: &String| {
        (text.starts_with(['/', '~']) || text.contains('/') || text.starts_with('.'))
            && !text.contains("://")
            && !text.contains(' ')
            && (holds_secrets(text) || paths::is_system(text) || paths::starts_by_itself(text) || paths::is_root(text))
    };
    let program: &[&str] = match act {
        Act::Open | Act::Copy(_) => &["cat"],
        Act::As(words) if words == ["cat"] => &["cat"],
        Act::As(words) => words,
        _ => return Vec::new(),
    };
    let dear = literals(code).into_iter().filter(is_dear).take(TEXTS_MAX);
    dear.map(|path| Carried::Words(program.iter().map(|word| (*word).to_owned()).chain([path]).collect())).collect()
}

/// The texts in quotes of a script, as far as they may be names.
fn literals(code: &str) -> Vec<String> {
    let (mut at, mut found) = (0, Vec::new());
    while let Some(next) = code[at..].find(['\'', '"']).filter(|_| found.len() < LITERALS_MAX) {
        let start = at + next;
        let end = text_end(code, start);
        if (4..=LITERAL_BYTES_MAX).contains(&(end.saturating_sub(start + 1))) {
            found.push(code[start + 1..end].to_owned());
        }
        at = (end + 1).min(code.len());
    }
    found
}

/// Texts of one script that are looked at, and how long a name may be in bytes.
const LITERALS_MAX: usize = 256;
const LITERAL_BYTES_MAX: usize = 512;

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
    if found.is_empty() {
        found.extend(assigned(code, name_at(call, 1.min(call.len()))));
    }
    found
}

/// The text that a script gives a name.
fn assigned(code: &str, name: &str) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    code.match_indices(name).take(CALLS_MAX).find_map(|(at, _)| {
        let value = code[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        value.starts_with(['\'', '"']).then(|| value[1..text_end(value, 0)].to_owned())
    })
}

/// The first thing that a call is given, if it is a name and nothing else.
fn plain_argument(call: &str) -> Option<&str> {
    let name = name_at(call, 1.min(call.len()));
    let after = call.get(1 + name.len()..).unwrap_or("").trim_start();
    (call.starts_with('(') && !name.is_empty() && (after.is_empty() || after.starts_with([',', ')']))).then_some(name)
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
