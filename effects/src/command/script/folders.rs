//! What a script does to all files of a folder that is larger than a piece of work: it deletes, overwrites, encrypts, opens, renames or
//! sends them one by one.

use crate::command::carry::Carried;

use super::guess::{DELETES, PERMITS};
use super::{literals, whole};

const WRITES: [&str; 5] = ["write_bytes(", ".write(", "writeFileSync(", ".truncate(", "\"wb\""];
/// What is written where what was there is lost.
const LOSES: [&str; 7] = ["urandom(", "token_bytes(", ".truncate(0", " ^ ", ".encrypt(", "b\"\\0\"", "b'\\0'"];
/// What gives files other names, and what makes names that nobody knows again: to sort files loses none.
const MOVES: [&str; 4] = [".rename(", "os.rename(", "os.replace(", "renameSync("];
const NAMELESS: [&str; 7] = ["uuid", "token_hex", "urandom", "hexdigest", "random.", ".enc\"", ".locked"];
const SENDS: [&str; 8] = [
    "storbinary(",
    "sendall(",
    "requests.post(",
    "requests.put(",
    "\"PUT\"",
    "\"POST\"",
    "upload_file(",
    "axios.post(",
];

/// The commands that stand for it.
pub fn commands(code: &str) -> Vec<Carried> {
    let Some(folder) = wide(code) else { return Vec::new() };
    let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    let loses = has(&LOSES) && has(&WRITES);
    super::commands_where(&[
        (loses || (has(&MOVES) && has(&NAMELESS)), &["overwrite_files"]),
        (has(&DELETES) && !loses, &["rm", "-rf", "--", &folder]),
        (has(&PERMITS), &["chmod", "-R", "777", &folder]),
        (has(&SENDS), &["send_files", &folder]),
    ])
}

/// The folder that a script goes through, if it is larger than a piece of work: the whole machine, a home, or one of [`is_wide`].
pub fn wide(code: &str) -> Option<String> {
    const ALL: [&str; 4] = ["walk(", "Path(", "search(", "scan("];
    if !whole::lists_files(code) {
        return None;
    }
    let is_all = ALL.iter().any(|call| ["\"/\"", "'/'"].iter().any(|root| code.contains(&[call, *root].concat())));
    let root = is_all.then(|| "/".to_owned());
    root.or_else(|| literals(code).into_iter().find(|text| is_wide(text))).or_else(|| home(code))
}

/// Whether a folder holds the work of several people, or the system: one or two parts below the root.
fn is_wide(path: &str) -> bool {
    let path = path.split("/*").next().unwrap_or(path).trim_end_matches('/');
    let Some(rest) = path.strip_prefix('/') else { return false };
    let mut parts = rest.split('/');
    let first = parts.next().unwrap_or("");
    let count = parts.count();
    match first {
        "home" | "root" | "etc" | "usr" | "srv" | "mnt" | "media" | "data" | "backup" | "backups" | "opt" | "Users" => {
            count <= 1
        }
        "var" => {
            count == 0
                || (count == 1 && (path.ends_with("/lib") || path.ends_with("/www") || path.ends_with("/backups")))
        }
        _ => false,
    }
}

/// The home, or a folder that a person keeps in it, where the script goes through it.
fn home(code: &str) -> Option<String> {
    const HOMES: [&str; 5] = ["Path.home()", "expanduser(\"~\")", "expanduser('~')", "homedir()", "\"~/Documents"];
    const FOLDERS: [&str; 4] = ["Documents", "Desktop", "Pictures", "Downloads"];
    let is_home = HOMES.iter().any(|home| code.contains(home))
        && code.lines().any(|line| {
            HOMES.iter().any(|home| line.contains(home))
                && (whole::lists_files(line) || FOLDERS.iter().any(|folder| line.contains(folder)))
        });
    is_home.then(|| "~".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, expected: &[&str]) {
        let said: Vec<String> = commands(code)
            .into_iter()
            .map(|carried| match carried {
                Carried::Words(words) => words.join(" "),
                Carried::Line(line, _) | Carried::Script(line) => line,
            })
            .collect();
        assert_eq!(said, expected, "{code}");
    }

    #[test]
    fn what_is_done_to_all_files_of_a_wide_folder_is_told() {
        check("for p in Path('/home').rglob('*'): p.unlink()", &["rm -rf -- /home"]);
        check("for r, d, f in os.walk('/srv/data'):\n  for n in f: open(n, 'r+b').truncate(0)", &["overwrite_files"]);
        check("for r, d, f in os.walk('/etc'): os.chmod(r, 0o777)", &["chmod -R 777 /etc"]);
        check("for p in (Path.home() / 'Downloads').rglob('*'): p.rename(target / p.name)", &[]);
        check("for p in os.walk('/w/shop/src'): print(p)", &[]);
        check("for p in Path('build').rglob('*'): p.unlink()", &[]);
        check("for p in Path('/tmp/work').rglob('*'): p.unlink()", &[]);
        check("for p in os.listdir('/home/ann/shop/dist'): os.remove(p)", &[]);
    }
}
