//! What a script does to files whose names it puts together: no call shows both the verb and the path, so a path that work has nothing to
//! do with is taken with the worst verb of the lines on which it stands, or a name that it was given. What a call names itself is told
//! with its call.

use crate::command::carry::Carried;
use crate::file::paths;
use crate::file::secrets::holds_secrets;

use super::{literals, text_end};

/// How a script asks for the home of the user.
const HOMES: [&str; 11] = [
    "Path.home()",
    "expanduser(\"~\")",
    "expanduser('~')",
    "os.homedir()",
    "homedir()",
    "environ[\"HOME\"]",
    "environ['HOME']",
    "environ.get(\"HOME\")",
    "environ.get('HOME')",
    "process.env.HOME",
    "Dir.home",
];
pub const DELETES: [&str; 8] =
    ["os.remove(", "os.unlink(", ".unlink(", "rmtree(", "os.rmdir(", "unlinkSync(", "rmSync(", "File.delete("];
const WRITES: [&str; 10] = [
    ".write(",
    "write_text(",
    "write_bytes(",
    "writelines(",
    "writeFileSync(",
    "appendFileSync(",
    "writeFile(",
    "appendFile(",
    "json.dump(",
    "file_put_contents(",
];
const MOVES: [&str; 5] = [".rename(", "os.rename(", "os.replace(", "shutil.move(", "renameSync("];
pub const PERMITS: [&str; 3] = ["chmod(", "chmodSync(", "chown("];
const READS: [&str; 10] = [
    "read_text(",
    "read_bytes(",
    ".read(",
    "readlines(",
    "open(",
    "readFileSync(",
    "readFile(",
    "sqlite3.connect(",
    "shutil.copy",
    "copyfile(",
];
/// Paths of one script that are looked at.
const PATHS_MAX: usize = 32;

/// The commands that do to such paths what the script does to them. `found` is what its calls do by themselves.
pub fn commands(code: &str, found: &[Carried]) -> Vec<Carried> {
    let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    if !has(&DELETES) && !has(&PERMITS) && !has(&MOVES) && !has(&WRITES) && !has(&READS) {
        return Vec::new();
    }
    // To read it is not all that a script may do to it.
    let is_known = |path: &str, verb: &[&str]| {
        found.iter().any(|carried| match carried {
            Carried::Words(words) => {
                words.iter().any(|word| word == path)
                    && (verb == READ || words.first().is_none_or(|first| first != "cat"))
            }
            Carried::Line(line, _) | Carried::Script(line) => line.contains(path),
        })
    };
    let mut dear = homes(code);
    let plain = literals(code).into_iter().filter(|text| {
        text.starts_with('/')
            || text.contains(".github/workflows")
            || (paths::name(text).ends_with("customize.py") && paths::starts_by_itself(text))
    });
    dear.extend(plain.map(|text| (text.clone(), text)));
    dear.sort_unstable();
    dear.dedup();
    let mut commands = Vec::new();
    for (path, written) in dear.into_iter().take(PATHS_MAX) {
        if path.contains("://") || path.contains(['\n', '<']) || paths::is_scratch(&path) {
            continue;
        }
        let verbs = verbs(code, &written);
        let worst = VERBS.iter().enumerate().find(|(at, _)| verbs & 1 << at != 0).map(|(_, verb)| *verb);
        if let Some(verb) =
            worst.filter(|verb| is_dear(&path, verb, super::whole::lists_files(code)) && !is_known(&path, verb))
        {
            let mode = (verb == ["chmod"]).then(|| super::whole::mode(code).to_owned());
            let ends = (verb == ["mv"]).then(|| "./copy".to_owned());
            let words = verb.iter().map(|word| (*word).to_owned()).chain(mode).chain([path.clone()]).chain(ends);
            commands.push(Carried::Words(words.collect()));
        }
        if is_secret(&path) && verbs & READ_BIT != 0 && !is_known(&path, READ) {
            let path =
                if holds_secrets(&path) { path } else { format!("{}/id_rsa", path.trim_end_matches(['*', '/'])) };
            commands.push(Carried::Words(vec!["cat".to_owned(), path]));
        }
    }
    commands
}

