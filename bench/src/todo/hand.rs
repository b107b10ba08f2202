//! The two routes by hand: axum on hyper, rusqlite or tokio-postgres. It promises what ours promises.

mod postgres;
mod problem;
mod routes;
mod sqlite;
mod store;
mod todo;

use std::io::stderr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::process::{Listening, say};
use store::Store;

const CONNECTIONS_MAX: usize = 4_096;
const HEADER_TIME: Duration = Duration::from_secs(10);
const HEADER_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;

/// Which database, and how many people.
#[derive(Args)]
pub(crate) struct Settings {
    /// Folder of SQLite
    #[arg(long, required_unless_present = "postgres")]
    folder: Option<PathBuf>,
    /// Address of a database of PostgreSQL that is empty
    #[arg(long, conflicts_with = "folder")]
    postgres: Option<String>,
    /// What waits for SQLite's writer shares a commit
    #[arg(long)]
    batches: bool,
    /// Accounts to make, each with a token
    #[arg(long, default_value_t = 1)]
    people: usize,
}

/// Serves until it is killed.
pub(crate) fn run(settings: Settings) -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(stderr).with_ansi(false).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(settings))
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let store = match (settings.postgres, settings.folder) {
        (Some(url), _) => Store::Postgres(postgres::Postgres::open(&url).await?),
        (None, folder) => Store::Sqlite(sqlite::Sqlite::open(&folder.unwrap_or_default(), settings.batches)?),
    };
    let tokens: Vec<String> = (0..settings.people).map(|_| token()).collect();
    let digests = tokens.iter().map(|token| Sha256::digest(token).to_vec()).collect();
    store.register(digests).await?;
    let service = TowerToHyperService::new(routes::router(Arc::new(store)));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&Listening {
        listening: format!("http://{}", listener.local_addr()?),
    })?;
    say(&tokens)?;
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let permit = connections.clone().acquire_owned().await?;
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(connection(stream, service.clone(), permit));
    }
}

async fn connection(stream: TcpStream, service: TowerToHyperService<axum::Router>, _permit: OwnedSemaphorePermit) {
    let _ = stream.set_nodelay(true);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended");
    }
}

/// 32 random bytes as text.
fn token() -> String {
    URL_SAFE_NO_PAD.encode([Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat())
}
