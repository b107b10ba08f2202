//! HTTPS: which certificate is shown, and when it changes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use front::{Config, Handle, Tls, TlsError};
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wire::http::Socket;
use world::Env;
use world::memory::World;
use world::production::{NewFile, Options, remove_file};

use crate::http2::{ask, client, get};
use crate::peer::{Told, started};

/// The clock of a world in memory is not the machine's.
#[derive(Debug)]
struct Clock(Env);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let micros = u64::try_from(self.0.wall().as_micros()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_micros(micros)))
    }
}

/// Connects by TLS as somebody who trusts `certificate` only.
async fn secured(
    env: &Env,
    handle: &Handle,
    certificate: &[u8],
    protocols: &[&str],
) -> std::io::Result<TlsStream<TokioIo<Socket>>> {
    let mut roots = RootCertStore::empty();
    for trusted in CertificateDer::pem_slice_iter(certificate) {
        roots.add(trusted.expect("PEM")).expect("a certificate");
    }
    let provider = Arc::new(ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_details(provider, Arc::new(Clock(env.clone())))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = env.network().connect(&handle.address()).await?;
    let socket = Socket::new(env.clone(), stream, BytesMut::new(), Duration::from_secs(30));
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config))
        .connect(name, TokioIo::new(socket))
        .await
}

/// What is kept of a development certificate.
async fn kept(env: &Env) -> Bytes {
    let file = env.disk().open("tls/development.pem").await.expect("a file");
    file.read_at(0, 1 << 20).await.expect("its bytes")
}

async fn development(env: &Env) -> (Handle, Bytes) {
    let tls = Tls::development(env, &["localhost", "127.0.0.1"])
        .await
        .expect("a certificate");
    let handle = started(env, Config::default(), &Told::default(), Some(tls)).await;
    let file = kept(env).await;
    (handle, file)
}

#[test]
fn a_development_certificate_is_made_once_kept_and_renewed_before_it_ends() {
    let world = World::new(5);
    let env = world.node("server");
    world.run(async {
        let (handle, first) = development(&env).await;
        let stream = secured(&env, &handle, &first, &["h2"]).await.expect("trusted");
        let mut http2 = client(&env, TokioIo::new(stream)).await;
        let (status, headers, body) = ask(&mut http2, get("https://localhost/hello")).await;
        assert_eq!((status.as_u16(), body.as_str()), (200, "hello server"));
        assert!(
            !headers.contains_key("strict-transport-security"),
            "nobody vouches for it"
        );
        drop(http2);
        assert_eq!(development(&env).await.1, first, "it is kept");
        let day = Duration::from_secs(24 * 60 * 60);
        env.sleep(day * 59).await;
        assert_eq!(kept(&env).await, first);
        env.sleep(day * 2).await;
        let second = kept(&env).await;
        assert_ne!(second, first, "a month before its end");
        secured(&env, &handle, &second, &[])
            .await
            .expect("the server shows the new one");
        assert!(secured(&env, &handle, &first, &[]).await.is_err());
        Tls::development(&env, &["other.local"]).await.expect("a certificate");
        assert_ne!(kept(&env).await, second, "for other hosts there is another");
    });
}

#[test]
fn a_damaged_development_certificate_is_made_anew() {
    let world = World::new(5);
    let env = world.node("server");
    world.run(async {
        let (_, first) = development(&env).await;
        let file = env.disk().open("tls/development.pem").await.expect("a file");
        file.truncate(first.len() as u64 / 2).await.expect("cut");
        let (handle, second) = development(&env).await;
        assert_ne!(first, second);
        secured(&env, &handle, &second, &[]).await.expect("trusted");
    });
}

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{name}-{}", std::process::id()));
    for file in ["chain.pem", "key.pem"] {
        remove_file(&folder.join(file)).expect("removed");
    }
    folder
}

fn put(path: &Path, text: &str) {
    remove_file(path).expect("removed");
    let mut file = NewFile::create(path).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file.finish().expect("kept");
}

/// A certificate for localhost and its key.
fn pair() -> (String, String) {
    pair_of_years(1975, 4096)
}

/// The same, good from the first day of one year to that of another.
fn pair_of_years(begins: i32, ends: i32) -> (String, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_string()]).expect("a name");
    params.not_before = rcgen::date_time_ymd(begins, 1, 1);
    params.not_after = rcgen::date_time_ymd(ends, 1, 1);
    (params.self_signed(&key).expect("signed").pem(), key.serialize_pem())
}

