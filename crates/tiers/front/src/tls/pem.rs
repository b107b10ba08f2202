//! Certificates and keys as PEM.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, RootCertStore};

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
    /// Its time is over.
    #[error("the certificate ended {at}; renew it")]
    Ended {
        /// When.
        at: String,
    },
    /// Its time has not begun.
    #[error("the certificate begins {at}; set this machine's clock if that is over, or wait")]
    NotBegun {
        /// When.
        at: String,
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

/// Refuses a certificate that is not valid at `now`.
pub(crate) fn check_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), TlsError> {
    // Nobody is trusted here, so it is refused in any case: dates are looked at before who has signed it.
    let algorithms = ring::default_provider().signature_verification_algorithms.all;
    let verified = ParsedCertificate::try_from(certificate).and_then(|certificate| {
        verify_server_cert_signed_by_trust_anchor(&certificate, &RootCertStore::empty(), &[], now, algorithms)
    });
    match verified {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Err(TlsError::Ended { at: shown(not_after) })
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
            Err(TlsError::NotBegun { at: shown(not_before) })
        }
        _ => Ok(()),
    }
}

/// As HTTP writes dates. Those of certificates have a year of four digits as well.
fn shown(at: UnixTime) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(at.as_secs()))
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
