//! What is known of workspaces and their builds, put together from rows in any order: a build that several feeds tell of, or that was polled
//! again and again, is one. It knows no price and no clock.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::{Seq, Timestamp};
use sha2::{Digest, Sha256};

/// One row about a workspace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) what: What<'a>,
    /// Where it stands.
    pub(super) seq: Seq,
    /// When it happened.
    pub(super) at: Timestamp,
    pub(super) workspace: &'a str,
    pub(super) workspace_name: Option<&'a str>,
    pub(super) template: Option<&'a str>,
    pub(super) org: Option<&'a str>,
    pub(super) team: Option<&'a str>,
    pub(super) user: Option<&'a str>,
}

/// What a row tells.
#[derive(Debug, Clone, Copy)]
pub(super) enum What<'a> {
    /// A build that succeeded; its id, where it has one.
    Build(Transition, Option<&'a str>),
    /// How the workspace stands with the control plane, which names its owner.
    Workspace,
    /// Somebody came to the workspace, so it ran.
    Connection,
}

/// What a build makes of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Transition {
    Start,
    Stop,
    Delete,
}

impl Transition {
    /// The transition behind the word for it.
    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            // The audit log calls the first build of a workspace so.
            "start" | "create" => Some(Self::Start),
            "stop" => Some(Self::Stop),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// A build, from the first row that tells of its success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Change {
    pub(super) workspace: Id,
    pub(super) at: Timestamp,
    pub(super) seq: Seq,
    pub(super) transition: Transition,
    /// The team, as that row told it.
    pub(super) team: Id,
}

/// The number of a text that was told.
pub(crate) type Id = u32;

/// A text that was never told.
const NOTHING: Id = 0;

/// Texts by number, each held once.
#[derive(Debug)]
struct Texts {
    ids: HashMap<Arc<str>, Id>,
    all: Vec<Arc<str>>,
    bytes: usize,
}

impl Texts {
    fn id(&mut self, text: &str) -> Id {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let (Ok(id), text) = (Id::try_from(self.all.len()), Arc::<str>::from(text)) else { return NOTHING };
        self.bytes += text.len() + TEXT_BYTES;
        self.all.push(Arc::clone(&text));
        self.ids.insert(text, id);
        id
    }

    fn get(&self, id: Id) -> Option<&str> {
        if id == NOTHING { None } else { self.all.get(id as usize).map(AsRef::as_ref) }
    }
}

/// The text of the best row that told one.
#[derive(Debug, Clone, Copy)]
struct Latest {
    /// What the control plane lists is believed more than what a build says by the way; of equals the later row.
    rank: (bool, Seq),
    id: Id,
}

impl Default for Latest {
    fn default() -> Self {
        Self { rank: (false, Seq::FIRST), id: NOTHING }
    }
}

impl Latest {
    fn learn(&mut self, rank: (bool, Seq), id: Id) {
        if id != NOTHING && (self.id == NOTHING || rank > self.rank) {
            *self = Self { rank, id };
        }
    }
}

/// What is known of a workspace, beside its builds.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    name: Latest,
    template: Latest,
    org: Latest,
    team: Latest,
    user: Latest,
    /// The first connection.
    seen: Option<(Timestamp, Seq)>,
}

/// What a workspace is called, and whose it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Names<'a> {
    pub(crate) workspace: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) template: Option<&'a str>,
    pub(crate) org: Option<&'a str>,
    pub(crate) team: Option<&'a str>,
    pub(crate) user: Option<&'a str>,
}

/// All rows that were told.
#[derive(Debug)]
pub(super) struct History {
    texts: Texts,
    known: HashMap<Id, Known>,
    builds: HashMap<[u8; 16], Change>,
}

/// What a text takes beside its bytes, about: its places in a list and in a table,
const TEXT_BYTES: usize = 64;
/// a workspace,
const KNOWN_BYTES: usize = 2 * (size_of::<Known>() + 8);
/// and a build, in the table and, when all were told, in order.
const BUILD_BYTES: usize = 2 * (size_of::<Change>() + 17) + size_of::<Change>();

impl Default for History {
    fn default() -> Self {
        let nothing = Arc::<str>::from("");
        let texts = Texts { ids: HashMap::from([(Arc::clone(&nothing), NOTHING)]), all: vec![nothing], bytes: 0 };
        Self { texts, known: HashMap::new(), builds: HashMap::new() }
    }
}

impl History {
    /// Adds a row.
    pub(super) fn add(&mut self, told: &Told<'_>) {
        let Self { texts, known, builds } = self;
        let workspace = texts.id(told.workspace);
        if workspace == NOTHING {
            return;
        }
        let mut id = |text: Option<&str>| text.map_or(NOTHING, |text| texts.id(text));
        let team = id(told.team);
        let known = known.entry(workspace).or_default();
        match told.what {
            What::Connection => {
                let seen = (told.at, told.seq);
                known.seen = Some(known.seen.map_or(seen, |before| before.min(seen)));
            }
            What::Workspace | What::Build(..) => {
                let rank = (matches!(told.what, What::Workspace), told.seq);
                known.name.learn(rank, id(told.workspace_name));
                known.template.learn(rank, id(told.template));
                known.org.learn(rank, id(told.org));
                known.team.learn(rank, team);
                known.user.learn(rank, id(told.user));
            }
        }
        if let What::Build(transition, build) = told.what {
            let change = Change { workspace, at: told.at, seq: told.seq, transition, team };
            let key = key(told.workspace, build, told.seq);
            builds.entry(key).and_modify(|first| *first = (*first).min(change)).or_insert(change);
        }
    }

    /// The memory that it takes, and will take when its builds are put in order, about.
    pub(super) fn bytes(&self) -> usize {
        self.texts.bytes + self.known.capacity() * KNOWN_BYTES / 2 + self.builds.len() * BUILD_BYTES
    }

    /// The builds of each workspace in the order in which they happened. Builds that are told from now on are no more in it.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        let mut changes: Vec<Change> = std::mem::take(&mut self.builds).into_values().collect();
        changes.sort_unstable();
        changes
    }

    /// When somebody first came to a workspace.
    pub(super) fn seen(&self, workspace: Id) -> Option<(Timestamp, Seq)> {
        self.known.get(&workspace)?.seen
    }

    /// A team by its number.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        self.texts.get(id)
    }

    /// What a workspace is called, and whose it is by what is known now.
    pub(super) fn names(&self, workspace: Id) -> Names<'_> {
        let Some(known) = self.known.get(&workspace) else { return Names::default() };
        Names {
            workspace: self.texts.get(workspace).unwrap_or_default(),
            name: self.texts.get(known.name.id),
            template: self.texts.get(known.template.id),
            org: self.texts.get(known.org.id),
            team: self.texts.get(known.team.id),
            user: self.texts.get(known.user.id),
        }
    }
}

/// By what a build is known: its workspace and id, or the row if it has none. A hash that nobody finds two builds for.
fn key(workspace: &str, build: Option<&str>, seq: Seq) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update((workspace.len() as u64).to_le_bytes());
    hash.update(workspace);
    if let Some(build) = build {
        hash.update([1]);
        hash.update(build);
    } else {
        hash.update([0]);
        hash.update(seq.get().to_le_bytes());
    }
    let digest = hash.finalize();
    let mut key = [0; 16];
    key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    key
}
