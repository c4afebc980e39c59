//! The keyed hashes by which detectors know names: nobody outside can make texts that collide.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

/// The key of the detectors' hashes, so that outsiders cannot make texts that collide.
#[derive(Clone, Copy)]
pub struct Key([u8; 16]);

/// What a hash is of, so that the same text has another hash as something else.
#[derive(Debug, Clone, Copy)]
pub struct Space(u64);

impl Space {
    /// Destinations of requests.
    pub const DOMAIN: Self = Self(1);
    /// Teams.
    pub const TEAM: Self = Self(2);
    /// Streams of sources.
    pub const STREAM: Self = Self(3);
    /// Names of feeds.
    pub const SOURCE: Self = Self(4);
    /// Tokens of senders.
    pub const TOKEN: Self = Self(5);
    /// Hosts that were compared with others.
    pub const HOST: Self = Self(6);
    /// What can be tried again.
    pub const ATTEMPT: Self = Self(7);
    /// Calls of tools.
    pub const CALL: Self = Self(8);

    /// Command lines.
    pub const COMMAND: Self = Self(9);

    /// Paths of files.
    pub const FILE: Self = Self(10);

    /// Names of tools.
    pub const TOOL: Self = Self(11);

    /// Names that stand in a column.
    pub const fn column(id: u8) -> Self {
        Self(1 << 32 | id as u64)
    }
}

impl Key {
    /// Derives it from the installation's 32-byte key.
    pub fn new(installation: &[u8; 32]) -> Self {
        use sha2::Digest as _;
        let digest =
            sha2::Sha256::new().chain_update(b"tachograph detect key v1\n").chain_update(installation).finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self(key)
    }

    /// Hashes one text in a space.
    pub fn of(self, space: Space, text: &str) -> u64 {
        // The space goes into the key: this is the shortest there is to hash.
        let mut key = self.0;
        for (byte, other) in key.iter_mut().zip(space.0.to_le_bytes()) {
            *byte ^= other;
        }
        SipHasher13::new_with_key(&key).hash(text.as_bytes())
    }

    /// Hashes texts so that no two lists of texts run into each other.
    pub fn hash(self, texts: &[&str]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        // Most lists are short; put together they are hashed in one go, which takes a third of the time.
        let mut buffer = [0; HASHED_AT_ONCE];
        let mut filled = 0;
        if texts.iter().map(|text| text.len() + 8).sum::<usize>() <= HASHED_AT_ONCE {
            for text in texts {
                let (end, next) = (filled + text.len(), filled + text.len() + 8);
                buffer[filled..end].copy_from_slice(text.as_bytes());
                buffer[end..next].copy_from_slice(&(text.len() as u64).to_le_bytes());
                filled = next;
            }
            return hasher.hash(&buffer[..filled]);
        }
        for text in texts {
            hasher.write(text.as_bytes());
            hasher.write(&(text.len() as u64).to_le_bytes());
        }
        hasher.finish()
    }

    /// Joins two hashes of this key to one. Nobody outside knows them, so nobody can choose two pairs that meet.
    pub fn join(first: u64, second: u64) -> u64 {
        let mixed = (first ^ second.rotate_left(31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93) ^ second
    }
}

/// Bytes that are put together before they are hashed.
const HASHED_AT_ONCE: usize = 192;

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}
