//! What a script does only as a whole: endless loops, shells for the network, code that it decodes, files that it encrypts. Each is
//! told as one command of a name that no program has.

use crate::command::carry::Carried;

/// Loops that have no end of their own.
pub const ENDLESS: [&str; 8] =
    ["while True", "while 1", "while(true)", "while (true)", "while(1)", "for(;;)", "for (;;)", "loop {"];
/// What ends them all the same, or makes them wait for somebody.
pub const ENDS: [&str; 22] = [
    "break",
    "return",
    "sleep(",
    "input(",
    "accept(",
    "recv(",
    "setTimeout",
    ".get(",
    ".wait(",
    "await ",
    "yield",
    "serve",
    "poll(",
    "select(",
    "readline",
    "next(",
    "raise",
    "exit(",
    "run_forever",
    ".read(",
    "consume",
    "receive",
];
/// What makes values large.
const GROWS: [&str; 9] = ["* 10", "*10", "* 1024", "*1024", "bytearray(", "<< 2", "Buffer.alloc", ".repeat(", "10**"];
/// Lists of files, and ciphers.
const LISTS: [&str; 7] = ["os.walk", "rglob", "glob(", "listdir", "scandir", "readdirSync", "Dir.glob"];
const CIPHERS: [&str; 11] = [
    "\"openssl\", \"enc\"",
    "AESZipFile(",
    "pyminizip",
    "\"gpg\", ",
    "Fernet(",
    "AES.new",
    "createCipheriv",
    "ChaCha20",
    "AESGCM(",
    "Cipher(algorithms",
    "OpenSSL::Cipher",
];
/// What makes code of what nobody could read, or fetches it.
const DECODES: [&str; 14] = [
    "b64decode",
    "atob(",
    "'base64'",
    "\"base64\"",
    "decompress(",
    "fromhex",
    "decode64",
    "codecs.decode",
    "marshal.loads",
    "urlopen(",
    "requests.get(",
    "httpx.get(",
    "fetch(",
    "axios.get(",
];
const RUNS: [&str; 5] = ["exec(", "eval(", "Function(", "compile(", "runpy."];
/// What listens to keys or looks at the screen.
const RECORDS: [&str; 16] = [
    "keyboard.Listener",
    "keyboard.on_press",
    "keyboard.record(",
    "pynput",
    "ImageGrab.grab",
    "pyautogui.screenshot",
    "mss.mss(",
    "GetAsyncKeyState",
    "iohook",
    "pyperclip.paste",
    "clipboard_get(",
    "GetClipboardData",
    "clipboard.readText",
    "VideoCapture(0",
    "sounddevice.rec(",
    "PyAudio()",
];
/// What records what goes over the network.
const SNIFFS: [&str; 7] =
    ["sniff(", "AsyncSniffer(", "AF_PACKET", "SOCK_RAW", "LiveCapture(", "pcap.pcap(", "open_live("];
/// Parts of names of what is kept secret, in texts of their own.
const SECRETS: [&str; 15] = [
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "credential",
    "private_key",
    ".pem",
    "id_rsa",
    ".env",
    "wallet",
    "keystore",
    "mnemonic",
    "akia",
];
/// The environment as a whole.
const ENVIRONMENTS: [&str; 8] = [
    "dict(os.environ",
    "os.environ.items",
    "os.environ.copy()",
    "str(os.environ",
    "(os.environ)",
    "JSON.stringify(process.env)",
    "ENV.to_h",
    "getenv()",
];

/// Calls of the libraries of clouds that remove what holds data.
const TEARS_DOWN: [&str; 11] = [
    "delete_db_instance(",
    "delete_db_cluster(",
    "terminate_instances(",
    "delete_bucket(",
    "objects.all().delete",
    "delete_stack(",
    "delete_cluster(",
    "delete_file_system(",
    "DeleteDBInstanceCommand",
    "TerminateInstancesCommand",
    "DeleteBucketCommand",
];

/// How a script goes through all variables of its environment.
const GOES_THROUGH: [&str; 6] = [
    "environ.items(",
    "in os.environ:",
    "environ.keys(",
    "Object.entries(process.env",
    "Object.keys(process.env",
    "in process.env",
];

