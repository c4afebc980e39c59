//! Credentials that several receivers take: a secret behind a scheme, or a name with a password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Request;
use operations::secret::{Secret, SecretError, SecretText};

/// How a sink proves who sends. At most one way is set; without one it sends as nobody.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// Secrets with the scheme before each.
    pub secrets: &'a [(&'static str, Option<&'a Secret>)],
    /// The name for Basic,
    pub user: Option<&'a str>,
    /// and its password.
    pub password: Option<&'a Secret>,
}

impl Credentials<'_> {
    /// Whether they can be meant.
    pub fn check(&self) -> Result<(), String> {
        let secrets = self.secrets.iter().filter(|(_, secret)| secret.is_some()).count();
        match (self.user.is_some(), self.password.is_some()) {
            (true, false) | (false, true) => Err("user and password are set together".to_owned()),
            (with_password, _) if secrets + usize::from(with_password) > 1 => {
                Err("only one proof of who sends may be set: a token, a key, or user and password".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The request with them. Reads the secret.
    pub fn put(&self, request: Request) -> Result<Request, SecretError> {
        if let (Some(user), Some(password)) = (self.user, self.password) {
            let pair = format!("{user}:{}", password.read()?.expose());
            return Ok(request.authorized("Basic", SecretText::made(STANDARD.encode(pair))));
        }
        match self.secrets.iter().find_map(|(scheme, secret)| Some((*scheme, (*secret)?))) {
            Some((scheme, secret)) => Ok(request.authorized(scheme, secret.read()?)),
            None => Ok(request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_proof_and_it_is_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("s"), "hunter2").unwrap();
        let secret = Secret::File(dir.path().join("s"));
        let with = |user: Option<&'static str>, password: bool, token: bool| {
            let secrets = [("Bearer", token.then_some(&secret))];
            let credentials = Credentials { secrets: &secrets, user, password: password.then_some(&secret) };
            credentials.check().map(|()| credentials.put(Request::post("https://a.acme.example", Vec::new())).unwrap())
        };
        let header = |request: Request| {
            use crate::connections::Payload as _;
            assert!(!request.shown(b"").contains("hunter2"));
            request.authorization.map(|proof| format!("{} {}", proof.scheme, proof.secret.expose()))
        };
        assert_eq!(header(with(Some("elastic"), true, false).unwrap()).unwrap(), "Basic ZWxhc3RpYzpodW50ZXIy");
        assert_eq!(header(with(None, false, true).unwrap()).unwrap(), "Bearer hunter2");
        assert_eq!(header(with(None, false, false).unwrap()), None);
        for (user, password, token) in [(Some("a"), false, false), (None, true, false), (Some("a"), true, true)] {
            assert!(with(user, password, token).is_err());
        }
    }
}
