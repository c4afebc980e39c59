//! Log sources and their fields: which of our events a Sigma rule is about, and which column answers for a field.
//!
//! The table in docs/sigma.md says the same for people. A field that no column answers for has no entry, and is named.

use rsigma_parser::LogSource;

use crate::expression::Expression;

/// The events of a log source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Process,
    Request,
    Connection,
    Name,
    FileWrite,
    FileRead,
    FileDelete,
}

/// What answers for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A column of text.
    Text(&'static str),
    /// The person for whom the agent works.
    User,
    /// A host name, or the address where one was asked for.
    Host,
    /// A command line, which may hold several commands.
    CommandLine,
    /// A program that a command line starts, by its name.
    Program,
    /// An address with or without its host.
    Url,
    /// A part of the path.
    Part(Part),
    /// A number.
    Number(&'static str),
    /// Every event of the source says this of it.
    Constant(bool),
}

/// A part of a path with its query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Stem,
    Query,
    Extension,
}

impl Source {
    /// The source that a rule names.
    pub fn of(source: &LogSource) -> Result<Self, String> {
        let category = source.category.as_deref().ok_or_else(|| {
            format!("log source {}: without a category it is not clear which events are meant", say(source))
        })?;
        Ok(match category {
            "process_creation" => Self::Process,
            "proxy" | "webserver" => Self::Request,
            "network_connection" => Self::Connection,
            "dns_query" | "dns" => Self::Name,
            "file_event" | "file_change" => Self::FileWrite,
            "file_access" => Self::FileRead,
            "file_delete" => Self::FileDelete,
            _ => return Err(format!("log source {}: no events here say what it is about", say(source))),
        })
    }

    /// The events of the source. Where they are counted, what two of them report is one.
    pub fn events(self, counted: bool) -> Expression {
        let kinds: &[&str] = match self {
            Self::Process if counted => &["command"],
            Self::Process => &["command", "tool.call"],
            Self::Request | Self::Connection => &["egress.http"],
            Self::Name if counted => &["dns.query"],
            Self::Name => &["dns.query", "egress.http"],
            Self::FileWrite => &["file.write"],
            Self::FileRead => &["file.read"],
            Self::FileDelete => &["file.delete"],
        };
        let kinds = Expression::any(kinds.iter().map(|kind| Expression::Equals("kind", (*kind).to_owned())));
        match self {
            // Of a call that runs no command nothing is said here.
            Self::Process => Expression::all([kinds, Expression::Says("command")]),
            Self::Name => Expression::all([kinds, Expression::Says("host")]),
            _ => kinds,
        }
    }

    /// By which columns alerts are kept apart unless somebody says otherwise.
    pub fn by(self) -> &'static str {
        match self {
            Self::Process | Self::FileWrite | Self::FileRead | Self::FileDelete => "session",
            Self::Request | Self::Connection | Self::Name => "workspace",
        }
    }

    /// What an agent did, and where to look first.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Process => ("ran a command", "the command"),
            Self::Request => ("sent a request", "the path"),
            Self::Connection => ("connected to a host", "the host"),
            Self::Name => ("asked for a name", "the host"),
            Self::FileWrite => ("wrote a file", "the file"),
            Self::FileRead => ("read a file", "the file"),
            Self::FileDelete => ("deleted a file", "the file"),
        }
    }

    /// What answers for a field; a column of ours answers for itself.
    pub fn target(self, field: &str) -> Result<Target, String> {
        let of_source = match self {
            Self::Process => process(field),
            Self::Request => request(field),
            Self::Connection => connection(field),
            Self::Name => (matches!(field, "QueryName" | "query" | "dns.question.name")).then_some(Target::Host),
            Self::FileWrite | Self::FileRead | Self::FileDelete => file(field),
        };
        of_source.or_else(|| own(field)).ok_or_else(|| format!("field `{field}` has no column"))
    }

    /// The column by which a correlation keeps events apart.
    pub fn key(self, field: &str) -> Result<&'static str, String> {
        if matches!(field, "Computer" | "ComputerName" | "Hostname" | "host.name") {
            return Ok("workspace");
        }
        match self.target(field)? {
            Target::Text(column) => Ok(column),
            Target::User => Ok("user"),
            Target::Host => Ok("host"),
            Target::CommandLine | Target::Program => {
                Err(format!("group-by `{field}`: what is made from content does not keep alerts apart"))
            }
            Target::Url | Target::Part(_) | Target::Number(_) | Target::Constant(_) => {
                Err(format!("group-by `{field}`: no column of text has this value alone"))
            }
        }
    }
}