const READ: &[&str] = &["cat"];
/// What a script may do to a file, the worst first, as the beginning of a command.
const VERBS: [&[&str]; 5] = [&["rm", "-rf", "--"], &["chmod"], &["mv"], &["tee", "-a"], READ];
const READ_BIT: u8 = 1 << 4;

/// What a script does to a text that stands in it, or to the names that it gives it: a bit for each of [`VERBS`].
fn verbs(code: &str, written: &str) -> u8 {
    let mut names: Vec<&str> = Vec::new();
    let mut verbs = 0;
    // What is given to one name is given on to others.
    for _ in 0..2 {
        for line in code.split(['\n', ';']) {
            let is_about = line.contains(written) || names.iter().any(|name| has_word(line, name));
            if !is_about {
                continue;
            }
            let says = |parts: &[&str]| parts.iter().any(|part| line.contains(part));
            let opens_to_write = says(&["open("]) && says(&["'w", "\"w", "'a", "\"a", "mode=\"w", "mode='w"]);
            let found = [
                says(&DELETES),
                says(&PERMITS),
                says(&MOVES),
                says(&WRITES) || opens_to_write || says(&["O_WRONLY", "O_RDWR", "O_TRUNC"]),
                says(&READS),
            ];
            for (at, found) in found.into_iter().enumerate() {
                verbs |= u8::from(found) << at;
            }
            names.extend(given(line).filter(|name| !name.is_empty()).take(NAMES_MAX));
            names.truncate(NAMES_MAX);
        }
    }
    verbs
}

/// Names of one text that are followed.
const NAMES_MAX: usize = 8;

/// The names that a line gives what stands in it.
fn given(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim_start();
    let assigned =
        line.split_once('=').map(|(name, _)| name.trim()).filter(|name| !name.contains(['(', ' ', '"', '\'']));
    let looped = line.strip_prefix("for ").and_then(|rest| rest.split_once(" in ")).map(|(names, _)| names);
    let opened = line.rsplit_once(" as ").map(|(_, name)| name.trim_end_matches(':'));
    assigned.into_iter().chain(looped.into_iter().flat_map(|names| names.split(',').map(str::trim))).chain(opened)
}

/// Whether a line has a name as a word of its own.
fn has_word(line: &str, name: &str) -> bool {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = line.as_bytes();
    line.match_indices(name).any(|(at, _)| {
        !is_part(at.checked_sub(1).and_then(|before| bytes.get(before))) && !is_part(bytes.get(at + name.len()))
    })
}

/// Whether work has nothing to do with a path in such a way.
fn is_dear(path: &str, verb: &[&str], lists: bool) -> bool {
    let writes = || {
        paths::starts_by_itself(path)
            || paths::starts_by_itself(&format!("{path}/name"))
            || paths::is_ci(path)
            || paths::is_ci(&format!("{path}/name.yml"))
            || paths::is_agent_configuration(path)
    };
    match verb {
        // Of a root only what goes through all that it holds takes all of it.
        ["rm", ..] => {
            (lists && paths::is_root(path)) || paths::is_system(path) || holds_secrets(path) || is_home_folder(path)
        }
        // What is read is told where it is a secret, whatever else is done.
        ["cat"] => false,
        ["chmod", ..] => holds_secrets(path) || paths::is_system(path) || path == "~/.ssh",
        ["mv"] => paths::is_system(path) || is_home_folder(path),
        _ => writes() || paths::is_system(path) || path.starts_with("/dev/sd") || path.starts_with("/dev/nvme"),
    }
}

/// Whether a path is a secret, or a folder of keys.
fn is_secret(path: &str) -> bool {
    let folder = path.trim_end_matches(['*', '/']).trim_end_matches("id_").trim_end_matches('/');
    holds_secrets(path) || [".ssh", ".gnupg"].iter().any(|keys| folder.ends_with(keys) && path != "~/.ssh/config")
}

