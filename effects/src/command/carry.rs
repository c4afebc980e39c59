//! Which programs run others, and where in their words those begin. New wrappers are lines in these tables.

use crate::command::line::program;
use crate::command::options::option_value;

/// What is taken off the front of a command.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// Words that go.
    pub len: usize,
    /// Whether the rest runs with another user's privileges.
    pub is_privileged: bool,
    /// Whether the rest is given further words from its input.
    pub takes_names: bool,
    /// A line that it runs besides.
    pub line: Option<String>,
}

/// What a command runs besides itself.
#[derive(Debug, PartialEq, Eq)]
pub enum Carried {
    /// A line of a shell, and the words that it is given.
    Line(String, Vec<String>),
    /// A command.
    Words(Vec<String>),
    /// A script of another language.
    Script(String),
}

/// Who runs what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Nobody.
    None,
    /// A shell.
    Shell,
    /// An interpreter of another language.
    Script,
}

/// Programs that only change how the rest runs: their options that take a word, and the words before the command.
const PREFIXES: [(&str, &[&str], usize); 37] = [
    ("sudo", &["-u", "-g", "-h", "-p", "-C", "-T", "-r", "-t", "-U", "-D", "-R", "--user", "--group", "--chdir"], 0),
    ("doas", &["-u", "-C"], 0),
    ("pkexec", &["--user"], 0),
    ("gosu", &[], 1),
    ("su-exec", &[], 1),
    ("env", &["-u", "-C", "-S", "--unset", "--chdir", "--split-string"], 0),
    (
        "xargs",
        &["-n", "-I", "-L", "-P", "-d", "-s", "-E", "-a", "--max-args", "--max-procs", "--replace", "--delimiter"],
        0,
    ),
    ("nice", &["-n", "--adjustment"], 0),
    ("ionice", &["-c", "-n", "-p"], 0),
    ("timeout", &["-s", "-k", "--signal", "--kill-after"], 1),
    ("gtimeout", &["-s", "-k"], 1),
    ("time", &["-f", "-o", "--format", "--output"], 0),
    ("nohup", &[], 0),
    ("exec", &["-a"], 0),
    ("command", &[], 0),
    ("builtin", &[], 0),
    ("setsid", &[], 0),
    ("stdbuf", &["-i", "-o", "-e"], 0),
    ("unbuffer", &[], 0),
    ("chronic", &[], 0),
    ("busybox", &[], 0),
    ("toybox", &[], 0),
    ("strace", &["-e", "-o", "-p", "-s", "-u"], 0),
    ("ltrace", &["-e", "-o", "-p"], 0),
    ("taskset", &[], 1),
    ("chrt", &[], 1),
    ("numactl", &["-C", "-m", "-N"], 0),
    ("firejail", &[], 0),
    ("fakeroot", &[], 0),
    ("xvfb-run", &["-s", "-n"], 0),
    ("torsocks", &[], 0),
    ("proxychains4", &["-f"], 0),
    ("caffeinate", &["-t", "-w"], 0),
    ("systemd-run", &["-p", "--unit", "--slice", "--property"], 0),
    ("noglob", &[], 0),
    ("start", &[], 0),
    ("call", &[], 0),
];

/// Programs that run a command after one of these words, and what their options take. The first operand after the word is
/// no command where the last number says so.
const RUNNERS: [(&str, &[&str], &[&str], usize); 30] = [
    ("npx", &[], &["-p", "--package"], 0),
    ("bunx", &[], &["-p", "--package"], 0),
    ("pnpx", &[], &["-p", "--package"], 0),
    ("yarn", &["", "exec", "dlx", "run"], &["--cwd"], 0),
    ("pnpm", &["", "exec", "dlx", "run"], &["-C", "--dir", "--filter", "-F"], 0),
    ("npm", &["exec", "x"], &["--prefix", "-w", "--package"], 0),
    ("bun", &["x", "run"], &["--cwd"], 0),
    ("bundle", &["exec"], &[], 0),
    ("poetry", &["run"], &["-C"], 0),
    ("uv", &["run"], &["--with", "-p", "--python", "--directory", "--project", "--extra", "--group"], 0),
    ("uvx", &[], &["--from", "--with", "-p", "--python"], 0),
    ("pipx", &["run"], &["--spec"], 0),
    ("pipenv", &["run"], &[], 0),
    ("pdm", &["run"], &["-p"], 0),
    ("hatch", &["run"], &["-e"], 0),
    ("rye", &["run"], &[], 0),
    ("conda", &["run"], &["-n", "-p", "--name", "--prefix"], 0),
    ("direnv", &["exec"], &[], 1),
    ("heroku", &["run"], &["-a", "--app", "-s", "--size"], 0),
    ("sail", &[""], &[], 0),
    ("ddev", &["exec", ""], &["-s", "-d"], 0),
    ("lando", &[""], &[], 0),
    ("wsl", &[""], &["-d", "-u", "--distribution", "--user"], 0),
    ("symfony", &["", "run", "php", "composer"], &["--dir"], 0),
    ("railway", &["run"], &["-s", "-e", "--service", "--environment"], 0),
    ("infisical", &["run"], &["--env", "--path"], 0),
    ("chroot", &[], &[], 1),
    ("flock", &[], &["-w", "-E"], 1),
    ("screen", &[], &["-S", "-t", "-L"], 0),
    ("dotnet", &["tool"], &[], 1),
];