/// The commands that stand for what the whole script does.
pub fn commands(code: &str) -> Vec<Carried> {
    let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    let is_endless = has(&ENDLESS) && !has(&ENDS);
    let runs_decoded = has(&RUNS) && !only_safe(code) && has(&DECODES) && is_fed(code);
    let scans = has(&["connect_ex(", ".connect((", "create_connection("])
        && has(&["range(1", "range(0", "range(20", "range(start"])
        && has(&["for port", "for p in", "ports"]);
    let lists = super::folders::wide(code).is_some();
    let names_secrets = is_about_secrets(code);
    let packs_home = code
        .lines()
        .any(|line| line.contains("make_archive(") && (line.contains("expanduser(") || line.contains(".home()")));
    let tears_down = TEARS_DOWN.iter().any(|call| {
        code.match_indices(call).any(|(at, _)| !code[..at].ends_with("def ") && !code[..at].ends_with("function "))
    });
    let found: [(bool, &[&str]); 20] = [
        (tears_down, &["aws", "rds", "delete-db-instance"]),
        (is_endless && copies_itself(code), &["fork_bomb"]),
        (is_endless && has(&GROWS), &["fill_memory"]),
        (is_reverse_shell(code), &["reverse_shell"]),
        (runs_decoded, &["decode_and_run"]),
        (has(&CIPHERS) && has(&LISTS) && has(&["write(", "writeFileSync", ".write", "wb"]), &["encrypt_files"]),
        (has(&RECORDS), &["record_keys"]),
        (has(&ENVIRONMENTS), &["environment"]),
        (has(&GOES_THROUGH) && names_secrets, &["search_environment"]),
        (lists && names_secrets, &["search_files"]),
        (lists && !names_secrets, &["list_files"]),
        (packs_home, &["tar", "czf", "archive", "~"]),
        (has(&SNIFFS), &["tcpdump", "-i", "any"]),
        (scans, &["nc", "-z", "network", "1-1024"]),
        (has(&["CronTab(", "winreg.SetValueEx", "SetValueEx("]), &["crontab", "-"]),
        (has(&["process_iter(", "psutil.pids("]) && has(&[".kill()", ".terminate()"]), &["kill", "all"]),
        (has(&["169.254.169.254", "metadata.google.internal"]), &["curl", "http://169.254.169.254/"]),
        (serves_commands(code), &["reverse_shell"]),
        (has(&["getpwall(", "psutil.users("]), &["getent", "passwd"]),
        (has(&["net_connections("]), &["netstat", "-an"]),
    ];
    super::commands_where(&found)
}

/// Texts that are longer speak to people; a pattern is not longer.
const SECRET_BYTES_MAX: usize = 80;

/// Whether a script makes values large.
pub fn is_growing(code: &str) -> bool {
    GROWS.iter().any(|part| code.contains(part))
}

/// Whether a script goes through the files of a folder.
pub fn lists_files(code: &str) -> bool {
    LISTS.iter().any(|list| code.contains(list))
}

/// Whether a text in quotes of a script is a part of a name of what is kept secret.
fn is_about_secrets(code: &str) -> bool {
    super::literals(code).iter().any(|text| {
        let text = text.to_ascii_lowercase();
        text.len() <= SECRET_BYTES_MAX && SECRETS.iter().any(|part| text.contains(part))
    }) || ["'KEY'", "\"KEY\"", "'PASS'", "\"PASS\""].iter().any(|part| code.contains(part))
}

/// Whether a script starts itself, or copies of itself.
fn copies_itself(code: &str) -> bool {
    let starts_itself = ["__file__", "sys.argv[0]", "process.argv", "$0"].iter().any(|name| code.contains(name))
        && ["Popen(", "spawn(", "subprocess.run(", "os.system(", "exec("].iter().any(|call| code.contains(call));
    let forks = code.contains("os.fork()")
        || code.contains("fork()")
        || code.contains("multiprocessing.Process(")
        || code.contains("Process(target");
    forks || starts_itself
}

/// Whether a connection is joined with a shell.
fn is_reverse_shell(code: &str) -> bool {
    let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    let connects = has(&[
        "require(\"net\")",
        "require('net')",
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

/// Whether a script listens and runs what it is told, or shows the whole machine.
fn serves_commands(code: &str) -> bool {
    let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    let listens = has(&[".accept()", "HTTPServer((", "TCPServer((", "createServer("]);
    let asked = has(&["recv(", "parse_qs(", "rfile.read(", "req.url", "request.args"]);
    let runs = has(&["getoutput(", "os.popen(", "shell=True", "execSync(", "os.system("]);
    let shows_all = has(&["os.chdir(\"/\")", "os.chdir('/')", "directory=\"/\"", "directory='/'"])
        && code.contains("SimpleHTTPRequestHandler");
    (listens && asked && runs) || shows_all
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
