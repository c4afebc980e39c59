//! Signed notes (c2sp.org/signed-note) and the checkpoints in them (c2sp.org/tlog-checkpoint), with Ed25519.
//!
//! Keys are written as Go's `golang.org/x/mod/sumdb/note` writes them, so that its verifier takes ours as they are.

use core::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::{Digest, base64};

/// The byte that stands before an Ed25519 public key in a key and in its id.
const ED25519: u8 = 1;
/// The longest note that is read.
pub const NOTE_LEN_MAX: usize = 1 << 20;
/// The most signatures that are looked at in one note.
pub const SIGNATURES_MAX: usize = 100;

/// Why a note, a checkpoint or a key is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteError {
    /// The text is not in the form of a signed note, checkpoint or key; says which rule it breaks.
    Malformed(&'static str),
    /// No signature is by this key.
    UnknownKey(String),
    /// A signature that claims to be by this key is not.
    BadSignature(String),
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(rule) => write!(f, "malformed: {rule}"),
            Self::UnknownKey(name) => write!(f, "no signature by key {name}"),
            Self::BadSignature(name) => write!(f, "the signature by key {name} is wrong"),
        }
    }
}

impl core::error::Error for NoteError {}

/// A public key with the name of the log that it signs for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// A private key with the name of the log that it signs for. `Debug` does not show the key.
pub struct Signer {
    verifier: Verifier,
    key: SigningKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier.name)
    }
}

fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let digest = Digest::of(name.as_bytes(), &[b"\n", &[ED25519], key.as_bytes()]);
    [digest.0[0], digest.0[1], digest.0[2], digest.0[3]]
}

fn valid_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

/// Splits `name+id+base64(algorithm ‖ key)` and checks everything but the id.
fn parse_key(text: &str) -> Option<(&str, [u8; 4], [u8; 32])> {
    let (name, rest) = text.split_once('+')?;
    let (id, key) = rest.split_once('+')?;
    let id = u32::from_str_radix(id, 16).ok().filter(|_| id.len() == 8)?;
    let key = base64::decode(key)?;
    let (algorithm, key) = key.split_first()?;
    (*algorithm == ED25519 && valid_name(name)).then_some(())?;
    Some((name, id.to_be_bytes(), key.try_into().ok()?))
}

impl Verifier {
    /// Reads `name+id+base64`, the form that [`Verifier`] prints.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, id, key) =
            parse_key(text.trim_end()).ok_or(NoteError::Malformed("a key is name+8 hex digits+base64"))?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| NoteError::Malformed("not an Ed25519 public key"))?;
        if key_id(name, &key) != id {
            return Err(NoteError::Malformed("the key's id does not belong to its name and bytes"));
        }
        Ok(Self { name: name.to_owned(), id, key })
    }

    /// The name in the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checks that `note` is signed by this key and returns the text that is signed, its last newline included.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        if note.len() > NOTE_LEN_MAX {
            return Err(NoteError::Malformed("a note is at most 1 MiB"));
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Malformed("a note has an empty line before its signatures"))?;
        let (text, signatures) = (&note[..=split], &note[split + 2..]);
        if !signatures.ends_with('\n') {
            return Err(NoteError::Malformed("a note ends with a newline"));
        }
        for line in signatures.lines().take(SIGNATURES_MAX) {
            let (name, signature) = line
                .strip_prefix("\u{2014} ")
                .and_then(|rest| rest.split_once(' '))
                .ok_or(NoteError::Malformed("a signature line is a dash, a name and base64"))?;
            let bytes = base64::decode(signature).ok_or(NoteError::Malformed("a signature is base64"))?;
            let Some((id, signature)) = bytes.split_first_chunk::<4>() else {
                return Err(NoteError::Malformed("a signature starts with a key id"));
            };
            if name != self.name || *id != self.id {
                continue;
            }
            let signature = Signature::from_slice(signature).map_err(|_| NoteError::BadSignature(self.name.clone()))?;
            self.key
                .verify_strict(text.as_bytes(), &signature)
                .map_err(|_| NoteError::BadSignature(self.name.clone()))?;
            return Ok(text);
        }
        Err(NoteError::UnknownKey(self.to_string()))
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), base64::encode(&key))
    }
}

