//! Which files of settings, policies and instructions an agent finds when a session starts, as `tachograph hook` tells it: each by a name
//! that says nothing of the project, and by a hash. What stands in them is told nowhere.

use ledger::events::column;
use operations::inventory::Item;
use serde_json::value::RawValue;

use super::Hook;
use super::payload::Payload;
use crate::dialect::json::{Text, read, record};
use crate::event::Drafts;
use crate::limits::NAME_BYTES_MAX;

/// Files that are told of.
const FILES_MAX: usize = 128;

record! {
    /// A file.
    File {
        item: Text<'a> = "item",
        name: Text<'a> = "name",
        hash: Text<'a> = "hash",
    }
}

/// What a list of files tells all of.
const LISTED: [Item; 3] = [Item::SettingsFile, Item::PolicyFile, Item::InstructionsFile];

impl Hook<'_> {
    /// Adds the files; of those that there are none of one event says so.
    pub(super) fn add_files(&self, files: &RawValue, payload: &Payload, drafts: &mut Drafts) {
        let Ok(files) = read::<Vec<File>>(files.get()) else {
            if let Some(draft) = drafts.iter_mut().next() {
                draft.void("files");
            }
            return;
        };
        for item in LISTED {
            let named = |file: &&File| file.item.some() == Some(item.word()) && file.name.some().is_some();
            let mut told = 0;
            for file in files.iter().filter(named).take(FILES_MAX) {
                self.add_file(item, Some(file), payload, drafts);
                told += 1;
            }
            if told == 0 {
                self.add_file(item, None, payload, drafts);
            }
        }
    }

    fn add_file(&self, item: Item, file: Option<&File>, payload: &Payload, drafts: &mut Drafts) {
        let short = |text: &Text| text.some().filter(|text| text.len() <= NAME_BYTES_MAX).map(str::to_owned);
        let (name, hash) = (file.and_then(|file| short(&file.name)), file.and_then(|file| short(&file.hash)));
        let draft = drafts.add();
        self.set_common(draft, payload, payload.session.id().unwrap_or_default(), "inventory");
        draft.columns.set_text(column::ACTION, item.word());
        draft.columns.set_text_if(column::TARGET, name.as_deref());
        draft.columns.set_text_if(column::STATE, hash.as_deref());
    }
}