/// What the front of a command only says of how the rest runs; `None` if nothing.
pub fn prefix(words: &[String]) -> Option<Prefix> {
    let name = program(words.first()?);
    let (_, valued, operands) = PREFIXES.iter().find(|(known, ..)| *known == name)?;
    let after = |at: usize| words.get(at).map(String::as_str);
    // It only looks a command up.
    if name == "command" && matches!(after(1), Some("-v" | "-V")) {
        return None;
    }
    let line = words.iter().enumerate().find_map(|(at, word)| match word.as_str() {
        "-S" | "--split-string" if name == "env" => after(at + 1).map(str::to_owned),
        word if name == "env" => word.strip_prefix("--split-string=").map(str::to_owned),
        _ => None,
    });
    let len = command_at(words, 1, valued) + operands;
    // Alone it is the command: `env` lists the environment, `sudo -l` what one may do.
    if len >= words.len() && line.is_none() {
        return None;
    }
    Some(Prefix {
        len,
        is_privileged: matches!(name.as_str(), "sudo" | "doas" | "pkexec"),
        takes_names: name == "xargs",
        line,
    })
}

/// Where the command begins after options, the first of which may stand at `at`, and after assignments.
fn command_at(words: &[String], mut at: usize, valued: &[&str]) -> usize {
    while let Some(word) = words.get(at) {
        let is_assignment = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        match word.as_str() {
            "--" => return at + 1,
            _ if is_assignment => at += 1,
            option if option.starts_with('-') && option.len() > 1 => {
                let is_bundle = !option.starts_with("--") && option.len() > 2;
                let last = option.chars().last().map(|letter| format!("-{letter}")).unwrap_or_default();
                at += 1 + usize::from(valued.contains(&option) || (is_bundle && valued.contains(&last.as_str())));
            }
            _ => break,
        }
    }
    at
}

/// What a command runs besides itself.
pub fn carried(words: &[String]) -> Vec<Carried> {
    let Some(first) = words.first() else { return Vec::new() };
    let name = program(first);
    let rest = |at: usize| words.get(at..).unwrap_or_default();
    let line = |words: &[String]| {
        if words.is_empty() { Vec::new() } else { vec![Carried::Line(words.join(" "), Vec::new())] }
    };
    match name.as_str() {
        "eval" | "watch" | "iex" | "invoke-expression" => line(rest(command_at(words, 1, &["-n", "--interval"]))),
        "cmd" => words
            .iter()
            .position(|word| matches!(word.as_str(), "/c" | "/C" | "/k" | "/K"))
            .map_or(Vec::new(), |at| line(rest(at + 1))),
        "powershell" | "pwsh" => {
            let is_command = |word: &String| {
                let word = word.to_ascii_lowercase();
                word.len() > 1 && "-command".starts_with(&word)
            };
            words.iter().position(is_command).map_or(Vec::new(), |at| line(rest(at + 1)))
        }
        "su" | "runuser" | "script" | "sg" | "flock" if option_value(words, 'c', "--command").is_some() => {
            option_value(words, 'c', "--command").map_or(Vec::new(), |value| line(&[value.to_owned()]))
        }
        "fly" | "flyctl" | "vagrant" | "gcloud" => {
            let value = option_value(words, 'C', "--command").or_else(|| option_value(words, 'c', "--command"));
            value.map_or(Vec::new(), |value| line(&[value.to_owned()]))
        }
        "nix-shell" | "nix" => option_value(words, ' ', "--run").map_or(Vec::new(), |value| line(&[value.to_owned()])),
        "trap" | "alias" => {
            let said = rest(1)
                .iter()
                .map(|word| if name == "alias" { word.split_once('=').map_or("", |pair| pair.1) } else { word });
            said.filter(|line| line.contains(' ')).map(|line| Carried::Line(line.to_owned(), Vec::new())).collect()
        }
        "tmux" => rest(1)
            .iter()
            .filter(|word| word.contains(' '))
            .map(|word| Carried::Line(word.clone(), Vec::new()))
            .collect(),
        "ssh" => {
            let valued = [
                "-i", "-p", "-l", "-o", "-F", "-J", "-L", "-R", "-D", "-W", "-b", "-c", "-E", "-e", "-I", "-m", "-S",
                "-w", "-B",
            ];
            line(rest(command_at(words, command_at(words, 1, &valued) + 1, &valued)))
        }
        "find" | "fd" | "fdfind" => found(words),
        "parallel" => parallel(words),
        "git" => of_git(words),
        "docker" | "podman" | "nerdctl" | "docker-compose" | "lxc" => contained(words),
        "kubectl" | "oc" | "nomad" | "mise" | "op" | "doppler" | "dotenv" | "aws-vault" | "kubectx" | "fd-exec"
        | "bwrap" | "nsenter" | "unshare" => after_dashes(words),
        _ if is_shell(&name) => of_shell(words),
        _ if is_interpreter(&name) => of_interpreter(&name, words),
        _ => runner(&name, words),
    }
}

