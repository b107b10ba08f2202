//! Where the server is, who asks, and how the line is kept secret.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::CONNECT_MAX;
use super::names::Names;
use crate::error::Error;
use crate::limits::{LOCK_WAIT_MAX, STATEMENT_MAX};

/// How long sent bytes may go without a sign of the other machine.
const UNANSWERED_MAX: Duration = Duration::from_secs(10);

/// When an idle line is looked after first, how often then, and how often in vain.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
const KEEPALIVE_TRIES: u32 = 3;

/// The server, the user and the database.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: tokio_postgres::Config,
    /// How TLS is spoken, where the mode asks for it.
    pub(super) tls: MakeRustlsConnect,
    shown: String,
}

impl Address {
    /// Reads `postgres://user@host:port/database?..` as `tokio_postgres` does, and `sslrootcert=FILE` beside that.
    /// `sslmode=require` trusts only a certificate for the host that a root vouches for: those of the web, or those in
    /// the file. `prefer`, the default, keeps out who only listens, as it does for every client of PostgreSQL.
    pub(super) fn read(url: &str, password: Option<&str>, component: &str) -> Result<Address, Error> {
        let (url, roots_file) = split(url);
        let mut config: tokio_postgres::Config = url.parse().map_err(|error: tokio_postgres::Error| {
            let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            open(format!(
                "the address of PostgreSQL is none: {why}; write postgres://user@host:5432/database"
            ))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(open(
                "the address of PostgreSQL has no host; write postgres://user@host:5432/database".to_owned(),
            ));
        }
        if let Some(password) = password {
            config.password(password);
        }
        if config.get_application_name().is_none() {
            config.application_name(component);
        }
        // What the address says comes behind them, and counts.
        let limits = format!(
            "-c statement_timeout={} -c lock_timeout={} {}",
            STATEMENT_MAX.as_millis(),
            LOCK_WAIT_MAX.as_millis(),
            config.get_options().unwrap_or_default()
        );
        config
            .options(limits.trim_end())
            .connect_timeout(CONNECT_MAX)
            .tcp_user_timeout(UNANSWERED_MAX)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_EVERY)
            .keepalives_retries(KEEPALIVE_TRIES);
        Ok(Address {
            tls: MakeRustlsConnect::new(tls(roots_file.as_deref(), config.get_ssl_mode())?),
            shown: shown(&config),
            config,
        })
    }

    /// The same for sessions of a component: in its schema, as its role, and reading only unless a transaction says
    /// otherwise.
    pub(super) fn of_component(&self, names: &Names, has_role: bool) -> tokio_postgres::Config {
        let mut config = self.config.clone();
        let mut options = config.get_options().map_or_else(String::new, |own| format!("{own} "));
        options.push_str("-c default_transaction_read_only=on -c TimeZone=UTC -c search_path=");
        options.push_str(&escaped(&names.quoted_schema()));
        if has_role {
            options.push_str(" -c role=");
            options.push_str(&escaped(&names.role));
        }
        config.options(options);
        config
    }

    /// The user that connects, where the address names one.
    pub(super) fn user(&self) -> &str {
        self.config.get_user().unwrap_or("the present user")
    }
}

impl fmt::Display for Address {
    /// Host, port, user and database, and never the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

fn shown(config: &tokio_postgres::Config) -> String {
    let ports = config.get_ports();
    let hosts: Vec<String> = match config.get_hosts() {
        [] => config.get_hostaddrs().iter().map(ToString::to_string).collect(),
        hosts => hosts
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(path) => path.display().to_string(),
            })
            .collect(),
    };
    let hosts: Vec<String> = hosts
        .iter()
        .enumerate()
        .map(|(index, host)| format!("{host}:{}", ports.get(index).or(ports.first()).unwrap_or(&5432)))
        .collect();
    let user = config.get_user().unwrap_or("the present user");
    let database = config
        .get_dbname()
        .map_or_else(String::new, |name| format!(", database `{name}`"));
    format!("{} (user `{user}`{database})", hosts.join(","))
}

/// Takes `sslrootcert` out of the address, which `tokio_postgres` does not know. `verify-full` is what `require` does.
fn split(url: &str) -> (String, Option<String>) {
    let Some((front, query)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let (mut kept, mut roots_file) = (Vec::new(), None);
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslrootcert", file)) => roots_file = Some(file.replace("%2F", "/").replace("%2f", "/")),
            Some(("sslmode", "verify-full")) => kept.push("sslmode=require"),
            _ => kept.push(pair),
        }
    }
    (format!("{front}?{}", kept.join("&")), roots_file)
}

/// In the option `-c name=value` a backslash keeps a space together with what is before it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace(' ', "\\ ")
}

fn tls(roots_file: Option<&str>, mode: SslMode) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| open(format!("TLS to PostgreSQL: {error}")))?;
    if roots_file.is_none() && mode != SslMode::Require {
        let any = Arc::new(AnyCertificate(provider));
        return Ok(versions
            .dangerous()
            .with_custom_certificate_verifier(any)
            .with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    match roots_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let unread = |why: String| {
                open(format!(
                    "the certificates of `sslrootcert={file}` cannot be read: {why}"
                ))
            };
            let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unread(error.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unread(error.to_string()))?;
                roots.add(certificate).map_err(|error| unread(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unread("there is none in it".to_owned()));
            }
        }
    }
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// Takes every certificate: for `sslmode=prefer`, which would do without TLS too.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn open(message: String) -> Error {
    Error::Open { message }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let address = Address::read("postgres://app:hidden@db.example:6543/shop", Some("secret"), "Todos").unwrap();
        assert_eq!(address.to_string(), "db.example:6543 (user `app`, database `shop`)");
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_the_form_of_one() {
        for url in [
            "postgres://app@h/x?sslmode=perhaps",
            "postgres:///shop",
            "postgres://h:port/x",
            "postgres://a@h/x?nothing=1",
        ] {
            let refused = Address::read(url, None, "Todos").map(|_| ()).unwrap_err().to_string();
            assert!(refused.contains("postgres://user@host:5432/database"), "{refused}");
        }
        let refused = Address::read("postgres://a@h/x?sslrootcert=/nowhere.pem", None, "Todos");
        assert!(refused.map(|_| ()).unwrap_err().to_string().contains("/nowhere.pem"));
    }
}
