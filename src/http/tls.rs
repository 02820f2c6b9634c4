//! TLS 1.2 and 1.3 on the public listener (RFC 8446, RFC 9325), from PEM files that may change at any time.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::config::server::Server;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: {error}", path.display())]
    Pem { path: PathBuf, error: pem::Error },
    #[error("{}: there is no certificate in it", path.display())]
    NoCertificate { path: PathBuf },
    /// Also when the key is not the certificate's.
    #[error("the certificate and the key: {0}")]
    Rustls(#[from] rustls::Error),
}

/// The certificate that connections get, and where it comes from.
#[derive(Clone, Debug)]
pub struct Tls {
    files: Arc<Files>,
    acceptor: Acceptor,
}

#[derive(Clone)]
struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsAcceptor")
    }
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Tls {
    /// `None` if the listener is to speak plainly.
    pub fn of(server: &Server) -> Result<Option<Self>, TlsError> {
        let files = server.tls_certificate_file.as_ref().zip(server.tls_key_file.as_ref());
        files.map(|(certificate, key)| Tls::load(certificate, key)).transpose()
    }

    /// Reads a certificate chain and its private key. Certificate and key must belong together.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let current = read(certificate, key, &provider)?;
        let files = Arc::new(Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            provider: provider.clone(),
            current: RwLock::new(Arc::new(current)),
        });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(files.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls { files, acceptor: Acceptor(TlsAcceptor::from(Arc::new(config))) })
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor.0
    }

    /// Looks at the files every so often, and reads them when they have changed. Files that cannot be used change
    /// nothing but the log; one may be there before the other.
    pub async fn follow(&self, every: Duration) {
        let mut seen = self.files.stamp();
        loop {
            tokio::time::sleep(every).await;
            let stamp = self.files.stamp();
            if stamp == seen {
                continue;
            }
            seen = stamp;
            match read(&self.files.certificate, &self.files.key, &self.files.provider) {
                Ok(key) => {
                    *self.files.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                    tracing::info!("new connections get the new certificate");
                }
                Err(error) => tracing::error!(%error, "the old certificate stays: the new one is of no use"),
            }
        }
    }
}

impl Files {
    /// What changes when a file is written, replaced, or its symbolic link is turned.
    fn stamp(&self) -> [Option<(u64, u64, i64, i64)>; 2] {
        let stamp = |file: Metadata| (file.ino(), file.size(), file.mtime(), file.mtime_nsec());
        [&self.certificate, &self.key].map(|path| std::fs::metadata(path).ok().map(stamp))
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error| TlsError::Pem { path, error }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(unreadable(certificate))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: certificate.to_owned() });
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
    Ok(CertifiedKey::from_der(chain, key, provider)?)
}