/// Whether a program is a shell, or runs what it reads as one would.
pub fn is_shell(name: &str) -> bool {
    matches!(
        name,
        "sh" | "bash" | "zsh" | "dash" | "ash" | "ksh" | "ksh93" | "mksh" | "rbash" | "fish" | "csh" | "tcsh"
    )
}

/// Whether a program runs scripts of a language that is no shell's.
pub fn is_interpreter(name: &str) -> bool {
    let plain = name.trim_end_matches(|char: char| char.is_ascii_digit() || char == '.');
    matches!(
        plain,
        "python"
            | "pypy"
            | "ipython"
            | "node"
            | "nodejs"
            | "deno"
            | "bun"
            | "tsx"
            | "ts-node"
            | "perl"
            | "ruby"
            | "php"
            | "lua"
            | "awk"
            | "gawk"
            | "mawk"
            | "osascript"
    )
}

/// Who runs what a command reads: a shell or an interpreter that is given nothing else to run.
pub fn reader(words: &[String]) -> Reader {
    let Some(first) = words.first() else { return Reader::None };
    let name = program(first);
    let is_plain = |word: &String| word.starts_with('-') && word != "-c" && word != "-e" && word != "-m";
    let idle =
        words.iter().skip(1).all(is_plain) || words.iter().skip(1).any(|word| matches!(word.as_str(), "-s" | "-"));
    match name.as_str() {
        "at" | "batch" => Reader::Shell,
        "ssh" if words.len() == 2 => Reader::Shell,
        "pwsh" | "powershell" | "iex" | "invoke-expression" if idle => Reader::Shell,
        _ if is_shell(&name) && idle && option_value(words, 'c', "--command").is_none() => Reader::Shell,
        _ if is_interpreter(&name) && idle => Reader::Script,
        _ => Reader::None,
    }
}

/// The line that a shell is given after `-c`, and its words.
fn of_shell(words: &[String]) -> Vec<Carried> {
    let is_line = |word: &String| word.starts_with('-') && !word.starts_with("--") && word[1..].contains('c');
    let Some(at) = words.iter().position(|word| is_line(word) || word == "--command") else { return Vec::new() };
    // Options may stand between `-c` and its line.
    let at = command_at(words, at + 1, &["-o", "-O"]);
    let positional = words.get(at + 2..).unwrap_or_default().to_vec();
    words.get(at).map_or(Vec::new(), |line| vec![Carried::Line(line.clone(), positional)])
}

/// The code of `-c` or `-e`, or the script that is run as a program of its own.
fn of_interpreter(name: &str, words: &[String]) -> Vec<Carried> {
    let operand = command_at(words, 1, &["-W", "-X", "-r", "-I", "-M", "-v", "-F", "-f", "--require", "--import"]);
    if name.ends_with("awk") {
        return words.get(operand).map_or(Vec::new(), |code| vec![Carried::Script(code.clone())]);
    }
    let code = ['c', 'e', 'E', 'r', 'p'].into_iter().find_map(|letter| {
        let is_one = match letter {
            'c' => name.starts_with("py") || name == "ipython",
            'r' => name.starts_with("php"),
            'p' => name.starts_with("node"),
            _ => !name.starts_with("py"),
        };
        option_value(words, letter, "--eval").filter(|_| is_one)
    });
    if let Some(code) = code {
        return vec![Carried::Script(code.to_owned())];
    }
    if let Some(at) = words.iter().position(|word| word == "-m").filter(|_| name.starts_with("py")) {
        return vec![Carried::Words(words[at + 1..].to_vec())];
    }
    match words.get(operand).map(String::as_str) {
        Some("eval") => words.get(operand + 1).map_or(Vec::new(), |code| vec![Carried::Script(code.clone())]),
        Some("run") if name == "deno" => Vec::new(),
        Some(_) => vec![Carried::Words(words[operand..].to_vec())],
        None => Vec::new(),
    }
}

