//! Who may do what: tokens as entries of the `operations` ledger, and the fold over them that answers every listener.

mod directory;
mod live;
mod secret;

pub use directory::{Directory, TokenRecord, TokenState};
pub use live::Tokens;
pub use secret::{Secret, hex};

/// The kind of a token's entries in `operations`.
pub const KIND: &str = "token";
/// The state of a token that is accepted.
pub const ACTIVE: &str = "active";
/// The state of a token that is not accepted any more.
pub const REVOKED: &str = "revoked";
