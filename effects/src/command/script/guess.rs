//! What a script does to files whose names it puts together: no call shows both the verb and the path, so each path that work has
//! nothing to do with is taken with the worst verb of the script. Paths that a call names itself do not come here.

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
const DELETES: [&str; 8] =
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
const MOVES: [&str; 6] = [".rename(", "os.rename(", "os.replace(", "shutil.move(", "renameSync(", "source.replace("];
const PERMITS: [&str; 3] = ["chmod(", "chmodSync(", "chown("];
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

/// The commands that do to such paths what the script may do. `found` is what its calls do by themselves.
pub fn commands(code: &str, found: &[Carried]) -> Vec<Carried> {
    let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    let lists = super::whole::lists_files(code);
    let verb: &[&str] = match () {
        () if has(&DELETES) => &["rm", "-rf", "--"],
        () if has(&PERMITS) => &["chmod", super::whole::mode(code)],
        () if has(&MOVES) => &["mv"],
        () if has(&WRITES) => &["tee", "-a"],
        () if has(&READS) => &["cat"],
        () => return Vec::new(),
    };
    let is_known = |path: &str| {
        found.iter().any(|carried| match carried {
            Carried::Words(words) => words.iter().any(|word| word == path),
            Carried::Line(line, _) | Carried::Script(line) => line.contains(path),
        })
    };
    let mut dear: Vec<String> = homes(code);
    dear.extend(literals(code).into_iter().filter(|text| text.starts_with('/') || text.contains(".github/workflows")));
    dear.retain(|path| is_dear(path, verb, lists) && !is_known(path));
    dear.sort_unstable();
    dear.dedup();
    let words = |path: String| {
        let ends = (verb == ["mv"]).then(|| "./copy".to_owned());
        Carried::Words(verb.iter().map(|word| (*word).to_owned()).chain([path]).chain(ends).collect())
    };
    let read = |path: &String| {
        (verb != ["cat"] && holds_secrets(path) && has(&READS))
            .then(|| Carried::Words(vec!["cat".to_owned(), path.clone()]))
    };
    let mut commands: Vec<Carried> = dear.iter().filter_map(read).collect();
    commands.extend(dear.into_iter().take(PATHS_MAX).map(words));
    commands
}

/// Whether work has nothing to do with a path in such a way.
fn is_dear(path: &str, verb: &[&str], lists: bool) -> bool {
    if path.contains("://") || path.contains(['\n', '<']) || paths::is_scratch(path) {
        return false;
    }
    let writes = || {
        paths::starts_by_itself(path) || paths::is_ci(path) || paths::is_agent_configuration(path) || is_pipeline(path)
    };
    match verb {
        // Of a root only what goes through all that it holds takes all of it.
        ["rm", ..] => {
            (lists && paths::is_root(path)) || paths::is_system(path) || holds_secrets(path) || is_home_folder(path)
        }
        ["cat"] => holds_secrets(path),
        ["chmod", ..] => holds_secrets(path) || paths::is_system(path) || path == "~/.ssh",
        ["mv"] => paths::is_system(path) || is_home_folder(path),
        _ => writes() || paths::is_system(path),
    }
}

fn is_pipeline(path: &str) -> bool {
    path.contains(".github/workflows")
}

/// A folder that a person keeps in the home.
fn is_home_folder(path: &str) -> bool {
    const FOLDERS: [&str; 6] = ["~/Documents", "~/Desktop", "~/Pictures", "~/Downloads", "~/.ssh", "~/Music"];
    FOLDERS.contains(&path)
}

/// Paths below the home, as a script puts them together, and the home itself.
fn homes(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for home in HOMES {
        for (at, _) in code.match_indices(home).take(PATHS_MAX) {
            found.push(joined(&code[at + home.len()..]));
        }
    }
    for text in literals(code) {
        if let Some(rest) = text.strip_prefix("~/") {
            found.push(format!("~/{rest}"));
        } else if !found.is_empty()
            && text.starts_with('.')
            && text.len() <= 24
            && !text.contains(' ')
            && text.len() > 3
        {
            // A name of a list that is joined with the home elsewhere.
            found.push(format!("~/{text}"));
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
        check("print(Path.home())", &[]);
    }
}
