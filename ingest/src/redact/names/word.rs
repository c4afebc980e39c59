//! Which names are names of secrets. Names are read word by word: `aws_secret_access_key`, `clientSecret` and `X-Api-Key`.

/// How surely a name means a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Whatever stands behind it.
    Strong,
    /// What looks made by a machine: `token`, `auth`, `key`.
    Weak,
}

/// A word that is a secret by itself, wherever in the name it stands.
const SECRET: &[&str] = &[
    "apikey",
    "apisecret",
    "authorization",
    "authtoken",
    "cookie",
    "credential",
    "credentials",
    "mnemonic",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "passwort",
    "pgpassword",
    "pwd",
    "secret",
    "secrets",
];
/// Endings of words that were written together.
const ENDINGS: &[&str] = &[
    "accesskey",
    "accesstoken",
    "apikey",
    "authtoken",
    "clientsecret",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "refreshtoken",
    "secretkey",
    "sessiontoken",
    "webhooksecret",
    "accountkey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "apitoken",
];
/// Words before `key` that make it a secret.
const KEYS: &[&str] = &[
    "access",
    "account",
    "admin",
    "api",
    "app",
    "auth",
    "client",
    "deploy",
    "encryption",
    "hmac",
    "host",
    "license",
    "master",
    "private",
    "secret",
    "service",
    "session",
    "shared",
    "signing",
    "ssh",
    "storage",
    "subscription",
];
/// Words before `token` that make it something else.
const TOKENS: &[&str] = &[
    "bos",
    "cancellation",
    "continuation",
    "current",
    "end",
    "eos",
    "first",
    "invalid",
    "last",
    "lexer",
    "max",
    "min",
    "next",
    "pad",
    "page",
    "pagination",
    "parse",
    "per",
    "start",
    "stop",
    "sync",
    "syntax",
    "unexpected",
    "unk",
    "special",
    "prev",
];
/// Last words that say that the name is about a secret and not the secret.
const ABOUT: &[&str] = &[
    "age",
    "alg",
    "algorithm",
    "arn",
    "at",
    "attempts",
    "budget",
    "changed",
    "class",
    "confirmation",
    "cost",
    "count",
    "counts",
    "created",
    "dir",
    "enabled",
    "endpoint",
    "env",
    "error",
    "exists",
    "expired",
    "expires",
    "expiry",
    "field",
    "file",
    "fields",
    "format",
    "group",
    "helper",
    "hint",
    "host",
    "id",
    "ids",
    "in",
    "index",
    "kind",
    "label",
    "len",
    "length",
    "limit",
    "limits",
    "manager",
    "max",
    "method",
    "min",
    "minlength",
    "mode",
    "name",
    "names",
    "out",
    "path",
    "policy",
    "position",
    "price",
    "prompt",
    "provider",
    "ref",
    "required",
    "reset",
    "rotation",
    "rule",
    "rules",
    "scheme",
    "scope",
    "scopes",
    "size",
    "source",
    "stdin",
    "status",
    "store",
    "strength",
    "time",
    "total",
    "ttl",
    "type",
    "types",
    "uri",
    "url",
    "usage",
    "used",
    "valid",
    "validation",
    "version",
    "visible",
    "window",
];
/// What addresses call their secrets, in one word.
const IN_QUERIES: &[&str] = &["auth", "key", "session", "sid", "ticket", "token"];
/// What addresses call their secrets, whatever stands before it.
const SIGNATURES: &[&str] = &["hmac", "jwt", "sig", "signature"];

