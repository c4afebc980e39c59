//! The kind `token`: who may come, from its creation to its revocation. Who shows a secret is decided in `access`.

use serde::{Deserialize, Serialize};

use super::{Family, Info, Kind};
use crate::access::Principal;

/// The state of a token that is accepted.
pub const ACTIVE: &str = "active";
/// The state of a token that is not accepted any more.
pub const REVOKED: &str = "revoked";

/// The kind of a token's entries.
pub const TOKEN: Kind<Created> = Kind::of(Info::new(
    "token",
    Family::Others,
    "a person",
    "`to` is `active`: `hash` (SHA-256 of the secret), `principal`; `to` is `revoked`: nothing. The first entry of an id stands",
));
/// The same kind, of the entry that ends it.
pub const TOKEN_REVOKED: Kind<Ended> = Kind::of(TOKEN.info);

/// The record of a new token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// SHA-256 of the secret in hexadecimal digits.
    pub hash: String,
    /// Who shows the token.
    pub principal: Principal,
}

/// The record of a revocation: its envelope says all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {}
