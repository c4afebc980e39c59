//! The one list of pages. A page says its name, its address, who may see it, and its routes; everything else that knows of pages
//! derives from the list.

mod alerts;
mod demo;
mod egress;
mod fleet;
mod health;
mod integrity;
mod inventory;
mod record;
mod sessions;
mod silences;
mod slo;
mod spend;
pub mod sql;

use axum::Router;
use ledger::LedgerName;
use operations::access::Principal;

use crate::State;

/// A part of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// What goes on.
    Watch,
    /// What it costs, and where it goes.
    Account,
    /// What can be shown to others.
    Prove,
    /// Whether all of it works.
    Operate,
    /// What only a demo has.
    Demo,
}

impl Group {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Watch, Self::Account, Self::Prove, Self::Operate, Self::Demo];

    /// The heading.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "Watch",
            Self::Account => "Account",
            Self::Prove => "Prove",
            Self::Operate => "Operate",
            Self::Demo => "Demo",
        }
    }
}

/// One page.
pub struct Page {
    /// What it is called.
    pub name: &'static str,
    /// Its address; what belongs to it lies below.
    pub path: &'static str,
    /// The icon in front of its name: a symbol of `icons.html`.
    pub icon: &'static str,
    /// Where the navigation lists it.
    pub group: Group,
    /// The key that goes there after `g`.
    pub key: char,
    /// The ledger that one must be allowed to read to see it.
    pub reads: LedgerName,
    /// What it answers.
    pub routes: fn() -> Router<State>,
}

/// All pages, in the order of the navigation.
pub const PAGES: &[Page] = &[
    fleet::PAGE,
    sessions::PAGE,
    alerts::PAGE,
    silences::PAGE,
    spend::PAGE,
    egress::PAGE,
    inventory::PAGE,
    integrity::PAGE,
    sql::PAGE,
    health::PAGE,
    slo::PAGE,
];

/// Pages that are there only while a demo runs.
pub const DEMO_PAGES: &[Page] = &[demo::BREAK, demo::SLACK, demo::PAGERDUTY, demo::SPLUNK];

impl Page {
    /// Whether somebody may see it.
    pub fn is_for(&self, principal: &Principal) -> bool {
        principal.may_read(self.reads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_page_has_its_own_name_path_and_key() {
        let all = || PAGES.iter().chain(DEMO_PAGES);
        let unique = |of: fn(&Page) -> String| all().map(of).collect::<HashSet<_>>().len() == all().count();
        assert!(unique(|page| page.name.to_owned()));
        assert!(unique(|page| page.path.to_owned()));
        assert!(unique(|page| page.key.to_string()));
        assert!(Group::ALL.iter().all(|group| all().filter(|page| page.group == *group).count() <= 4));
    }
}
