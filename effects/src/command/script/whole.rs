//! What a script does only as a whole: endless loops, shells for the network, code that it decodes, files that it encrypts. Each is
//! told as one command of a name that no program has.

use crate::command::carry::Carried;

/// The commands that stand for what the whole script does.
pub fn commands(code: &str) -> Vec<Carried> {
    let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    let name = |is: bool, name: &str| is.then(|| Carried::Words(vec![name.to_owned()]));
    let endless =
        has(&["while True", "while 1", "while(true)", "while (true)", "while(1)", "for(;;)", "for (;;)", "loop {"]);
    let ends = has(&["break", "return", "sleep(", "input(", "accept(", "recv(", "setTimeout", ".get(", ".wait("]);
    let listens = has(&["os.walk", "rglob", "glob(", "listdir", "scandir", "readdirSync", "Dir.glob"]);
    let encrypts =
        has(&["Fernet(", "AES.new", "createCipheriv", "ChaCha20", "AESGCM(", "Cipher(algorithms", "OpenSSL::Cipher"]);
    let decodes = has(&[
        "b64decode",
        "atob(",
        "'base64'",
        "\"base64\"",
        "decompress(",
        "fromhex",
        "decode64",
        "codecs.decode",
        "marshal.loads",
    ]);
    let fetches = has(&["urlopen(", "requests.get(", "httpx.get(", "fetch(", "axios.get("]);
    let runs = has(&["exec(", "eval(", "Function(", "compile(", "runpy."]) && !only_safe(code);
    let found = [
        name(is_fork_bomb(code, endless, ends), "fork_bomb"),
        name(
            endless
                && !ends
                && has(&["* 10", "*10", "* 1024", "*1024", "bytearray(", "<< 2", "Buffer.alloc", ".repeat(", "10**"]),
            "fill_memory",
        ),
        name(is_reverse_shell(code), "reverse_shell"),
        name(runs && (decodes || fetches) && is_fed(code), "decode_and_run"),
        name(encrypts && listens && has(&["write(", "writeFileSync", ".write", "wb"]), "encrypt_files"),
        name(
            has(&[
                "keyboard.Listener",
                "pynput",
                "ImageGrab.grab",
                "pyautogui.screenshot",
                "GetAsyncKeyState",
                "iohook",
            ]),
            "record_keys",
        ),
        name(
            has(&[
                "dict(os.environ",
                "os.environ.items",
                "os.environ.copy()",
                "str(os.environ",
                "(os.environ)",
                "JSON.stringify(process.env)",
                "ENV.to_h",
                "getenv()",
            ]),
            "environment",
        ),
    ];
    let mut found: Vec<Carried> = found.into_iter().flatten().collect();
    let scans = has(&["connect_ex(", ".connect((", "create_connection("])
        && has(&["range(1", "range(0", "range(20", "range(start"])
        && has(&["for port", "for p in", "ports"]);
    let words = |words: &[&str]| Carried::Words(words.iter().map(|word| (*word).to_owned()).collect());
    if scans {
        found.push(words(&["nc", "-z", "network", "1-1024"]));
    }
    if has(&["CronTab(", "winreg.SetValueEx", "SetValueEx("]) {
        found.push(words(&["crontab", "-"]));
    }
    if has(&["process_iter(", "psutil.pids("]) && has(&[".kill()", ".terminate()"]) {
        found.push(words(&["kill", "all"]));
    }
    if has(&["getpwall(", "psutil.users("]) {
        found.push(words(&["getent", "passwd"]));
    }
    if has(&["net_connections("]) {
        found.push(words(&["netstat", "-an"]));
    }
    found
}

/// Whether a script starts itself, or copies of itself, without end.
fn is_fork_bomb(code: &str, endless: bool, ends: bool) -> bool {
    let starts_itself = ["__file__", "sys.argv[0]", "process.argv", "$0"].iter().any(|name| code.contains(name))
        && ["Popen(", "spawn(", "subprocess.run(", "os.system(", "exec("].iter().any(|call| code.contains(call));
    let forks = code.contains("os.fork()")
        || code.contains("fork()")
        || code.contains("multiprocessing.Process(")
        || code.contains("Process(target");
    endless && !ends && (forks || starts_itself)
}

/// Whether a connection is joined with a shell.
fn is_reverse_shell(code: &str) -> bool {
    let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    let connects = has(&[
        "socket.socket",
        "socket.create_connection",
        "net.Socket",
        ".Socket(",
        "net.connect",
        "net.createConnection",
        "TCPSocket",
        "fsockopen",
        "IO::Socket",
        "use Socket",
    ]);
    let shell = has(&["/bin/sh", "/bin/bash", "\"sh\"", "'sh'", "\"bash\"", "'bash'", "cmd.exe", "powershell"]);
    let joins =
        has(&["dup2(", "pty.spawn", ".pipe(", "proc_open", "STDIN->fdopen", "exec ", "recv(", "to_fd", "<&", "reopen"]);
    connects && shell && joins
}

/// Whether what runs text is given something else than a text in quotes.
fn is_fed(code: &str) -> bool {
    ["exec(", "eval(", "Function("].iter().any(|call| {
        code.match_indices(call).take(16).any(|(at, _)| {
            let argument = code[at + call.len()..].trim_start();
            let before = code[..at].bytes().next_back();
            // `cursor.exec("…")` and `re.exec(…)` are methods of others.
            !before.is_some_and(|byte| byte == b'.' || byte.is_ascii_alphanumeric() || byte == b'_')
                && !argument.starts_with(['"', '\'', ')', '{', '['])
        })
    })
}

/// Whether all that looks like running text is a parser of literals.
fn only_safe(code: &str) -> bool {
    code.contains("literal_eval(") && !code.contains(" eval(") && !code.contains("exec(")
}

/// Whom a script ends: one process, or all that it looks up.
pub fn whom(code: &str) -> &'static str {
    let looks_up = ["process_iter(", "psutil.pids(", "listdir('/proc", "listdir(\"/proc", "pgrep", "ps aux", "ps -e"]
        .iter()
        .any(|part| code.contains(part));
    if looks_up { "all" } else { "process" }
}

/// The mode that a call sets, as `chmod` is given it.
pub fn mode(call: &str) -> &'static str {
    let digits = |mode: &str| {
        [format!("0o{mode}"), format!("0{mode}"), format!(", {mode}"), format!("'{mode}'")]
            .iter()
            .any(|written| call.contains(written))
    };
    match () {
        () if digits("777") || digits("666") || call.contains("S_IRWXO") || call.contains("S_IWOTH") => "777",
        () if call.contains("S_ISUID") || digits("4755") || digits("4777") => "4755",
        () => "644",
    }
}
