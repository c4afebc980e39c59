//! The fold over the token entries of `operations`: which token belongs to whom, and which are revoked.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Authorize, Principal, secret};
use crate::fold::Fold;
use crate::kind::token::{ACTIVE, REVOKED, TOKEN};
use crate::limits;
use ledger::Row;
use ledger::Timestamp;
use ledger::operations::column;

/// One token's life so far.
#[derive(Debug, Clone)]
pub struct TokenState {
    /// Who shows the token.
    pub principal: Arc<Principal>,
    /// When it was created.
    pub created: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    hash: [u8; 32],
}

/// All tokens at one position of `operations`.
#[derive(Debug, Default)]
pub struct Directory {
    by_hash: HashMap<[u8; 32], Arc<Principal>>,
    tokens: BTreeMap<String, TokenState>,
}

impl Fold for Directory {
    const KINDS: Option<&'static [&'static str]> = Some(&[TOKEN.word()]);

    /// What cannot be read gives nobody access.
    fn apply(&mut self, row: &Row<'_>) {
        if !TOKEN.is_of(row) {
            return;
        }
        let Some(id) = row.text(column::SUBJECT) else { return };
        match row.text(column::TO) {
            Some(ACTIVE) => self.create(id, row),
            Some(REVOKED) => {
                if let Some(token) = self.tokens.get_mut(id) {
                    token.revoked = Some(row.recorded);
                    self.by_hash.remove(&token.hash);
                }
            }
            _ => tracing::warn!(position = %row.position, "a token's entry has an unknown state and is ignored"),
        }
    }
}

impl Directory {
    fn create(&mut self, id: &str, row: &Row<'_>) {
        let record = TOKEN.read(row);
        let hash = record.as_ref().and_then(|record| secret::parse_hash(&record.hash));
        let (Some(record), Some(hash)) = (record, hash) else {
            tracing::warn!(position = %row.position, "a token's entry cannot be read and is ignored");
            return;
        };
        // The first entry of an id stands: a second one could otherwise bring a revoked token back.
        if self.tokens.contains_key(id) || record.principal.token != id || self.by_hash.len() >= limits::TOKENS_MAX {
            tracing::warn!(position = %row.position, "a token's entry repeats an id or is one too many and is ignored");
            return;
        }
        let principal = Arc::new(record.principal);
        self.by_hash.insert(hash, Arc::clone(&principal));
        let state = TokenState { principal, created: row.recorded, revoked: None, hash };
        self.tokens.insert(id.to_owned(), state);
    }

    /// How many tokens are accepted.
    pub fn active(&self) -> usize {
        self.by_hash.len()
    }

    /// All tokens by id.
    pub fn tokens(&self) -> &BTreeMap<String, TokenState> {
        &self.tokens
    }
}

impl Authorize for Directory {
    fn authorize(&self, secret: &str) -> Option<Arc<Principal>> {
        self.by_hash.get(&secret::hash(secret)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Role, Secret, Trust};
    use crate::kind::token::Created;
    use ledger::{Entry, LedgerName, Rows, Seq};

    /// Builds a block of token entries as they stand in the ledger.
    fn rows(entries: &[(&str, &str, String)]) -> Rows {
        let mut rows = Rows::new(LedgerName::Operations, 0, Seq::FIRST);
        for (seq, (id, to, record)) in entries.iter().enumerate() {
            let mut entry = Entry::new();
            let values = [
                (column::KIND, TOKEN.word()),
                (column::SUBJECT, id),
                (column::TO, to),
                (column::RECORD, record.as_str()),
            ];
            for (column, value) in values {
                entry.set_text(column, value);
            }
            rows.push_entry(0, Timestamp::from_unix_micros(1_000 + seq as i64), &entry);
        }
        rows
    }

    fn apply(directory: &mut Directory, entries: &[(&str, &str, String)]) {
        rows(entries).iter().for_each(|row| directory.apply(&row));
    }

    fn record(id: &str, secret: &Secret) -> String {
        let principal = Principal {
            token: id.to_owned(),
            name: "collector".to_owned(),
            roles: vec![Role::Ingest],
            content: false,
            dialects: Vec::new(),
            trust: Trust::Gateway,
            workspace: None,
            user: None,
            team: None,
            org: None,
        };
        let record = Created { hash: hex::encode(secret.hash()), principal };
        serde_json::to_string(&record).expect("serialises")
    }

    #[test]
    fn a_token_lives_from_its_creation_to_its_revocation() {
        let (a, b) = (Secret::generate().expect("random"), Secret::generate().expect("random"));
        let mut directory = Directory::default();
        apply(&mut directory, &[("a", ACTIVE, record("a", &a)), ("b", ACTIVE, record("b", &b))]);
        assert_eq!(directory.authorize(a.reveal()).expect("known").name, "collector");
        assert!(directory.authorize("tachograph_guess").is_none());
        apply(&mut directory, &[("a", REVOKED, "{}".to_owned()), ("a", ACTIVE, record("a", &a))]);
        assert!(directory.authorize(a.reveal()).is_none(), "a revoked token does not come back");
        assert!(directory.authorize(b.reveal()).is_some());
        assert_eq!(directory.tokens()["a"].revoked, Some(Timestamp::from_unix_micros(1_000)));
        assert_eq!(directory.tokens().len(), 2);
    }

    #[test]
    fn what_cannot_be_read_gives_no_access() {
        let a = Secret::generate().expect("random");
        let hostile = [
            ("a", "opened", record("a", &a)),
            ("a", ACTIVE, "{".to_owned()),
            ("a", ACTIVE, record("other", &a)),
            ("unknown", REVOKED, String::new()),
        ];
        let mut directory = Directory::default();
        apply(&mut directory, &hostile);
        assert!(directory.authorize(a.reveal()).is_none());
        assert!(directory.tokens().is_empty());
    }
}
