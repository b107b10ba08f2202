//! Certificates and keys as PEM.

use std::io;
use std::path::PathBuf;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{}` cannot be read: {source}; name a PEM file that this user may read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no certificate in it, or something else.
    #[error("`{place}` holds no certificates in PEM; put the chain there, the server's own certificate first")]
    NoCertificate {
        /// Which.
        place: String,
    },
    /// There is no key in it.
    #[error("`{place}` holds no private key in PEM that can be read; put an unencrypted one there")]
    NoKey {
        /// Which.
        place: String,
    },
    /// They are no pair, or of a kind that is not known.
    #[error("the certificate of `{place}` and its key cannot be used: {source}; give the two that belong together")]
    Pair {
        /// Which certificate.
        place: String,
        /// Why.
        source: rustls::Error,
    },
    /// A name that no certificate can have.
    #[error("no certificate can be made for {hosts}: {source}; name hosts or addresses")]
    Making {
        /// For whom.
        hosts: String,
        /// Why.
        source: rcgen::Error,
    },
    /// The node's disk.
    #[error("the certificate for development cannot be kept: {0}; let this user write the data folder")]
    Keeping(#[from] io::Error),
    /// rustls itself.
    #[error("TLS cannot be set up: {0}; give a certificate of a known kind")]
    Setup(#[from] rustls::Error),
}

/// A chain and its key, each with the place it is from.
pub(crate) fn certified(chain: (&[u8], &str), key: (&[u8], &str)) -> Result<CertifiedKey, TlsError> {
    let place = chain.1.to_owned();
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.0).collect();
    let certificates = certificates.ok().filter(|chain| !chain.is_empty());
    let certificates = certificates.ok_or_else(|| TlsError::NoCertificate { place: place.clone() })?;
    let der = PrivateKeyDer::from_pem_slice(key.0).map_err(|_| TlsError::NoKey {
        place: key.1.to_owned(),
    })?;
    CertifiedKey::from_der(certificates, der, &ring::default_provider())
        .map_err(|source| TlsError::Pair { place, source })
}
