//! What an application has around it: configuration, disk, clock, mail server, certificate, address.

use std::time::Duration;

use host::Config;
#[cfg(feature = "database")]
use world::Address;
use world::{Env, Wall};

use super::Finding;

/// How long a server may take to be reached.
#[cfg(feature = "database")]
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// A clock that shows less is wrong: this program was not there yet. 2026-01-01, in microseconds.
const CLOCK_MIN: Wall = Wall::from_micros(1_767_225_600_000_000);

/// A clock that shows more is most likely wrong. 2100-01-01, in microseconds.
const CLOCK_MAX: Wall = Wall::from_micros(4_102_444_800_000_000);

pub(super) fn configuration(config: &Config) -> Finding {
    let values = config.origins().len();
    match &config.warnings[..] {
        [] => Finding::ok("configuration", format!("{values} values, the rest by default")),
        warnings => Finding::warning("configuration", format!("{values} values"), warnings.join("\n")),
    }
}

/// Whether the folder of data is there and takes a file.
#[cfg(feature = "database")]
pub(super) async fn data(env: &Env, config: &Config) -> Finding {
    let folder = host::databases::folder(config);
    let shown = folder.display().to_string();
    let disk = env.disk();
    match disk.list("").await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Finding::ok("data", format!("{shown} is not there yet; the first start makes it"));
        }
        Err(error) => {
            let next =
                format!("see that {shown} is a folder that this user may read and write, or give another by --data");
            return Finding::failed("data", format!("{shown} cannot be read: {error}"), next);
        }
        Ok(_) => {}
    }
    let name = format!("doctor-{:016x}", env.random("doctor").u64());
    let written = async {
        let file = disk.create(&name).await?;
        file.append(bytes::Bytes::from_static(&[0; 4096])).await?;
        file.sync().await?;
        drop(file);
        disk.remove(&name).await
    };
    match written.await {
        Ok(()) => Finding::ok("data", format!("{shown} can be written")),
        Err(error) => {
            // What was made of it is in the way of nobody; it may be that it cannot be removed either.
            let _ = disk.remove(&name).await;
            let next = format!(
                "make room on the disk of {shown}, see that this user may write there, or give another folder by --data"
            );
            Finding::failed("data", format!("{shown} takes no file: {error}"), next)
        }
    }
}

pub(super) fn clock(env: &Env) -> Finding {
    let now = env.wall();
    let shown = database_timestamp(now);
    if now < CLOCK_MIN || now > CLOCK_MAX {
        let next = "set the clock of this machine (timedatectl set-ntp true, for one): reminders, sessions and certificates go by it";
        return Finding::failed("clock", format!("it is {shown} by this machine's clock"), next);
    }
    Finding::ok("clock", shown)
}

/// As RFC 3339 has it.
fn database_timestamp(now: Wall) -> String {
    #[cfg(feature = "database")]
    let shown = database::Timestamp::from(now).to_string();
    #[cfg(not(feature = "database"))]
    let shown = format!("{} s after 1970", now.as_micros() / 1_000_000);
    shown
}

/// Whether the mail server is reached, if there is one.
#[cfg(feature = "database")]
pub(super) async fn mail(env: &Env, config: &Config) -> Option<Finding> {
    let tier = config.tiers.mail.as_ref();
    let Some((scheme, rest)) = tier.and_then(|tier| tier.url.split_once("://")) else {
        return Some(Finding::ok("mail", "stays in the mailbox, on the operator's pages"));
    };
    let host = rest.split(['/', '?']).next().unwrap_or(rest);
    let port = if scheme == "smtps" { 465 } else { 587 };
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    };
    Some(connected(env, "mail", &address).await)
}

#[cfg(feature = "database")]
async fn connected(env: &Env, what: &str, address: &str) -> Finding {
    let network = env.network();
    let to = Address::new(address);
    let next = "see that the server runs and is reached from here, and that tiers.mail is right; until then mail waits, and none is lost";
    match env.timeout(CONNECT_MAX, network.connect(&to)).await {
        Ok(Ok(_)) => Finding::ok(what, format!("{address} is reached")),
        Ok(Err(error)) => Finding::failed(what, format!("{address} is not reached: {error}"), next),
        Err(_) => Finding::failed(
            what,
            format!("{address} does not answer within {} s", CONNECT_MAX.as_secs()),
            next,
        ),
    }
}

/// Whether the configured certificate can be served.
#[cfg(feature = "front")]
pub(super) async fn certificate(env: &Env, config: &Config) -> Finding {
    let Some((certificate, key)) = &config.front.certificate else {
        return Finding::ok("certificate", "none is configured; HTTPS uses one for development");
    };
    let shown = certificate.display().to_string();
    match front::Tls::load(env, certificate, key).await {
        Ok(tls) => match tls.check_dates(env) {
            Ok(()) => Finding::ok("certificate", format!("{shown} fits its key, and is in its time")),
            Err(error) => {
                let next = "renew it, or set the clock of this machine: browsers refuse it; a program that runs takes the new one within 30 s";
                Finding::failed("certificate", format!("{shown}: {error}"), next)
            }
        },
        Err(error) => {
            let next = "write the chain of certificates and the key as PEM, and their paths in [front]";
            Finding::failed("certificate", format!("{shown}: {error}"), next)
        }
    }
}

/// Whether pages can be served where they are to be.
#[cfg(feature = "front")]
pub(super) async fn address(env: &Env, config: &Config, held: bool) -> Finding {
    let address = config
        .front
        .listen
        .clone()
        .unwrap_or_else(|| crate::pages::LISTEN.into());
    match env.network().listen(&address).await {
        Ok(_) => Finding::ok("address", format!("{address} is free")),
        Err(_) if held => Finding::ok("address", format!("{address} is in use; the application runs")),
        Err(error) => {
            let next = "stop what listens there, or choose another by --listen";
            Finding::failed("address", format!("{address} cannot be listened on: {error}"), next)
        }
    }
}

#[cfg(all(test, feature = "front"))]
mod tests {
    use host::Config;
    use std::io::Write as _;
    use world::Env;
    use world::production::NewFile;

    use super::certificate;
    use crate::doctor::State;

    #[test]
    fn a_certificate_that_browsers_refuse_is_not_ok() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let folder = std::env::temp_dir().join(format!("terrace-doctor-{}", std::process::id()));
        for (ends, state) in [(4096, State::Ok), (1980, State::Failed)] {
            let key = rcgen::KeyPair::generate().expect("a key");
            let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
            params.not_after = rcgen::date_time_ymd(ends, 1, 1);
            let chain = params.self_signed(&key).expect("signed").pem();
            for (name, text) in [("chain.pem", chain), ("key.pem", key.serialize_pem())] {
                let path = folder.join(name);
                world::production::remove_file(&path).expect("removed");
                let mut file = NewFile::create(&path).expect("a file");
                file.write_all(text.as_bytes()).expect("written");
                file.finish().expect("kept");
            }
            let text = "[front]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n";
            let config = Config::parse(text, &folder.join("terrace.toml")).expect("a configuration");
            let runtime = runtime.as_ref().expect("a runtime");
            let found = runtime.block_on(async { certificate(&Env::production("test"), &config).await });
            assert_eq!(found.state, state, "{}", found.found);
        }
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
