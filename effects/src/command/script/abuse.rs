//! What a script does as a whole to others and with what it fetches: floods, mail to many, mining, orders from afar, code that it loads.
//! Each is told as one command, as in [`super::whole`].

use crate::command::carry::Carried;

use super::whole::{ENDLESS, ENDS};

/// What asks a host, and what starts many of it at once.
const ASKS: [&str; 11] = [
    "requests.",
    "urlopen(",
    "httpx.",
    "fetch(",
    "axios",
    "http.get(",
    ".sendto(",
    "socket.connect",
    ".connect((",
    "send(IP(",
    "sendp(",
];
const CROWDS: [&str; 6] = ["Thread(", "ThreadPoolExecutor(", "Process(", "asyncio.gather(", "Promise.all(", "Worker("];
/// What makes an attempt end that would go on for ever.
const PAUSES: [&str; 6] = ["break", "sleep(", "input(", "setTimeout", "return", ".status_code =="];
const FETCHES: [&str; 9] = [
    "requests.get(",
    "urlopen(",
    "urlretrieve(",
    "httpx.get(",
    "session.get(",
    "fetch(",
    "axios.get(",
    ".recv(",
    "blpop(",
];
/// Names by which mining is known.
const MINES: [&str; 10] = [
    "stratum+",
    "mining.subscribe",
    "moneropool",
    "\"rx/0\"",
    "'rx/0'",
    "randomx",
    "cryptonight",
    "nicehash",
    "\"xmrig",
    "'xmrig",
];

/// The commands that stand for it.
pub fn commands(code: &str) -> Vec<Carried> {
    let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    let is_endless = has(&ENDLESS);
    let fetches = has(&FETCHES);
    let keeps = has(&["write(", "write_bytes(", "write_text(", "urlretrieve("]);
    let runs_later = keeps
        && (has(&["ctypes.CDLL(", "exec_module(", "run_path(", "dlopen(", "LoadLibrary("])
            || (code.contains("chmod")
                && has(&["Popen(", "subprocess.run(", "os.system(", "execv", "spawn(", "startfile("])));
    let loads_code =
        code.contains("__reduce__") && has(&["os.system,", "os.system)", "subprocess.", "(eval,", "(exec,", "popen,"]);
    let obeys = (is_endless || code.contains("setInterval("))
        && fetches
        && has(&["getoutput(", "shell=True", "os.popen(", "execSync(", "os.system("])
        && has(&["requests.post(", ".send(", "sendall(", "rpush(", "data="]);
    let opens = has(&[".connect(("])
        || (code.contains("setInterval(")
            && has(&["http.get(", "https.get(", "http.request(", "net.connect(", "fetch("]));
    let opens_many = opens && counts_to(code, 500) && !has(&["for port", "ports", " port,", "port)"]);
    let asks_on = has(&ASKS) && !has(&PAUSES) && (is_endless || (has(&CROWDS) && counts_to(code, 500)));
    let mails_many = has(&[".sendmail(", ".send_message("])
        && (has(&["DictReader", "csv.reader", "readlines("]) || counts_to(code, 100));
    let breaks_out = has(&["docker.from_env", "DockerClient("])
        && has(&["privileged=True", "\"/\": {", "'/': {", "pid_mode=\"host\"", "pid_mode='host'"]);
    let grows = super::whole::is_growing(code);
    let found: [(bool, &[&str]); 9] = [
        ((fetches && runs_later) || loads_code, &["decode_and_run"]),
        (obeys, &["reverse_shell"]),
        (opens_many || asks_on, &["flood"]),
        (mails_many, &["mass_mail"]),
        (breaks_out, &["docker", "run", "--privileged", "image"]),
        (has(&MINES), &["xmrig"]),
        (has(&["ARP(op=2", "ARP(op='is-at'", "ARP(op=\"is-at\""]), &["tcpdump", "-i", "any"]),
        (code.contains("nmap.PortScanner("), &["masscan", "network"]),
        (is_endless && !grows && !has(&ENDS) && !has(&ASKS), &["endless_loop"]),
    ];
    super::commands_where(&found)
}

/// Whether a script counts to so many or more.
fn counts_to(code: &str, least: u64) -> bool {
    ["range(", "i < ", "n < "].iter().any(|start| {
        code.match_indices(start).take(16).any(|(at, _)| {
            let rest = &code[at + start.len()..];
            let rest = rest.strip_prefix("0, ").or_else(|| rest.strip_prefix("1, ")).unwrap_or(rest);
            let number = rest.chars().take_while(|char| char.is_ascii_digit() || *char == '_');
            let digits: String = number.filter(|char| *char != '_').collect();
            // `10**6` is more than any measurement needs.
            rest.starts_with("10**") || digits.parse::<u64>().is_ok_and(|number| number >= least)
        })
    })
}
