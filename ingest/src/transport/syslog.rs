//! Syslog over TCP and TLS: RFC 5424 and RFC 3164, told apart as RFC 6587 says, over TLS as RFC 5425 says.
//!
//! The message is the record that the dialect gets; of its header only the time is used. Syslog has neither tokens nor
//! acknowledgements: who sends is the configuration's word, and what was read and is not durable is lost with the process.

mod split;

use std::net::SocketAddr;

use super::stream::Streams;
use super::{Listening, Serve, Setting, Settings, Start, Transport, Work, read};
use split::Messages;

/// The transport.
pub struct Syslog;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    tcp: Option<SocketAddr>,
    tls: Option<SocketAddr>,
}

impl Options {
    fn of(settings: &Settings) -> Result<Self, String> {
        let options: Self = read(settings)?;
        if options.tcp.is_none() && options.tls.is_none() {
            return Err(
                "it listens nowhere: set `tcp`, such as \"127.0.0.1:514\", `tls`, such as \"0.0.0.0:6514\", or both"
                    .to_owned(),
            );
        }
        if options.tcp.is_some_and(|tcp| tcp.port() != 0) && options.tcp == options.tls {
            return Err("`tcp` and `tls` are the same address; give each its own port".to_owned());
        }
        Ok(options)
    }

    /// Its addresses, each with the word for it and whether it speaks TLS.
    fn addresses(&self) -> impl Iterator<Item = (&'static str, SocketAddr, bool)> {
        let both = [self.tcp.map(|address| ("tcp", address, false)), self.tls.map(|address| ("tls", address, true))];
        both.into_iter().flatten()
    }
}

impl Transport for Syslog {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn doc(&self) -> &'static str {
        "Takes messages of syslog over TCP and TLS: of RFC 5424 and of RFC 3164, with a length before each or a line feed after each. \
         The message behind the header is the record, `@cee:` before JSON is no part of it, and the header's time is when it was \
         seen, where the collector's trust is at least `host` and the time says its zone. There is no token: set `trust`, `workspace` \
         and so on for all that comes, and let only those reach the address who may send; over TLS, \
         `client_certificate_authorities` of `[listen]` asks for certificates. Syslog knows no acknowledgement: a connection is read only \
         as fast as the ledger takes it, and what was read and not yet durable is lost with the process, as is what was on its way. \
         Of a message above 256 KiB the beginning is kept as unparsed."
    }

    fn settings(&self) -> &'static [Setting] {
        &[
            Setting {
                name: "tcp",
                required: false,
                doc: "Address for messages over TCP without TLS: whoever reaches it can write events.",
                example: "\"127.0.0.1:5140\"",
            },
            Setting {
                name: "tls",
                required: false,
                doc: "Address for messages over TLS, with the certificate of `[listen]`.",
                example: "\"0.0.0.0:6514\"",
            },
        ]
    }

    fn check(&self, settings: &Settings) -> Result<(), String> {
        Options::of(settings).map(|_| ())
    }

    fn place(&self, _name: &str, settings: &Settings) -> String {
        let options = Options::of(settings).ok();
        let places = options.iter().flat_map(Options::addresses).map(|(word, address, _)| format!("{word} {address}"));
        places.collect::<Vec<_>>().join(", ")
    }

    fn start(&self, start: Start<'_>) -> Result<Work, String> {
        let options = Options::of(start.settings)?;
        start.tell("what is sent");
        // The connections of both share their turns.
        let streams = Streams::new(start, || Box::new(Messages::default()));
        let listening = options.addresses().map(|(setting, address, tls)| Listening {
            setting,
            address,
            tls: Some(tls),
            serve: Serve::Streams(streams.clone()),
        });
        Ok(Work::Listen(listening.collect()))
    }
}

/// The messages that are told apart in bytes which come in chunks of this size, and what else is kept of them. Nothing follows a defect.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn messages(bytes: &[u8], chunk: usize) -> Vec<Vec<u8>> {
    use super::stream::{Piece, Split};
    let (mut split, mut found) = (Messages::default(), Vec::new());
    let of_piece = |piece| match piece {
        Piece::Record(bytes, _) | Piece::Kept(bytes, _) => bytes,
    };
    for mut chunk in bytes.chunks(chunk.max(1)) {
        while let Some(next) = split.next(&mut chunk) {
            match next {
                Ok(piece) => found.push(of_piece(piece)),
                Err(defect) => {
                    found.push(defect.kept);
                    return found;
                }
            }
        }
    }
    found.extend(split.finish(true).map(of_piece));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_needed_and_each_has_its_own() {
        let check = |settings: &str, want: Option<&str>| {
            let settings = serde_json::from_str(settings).unwrap();
            let found = Syslog.check(&settings).err();
            assert_eq!(found.is_some(), want.is_some(), "{found:?}");
            assert!(want.is_none_or(|want| found.as_ref().unwrap().contains(want)), "{found:?}");
        };
        check(r#"{"tcp":"127.0.0.1:5140"}"#, None);
        check(r#"{"tcp":"127.0.0.1:0","tls":"127.0.0.1:0"}"#, None);
        check("{}", Some("listens nowhere"));
        check(r#"{"tcp":"127.0.0.1:5140","tls":"127.0.0.1:5140"}"#, Some("same address"));
        check(r#"{"tcp":"localhost"}"#, Some("invalid socket address"));
    }
}