/// What a name means; `None` if it is no name of a secret. `in_query` says that it is a parameter of an address.
pub fn strength(name: &str, in_query: bool) -> Option<Strength> {
    let words = words(name);
    let words = || words.split(' ').filter(|word| !word.is_empty());
    let (mut last, mut before, mut count) = ("", "", 0);
    for word in words() {
        (before, last, count) = (last, word, count + 1);
    }
    if count == 0 || ABOUT.contains(&last) {
        return None;
    }
    let is_secret = |word: &str| SECRET.contains(&word) || ENDINGS.iter().any(|end| word.ends_with(end));
    if words().any(is_secret) || last == "pw" || is_pass(last) {
        return Some(Strength::Strong);
    }
    if in_query && (SIGNATURES.contains(&last) || (count == 1 && IN_QUERIES.contains(&last))) {
        return Some(Strength::Strong);
    }
    match last {
        "key" if KEYS.contains(&before) => Some(Strength::Strong),
        "data" if before == "key" => Some(Strength::Strong),
        "phrase" if before == "seed" => Some(Strength::Strong),
        "token" if count == 1 => Some(Strength::Weak),
        "token" if words().any(|word| TOKENS.contains(&word)) => None,
        "token" => Some(Strength::Strong),
        "auth" => Some(Strength::Weak),
        "code" if in_query && count == 1 => Some(Strength::Weak),
        _ => None,
    }
}

/// `pass`, and names of programs before it: `PGPASS`, `SSHPASS`. Words of the language are no such names.
fn is_pass(word: &str) -> bool {
    const OTHERS: [&str; 10] = ["ask", "by", "com", "encom", "multi", "over", "sur", "tres", "under", "web"];
    word.strip_suffix("pass").is_some_and(|before| before.len() <= 6 && !OTHERS.contains(&before))
}

/// The words of a name in lower case with blanks between them, without numbers at their ends.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(2 * name.len());
    let end = |words: &mut String| {
        words.truncate(words.trim_end_matches(|char: char| char.is_ascii_digit()).len());
        words.push(' ');
    };
    let mut chars = name.chars().peekable();
    let mut before = ' ';
    while let Some(char) = chars.next() {
        let next_is_lower = chars.peek().is_some_and(char::is_ascii_lowercase);
        let begins = char.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || (before.is_ascii_uppercase() && next_is_lower));
        if begins || !char.is_ascii_alphanumeric() {
            end(&mut words);
        }
        if char.is_ascii_alphanumeric() {
            words.push(char.to_ascii_lowercase());
        }
        before = char;
    }
    end(&mut words);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of secrets.
    const SECRETS: &[&str] = &[
        "password",
        "PASSWORD",
        "dbPassword",
        "DB_PASS",
        "db.pass",
        "mysql_pwd",
        "PGPASSWORD",
        "SSHPASS",
        "passphrase",
        "password2",
        "clientSecret",
        "client_secret",
        "aws_secret_access_key",
        "AWSSecretAccessKey",
        "X-Api-Key",
        "apiKey",
        "OPENAI_API_KEY",
        "_authToken",
        "accessToken",
        "refresh_token",
        "GITHUB_TOKEN",
        "X_SECRET",
        "AccountKey",
        "private_key",
        "signing-key",
        "client-key-data",
        "Authorization",
        "Proxy-Authorization",
        "Set-Cookie",
        "credentials",
        "sshKey",
        "secretkey",
        "github.token",
    ];
    /// Names that only sound like those.
    const OTHERS: &[&str] = &[
        "tokens",
        "max_tokens",
        "tokens_in",
        "token_usage",
        "token_type",
        "tokenCount",
        "next_token",
        "nextPageToken",
        "api_key_id",
        "key_id",
        "keyId",
        "credential_kind",
        "password_policy",
        "password_file",
        "secret_name",
        "author",
        "authority",
        "authenticated",
        "key",
        "keyboard",
        "public_key",
        "primary_key",
        "passed",
        "passing",
        "compass",
        "bypass",
        "bypass_rule",
        "secretary",
        "tokenizer",
        "session_id",
        "sort_key",
        "monkey",
        "cookie_policy",
        "code",
        "",
    ];

    #[test]
    fn names_of_secrets_are_told_from_names_about_them() {
        for name in SECRETS {
            assert_eq!(strength(name, false), Some(Strength::Strong), "{name}");
        }
        for name in ["token", "auth", "Token"] {
            assert_eq!(strength(name, false), Some(Strength::Weak), "{name}");
            assert_eq!(strength(name, true), Some(Strength::Strong), "{name}");
        }
        for name in ["sig", "key", "sid", "X-Amz-Signature", "session"] {
            assert_eq!((strength(name, false), strength(name, true)), (None, Some(Strength::Strong)), "{name}");
        }
        for name in OTHERS {
            assert_eq!(strength(name, false), None, "{name}");
        }
    }
}
