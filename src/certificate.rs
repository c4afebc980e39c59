//! The certificate and key of the listeners: read, put together for TLS, and what there is to say about them. Who is shown it
//! when is `serve`'s.

use std::fmt::{self, Display};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use export::Secret;
use export::tls::{certificates, private_key, provider};
use ledger::Timestamp;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, Error, InconsistentKeys, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};

use crate::limits;
use crate::output;
use crate::settings::{Listen, ListenerName};

/// A certificate and its key, ready to be shown.
#[derive(Clone)]
pub struct Certificate {
    /// SHA-256 of the certificate in hexadecimal digits: its fingerprint.
    pub sha256: String,
    /// Where it was read.
    pub file: PathBuf,
    /// When the whole chain is valid: from, and up to and including, in seconds since 1970 UTC.
    pub valid: (u64, u64),
    /// Why clients refuse it whatever the time is, if they do.
    unusable: Option<String>,
    /// Where its key lies, if everybody on the machine can read it there.
    open_key: Option<PathBuf>,
    /// Names by which the console is asked and for which it is not valid.
    strange_names: Vec<String>,
    configs: Vec<(ListenerName, Arc<ServerConfig>)>,
}

/// Nothing of the key is printed.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.sha256)
    }
}

/// What the settings name cannot be used; every mistake begins with its setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Unusable(Vec<String>);

/// What is wrong with a certificate that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Every client refuses it.
    Refused(String),
    /// It is worth a look.
    Look(String),
}

impl Trouble {
    /// What is wrong, and what to do.
    pub fn message(&self) -> &str {
        match self {
            Self::Refused(message) | Self::Look(message) => message,
        }
    }
}

impl Certificate {
    /// Reads what the settings name; `None` if they name no certificate.
    pub fn load(listen: &Listen) -> Result<Option<Self>, Unusable> {
        let Some(file) = &listen.certificate else { return nothing(listen) };
        let mut mistakes = Vec::new();
        let mut told = |setting: &str, error: String| mistakes.push(format!("listen.{setting}: {error}"));
        let chain = chain(file).map_err(|error| told("certificate", error)).ok();
        let key = listen.key.as_ref().ok_or_else(|| "there is none beside `certificate` in [listen]".to_owned());
        let key = key.and_then(private_key).map_err(|error| told("key", error)).ok();
        let named = listen.tls.clone().unwrap_or_else(|| ListenerName::ALL.to_vec());
        let authorities = match &listen.client_certificate_authorities {
            Some(_) if !named.contains(&ListenerName::Ingest) => Err("intake asks nobody without TLS".to_owned()),
            Some(file) => authorities(file).map(Some),
            None => Ok(None),
        };
        let authorities = authorities.map_err(|error| told("client_certificate_authorities", error)).ok();
        let (Some((chain, valid)), Some(key), Some(authorities)) = (chain, key, authorities) else {
            return Err(Unusable(mistakes));
        };
        let leaf = chain.first().cloned();
        let pair = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                Unusable(vec![format!("listen.key: it is not the key of the certificate in {}", file.display())])
            }
            error => Unusable(vec![format!("listen.key: {error}")]),
        })?;
        let pair = Arc::new(SingleCertAndKey::from(pair));
        let configs = named.into_iter().map(|name| {
            let authorities = authorities.clone().filter(|_| name == ListenerName::Ingest);
            Ok((name, Arc::new(server_config(Arc::clone(&pair), authorities)?)))
        });
        let configs = configs.collect::<Result<_, Error>>();
        let configs = configs.map_err(|error| Unusable(vec![format!("listen.certificate: {error}")]))?;
        Ok(leaf.map(|leaf| Self {
            sha256: hex::encode(Sha256::digest(&leaf)),
            file: file.clone(),
            valid,
            unusable: unusable(&leaf, valid),
            open_key: listen.key.as_ref().and_then(open_key),
            strange_names: strange_names(&leaf, &listen.names),
            configs,
        }))
    }

    /// What connections to this listener are shown; `None` if it speaks plain HTTP.
    pub fn config(&self, listener: ListenerName) -> Option<Arc<ServerConfig>> {
        self.configs.iter().find(|(name, _)| *name == listener).map(|(_, config)| Arc::clone(config))
    }

    /// Until when it is valid, for people.
    pub fn valid_until(&self) -> String {
        shown_time(self.valid.1)
    }

    /// What is wrong with it at a time, in seconds since 1970 UTC.
    pub fn troubles(&self, now: u64) -> Vec<Trouble> {
        let (begin, end) = self.valid;
        let file = self.file.display();
        let mut troubles = Vec::new();
        // A certificate that lives for six days is renewed later than one that lives for a year.
        let renewed_before = limits::CERTIFICATE_RENEWED_BEFORE.as_secs().min((end - begin) / 3);
        if now > end {
            troubles.push(Trouble::Refused(format!("the certificate in {file} expired at {}", shown_time(end))));
        } else if now < begin {
            troubles
                .push(Trouble::Refused(format!("the certificate in {file} is not valid before {}", shown_time(begin))));
        } else if end - now < renewed_before {
            let (days, hours) = ((end - now) / 86_400, (end - now) / 3_600 % 24);
            let what = format!("the certificate in {file} expires in {days} days and {hours} hours");
            troubles.push(Trouble::Look(format!("{what}, at {}; renew it and send SIGHUP", shown_time(end))));
        }
        if let Some(reason) = &self.unusable {
            troubles
                .push(Trouble::Look(format!("clients that check strictly refuse the certificate in {file}: {reason}")));
        }
        if let Some(key) = &self.open_key {
            let key = key.display();
            troubles.push(Trouble::Look(format!("everybody on this machine can read the key in {key}; chmod 600 it")));
        }
        if !self.strange_names.is_empty() {
            let names = self.strange_names.join(", ");
            troubles.push(Trouble::Look(format!("the certificate in {file} is not valid for {names} of listen.names")));
        }
        troubles
    }
}

