//! A private authority, made for one test, with the certificates that it signs.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tempfile::TempDir;

/// An authority; its own certificate lies in a file, as an operator would have it.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A server's certificate with its key, in PEM.
pub(crate) struct Shown {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        garage_kit::program::install_crypto();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// The file that a program is told to trust.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// For `localhost` and no other name, good for years.
    pub(crate) fn certificate(&self) -> Shown {
        self.signed(|_| {})
    }

    /// The same, but its time has passed.
    pub(crate) fn expired_certificate(&self) -> Shown {
        self.signed(expire)
    }

    /// The same, by a deputy whose time has passed: for a server that looks at its own certificate when it starts, and
    /// shows no expired one.
    pub(crate) fn certificate_by_an_expired_deputy(&self) -> Shown {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "deputy");
        expire(&mut params);
        let deputy = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.issuer).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &deputy).unwrap();
        Shown { certificate: format!("{}{}", certificate.pem(), deputy.pem()), key: key.serialize_pem() }
    }

    fn signed(&self, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Shown { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

fn expire(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
}

impl Shown {
    /// Writes both into one file, as MongoDB wants them.
    pub(crate) fn write_to(&self, file: &Path) {
        std::fs::write(file, format!("{}{}", self.certificate, self.key)).unwrap();
    }

    /// Writes `name.crt` and `name.key`, both for the owner of the folder: a server refuses a key that others can read.
    pub(crate) fn write_into(&self, folder: &Path, name: &str) -> [PathBuf; 2] {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
        let owner = folder.metadata().unwrap();
        let parts = [("crt", &self.certificate), ("key", &self.key)];
        parts.map(|(ending, text)| {
            let file = folder.join(format!("{name}.{ending}"));
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
            chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
            file
        })
    }
}
