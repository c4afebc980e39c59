//! The folders that a session works in, so that writing elsewhere can be told from its work.
//!
//! No column names them. Hooks of agents tell the folder that they run in as the member `cwd` of their record, which is a
//! fact and no content: the first one that a session tells is its folder. Of other sources it is inferred from the files that
//! the session touches first, and then so wide that a doubt is not told: the projects that hold them, and nothing at all once
//! they are many. Only hashes of folders are kept.

use std::borrow::Cow;

use detect_core::event::EventRow;
use detect_core::key::Key;
use detect_core::limits::SCANNED_BYTES_MAX;
use detect_core::packed;
use effects::file::paths;
use ledger::events::column;
use serde::Deserialize;

/// Projects in which one session works; one that touches more at its start is not judged.
const FOLDERS_MAX: usize = 3;
/// So many files are touched before folders that nobody told are believed.
const TOUCHED_ENOUGH: u8 = 8;

/// What is known about the folders of one session.
#[derive(Debug, Clone, Copy, Default)]
pub struct Workspace {
    /// The parts of its folders, apart: together they would take half as much room again.
    hashes: [u32; FOLDERS_MAX],
    depths: [u8; FOLDERS_MAX],
    touched: u8,
}
packed!(Workspace { hashes, depths, touched });

/// A folder by half of its hash and the number of names in its path; none if there are no names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Folder {
    hash: u32,
    depth: u8,
}

impl Workspace {
    /// Learns from an event that touches `file`, an absolute path, as long as there is something to learn.
    pub fn learn(&mut self, event: &EventRow<'_>, file: &str, key: Key) {
        if self.touched >= TOUCHED_ENOUGH {
            return;
        }
        if let Some(folder) = told(event).and_then(|folder| Folder::of(&folder, key)) {
            *self = Self { touched: TOUCHED_ENOUGH, ..Self::default() };
            self.set(0, folder);
            return;
        }
        let Some(folder) = project(file).and_then(|project| Folder::of(project, key)) else { return };
        self.touched += 1;
        if self.holds(file, key) {
            return;
        }
        match self.depths.iter().position(|depth| *depth == 0) {
            Some(free) => self.set(free, folder),
            // Who works everywhere is outside of nothing.
            None => *self = Self { touched: TOUCHED_ENOUGH, ..Self::default() },
        }
    }

    /// Whether an absolute path is known to lie in one of the folders.
    pub fn is_inside(&self, path: &str, key: Key) -> bool {
        self.touched >= TOUCHED_ENOUGH && self.holds(path, key)
    }

    /// Whether an absolute path is known to lie in none of them.
    pub fn is_outside(&self, path: &str, key: Key) -> bool {
        self.touched >= TOUCHED_ENOUGH && self.depths[0] > 0 && !self.holds(path, key)
    }

    /// Whether the path is one of the folders itself.
    pub fn is_folder(&self, path: &str, key: Key) -> bool {
        let folder = Folder::of(path, key);
        self.touched >= TOUCHED_ENOUGH && folder.is_some_and(|folder| self.folders().any(|known| known == folder))
    }

    fn holds(&self, path: &str, key: Key) -> bool {
        self.folders()
            .any(|folder| front(path, folder.depth.into()).and_then(|front| Folder::of(front, key)) == Some(folder))
    }

    /// The folders that are known.
    fn folders(&self) -> impl Iterator<Item = Folder> {
        let all = self.hashes.iter().zip(self.depths).map(|(hash, depth)| Folder { hash: *hash, depth });
        all.filter(|folder| folder.depth > 0)
    }

    fn set(&mut self, at: usize, folder: Folder) {
        if let (Some(hash), Some(depth)) = (self.hashes.get_mut(at), self.depths.get_mut(at)) {
            (*hash, *depth) = (folder.hash, folder.depth);
        }
    }
}

impl Folder {
    /// `None` for the root, and for what is no absolute path.
    fn of(path: &str, key: Key) -> Option<Self> {
        let depth = u8::try_from(path.matches('/').count()).ok().filter(|depth| *depth > 0)?;
        (path.len() > 1 && path.starts_with('/')).then(|| Self { hash: key.hash(&["folder", path]) as u32, depth })
    }
}

/// The first `depth` names of an absolute path.
fn front(path: &str, depth: usize) -> Option<&str> {
    let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain(std::iter::once(path.len()));
    ends.take(depth).nth(depth.checked_sub(1)?).map(|end| &path[..end])
}

