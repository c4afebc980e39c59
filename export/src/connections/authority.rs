//! An authority of certificates for tests, servers that it vouches for, and a proxy. It is no part of the program.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use operations::secret::Secret;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::dial::Duplex;
use crate::tls::provider;

/// An authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: PathBuf,
    /// Its certificate in PEM.
    pub file: PathBuf,
}

impl Authority {
    /// A new one, whose files lie in a directory.
    pub fn new(directory: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let file = directory.join("ca.pem");
        std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), directory: directory.to_owned(), file }
    }

    /// A certificate for a name and its key, in files in PEM.
    pub fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let files = ["certificate", "key"].map(|what| self.directory.join(format!("{name}-{what}.pem")));
        std::fs::write(&files[0], certificate.pem()).unwrap();
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        let [certificate, key] = files;
        (certificate, key)
    }

    /// Who a client of this name is.
    pub fn identity(&self, name: &str) -> (PathBuf, Secret) {
        let (certificate, key) = self.sign(name);
        (certificate, Secret::File(key))
    }

    /// A server of this name, which asks clients for a certificate of this authority or asks for none.
    pub fn server(&self, name: &str, asks: bool) -> TlsAcceptor {
        let (certificate, key) = self.sign(name);
        let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from_pem_file(key).unwrap());
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        let builder = if asks {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(&self.file).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
    }
}

/// A proxy of one connection: whatever name it is asked for, it connects to this port of this machine, or it answers with a refusal. Its
/// own port, and the head of the request.
pub async fn proxy(to: u16, refusal: Option<&'static str>, tls: Option<TlsAcceptor>) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut client: Box<dyn Duplex> = match tls {
            Some(tls) => Box::new(tls.accept(stream).await.unwrap()),
            None => Box::new(stream),
        };
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        if let Some(refusal) = refusal {
            client.write_all(refusal.as_bytes()).await.unwrap();
            client.shutdown().await.unwrap();
            return head;
        }
        let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
        client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n").await.unwrap();
        // Either side may end as it likes.
        let _ = copy_bidirectional(&mut client, &mut server).await;
        head
    });
    (port, task)
}
