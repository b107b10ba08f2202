//! [`Tls`]: certificates, from files that somebody else renews, or made for development.

mod development;
mod pem;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::UnixTime;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use world::Env;

pub use self::pem::TlsError;

/// How often files of certificates are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Bytes of a file with certificates or a key.
const FILE_BYTES_MAX: usize = 1 << 20;

/// What a server shows that it is who it says, and its key. A clone is the same. It is renewed while it is used.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
    is_development: bool,
}

impl Tls {
    /// A chain of certificates and its key, both PEM. When the files change they are read again within 30 s; if they cannot be
    /// used then, the old ones are kept and a warning says why.
    pub async fn load(env: &Env, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Tls, TlsError> {
        let files = Files {
            certificate: certificate.into(),
            key: key.into(),
        };
        let read = files.read(env).await?;
        let tls = Tls::new(env, files.parse(&read)?, false)?;
        drop(env.spawn(
            "front.certificate",
            reload(env.clone(), files, read, Arc::downgrade(&tls.current)),
        ));
        Ok(tls)
    }

    /// A certificate for `hosts` that nobody but its maker vouches for. It is made on first use, kept on the node's disk under
    /// `tls/`, and renewed a month before it ends.
    pub async fn development(env: &Env, hosts: &[&str]) -> Result<Tls, TlsError> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let kept = development::kept_or_made(env, &hosts).await?;
        let tls = Tls::new(env, kept.key, true)?;
        let renewing = renew(env.clone(), hosts, kept.renewed_at, Arc::downgrade(&tls.current));
        drop(env.spawn("front.certificate", renewing));
        Ok(tls)
    }

    fn new(env: &Env, key: CertifiedKey, is_development: bool) -> Result<Tls, TlsError> {
        let current = Arc::new(Current(RwLock::new(Arc::new(key))));
        let provider = Arc::new(ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_details(provider, Arc::new(Clock(env.clone())))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            current,
            is_development,
        })
    }

    /// Refuses a certificate whose time is over by the node's clock, or has not begun. Of a chain only the server's own is looked
    /// at: browsers find a way around one above it.
    pub fn check_dates(&self, env: &Env) -> Result<(), TlsError> {
        let key = self.current.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        match key.cert.first() {
            Some(own) => pem::check_dates(own, Clock(env.clone()).now()),
            None => Ok(()),
        }
    }

    pub(crate) fn is_development(&self) -> bool {
        self.is_development
    }

    pub(crate) async fn accept<I>(&self, io: I) -> io::Result<TlsStream<I>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        self.acceptor.accept(io).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("is_development", &self.is_development)
            .finish_non_exhaustive()
    }
}

/// The certificate that is shown now.
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    fn replace(&self, key: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A key is nobody's business.
        f.debug_struct("Current").finish_non_exhaustive()
    }
}

/// The node's wall clock, for the age of resumed sessions.
#[derive(Debug)]
struct Clock(Env);

impl Clock {
    fn now(&self) -> UnixTime {
        let micros = u64::try_from(self.0.wall().as_micros()).unwrap_or(0);
        UnixTime::since_unix_epoch(Duration::from_micros(micros))
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.now())
    }
}

/// Where somebody keeps a certificate and its key.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What is in them.
#[derive(PartialEq, Eq)]
struct Read {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    async fn read(&self, env: &Env) -> Result<Read, TlsError> {
        let (certificate, key) = (self.certificate.clone(), self.key.clone());
        // They lie where the operator says, which is outside of the node's own disk.
        let reading = env.blocking("certificate", move || {
            let certificate = read_file(&certificate)?;
            Ok(Read {
                certificate,
                key: read_file(&key)?,
            })
        });
        match reading.await {
            Ok(read) => read,
            Err(lost) => Err(TlsError::Unreadable {
                path: self.certificate.clone(),
                source: io::Error::other(lost),
            }),
        }
    }

    fn parse(&self, read: &Read) -> Result<CertifiedKey, TlsError> {
        pem::certified(
            (&read.certificate, &self.certificate.display().to_string()),
            (&read.key, &self.key.display().to_string()),
        )
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    world::production::read_file(path, FILE_BYTES_MAX).map_err(|source| TlsError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// Looks at `files` until nobody uses them any more.
async fn reload(env: Env, files: Files, mut used: Read, current: Weak<Current>) {
    let mut every = env.every(LOOK_EVERY);
    // What was said of files that cannot be used is said once.
    let mut said = String::new();
    loop {
        every.tick().await;
        let Some(current) = current.upgrade() else { return };
        let found = match files.read(&env).await {
            Ok(found) if found == used => {
                said.clear();
                continue;
            }
            Ok(found) => files.parse(&found).map(|key| (key, found)),
            Err(error) => Err(error),
        };
        match found {
            Ok((key, found)) => {
                current.replace(key);
                (used, said) = (found, String::new());
                tracing::info!(target: "terrace::front", "the certificate changed and is used");
            }
            Err(error) => {
                let why = error.to_string();
                if why != said {
                    tracing::warn!(target: "terrace::front", why, "the certificate changed and cannot be used: the old one is kept");
                    said = why;
                }
            }
        }
    }
}

/// Makes a new certificate for development whenever the old one is about to end.
async fn renew(env: Env, hosts: Vec<String>, mut at: world::Wall, current: Weak<Current>) {
    let mut every = env.every(LOOK_EVERY);
    loop {
        every.tick().await;
        let Some(current) = current.upgrade() else { return };
        if env.wall() < at {
            continue;
        }
        match development::kept_or_made(&env, &hosts).await {
            Ok(made) => {
                current.replace(made.key);
                at = made.renewed_at;
            }
            Err(error) => {
                tracing::warn!(target: "terrace::front", %error, "no new certificate for development could be made");
                at = env.wall() + development::RETRY_AFTER;
            }
        }
    }
}
