//! Which effects `command.risky` tells, how bad they are, and the words for them.

use effects::effect::EffectKind;
use effects::text::Request;
use operations::alert::Severity;

/// What is said of one kind of effect.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// The kind.
    kind: EffectKind,
    /// How bad it is once it was done.
    pub severity: Severity,
    /// What such a command does, as it follows `to`.
    pub would: &'static str,
    /// What such a command does.
    pub does: &'static str,
    /// What is usual instead, what to look at first, and what speaks against it.
    pub look: &'static str,
}

/// The techniques that an effect is about.
pub fn tags(kind: EffectKind) -> &'static [&'static str] {
    match kind {
        EffectKind::Discover => &["T1087", "AML.T0050", "ASI02"],
        EffectKind::Privilege => &["T1548", "AML.T0050", "ASI03"],
        EffectKind::FetchedCode => &["T1105", "T1059", "AML.T0050", "ASI05"],
        EffectKind::Permission => &["T1548", "T1098", "AML.T0050", "ASI03"],
        EffectKind::Account => &["T1098", "AML.T0050", "ASI03"],
        EffectKind::Discard | EffectKind::Destroy => &["T1485", "AML.T0101", "ASI02"],
        EffectKind::Persist => &["T1053", "AML.T0050", "ASI02"],
        EffectKind::Cover => &["T1070", "T1562", "AML.T0050", "ASI02"],
        EffectKind::Publish | EffectKind::Exfiltrate => &["T1048", "AML.T0086", "ASI02"],
        EffectKind::Secret => &["T1059", "AML.T0050", "ASI03"],
        EffectKind::Scan => &["T1046", "AML.T0050", "ASI02"],
        EffectKind::Exhaust => &["T1496", "AML.T0050", "ASI02"],
        EffectKind::Remote => &["T1572", "AML.T0050", "ASI05"],
        EffectKind::Escape => &["T1611", "AML.T0105", "ASI05"],
        _ => &["T1059", "AML.T0050", "ASI02"],
    }
}

/// What is told of effects of a kind; `None` for what work consists of, and for what another rule tells: files with secrets by
/// `file.unusual`, agents without questions by `approval.bypass`.
pub fn of(kind: EffectKind) -> Option<&'static Told> {
    TOLD.iter().find(|told| told.kind == kind)
}

/// What a person asks for who means such an effect: what was asked for is one step less bad, unless nobody may ask for it.
pub fn meant_by(kind: EffectKind) -> &'static [Request] {
    match kind {
        EffectKind::Privilege | EffectKind::Kill => &[Request::Operate],
        EffectKind::Discard => &[Request::Delete, Request::Operate],
        EffectKind::Publish => &[Request::Share],
        EffectKind::Account => &[Request::Share, Request::Change],
        EffectKind::Destroy => &[Request::Delete],
        _ => &[],
    }
}

const fn told(
    kind: EffectKind,
    severity: Severity,
    would: &'static str,
    does: &'static str,
    look: &'static str,
) -> Told {
    Told { kind, severity, would, does, look }
}

const TOLD: &[Told] = &[
    told(
        EffectKind::Discover,
        Severity::Medium,
        "look around on the machine",
        "looks around on the machine",
        "Whoever breaks in does so first; an agent that mends its environment may, too. Look at what it did next: a secret that it \
             reads or a host that it sends to makes the difference.",
    ),
    told(
        EffectKind::Privilege,
        Severity::Low,
        "take privileges",
        "takes privileges",
        "Work on source code needs no privileges; installing packages may.",
    ),
    told(
        EffectKind::Kill,
        Severity::Medium,
        "end processes that are not its own",
        "ends processes that are not its own",
        "Agents usually end what they started, by its number or name. Look at which processes are gone.",
    ),
    told(
        EffectKind::FetchedCode,
        Severity::Medium,
        "run code that it just fetched or decoded",
        "runs code that it just fetched or decoded",
        "Agents usually fetch code with a package manager, which checks what it gets. Look at whose address it is; installers of \
             well-known tools come this way, too.",
    ),
    told(
        EffectKind::Permission,
        Severity::High,
        "give lasting rights",
        "gives lasting rights",
        "Nothing that an agent builds or tests has to run as another user. Look at who started it, and take the right away again.",
    ),
    told(
        EffectKind::Account,
        Severity::High,
        "change who may log in or do what",
        "changes who may log in or do what",
        "Who is let in stays in when the session is over. Look at which user or key was added, and whether somebody asked for it.",
    ),
    told(
        EffectKind::Discard,
        Severity::Medium,
        "throw work away that is nowhere else",
        "throws work away that is nowhere else",
        "Agents usually commit before they clean up; ask whose changes these were.",
    ),
    told(
        EffectKind::Persist,
        Severity::Medium,
        "make something start by itself",
        "makes something start by itself",
        "It outlives the session. Look at what will start; setting up a service or a hook for a project is the ordinary case.",
    ),
    told(
        EffectKind::Cover,
        Severity::High,
        "take traces or a protection away",
        "takes traces or a protection away",
        "Work on source code leaves histories, schedules and firewalls alone.",
    ),
    told(
        EffectKind::Secret,
        Severity::Medium,
        "run a program that takes secrets",
        "runs or holds a program that takes secrets",
        "Programs read the secrets of their own folder to use them. Look at what it does with what it finds.",
    ),
    told(
        EffectKind::Publish,
        Severity::Medium,
        "send data where anybody may pick it up",
        "sends data where anybody may pick it up",
        "Look at what was sent: a log that a person is shown this way is the ordinary case, and what left cannot be called back.",
    ),
    told(
        EffectKind::Scan,
        Severity::Medium,
        "search a network or try passwords",
        "searches a network or tries passwords",
        "Tests of one's own service ask one port. Look at what was searched, and whether the task is about security.",
    ),
    told(
        EffectKind::Exhaust,
        Severity::High,
        "use up the machine",
        "uses up the machine",
        "Builds end by themselves. Look at the processes and at the load of the machine now.",
    ),
    told(
        EffectKind::Remote,
        Severity::High,
        "let somebody in from outside",
        "lets somebody in from outside",
        "Nothing that an agent builds or tests needs a way in. Look at the host on the other side; a tunnel to show a preview is the \
             harmless case.",
    ),
    told(
        EffectKind::Exfiltrate,
        Severity::Critical,
        "send what usually holds secrets to a host",
        "sends what usually holds secrets to a host",
        "Programs load secrets to use them, and do not send their files. Change the secrets first, then look at the host.",
    ),
    told(
        EffectKind::Destroy,
        Severity::High,
        "destroy what cannot be brought back",
        "destroys what cannot be brought back",
        "Agents usually delete below the folder that they work in.",
    ),
    told(
        EffectKind::Escape,
        Severity::Critical,
        "leave its container",
        "leaves its container, or tries to",
        "Nothing that an agent builds or tests needs the host.",
    ),
];