impl Signer {
    /// Makes a signer for the log `name` from 32 random bytes.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        if !valid_name(name) {
            return Err(NoteError::Malformed("a key's name has no white space, no plus sign and is not empty"));
        }
        let key = SigningKey::from_bytes(seed);
        let public = key.verifying_key();
        let verifier = Verifier { name: name.to_owned(), id: key_id(name, &public), key: public };
        Ok(Self { verifier, key })
    }

    /// Reads `PRIVATE+KEY+name+id+base64`, the form of Go's `note.GenerateKey`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let bad = NoteError::Malformed("a private key is PRIVATE+KEY+name+8 hex digits+base64");
        let text = text.trim_end().strip_prefix("PRIVATE+KEY+").ok_or_else(|| bad.clone())?;
        let (name, id, seed) = parse_key(text).ok_or(bad)?;
        let signer = Self::new(name, &seed)?;
        if signer.verifier.id != id {
            return Err(NoteError::Malformed("the key's id does not belong to its name and bytes"));
        }
        Ok(signer)
    }

    /// The text form that [`Signer::parse`] reads. It is a secret: it belongs in a file with mode 0600 and nowhere else.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        let mut key = vec![ED25519];
        key.extend_from_slice(&self.key.to_bytes());
        let id = u32::from_be_bytes(self.verifier.id);
        format!("PRIVATE+KEY+{}+{id:08x}+{}", self.verifier.name, base64::encode(&key))
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Signs `text`, which ends with a newline, and returns the whole note.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let mut signature = self.verifier.id.to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n\u{2014} {} {}\n", self.verifier.name, base64::encode(&signature))
    }
}

/// A log's size and root at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log: `<log name>/<ledger>/<shard>/<generation>`.
    pub origin: String,
    /// Number of entries (batch headers).
    pub size: u64,
    /// RFC 6962 root over the entries.
    pub root: Digest,
}

impl Checkpoint {
    /// The three lines that are signed.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, base64::encode(&self.root.0))
    }

    /// Reads the text of a checkpoint. Extension lines after the third are allowed and ignored, as the format has it.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let origin = lines
            .next()
            .filter(|o| !o.is_empty())
            .ok_or(NoteError::Malformed("a checkpoint starts with its origin"))?;
        let size = lines
            .next()
            .filter(|s| *s == "0" || !s.starts_with(['0', '+']))
            .and_then(|s| s.parse().ok())
            .ok_or(NoteError::Malformed("a checkpoint's second line is its size in decimal"))?;
        let root = lines
            .next()
            .and_then(base64::decode)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(NoteError::Malformed("a checkpoint's third line is its root in base64"))?;
        lines.next().ok_or(NoteError::Malformed("a checkpoint ends with a newline"))?;
        Ok(Self { origin: origin.to_owned(), size, root: Digest(root) })
    }

    /// Opens a signed checkpoint with `verifier` and reads it.
    pub fn open(note: &str, verifier: &Verifier) -> Result<Self, NoteError> {
        Self::parse(verifier.open(note)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signer() -> Signer {
        Signer::new("acme.example/tachograph", &[7; 32]).expect("a valid name")
    }

    #[test]
    fn keys_and_notes_round_trip() {
        let signer = signer();
        let verifier = Verifier::parse(&signer.verifier().to_string()).expect("own key");
        assert_eq!(Signer::parse(&signer.to_secret_text()).expect("own key").verifier(), &verifier);
        let checkpoint =
            Checkpoint { origin: "acme.example/tachograph/events/0/0".into(), size: 12, root: Digest([3; 32]) };
        let note = signer.sign(&checkpoint.to_text());
        assert_eq!(Checkpoint::open(&note, &verifier), Ok(checkpoint));
    }

    #[test]
    fn the_example_key_of_go_verifies_its_example_note() {
        // Both are the published example of golang.org/x/mod/sumdb/note.
        let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let verifier = Verifier::parse(key).expect("Go's key");
        assert!(verifier.open(note).is_ok());
        assert!(matches!(verifier.open(&note.replace("answer", "Answer")), Err(NoteError::BadSignature(_))));
        assert!(matches!(signer().verifier().open(note), Err(NoteError::UnknownKey(_))));
    }

    proptest! {
        #[test]
        fn any_text_is_refused_without_a_panic(text in "\\PC{0,80}(\n\n\u{2014} a [A-Za-z0-9+/=]{0,12}\n)?") {
            prop_assert!(signer().verifier().open(&text).is_err());
            let _ = Checkpoint::parse(&text);
            let _ = Verifier::parse(&text);
            let _ = Signer::parse(&text);
        }

        #[test]
        fn a_changed_byte_is_refused(at in 0_usize..200, flip in 1_u8..255) {
            let signer = signer();
            let note = signer.sign("acme.example/tachograph/events/0/0\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
            let mut bytes = note.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            if let Ok(text) = String::from_utf8(bytes) {
                prop_assert!(signer.verifier().open(&text).is_err());
            }
        }
    }
}
