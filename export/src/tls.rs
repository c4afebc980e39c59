//! TLS as the program's own clients speak it: whose certificates are believed, and what is shown to a server that asks for one.
//! Files of certificates are read here and nowhere else.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::limits::{CA_BYTES_MAX, CERTIFICATES_MAX};
use operations::secret::Secret;

/// Whom a client believes, and who it is itself.
#[derive(Debug, Clone, Default)]
pub struct ClientTls {
    /// A PEM file of certificate authorities beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// A PEM file with the client's own certificate, and where its key lies.
    pub identity: Option<(PathBuf, Secret)>,
}

/// The cryptography that all connections use.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates in a PEM file, at least one, in the file's order. The error does not name the file.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut pem = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(CA_BYTES_MAX as u64 + 1).read_to_end(&mut pem).map_err(|error| error.to_string())?;
    if pem.len() > CA_BYTES_MAX {
        return Err(format!("it has more than {CA_BYTES_MAX} bytes"));
    }
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).take(CERTIFICATES_MAX).collect();
    let certificates = certificates.map_err(|error| format!("it is no PEM: {error}"))?;
    if certificates.is_empty() { Err("it holds no certificate in PEM".to_owned()) } else { Ok(certificates) }
}

/// A private key in PEM: PKCS#8, PKCS#1 or SEC1. The error names the place only.
pub fn private_key(secret: &Secret) -> Result<PrivateKeyDer<'static>, String> {
    let pem = secret.read().map_err(|error| error.to_string())?;
    PrivateKeyDer::from_pem_slice(pem.expose().as_bytes())
        .map_err(|_| format!("{secret} holds no private key in PEM that is not encrypted"))
}

/// What a client needs for TLS, `None` if it connects to nobody who speaks it. The error says which file is wrong, and how.
pub fn client_config(tls: Option<&ClientTls>) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    // The certificates of a system are hundreds, which takes its time.
    let Some(tls) = tls else {
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    };
    let named = |path: &Path, error: String| format!("{}: {error}", path.display());
    let extra = match &tls.ca_file {
        Some(path) => certificates(path).map_err(|error| named(path, error))?,
        None => Vec::new(),
    };
    let verifier = Verifier::new_with_extra_roots(extra, provider())
        .map_err(|error| format!("the certificates of the system and of the authorities: {error}"))?;
    // It checks as the system does, with the authorities of the file beside the system's.
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    match &tls.identity {
        None => Ok(builder.with_no_client_auth()),
        Some((path, key)) => {
            let chain = certificates(path).map_err(|error| named(path, error))?;
            builder.with_client_auth_cert(chain, private_key(key)?).map_err(|error| named(path, error.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_hold_no_certificate_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let check = |bytes: &[u8], says: &str| {
            let path = directory.path().join("ca.pem");
            std::fs::write(&path, bytes).unwrap();
            let error = certificates(&path).unwrap_err();
            assert!(error.contains(says), "{error}");
            let config = client_config(Some(&ClientTls { ca_file: Some(path), identity: None })).unwrap_err();
            assert!(config.contains("ca.pem") && config.contains(says), "{config}");
        };
        check(b"", "no certificate");
        check(b"hello", "no certificate");
        check(b"-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n", "no PEM");
        check(&vec![b'x'; CA_BYTES_MAX + 1], "more than");
        assert!(certificates(Path::new("/dev/zero")).unwrap_err().contains("more than"));
        assert!(certificates(&directory.path().join("gone")).is_err());
    }

    #[test]
    fn what_is_no_key_is_told_without_a_word_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        for text in ["hunter2", "-----BEGIN PRIVATE KEY-----\nhunter2*\n-----END PRIVATE KEY-----\n"] {
            std::fs::write(&path, text).unwrap();
            let error = private_key(&Secret::File(path.clone())).unwrap_err();
            assert!(error.contains("key.pem") && !error.contains("hunter2"), "{error}");
        }
    }
}