/// What `find` runs for what it finds.
fn found(words: &[String]) -> Vec<Carried> {
    let is_exec =
        |word: &str| matches!(word, "-exec" | "-execdir" | "-ok" | "-okdir" | "-x" | "-X" | "--exec" | "--exec-batch");
    let starts = words.iter().enumerate().filter(|(_, word)| is_exec(word)).map(|(at, _)| at + 1);
    let until_end = |at: usize| {
        let inner: Vec<String> =
            words[at..].iter().take_while(|word| !matches!(word.as_str(), ";" | "+")).cloned().collect();
        Carried::Words(inner)
    };
    starts.take(EXECS_MAX).map(until_end).collect()
}

/// Commands of one `find` that are read.
const EXECS_MAX: usize = 8;

/// The command of `parallel`, with the names that it is given in the same line.
fn parallel(words: &[String]) -> Vec<Carried> {
    let start = command_at(words, 1, &["-j", "--jobs", "-a", "-n", "-N", "-S", "-I"]);
    let rest = words.get(start..).unwrap_or_default();
    let mut halves = rest.splitn(2, |word| word.starts_with(":::"));
    let (command, names) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let mut line = command.join(" ");
    if line.contains("{}") {
        line = line.replacen("{}", &names.join(" "), 1);
    } else {
        line = [line, names.join(" ")].join(" ");
    }
    vec![Carried::Line(line, Vec::new())]
}

/// What git runs for others: aliases of the same line, and lines for each module or commit.
fn of_git(words: &[String]) -> Vec<Carried> {
    let at = |word: &str| words.iter().position(|other| other == word);
    let rest = |at: Option<usize>| at.and_then(|at| words.get(at + 1..)).map(|words| words.join(" "));
    let alias = words.iter().find_map(|word| word.split_once("=!").filter(|(name, _)| name.contains("alias.")));
    let line = match alias {
        Some((_, line)) => Some(line.to_owned()),
        None if at("submodule").is_some() => rest(at("foreach")),
        None if at("bisect").is_some() => rest(at("run")),
        None if at("rebase").is_some() => option_value(words, 'x', "--exec").map(str::to_owned),
        None => None,
    };
    line.map(|line| Carried::Line(line, Vec::new())).into_iter().collect()
}

/// What runs in a container: after `run` or `exec`, its options and the name of the image, container or service.
fn contained(words: &[String]) -> Vec<Carried> {
    const PLAIN: [&str; 16] = [
        "--rm",
        "--privileged",
        "--interactive",
        "--tty",
        "--detach",
        "--init",
        "--read-only",
        "--no-deps",
        "--build",
        "--quiet",
        "--publish-all",
        "--service-ports",
        "--no-TTY",
        "--no-healthcheck",
        "--sig-proxy",
        "--use-aliases",
    ];
    let Some(at) = words.iter().position(|word| matches!(word.as_str(), "run" | "exec")) else { return Vec::new() };
    let (mut at, mut entry) = (at + 1, None);
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        let is_plain = PLAIN.contains(&word.as_str())
            || word.contains('=')
            || (!word.starts_with("--")
                && word[1..].bytes().all(|byte| matches!(byte, b'i' | b't' | b'd' | b'T' | b'P' | b'q')));
        if let Some(program) = word.strip_prefix("--entrypoint=") {
            entry = Some(program.to_owned());
        } else if word == "--entrypoint" {
            entry = words.get(at + 1).cloned();
        }
        at += if is_plain { 1 } else { 2 };
    }
    let at = at + usize::from(words.get(at + 1).is_some_and(|word| word == "--"));
    let inner: Vec<String> = entry.into_iter().chain(words.iter().skip(at + 1).cloned()).collect();
    if inner.is_empty() { Vec::new() } else { vec![Carried::Words(inner)] }
}

fn after_dashes(words: &[String]) -> Vec<Carried> {
    let at = words.iter().position(|word| word == "--");
    at.and_then(|at| words.get(at + 1..))
        .filter(|rest| !rest.is_empty())
        .map_or(Vec::new(), |rest| vec![Carried::Words(rest.to_vec())])
}

fn runner(name: &str, words: &[String]) -> Vec<Carried> {
    let Some((_, verbs, valued, operands)) = RUNNERS.iter().find(|(known, ..)| *known == name) else {
        return Vec::new();
    };
    let mut at = command_at(words, 1, valued);
    if !verbs.is_empty() {
        let verb = words.get(at).map_or("", String::as_str);
        if verbs.contains(&verb) {
            at = command_at(words, at + 1, valued);
        } else if !verbs.contains(&"") {
            return Vec::new();
        }
    }
    let mut rest = words.get(at + operands..).unwrap_or_default().to_vec();
    // A package may be asked for in a version.
    if let Some(first) = rest.first_mut()
        && let Some(version) = first.rfind('@').filter(|at| *at > 0)
    {
        first.truncate(version);
    }
    if rest.is_empty() { Vec::new() } else { vec![Carried::Words(rest)] }
}
