//! Messages that go one after the other, each in a frame of its own, to a receiver that answers nothing. `tcp` and `udp` carry them; what
//! the frames say is the sinks' business.

use std::fmt;

use super::{Answer, Payload, Protocol, excerpt};

/// Frames, and what is known of them afterwards.
pub struct Framed;

impl Protocol for Framed {
    type Payload = Frames;
    type Answer = Carried;
}

/// What carries frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// TCP with TLS.
    #[default]
    Tls,
    /// TCP, not encrypted.
    Tcp,
    /// A datagram for each frame, of which nobody learns whether it arrives.
    Udp,
}

/// Frames, one after the other, and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    /// What carries them.
    pub transport: Transport,
    /// The receiver's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The frames; those for UDP with their lengths before them, which stay here.
    pub bytes: Vec<u8>,
}

impl Payload for Frames {
    fn shown(&self, message: &[u8]) -> String {
        let transport = match self.transport {
            Transport::Tls => "TLS",
            Transport::Tcp => "TCP",
            Transport::Udp => "UDP",
        };
        format!("{transport} {}:{}\n\n{}", self.host, self.port, String::from_utf8_lossy(message))
    }
}

/// What is known of frames that were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// The receiver read everything and ended the connection.
    Closed {
        /// What it said before, which receivers of frames seldom do. It is its text: never trusted, never shown unescaped.
        said: String,
    },
    /// So many datagrams left; whether they arrive nobody knows.
    Left {
        /// How many.
        datagrams: usize,
    },
    /// One is too long for a datagram. Nothing was sent.
    TooLong {
        /// Its number, from 0.
        index: usize,
        /// Its length in bytes.
        bytes: usize,
    },
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { said } if said.is_empty() => f.write_str("read everything and closed"),
            Self::Closed { said } => write!(f, "read everything and closed: {}", excerpt(said)),
            Self::Left { datagrams } => write!(f, "{datagrams} datagrams left; whether they arrive, UDP does not say"),
            Self::TooLong { bytes, .. } => {
                write!(f, "a message of {bytes} bytes is longer than a datagram may be (datagram_bytes)")
            }
        }
    }
}

impl Answer for Carried {
    #[cfg(test)]
    fn of(_: u16, _: String) -> Option<Self> {
        None
    }
}

/// How a receiver tells where a frame ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// Its length in octets stands before it, as a decimal number and a space (RFC 6587, 3.4.1; RFC 5425, 4.3).
    #[default]
    OctetCounting,
    /// A line feed stands behind it (RFC 6587, 3.4.2).
    Lines,
}

impl Framing {
    /// Writes a frame behind others. What would end a line stands in no frame that is one: it becomes a space.
    pub fn put(self, frame: &str, bytes: &mut Vec<u8>) {
        match self {
            Self::OctetCounting => {
                bytes.extend_from_slice(frame.len().to_string().as_bytes());
                bytes.push(b' ');
                bytes.extend_from_slice(frame.as_bytes());
            }
            Self::Lines => {
                bytes.extend(frame.bytes().map(|byte| if matches!(byte, b'\n' | b'\r' | 0) { b' ' } else { byte }));
                bytes.push(b'\n');
            }
        }
    }
}

/// The frames that [`Framing::OctetCounting`] wrote, as far as they are whole.
pub fn octet_counted(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let space = bytes.iter().position(|byte| *byte == b' ')?;
        let (length, rest) = bytes.split_at_checked(space)?;
        let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
        let (frame, rest) = rest.get(1..)?.split_at_checked(length)?;
        bytes = rest;
        Some(frame)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The frames in bytes, as a receiver finds them.
    fn parse(framing: Framing, bytes: &[u8]) -> Vec<Vec<u8>> {
        match framing {
            Framing::OctetCounting => octet_counted(bytes).map(<[u8]>::to_vec).collect(),
            Framing::Lines => bytes
                .split_inclusive(|byte| *byte == b'\n')
                .map(|line| line.strip_suffix(b"\n").unwrap().to_vec())
                .collect(),
        }
    }

    proptest! {
        #[test]
        fn no_frame_ends_early_or_runs_into_the_next(texts in proptest::collection::vec("(?s).{0,40}", 0..8)) {
            for framing in [Framing::OctetCounting, Framing::Lines] {
                let mut bytes = Vec::new();
                for text in &texts {
                    framing.put(text, &mut bytes);
                }
                let plain = |text: &String| match framing {
                    Framing::OctetCounting => text.clone(),
                    Framing::Lines => text.replace(['\n', '\r', '\0'], " "),
                };
                let expected: Vec<Vec<u8>> = texts.iter().map(|text| plain(text).into_bytes()).collect();
                prop_assert_eq!(parse(framing, &bytes), expected);
            }
        }

        #[test]
        fn bytes_that_are_no_frames_have_an_end(bytes in proptest::collection::vec(prop_oneof![Just(b' '), b'0'..=b'9', any::<u8>()], 0..60)) {
            let length: usize = octet_counted(&bytes).map(|frame| frame.len() + 2).sum();
            prop_assert!(length <= bytes.len());
        }
    }
}
