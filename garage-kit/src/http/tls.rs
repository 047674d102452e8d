//! HTTPS where the operator gives a certificate. Its files are read again while the program runs, as certificates are
//! renewed more often than programs are; a file that has gone bad is complained of, and the last good one is shown on.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

use crate::program::{Env, Misconfigured};

/// How often the files are read again, at a handshake.
const AGAIN: Duration = Duration::from_secs(30);

/// What a service shows to those who come by HTTPS.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// From `TLS_CERT_FILE`, the certificate with all that lies between it and the authority, and `TLS_KEY_FILE`, its
    /// private key, both in PEM. `None` when neither is set: then the service speaks HTTP.
    ///
    /// # Errors
    /// When one is set without the other, cannot be read, or does not fit the other.
    pub fn from_env(env: &Env) -> Result<Option<Self>, Misconfigured> {
        let files = match (env.text("TLS_CERT_FILE")?, env.text("TLS_KEY_FILE")?) {
            (Some(certificate), Some(key)) => Files { certificate: certificate.into(), key: key.into() },
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(lonely("TLS_CERT_FILE", "TLS_KEY_FILE", "the private key's")),
            (None, Some(_)) => return Err(lonely("TLS_KEY_FILE", "TLS_CERT_FILE", "the certificate's")),
        };
        let shown = files.read().map_err(Misconfigured::new)?;
        let shown = Mutex::new(Shown { key: Arc::new(shown), read: Instant::now() });
        let builder =
            ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12]);
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(Renewed { files, shown }));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Self(TlsAcceptor::from(Arc::new(config)))))
    }

    pub(super) const fn acceptor(&self) -> &TlsAcceptor {
        &self.0
    }
}

fn lonely(set: &str, missing: &str, whose: &str) -> Misconfigured {
    Misconfigured::new(format!("{missing} is not set, but {set} is: give {whose} file too, or neither"))
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    /// Both, if they fit each other.
    fn read(&self) -> Result<CertifiedKey, String> {
        let wrong = |name: &str, path: &PathBuf, cause: &dyn fmt::Display| {
            format!("{name} names {}, which cannot be used: {cause}", path.display())
        };
        let bad_certificate = |cause: &dyn fmt::Display| wrong("TLS_CERT_FILE", &self.certificate, cause);
        let certificates: Vec<_> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(|cause| bad_certificate(&cause))?;
        if certificates.is_empty() {
            return Err(bad_certificate(&"it holds no certificate in PEM"));
        }
        let bad_key = |cause: &dyn fmt::Display| wrong("TLS_KEY_FILE", &self.key, cause);
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|cause| bad_key(&cause))?;
        let provider = CryptoProvider::get_default().ok_or("the program has no crypto library")?;
        CertifiedKey::from_der(certificates, key, provider).map_err(|cause| bad_key(&cause))
    }
}

#[derive(Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    read: Instant,
}

/// Shows what the files hold now, or held when they were last good.
#[derive(Debug)]
struct Renewed {
    files: Files,
    shown: Mutex<Shown>,
}

impl ResolvesServerCert for Renewed {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl Renewed {
    fn current(&self) -> Arc<CertifiedKey> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.read.elapsed() > AGAIN {
            shown.read = Instant::now();
            match self.files.read() {
                Ok(key) => shown.key = Arc::new(key),
                Err(cause) => tracing::error!(cause, "the certificate of before is shown"),
            }
        }
        Arc::clone(&shown.key)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Writes a certificate with its key; the certificate.
    fn write(folder: &Path) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(folder.join("tls.crt"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    /// What is shown by somebody who has not looked at the files for a while.
    fn shown(renewed: &Renewed) -> CertificateDer<'static> {
        renewed.shown.lock().unwrap().read -= 2 * AGAIN;
        renewed.current().cert[0].clone()
    }

    #[test]
    fn a_renewed_certificate_is_shown_and_a_broken_one_is_not() {
        crate::program::install_crypto();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let first = write(folder.path());
        let files = Files { certificate: file("tls.crt"), key: file("tls.key") };
        let key = Arc::new(files.read().unwrap());
        let renewed = Renewed { files, shown: Mutex::new(Shown { key, read: Instant::now() }) };
        assert_eq!(shown(&renewed), first);
        let second = write(folder.path());
        assert_eq!(shown(&renewed), second);
        std::fs::write(file("tls.crt"), "half a certificate").unwrap();
        assert_eq!(shown(&renewed), second);
    }
}
