//! A certificate for development, made on first use and kept on the node's disk.

use std::io::{self, ErrorKind};
use std::time::Duration;

use bytes::Bytes;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::sign::CertifiedKey;
use world::{Env, Wall};

use super::FILE_BYTES_MAX;
use super::pem::{TlsError, certified};
use crate::kept::keep;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LIFE: Duration = DAY.saturating_mul(90);
const RENEWED_BEFORE: Duration = DAY.saturating_mul(30);

/// How long after a failure it is tried again.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

const FOLDER: &str = "tls";
/// Certificate and key are one file, so that a crash leaves no half of the pair.
const NAME: &str = "development.pem";
const FILE: &str = "tls/development.pem";

/// The years that a certificate's dates are kept within, whatever a clock says: 1971 to 8970.
const CLOCK: (i64, i64) = (31_536_000, 220_898_664_000);

pub(super) struct Kept {
    pub(super) key: CertifiedKey,
    /// When the next one has to be made.
    pub(super) renewed_at: Wall,
}

/// The certificate for `hosts` that is kept, or a new one if there is none that is good for a month.
pub(super) async fn kept_or_made(env: &Env, hosts: &[String]) -> Result<Kept, TlsError> {
    if let Some(kept) = kept(env, hosts).await? {
        return Ok(kept);
    }
    let (file, ends) = made(env.wall(), hosts)?;
    keep(env, FOLDER, NAME, Bytes::copy_from_slice(file.as_bytes())).await?;
    tracing::info!(target: "terrace::front", hosts = hosts.join(" "), "a certificate for development was made");
    let key = certified((file.as_bytes(), FILE), (file.as_bytes(), FILE))?;
    Ok(Kept {
        key,
        renewed_at: ends.saturating_sub(RENEWED_BEFORE),
    })
}

/// What is kept, unless it is for other hosts, about to end, or damaged: then a new one is made.
async fn kept(env: &Env, hosts: &[String]) -> io::Result<Option<Kept>> {
    let file = match env.disk().open(FILE).await {
        Ok(file) => file.read_at(0, FILE_BYTES_MAX).await?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = String::from_utf8_lossy(&file);
    let (Some(ends), Ok(key)) = (ends(&text, hosts), certified((&file, FILE), (&file, FILE))) else {
        return Ok(None);
    };
    let renewed_at = ends.saturating_sub(RENEWED_BEFORE);
    // A clock that was far ahead made one that is not valid yet.
    let made_before = env.wall() + LIFE + DAY;
    let good = env.wall() < renewed_at && ends <= made_before;
    Ok(good.then_some(Kept { key, renewed_at }))
}

/// The first line of the file, which PEM's readers skip.
fn title(hosts: &[String], ends: Wall) -> String {
    format!(
        "a certificate for development, of {} until {}\n",
        hosts.join(" "),
        ends.as_micros()
    )
}

fn ends(text: &str, hosts: &[String]) -> Option<Wall> {
    let line = text.lines().next()?;
    let ends = Wall::from_micros(line.rsplit(' ').next()?.parse().ok()?);
    title(hosts, ends).strip_suffix('\n').filter(|title| *title == line)?;
    Some(ends)
}

/// A new file, and when its certificate ends.
fn made(now: Wall, hosts: &[String]) -> Result<(String, Wall), TlsError> {
    let failed = |source| TlsError::Making {
        hosts: hosts.join(", "),
        source,
    };
    // The key is of the system's randomness, also where the world is simulated: no seed may lead to a key.
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new(hosts.to_vec()).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "terrace development");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let seconds = now.as_micros().div_euclid(1_000_000).clamp(CLOCK.0, CLOCK.1);
    let now = Wall::from_micros(seconds * 1_000_000);
    let ends = now + LIFE;
    // Clocks of a machine and of its virtual machines are not always alike.
    let from_1970 = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = from_1970 + now.saturating_sub(DAY).saturating_duration_since(Wall::from_micros(0));
    params.not_after = from_1970 + ends.saturating_duration_since(Wall::from_micros(0));
    let certificate = params.self_signed(&key).map_err(failed)?;
    let file = format!("{}{}{}", title(hosts, ends), certificate.pem(), key.serialize_pem());
    Ok((file, ends))
}
