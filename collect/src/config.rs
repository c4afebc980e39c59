//! What the configuration of `tachograph collect` says beside its collectors: the server, the spool, who may push.

use std::collections::HashSet;
use std::path::PathBuf;

use ingest::config::Collector;
use operations::secret::Secret;
use proof::note::Verifier;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::limits::{SPOOL_BYTES, SPOOL_BYTES_MIN};

/// The server that records what is collected.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its address of intake, `https://HOST:PORT`; `http://` only to this machine, since the token is sent there.
    pub url: String,
    /// Where the token lies that `tachograph token create --role ingest` made on the server. It says who sends: trust, workspace, user,
    /// team and organisation of all records are its.
    pub token: Secret,
    /// A PEM file of certificate authorities beside those of the system.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A PEM file with the certificate that is shown to a server which asks for one.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Where the key of that certificate lies, in PEM and not encrypted.
    #[serde(default)]
    pub certificate_key: Option<Secret>,
    /// The public key that signs the server's log, `NAME+ID+BASE64`, as `tachograph init` printed it. Without it the first key that the
    /// server names is remembered.
    #[serde(default)]
    pub key: Option<String>,
}

/// What is kept until the server has recorded it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpoolSettings {
    /// A directory of its own on a disk that outlives a restart. It holds records before redaction: only its owner can read it.
    pub directory: PathBuf,
    /// The most bytes of its records. When it is full, senders are answered 503 and what can be read later is read later.
    #[serde(default = "bytes_max")]
    #[schemars(range(min = SPOOL_BYTES_MIN))]
    pub bytes_max: u64,
}

fn bytes_max() -> u64 {
    SPOOL_BYTES
}

/// Somebody who may push to the collectors on this machine.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// Its name, in logs.
    pub name: String,
    /// Where the secret lies that it shows as a bearer token. It opens the door here and says nothing about the records.
    pub token: Secret,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The server.
    pub server: Server,
    /// The spool.
    pub spool: SpoolSettings,
    /// Who may push.
    pub senders: Vec<Sender>,
}

/// Something is not in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConfigError {
    /// Where: `server.url`.
    pub place: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl Server {
    /// Its address.
    pub(crate) fn base(&self) -> Result<Url, String> {
        let url = Url::parse(&self.url).map_err(|error| format!("{error}; write https://HOST:PORT"))?;
        let is_local = match url.host_str() {
            Some("localhost" | "[::1]") => true,
            Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
            None => return Err("it names no host; write https://HOST:PORT".to_owned()),
        };
        match url.scheme() {
            "https" => {}
            "http" if is_local => {}
            "http" => return Err("the token would be readable on its way; write https://".to_owned()),
            _ => return Err("write https://HOST:PORT".to_owned()),
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err("it has more than a scheme, a host, a port and a path".to_owned());
        }
        Ok(url)
    }
}

impl Config {
    /// Everything that is not in order, without touching files.
    pub fn check(&self, collectors: &[Collector]) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        let mut add = |place: String, message: String| errors.push(ConfigError { place, message });
        if let Err(message) = self.server.base() {
            add("server.url".to_owned(), message);
        }
        if self.server.certificate.is_some() != self.server.certificate_key.is_some() {
            let message = "`certificate` and `certificate_key` belong together; set both or neither";
            add("server.certificate".to_owned(), message.to_owned());
        }
        if let Some(Err(error)) = self.server.key.as_deref().map(Verifier::parse) {
            add("server.key".to_owned(), format!("{error}; write it as `tachograph init` printed it"));
        }
        if self.spool.bytes_max < SPOOL_BYTES_MIN {
            add("spool.bytes_max".to_owned(), format!("it is at least {SPOOL_BYTES_MIN}"));
        }
        let mut names = HashSet::new();
        for sender in &self.senders {
            if sender.name.is_empty() || !names.insert(&sender.name) {
                add(format!("sender.{}.name", sender.name), "each sender has a name of its own".to_owned());
            }
        }
        for collector in collectors {
            let of_server = collector.trust.is_some() || collector.backfill;
            let names = [&collector.workspace, &collector.user, &collector.team, &collector.org];
            if of_server || names.iter().any(|name| name.is_some()) {
                let message = "trust, workspace, user, team and org stand in the server's token for this machine, and `backfill` in the \
                               server's collector of this name; set them there";
                add(format!("collector.{}", collector.name), message.to_owned());
            }
        }
        let pushed = |collector: &Collector| {
            ingest::transport::by_name(&collector.transport).is_some_and(ingest::transport::Transport::is_pushed)
        };
        if self.senders.is_empty()
            && let Some(collector) = collectors.iter().find(|collector| pushed(collector))
        {
            let message = "nobody may push to it; add a [[sender]] with a `name` and a `token`";
            add(format!("collector.{}", collector.name), message.to_owned());
        }
        errors
    }

    /// Files and secrets that are named and cannot be used.
    pub fn missing(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        let mut add = |place: String, message: String| errors.push(ConfigError { place, message });
        if let Err(error) = self.server.token.read() {
            add("server.token".to_owned(), error.to_string());
        }
        if let Err(message) = crate::Client::new(&self.server) {
            add("server".to_owned(), message);
        }
        for sender in &self.senders {
            if let Err(error) = sender.token.read() {
                add(format!("sender.{}.token", sender.name), error.to_string());
            }
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named_with_their_place() {
        let check = |url: &str, more: &str, says: &str| {
            let server: Server = toml::from_str(&format!("url = \"{url}\"\ntoken = \"env:TOKEN\"\n{more}")).unwrap();
            let spool = SpoolSettings { directory: "/var/spool".into(), bytes_max: SPOOL_BYTES };
            let config = Config { server, spool, senders: Vec::new() };
            let said: Vec<String> = config.check(&[]).iter().map(ToString::to_string).collect();
            assert_eq!(said.is_empty(), says.is_empty(), "{said:?}");
            assert!(said.iter().all(|said| said.contains(says)), "{said:?} says {says:?}");
        };
        check("https://recorder.acme.example:7071", "", "");
        check("http://127.0.0.1:7071", "", "");
        check("http://recorder.acme.example", "", "readable on its way");
        check("ftp://recorder.acme.example", "", "server.url");
        check("https://a:b@recorder.acme.example", "", "more than a scheme");
        check("recorder", "", "server.url");
        check("https://recorder.acme.example", "certificate = \"/a.pem\"", "belong together");
        check("https://recorder.acme.example", "key = \"x\"", "server.key");
    }

    #[test]
    fn what_the_server_decides_is_not_set_here() {
        let server = toml::from_str("url = \"https://recorder.acme.example\"\ntoken = \"env:TOKEN\"").unwrap();
        let config = Config { server, spool: toml::from_str("directory = \"/spool\"").unwrap(), senders: Vec::new() };
        let check = |text: &str, says: &str| {
            let collector: Collector = toml::from_str(&format!("name = \"a\"\ndialect = \"coder\"\n{text}")).unwrap();
            let said: Vec<String> = config.check(&[collector]).iter().map(ToString::to_string).collect();
            assert_eq!(said.first().is_some_and(|said| said.contains(says)), !says.is_empty(), "{said:?}");
        };
        check("transport = \"tail\"\npath = \"/var/log/a\"", "");
        check("transport = \"tail\"\npath = \"/var/log/a\"\ntrust = \"host\"", "server's token");
        check("transport = \"http\"", "nobody may push");
    }
}