/// A folder that a person keeps in the home.
fn is_home_folder(path: &str) -> bool {
    const FOLDERS: [&str; 6] = ["~/Documents", "~/Desktop", "~/Pictures", "~/Downloads", "~/.ssh", "~/Music"];
    FOLDERS.contains(&path)
}

/// Paths below the home, as a script puts them together, each with what of it is written in the script.
fn homes(code: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for home in HOMES {
        for (at, _) in code.match_indices(home).take(PATHS_MAX) {
            let path = joined(&code[at + home.len()..]);
            let line = code[..at].rfind('\n').map_or(0, |start| start + 1);
            // The home itself is meant where the script goes through all that it holds.
            if path != "~" || super::whole::lists_files(&code[line..at]) {
                let last = path.rsplit('/').next().filter(|last| *last != "~").unwrap_or(home).to_owned();
                found.push((path, last));
            }
        }
    }
    let texts = literals(code).into_iter().filter(|text| text.starts_with("~/"));
    found.extend(texts.map(|text| (text.clone(), text)));
    // Names of a list that the loop joins with the home.
    if HOMES.iter().any(|home| code.contains(home)) {
        for (names, texts) in super::loops::all(code) {
            let joins = |name: &&str| code.contains(&format!("/ {name}")) || code.contains(&format!(", {name})"));
            if names.iter().any(joins) {
                found.extend(
                    texts.into_iter().filter(|text| text.starts_with('.')).map(|text| (format!("~/{text}"), text)),
                );
            }
        }
    }
    found.truncate(4 * PATHS_MAX);
    found
}

/// The home with the texts that are joined to it right behind.
fn joined(rest: &str) -> String {
    let mut path = "~".to_owned();
    let mut rest = rest;
    loop {
        let joins = rest.trim_start_matches([' ', ')', ',', '/', '+', '(', '\\']);
        let joins = joins.strip_prefix(".joinpath(").unwrap_or(joins);
        if !joins.starts_with(['"', '\'']) || rest.len() - joins.len() > 24 {
            return path;
        }
        let end = text_end(joins, 0);
        let Some(text) = joins.get(1..end) else { return path };
        if text.contains(['\n', ' ']) && !text.contains('/') {
            return path;
        }
        path.push('/');
        path.push_str(text.trim_matches('/'));
        rest = joins.get(end + 1..).unwrap_or("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, expected: &[&str]) {
        let found: Vec<String> = commands(code, &[])
            .into_iter()
            .map(|carried| match carried {
                Carried::Words(words) => words.join(" "),
                Carried::Line(line, _) | Carried::Script(line) => line,
            })
            .collect();
        assert_eq!(found, expected, "{code}");
    }

    #[test]
    fn paths_that_are_put_together_get_the_worst_verb() {
        check("p = Path.home() / '.claude' / 'settings.json'\np.write_text(x)", &["tee -a ~/.claude/settings.json"]);
        check(
            "for rc in ('.bashrc', '.zshrc'):\n  (Path.home() / rc).open('a').write(x)",
            &["tee -a ~/.bashrc", "tee -a ~/.zshrc"],
        );
        check("for r, _, f in os.walk(os.path.expanduser('~')):\n  os.remove(os.path.join(r, f))", &["rm -rf -- ~"]);
        check(
            "k = os.path.join(os.path.expanduser('~'), '.ssh', 'id_rsa')\nprint(open(k).read())",
            &["cat ~/.ssh/id_rsa"],
        );
        check("Path('out.txt').write_text(Path.home().name)", &[]);
        check("CONFIG = '/etc/app/config.toml'\nprint(open(CONFIG).read())\ntmp.unlink()", &[]);
        check("load_dotenv('.env')\ncache = Path.home() / '.cache'\nfor f in os.listdir(cache): os.remove(f)", &[]);
        check("print(Path.home())", &[]);
    }
}