/// What there is to say about the certificate of the settings, and about listeners that show none.
pub fn troubles(listen: &Listen) -> Vec<Trouble> {
    let certificate = match Certificate::load(listen) {
        Ok(certificate) => certificate,
        Err(Unusable(mistakes)) => return mistakes.into_iter().map(Trouble::Refused).collect(),
    };
    let mut troubles = certificate.as_ref().map(|found| found.troubles(now_seconds())).unwrap_or_default();
    troubles.extend(ListenerName::ALL.into_iter().filter_map(|name| {
        let secure = certificate.as_ref().is_some_and(|found| found.config(name).is_some());
        listen.bare(name, secure).map(Trouble::Look)
    }));
    troubles
}

/// Seconds since 1970 UTC.
pub fn now_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn shown_time(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds <= Timestamp::MAX.unix_seconds())
        .map_or_else(|| "the end of time".to_owned(), |second| output::exact_time(Timestamp::from_unix_seconds(second)))
}

/// Settings without a certificate: the others mean nothing without it.
fn nothing(listen: &Listen) -> Result<Option<Certificate>, Unusable> {
    let set = [
        ("key", listen.key.is_some()),
        ("tls", listen.tls.is_some()),
        ("client_certificate_authorities", listen.client_certificate_authorities.is_some()),
    ];
    let mistakes = set.into_iter().filter(|(_, set)| *set);
    let mistakes = mistakes.map(|(name, _)| format!("listen.{name}: there is no `certificate` beside it in [listen]"));
    let mistakes: Vec<String> = mistakes.collect();
    if mistakes.is_empty() { Ok(None) } else { Err(Unusable(mistakes)) }
}

/// The certificates in a file, and when all of them are valid.
fn chain(file: &Path) -> Result<(Vec<CertificateDer<'static>>, (u64, u64)), String> {
    if file.to_string_lossy().contains("-----BEGIN") {
        // Whoever put the PEM itself here may have put the key with it.
        return Err("it names a file; this is what such a file holds".to_owned());
    }
    let shown = |error: &dyn Display| format!("{}: {error}", file.display());
    let chain = certificates(file).map_err(|error| shown(&error))?;
    let valid = validity(&chain).map_err(|error| shown(&error))?;
    Ok((chain, valid))
}

/// Who checks that whoever connects shows a certificate of one of the authorities in a file.
fn authorities(file: &Path) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let shown = |error: &dyn Display| format!("{}: {error}", file.display());
    let mut roots = RootCertStore::empty();
    for authority in certificates(file).map_err(|error| shown(&error))? {
        roots.add(authority).map_err(|error| shown(&error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build().map_err(|error| shown(&error))
}

fn server_config(
    pair: Arc<SingleCertAndKey>,
    authorities: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<ServerConfig, Error> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = match authorities {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    let mut config = builder.with_cert_resolver(pair);
    // The listeners speak this and nothing else.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// How a strict client judges a certificate at a time, as far as it can be told without its authority.
fn judge(certificate: &CertificateDer<'_>, seconds: u64) -> Result<(), Error> {
    let certificate = ParsedCertificate::try_from(certificate)?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let algorithms = provider().signature_verification_algorithms.all;
    match verify_server_cert_signed_by_trust_anchor(&certificate, &RootCertStore::empty(), &[], time, algorithms) {
        // Who may sign it is not asked here, and that comes last.
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Ok(()),
        judged => judged,
    }
}

/// When all certificates of a chain are valid, in seconds since 1970 UTC. The verifier looks at the time first and says the
/// bounds of whoever is asked before or after them, so no second reader of X.509 is needed.
fn validity(chain: &[CertificateDer<'_>]) -> Result<(u64, u64), Error> {
    let mut valid = (0, u64::MAX);
    for certificate in chain {
        match judge(certificate, u64::MAX) {
            Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
                valid.1 = valid.1.min(not_after.as_secs());
            }
            Err(error) => return Err(error),
            Ok(()) => {}
        }
        if let Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) =
            judge(certificate, 0)
        {
            valid.0 = valid.0.max(not_before.as_secs());
        }
    }
    Ok((valid.0.min(valid.1), valid.1))
}

/// Why strict clients refuse a certificate at a time at which it is valid.
fn unusable(leaf: &CertificateDer<'_>, valid: (u64, u64)) -> Option<String> {
    let error = judge(leaf, valid.0).err()?;
    let text = error.to_string();
    // What `openssl req -x509` makes unless it is told otherwise.
    let own = text.contains("CaUsedAsEndEntity");
    Some(if own { "it is an authority's own (CA:TRUE); have it sign one for this server".to_owned() } else { text })
}

/// The file of a key that everybody may read.
fn open_key(key: &Secret) -> Option<PathBuf> {
    let Secret::File(path) = key else { return None };
    let mode = path.metadata().ok()?.mode();
    (mode & 0o004 != 0).then(|| path.clone())
}

/// The names for which a certificate is not valid.
fn strange_names(leaf: &CertificateDer<'_>, names: &[String]) -> Vec<String> {
    let Ok(certificate) = ParsedCertificate::try_from(leaf) else { return names.to_vec() };
    let strange = names.iter().filter(|name| {
        let name = ServerName::try_from(name.as_str());
        name.map_or(true, |name| rustls::client::verify_server_name(&certificate, &name).is_err())
    });
    strange.cloned().collect()
}

#[cfg(test)]
mod tests;
