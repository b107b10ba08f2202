//! What is said to a mail server, and what each failure means.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use world::{ByteStream, Env};

use super::{COMMAND_MAX, CONNECT_MAX, CONTENT_MAX, QUIT_MAX, Security, Smtp};
use crate::mail::{Accepted, RefusedRecipient, Rendered, SendError};

/// From the greeting to the goodbye.
pub(super) async fn hold(smtp: &Smtp, env: &Env, mail: &Rendered) -> Result<Accepted, SendError> {
    let mut connection = connect(smtp, env).await?;
    let sent = introduce(smtp, env, &mut connection).await;
    let sent = match sent {
        Ok(()) => deliver(env, &mut connection, mail).await,
        Err(error) => Err(error),
    };
    // Whoever said no, or yes, is still there. What comes of the goodbye changes nothing.
    if matches!(sent, Ok(_) | Err(SendError::Refused { .. })) {
        let _gone = env.timeout(QUIT_MAX, connection.quit()).await;
    }
    sent
}

async fn connect(smtp: &Smtp, env: &Env) -> Result<AsyncSmtpConnection, SendError> {
    let Smtp { host, port, hello, .. } = smtp;
    if smtp.security == Security::AtOnce {
        let tls = smtp.tls().map_err(|error| unreachable("TLS", &error))?;
        let connecting = AsyncSmtpConnection::connect_tokio1((host.as_str(), *port), None, hello, Some(tls), None);
        return before(env, CONNECT_MAX, "the greeting", connecting)
            .await
            .map_err(temporary);
    }
    // An IPv6 address has colons of its own.
    let place = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let address = world::Address::new(place);
    let network = env.network();
    let stream = match env.timeout(CONNECT_MAX, network.connect(&address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(unreachable("connecting", &error)),
        Err(late) => return Err(unreachable("connecting", &late)),
    };
    let stream = Box::new(Bridge(ByteStream::new(stream, Bytes::new())));
    let greeting = AsyncSmtpConnection::connect_with_transport(stream, hello);
    before(env, COMMAND_MAX, "the greeting", greeting)
        .await
        .map_err(temporary)
}

/// TLS and login: everything before the message, so that no refusal is the message's fault.
async fn introduce(smtp: &Smtp, env: &Env, connection: &mut AsyncSmtpConnection) -> Result<(), SendError> {
    let wanted = match smtp.security {
        Security::AtOnce => false,
        Security::Required => true,
        Security::Loopback => smtp.authority.is_some(),
    };
    if wanted {
        if !connection.can_starttls() {
            return Err(ours(
                false,
                format!("{} offers no STARTTLS; use smtps:// or a server that does", smtp.host),
            ));
        }
        let tls = smtp.tls().map_err(|error| unreachable("TLS", &error))?;
        before(env, COMMAND_MAX, "STARTTLS", connection.starttls(tls, &smtp.hello))
            .await
            .map_err(temporary)?;
    }
    let Some(login) = &smtp.login else { return Ok(()) };
    let known = [Mechanism::Plain, Mechanism::Login];
    if connection.server_info().get_auth_mechanism(&known).is_none() {
        return Err(ours(false, format!("{} offers no login by PLAIN or LOGIN", smtp.host)));
    }
    before(env, COMMAND_MAX, "the login", connection.auth(&known, login))
        .await
        .map_err(temporary)?;
    Ok(())
}

async fn deliver(env: &Env, connection: &mut AsyncSmtpConnection, mail: &Rendered) -> Result<Accepted, SendError> {
    let address = |text: &str| {
        text.parse::<Address>()
            .map_err(|error| ours(true, format!("`{text}`: {error}")))
    };
    let from = if mail.envelope_from.is_empty() {
        None
    } else {
        Some(address(&mail.envelope_from)?)
    };
    let begin = Mail::new(from, parameters(connection, mail)?);
    before(env, COMMAND_MAX, "MAIL", connection.command(begin)).await?;
    let (mut taken, mut refused) = (0_usize, Vec::new());
    for recipient in &mail.envelope_to {
        let asked = connection.command(Rcpt::new(address(recipient)?, Vec::new()));
        match before(env, COMMAND_MAX, "RCPT", asked).await {
            Ok(_response) => taken += 1,
            Err(SendError::Refused {
                permanent,
                code: Some(code),
                text,
            }) if code != CLOSING => {
                refused.push(RefusedRecipient {
                    address: recipient.clone(),
                    permanent,
                    code,
                    text,
                });
            }
            Err(error) => return Err(error),
        }
    }
    if taken == 0 {
        return Err(all_refused(&refused));
    }
    before(env, COMMAND_MAX, "DATA", connection.command(Data)).await?;
    let text = content(env, connection, &mail.bytes).await?;
    Ok(Accepted { text, refused })
}

/// The server closes the connection, whatever was asked (RFC 5321, section 3.8).
const CLOSING: u16 = 421;

/// What the server must know to take this message, if it can.
fn parameters(connection: &AsyncSmtpConnection, mail: &Rendered) -> Result<Vec<MailParameter>, SendError> {
    let info = connection.server_info();
    let mut parameters = Vec::new();
    let mut addresses = mail.envelope_to.iter().chain([&mail.envelope_from]);
    if !addresses.all(|address| address.is_ascii()) {
        if !info.supports_feature(Extension::SmtpUtfEight) {
            return Err(ours(
                true,
                "an address has letters beyond ASCII, and the server does not know SMTPUTF8".to_owned(),
            ));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !mail.bytes.is_ascii() {
        if !info.supports_feature(Extension::EightBitMime) {
            return Err(ours(
                true,
                "a header has letters beyond ASCII, and the server does not know 8BITMIME".to_owned(),
            ));
        }
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(parameters)
}

/// Sends the message and reads the answer. Until all of it was handed on, the server cannot have accepted it.
async fn content(env: &Env, connection: &mut AsyncSmtpConnection, bytes: &[u8]) -> Result<String, SendError> {
    // lettre ends the last line itself, in front of the dot.
    let bytes = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
    let whole = AtomicBool::new(false);
    let mut parts = [bytes].into_iter();
    // lettre asks for a further part when the one before was written; told that there is none, it writes the dot.
    let parts = std::iter::from_fn(|| {
        let part = parts.next();
        whole.store(part.is_none(), Ordering::Relaxed);
        part
    });
    let answer = env.timeout(CONTENT_MAX, connection.message_iter(parts)).await;
    let seen = match answer {
        Ok(Ok(response)) => return Ok(response.message().collect::<Vec<_>>().join(" ")),
        Ok(Err(error)) if error.status().is_some() => return Err(failed("the message", &error)),
        Ok(Err(error)) => error.to_string(),
        Err(late) => late.to_string(),
    };
    let text = format!("the message: {seen}");
    match whole.load(Ordering::Relaxed) {
        true => Err(SendError::Unknown { text }),
        false => Err(SendError::Unreachable { text }),
    }
}

/// A step before the final dot: whatever goes wrong, the server has no message.
async fn before<T>(
    env: &Env,
    within: Duration,
    step: &str,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, SendError> {
    match env.timeout(within, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failed(step, &error)),
        Err(late) => Err(unreachable(step, &late)),
    }
}

fn failed(step: &str, error: &Error) -> SendError {
    match error.status() {
        Some(code) => SendError::Refused {
            permanent: error.is_permanent(),
            code: Some(code.into()),
            text: format!("{step}: {error}"),
        },
        None => unreachable(step, error),
    }
}

fn unreachable(step: &str, error: &dyn fmt::Display) -> SendError {
    SendError::Unreachable {
        text: format!("{step}: {error}"),
    }
}

fn ours(permanent: bool, text: String) -> SendError {
    SendError::Refused {
        permanent,
        code: None,
        text,
    }
}

/// What the server has against us may be mended while the message waits.
fn temporary(error: SendError) -> SendError {
    match error {
        SendError::Refused { code, text, .. } => SendError::Refused {
            permanent: false,
            code,
            text,
        },
        other => other,
    }
}

/// Permanent only if each of them is.
fn all_refused(refused: &[RefusedRecipient]) -> SendError {
    let shown = refused
        .iter()
        .find(|recipient| !recipient.permanent)
        .or(refused.first());
    match shown {
        Some(RefusedRecipient {
            address,
            permanent,
            code,
            text,
        }) => SendError::Refused {
            permanent: *permanent,
            code: Some(*code),
            text: format!("`{address}`: {text}"),
        },
        None => ours(true, "the message has no recipient".to_owned()),
    }
}

/// A stream of the node's network, as lettre wants it.
struct Bridge(ByteStream);

impl AsyncTokioStream for Bridge {
    /// lettre does not ask for it, and a simulated peer has none.
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bridge")
    }
}

impl AsyncRead for Bridge {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Bridge {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