/// The log source as a rule names it.
pub fn say(source: &LogSource) -> String {
    let parts = [("category", &source.category), ("product", &source.product), ("service", &source.service)];
    let mut said: Vec<String> =
        parts.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_deref()?))).collect();
    let mut custom: Vec<String> = source.custom.iter().map(|(name, value)| format!("{name} {value}")).collect();
    custom.sort();
    said.append(&mut custom);
    if said.is_empty() { "(none)".to_owned() } else { said.join(", ") }
}

fn process(field: &str) -> Option<Target> {
    Some(match field {
        "CommandLine" | "ProcessCommandLine" | "process.command_line" => Target::CommandLine,
        "Image" | "process.executable" => Target::Program,
        "User" | "user.name" => Target::User,
        _ => return None,
    })
}

fn request(field: &str) -> Option<Target> {
    Some(match field {
        "c-uri" | "cs-uri" | "url.full" => Target::Url,
        "c-uri-stem" | "cs-uri-stem" | "url.path" => Target::Part(Part::Stem),
        "c-uri-query" | "cs-uri-query" | "url.query" => Target::Part(Part::Query),
        "c-uri-extension" | "cs-uri-extension" => Target::Part(Part::Extension),
        "cs-host" | "r-dns" | "dst_host" | "DestinationHostname" | "url.domain" => Target::Host,
        "cs-method" | "http.request.method" => Target::Text("method"),
        "cs-username" | "User" | "user.name" => Target::User,
        "sc-status" | "http.response.status_code" => Target::Number("status"),
        "cs-bytes" => Target::Number("bytes_out"),
        "sc-bytes" => Target::Number("bytes_in"),
        "r-port" | "dst_port" | "DestinationPort" => Target::Number("port"),
        _ => return None,
    })
}

fn connection(field: &str) -> Option<Target> {
    Some(match field {
        // Where a request names its host, which address that had is not recorded: then there is no address, as in a log without the field.
        "DestinationHostname" | "DestinationIp" | "dst_ip" | "destination.ip" | "destination.domain" => Target::Host,
        "DestinationPort" | "dst_port" | "destination.port" => Target::Number("port"),
        "User" | "user.name" => Target::User,
        "Initiated" => Target::Constant(true),
        _ => return None,
    })
}

fn file(field: &str) -> Option<Target> {
    Some(match field {
        "TargetFilename" | "Filename" | "FileName" | "file.path" => Target::Text("file"),
        "User" | "user.name" => Target::User,
        _ => return None,
    })
}

/// Columns whose names rules may write as fields.
fn own(field: &str) -> Option<Target> {
    const TEXTS: [&str; 24] = [
        "action",
        "agent",
        "agent_kind",
        "client",
        "collector",
        "domain",
        "family",
        "file",
        "kind",
        "mcp_server",
        "method",
        "model",
        "org",
        "outcome",
        "path",
        "provider",
        "rule",
        "run",
        "scheme",
        "session",
        "source",
        "team",
        "template",
        "workspace",
    ];
    const NUMBERS: [&str; 6] = ["bytes_in", "bytes_out", "duration_us", "exit_code", "port", "status"];
    let number = || NUMBERS.into_iter().find(|name| *name == field).map(Target::Number);
    match field {
        "host" => Some(Target::Host),
        "command" => Some(Target::CommandLine),
        "user" => Some(Target::User),
        "tool" => Some(Target::Text("tool")),
        _ => TEXTS.into_iter().find(|name| *name == field).map(Target::Text).or_else(number),
    }
}

impl Target {
    /// The columns that say it.
    pub fn says(self) -> Expression {
        match self {
            Self::Text(column) | Self::Number(column) => Expression::Says(column),
            Self::User => Expression::Says("user"),
            Self::Host => Expression::Says("host"),
            Self::CommandLine | Self::Program => Expression::Says("command"),
            Self::Url => Expression::any([Expression::Says("target"), Expression::Says("path")]),
            Self::Part(_) => Expression::Says("path"),
            Self::Constant(_) => Expression::Bool(true),
        }
    }
}