/// The folder that the source says the agent runs in, if it may be a workspace.
pub fn told(event: &EventRow<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Record<'a> {
        #[serde(borrow)]
        cwd: Option<Cow<'a, str>>,
    }
    let record = event.text(column::RECORD).filter(|record| record.len() <= SCANNED_BYTES_MAX)?;
    let folder = serde_json::from_str::<Record>(record).ok()?.cwd?;
    let folder = paths::plain(&folder);
    let is_below =
        |above: &str| folder.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    // Who starts in a folder of the system does not own it; root's home and the sources of containers are worked in.
    let is_system = paths::is_system(&format!("{folder}/"))
        && !["/root", "/usr/src", "/usr/local/src"].iter().any(|above| is_below(above));
    (folder.len() > 1 && folder.starts_with('/') && !is_system).then(|| folder.into_owned())
}

/// The project that an absolute path lies in by the usual places of projects, rather too wide than too narrow.
fn project(path: &str) -> Option<&str> {
    let names: Vec<&str> = path.strip_prefix('/')?.splitn(5, '/').collect();
    let homes = match *names.first()? {
        "home" | "Users" => 2,
        "root" | "workspaces" | "mnt" | "srv" | "opt" | "data" | "Volumes" => 1,
        "var" if names.get(1) == Some(&"www") => 2,
        _ if paths::is_system(path) || paths::is_scratch(path) => return None,
        _ => 0,
    };
    // Hidden folders of a home are no projects: configuration and caches lie there.
    let name = names.get(homes)?;
    if name.is_empty() || name.starts_with('.') {
        return None;
    }
    // A file that lies in a home itself says that the home is worked in.
    front(path, if names.len() > homes + 1 { homes + 1 } else { homes })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    fn learnt(events: &[Value]) -> Workspace {
        let mut workspace = Workspace::default();
        for row in fixtures::rows(events).iter() {
            let event = EventRow::new(&row, false, fixtures::key());
            workspace.learn(&event, event.text(column::FILE).unwrap(), fixtures::key());
        }
        workspace
    }

    fn touched(file: &str) -> Value {
        json!({"second": 0, "kind": "file.read", "file": file})
    }

    #[test]
    fn projects_lie_in_the_usual_places() {
        for (path, expected) in [
            ("/home/coder/app/src/main.rs", Some("/home/coder/app")),
            ("/Users/ann/code/app/a.ts", Some("/Users/ann/code")),
            ("/home/coder/notes.md", Some("/home/coder")),
            ("/home/coder/.config/x", None),
            ("/root/app/x", Some("/root/app")),
            ("/workspaces/app/x", Some("/workspaces/app")),
            ("/var/www/site/index.html", Some("/var/www/site")),
            ("/app/src/x", Some("/app")),
            ("/x", None),
            ("/", None),
            ("/tmp/x", None),
            ("/usr/include/stdio.h", None),
            ("src/main.rs", None),
        ] {
            assert_eq!(project(path), expected, "{path}");
        }
        assert_eq!((front("/a/b/c", 2), front("/a/b", 2), front("/a", 2)), (Some("/a/b"), Some("/a/b"), None));
    }

    #[test]
    fn the_first_folder_that_is_told_is_the_workspace() {
        let key = fixtures::key();
        let told = |record: &str| learnt(&[json!({"second": 0, "file": "/x/y", "record": record})]);
        let workspace = told(r#"{"tool_input":null,"cwd":"/home/coder/app/./x/.."}"#);
        for (path, outside) in
            [("/home/coder/app/a", false), ("/home/coder/app2/a", true), ("/home/coder", true), ("/x/y", true)]
        {
            assert_eq!(
                (workspace.is_outside(path, key), workspace.is_inside(path, key)),
                (outside, !outside),
                "{path}"
            );
        }
        assert!(workspace.is_folder("/home/coder/app", key) && !workspace.is_folder("/home/coder", key));
        for record in [r#"{"cwd":"/"}"#, r#"{"cwd":"/etc"}"#, r#"{"cwd":"app"}"#, r#"{"cwd":7}"#, "{}", "["] {
            assert!(!told(record).is_outside("/q/r", key), "{record}");
        }
        assert!(told(r#"{"cwd":"/root/app"}"#).is_inside("/root/app/x", key));
    }

    #[test]
    fn folders_that_nobody_told_are_believed_after_some_files() {
        let key = fixtures::key();
        let mut events = vec![touched("/home/coder/app/a"); 7];
        assert!(!learnt(&events).is_outside("/home/coder/other/x", key), "too little is known");
        events.push(touched("/home/coder/lib/a"));
        let workspace = learnt(&events);
        assert!(workspace.is_outside("/home/coder/other/x", key));
        assert!(workspace.is_inside("/home/coder/app/b", key) && workspace.is_inside("/home/coder/lib/b", key));
        let many: Vec<Value> = (0..9).map(|at| touched(&format!("/home/coder/app{at}/a"))).collect();
        assert!(!learnt(&many).is_outside("/home/coder/other/x", key), "it works everywhere");
    }

    #[test]
    fn state_is_small() {
        let mut bytes = Vec::new();
        detect_core::pack::Pack::pack(&Workspace::default(), &mut bytes);
        assert_eq!(bytes.len(), 16);
    }
}
