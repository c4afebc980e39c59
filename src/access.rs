//! Who may do what: tokens as entries of the `operations` ledger, and the fold over them that answers every listener.

mod directory;
mod live;
mod secret;

pub use directory::{Directory, TokenState};
pub use live::Tokens;
pub use secret::{Secret, hex};
