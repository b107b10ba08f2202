//! The line to the server is kept secret where that is asked for, and never silently plain.

use std::path::{Path, PathBuf};
use std::process::Command;

use servers::Postgres;
use servers::postgres::Options;

use crate::{Bed, config, open};

/// A root, and a certificate for 127.0.0.1 that it vouches for, where the server's user can read them.
fn certificates() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("terrace-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let names = folder.join("names");
    std::fs::write(&names, "subjectAltName=IP:127.0.0.1\n").unwrap();
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    run(openssl(&folder)
        .args([
            "req", "-x509", "-subj", "/CN=root", "-keyout", "root.key", "-out", "root.pem",
        ])
        .args(key));
    run(openssl(&folder)
        .args([
            "req",
            "-subj",
            "/CN=server",
            "-keyout",
            "server.key",
            "-out",
            "server.csr",
        ])
        .args(key));
    run(openssl(&folder).args([
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "root.pem",
        "-CAkey",
        "root.key",
        "-CAcreateserial",
        "-extfile",
        "names",
        "-out",
        "server.pem",
    ]));
    // The server is started as another user where this is root, and takes a key only of its own.
    run(Command::new("chmod").arg("600").arg(folder.join("server.key")));
    if !Command::new("chown")
        .arg("postgres")
        .arg(folder.join("server.key"))
        .status()
        .unwrap()
        .success()
    {
        run(Command::new("test").arg("-O").arg(folder.join("server.key")));
    }
    folder
}

fn openssl(folder: &Path) -> Command {
    let mut command = Command::new("openssl");
    command.current_dir(folder);
    command
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[tokio::test]
async fn a_line_that_must_be_secret_is_and_only_to_a_server_that_is_vouched_for() {
    let folder = certificates();
    let file = |name: &str| folder.join(name).display().to_string();
    let settings = [
        ("ssl", "on".to_owned()),
        ("ssl_cert_file", file("server.pem")),
        ("ssl_key_file", file("server.key")),
    ];
    let server = Postgres::start_with(Options {
        fsync: false,
        settings: settings.map(|(name, value)| (name.to_owned(), value)).to_vec(),
    })
    .unwrap();
    let url = server.url("postgres");
    let root = file("root.pem");
    for (component, query, secret) in [
        ("Required", format!("?sslmode=require&sslrootcert={root}"), "t"),
        ("Verified", format!("?sslmode=verify-full&sslrootcert={root}"), "t"),
        ("Preferred", String::new(), "t"),
        ("Disabled", "?sslmode=disable".to_owned(), "f"),
    ] {
        let db = open(component, &config(format!("{url}{query}"))).await.unwrap();
        assert_eq!(db.query_one::<i64>("select count(*) from items", ()).await, Ok(0));
        let sql = "select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name";
        assert_eq!(
            server.psql(&format!("{sql} = '{component}'")).unwrap(),
            secret,
            "{query}"
        );
    }
    for query in ["?sslmode=require", "?sslmode=verify-full"] {
        let refused = open("Todos", &config(format!("{url}{query}")))
            .await
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert!(refused.contains("sslrootcert"), "{refused}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_required() {
    let bed = Bed::new();
    let url = format!("{}?sslmode=require", bed.server.url(&bed.database));
    let refused = open("Todos", &config(url)).await.map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("TLS"), "{refused}");
}