#[test]
fn a_certificate_out_of_its_time_is_told_with_the_date() {
    let world = World::new(5);
    let env = world.node("server");
    let folder = folder("dates");
    let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
    world.run(async {
        let over = pair_of_years(1975, 1980);
        for (begins, ends, above, told) in [
            (1975, 4096, "", None),
            (1975, 1980, "", Some("ended Tue, 01 Jan 1980 00:00:00 GMT")),
            (4000, 4096, "", Some("begins Sat, 01 Jan 4000 00:00:00 GMT")),
            // One that is old, above one that is not.
            (1975, 4096, over.0.as_str(), None),
        ] {
            let own = pair_of_years(begins, ends);
            put(&chain, &format!("{}{above}", own.0));
            put(&key, &own.1);
            let tls = Tls::load(&env, &chain, &key).await.expect("a pair");
            let found = tls.check_dates(&env).err().map(|error| error.to_string());
            match told {
                None => assert_eq!(found, None),
                Some(told) => assert!(found.as_ref().is_some_and(|found| found.contains(told)), "{found:?}"),
            }
        }
    });
}

#[test]
fn files_that_change_are_used_and_a_broken_one_keeps_the_old() {
    let world = World::new(5);
    let env = world.node("server");
    let folder = folder("reload");
    let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
    let write = |pair: &(String, String)| {
        put(&chain, &pair.0);
        put(&key, &pair.1);
    };
    let (first, second) = (pair(), pair());
    world.run(async {
        let missing = Tls::load(&env, &chain, &key).await.expect_err("there is none");
        assert!(matches!(missing, TlsError::Unreadable { .. }), "{missing}");
        write(&first);
        put(&key, &second.1);
        let strangers = Tls::load(&env, &chain, &key).await.expect_err("no pair");
        assert!(matches!(strangers, TlsError::Pair { .. }), "{strangers}");
        write(&first);
        let tls = Tls::load(&env, &chain, &key).await.expect("a pair");
        let handle = started(&env, Config::default(), &Told::default(), Some(tls)).await;
        let stream = secured(&env, &handle, first.0.as_bytes(), &["h2"])
            .await
            .expect("trusted");
        let mut http2 = client(&env, TokioIo::new(stream)).await;
        let (_, headers, _) = ask(&mut http2, get("https://localhost/hello")).await;
        assert_eq!(headers["strict-transport-security"], "max-age=15552000");
        put(&chain, "broken");
        env.sleep(Duration::from_secs(40)).await;
        secured(&env, &handle, first.0.as_bytes(), &[])
            .await
            .expect("the old one is kept");
        assert_eq!(ask(&mut http2, get("https://localhost/hello")).await.0, 200);
        write(&second);
        env.sleep(Duration::from_secs(40)).await;
        secured(&env, &handle, second.0.as_bytes(), &[])
            .await
            .expect("the new one is shown");
        // One that was there before goes on.
        assert_eq!(ask(&mut http2, get("https://localhost/hello")).await.0, 200);
    });
}

#[test]
fn whoever_does_not_finish_its_handshake_is_closed() {
    let world = World::new(5);
    let env = world.node("server");
    world.run(async {
        let (handle, _) = development(&env).await;
        for sent in [&b""[..], b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"\x16\x03\x01\x02\x00"] {
            let stream = env.network().connect(&handle.address()).await.expect("a connection");
            let mut peer = crate::peer::Peer::new(stream);
            let began = env.now();
            let _ = peer.send(sent).await;
            peer.rest().await;
            let took = env.now().saturating_duration_since(began);
            assert!(took <= Config::default().header_timeout, "{sent:?}: {took:?}");
        }
    });
}

#[test]
fn it_is_all_the_same_on_real_sockets() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let data = folder("real");
    runtime.block_on(async {
        let options = Options {
            data: Some(data.clone()),
            ..Options::default()
        };
        let env = Env::production_with("server", options);
        let (handle, certificate) = development(&env).await;
        let stream = secured(&env, &handle, &certificate, &["h2"]).await.expect("trusted");
        let mut http2 = client(&env, TokioIo::new(stream)).await;
        let (status, _, body) = ask(&mut http2, get("https://localhost/hello")).await;
        assert_eq!((status.as_u16(), body.as_str()), (200, "hello 127.0.0.1"));
        let secured = secured(&env, &handle, &certificate, &["http/1.1"])
            .await
            .expect("trusted");
        let (mut http1, connection) = hyper::client::conn::http1::handshake(TokioIo::new(secured))
            .await
            .expect("a handshake");
        drop(env.spawn("client", connection));
        let mut request = get("/hello");
        request
            .headers_mut()
            .insert("host", "localhost".parse().expect("a value"));
        assert_eq!(http1.send_request(request).await.expect("an answer").status(), 200);
        let told = Told::default();
        let plain = started(&env, Config::default(), &told, None).await;
        let stream = env.network().connect(&plain.address()).await.expect("a connection");
        let mut peer = crate::peer::Peer::new(stream);
        assert_eq!(
            peer.ask(&crate::peer::get_of("/hello", "")).await.body,
            "hello 127.0.0.1"
        );
        let large = crate::peer::post_of("/echo", &"b".repeat(4 << 20));
        assert_eq!(
            peer.ask(&large).await.status,
            413,
            "it reaches a peer that sends everything first"
        );
        plain.drain().await;
        handle.drain().await;
    });
}
