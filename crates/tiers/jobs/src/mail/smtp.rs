//! The carrier that speaks to a mail server (RFC 5321), by lettre's commands one by one.
//!
//! lettre's own `send` tells no difference between a connection that was lost before the end of the message and one that
//! was lost after it. So the dialogue is held here: what fails before the final dot is certainly not accepted, what
//! fails after it may be.
//!
//! Each message has a connection of its own. That of `smtp://` is opened by the node's network, so that a simulator or a
//! test can stand in its way; that of `smtps://` is opened by lettre itself, outside of every simulator.
//!
//! | server | TLS |
//! |---|---|
//! | `smtps://host:465` | from the first byte |
//! | `smtp://host:587` | `STARTTLS` before anything else is said; a server that does not offer it gets nothing |
//! | `smtp://localhost:25`, any loopback address | none, or `STARTTLS` where an authority to trust was given |
//!
//! A user and password are shown only after that. A server that refuses them, or the greeting, has nothing against the
//! message: such a refusal is never permanent.

mod dialogue;
#[cfg(test)]
mod tests;
mod url;

use std::fmt;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use world::{BoxFuture, Env};

use super::{Accepted, Carrier, Rendered, SendError, SmtpError};

/// To connect, at most.
pub const CONNECT_MAX: Duration = Duration::from_secs(30);
/// For the answer to a command, at most. RFC 5321, section 4.5.3.2 allows 5 minutes, for people at a terminal; here the
/// message is tried again later.
pub const COMMAND_MAX: Duration = Duration::from_secs(60);
/// To send the message and have the answer to it, at most: what RFC 5321, section 4.5.3.2.6 asks for, since to hang up
/// earlier makes a second copy.
pub const CONTENT_MAX: Duration = Duration::from_secs(10 * 60);
/// To say goodbye, at most, when all is done.
pub const QUIT_MAX: Duration = Duration::from_secs(2);

/// A mail server, and how to speak to it.
#[derive(Clone)]
pub struct Smtp {
    host: String,
    port: u16,
    security: Security,
    login: Option<Credentials>,
    hello: ClientId,
    authority: Option<Certificate>,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    /// With the connection.
    AtOnce,
    /// By `STARTTLS`, or not at all.
    Required,
    /// By `STARTTLS` where an authority is given: nobody is between this machine and itself.
    Loopback,
}

impl Smtp {
    /// The server at `smtp://host:port` or `smtps://host:port`; without a port 587 and 465 (RFC 8314, section 3.3).
    pub fn new(url: &str) -> Result<Smtp, SmtpError> {
        let server = url::read(url)?;
        Ok(Smtp {
            host: server.host,
            port: server.port,
            security: server.security,
            login: None,
            hello: ClientId::default(),
            authority: None,
        })
    }

    /// Shows a user and password, by PLAIN or LOGIN, whichever the server knows.
    #[must_use]
    pub fn login(mut self, user: impl Into<String>, password: impl Into<String>) -> Smtp {
        self.login = Some(Credentials::new(user.into(), password.into()));
        self
    }

    /// Says this name in the greeting, instead of an address; some servers want the one that belongs to this machine.
    #[must_use]
    pub fn hello(mut self, name: impl Into<String>) -> Smtp {
        // A line break would be a command of its own.
        let name: String = name.into().chars().filter(char::is_ascii_graphic).collect();
        self.hello = ClientId::Domain(name);
        self
    }

    /// Trusts this authority, in PEM, in addition to the public ones (those of Mozilla).
    pub fn trust(mut self, authority: &[u8]) -> Result<Smtp, SmtpError> {
        let wrong = |problem: String| SmtpError::Authority { problem };
        if !authority.windows(11).any(|window| window == b"-----BEGIN ") {
            return Err(wrong("it has no PEM block".to_owned()));
        }
        self.authority = Some(Certificate::from_pem(authority).map_err(|error| wrong(error.to_string()))?);
        // Built once here, so that a wrong one shows now.
        self.tls().map_err(|error| wrong(error.to_string()))?;
        Ok(self)
    }

    fn tls(&self) -> Result<TlsParameters, lettre::transport::smtp::Error> {
        let builder = TlsParameters::builder(self.host.clone());
        match &self.authority {
            Some(authority) => builder.add_root_certificate(authority.clone()).build(),
            None => builder.build(),
        }
    }
}

/// Without the login.
impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Smtp {
            host, port, security, ..
        } = self;
        write!(f, "Smtp({host}:{port}, TLS {security:?})")
    }
}

/// If some recipients are refused and others are not, the others get the message, and the answer names the refused.
impl Carrier for Smtp {
    fn send<'a>(&'a self, env: &'a Env, mail: &'a Rendered) -> BoxFuture<'a, Result<Accepted, SendError>> {
        Box::pin(dialogue::hold(self, env, mail))
    }
}
