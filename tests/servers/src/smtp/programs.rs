//! What the mail server needs: Python with aiosmtpd, and a certificate.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{self, Cached};
use crate::{Error, process};

/// From PyPI. aiosmtpd needs the other two.
const PACKAGES: [&str; 3] = ["aiosmtpd==1.4.6", "atpublic==9.0.0", "attrs==26.1.0"];
/// Raised when what `make` does changes, so that no old folder is taken.
const RECIPE: u32 = 1;

/// The folder with Python and its packages; made once for a machine, with the help of the network.
pub(super) fn python() -> Result<Cached, Error> {
    let python = process::in_path("python3").ok_or(Error::Missing {
        program: "python3",
        also: "",
        package: "python3 python3-venv",
    })?;
    let version = process::run(Command::new(&python).arg("--version"), "")?;
    let version = version.trim().replace(' ', "-").to_lowercase();
    cache::cached(&format!("smtp-{version}-{RECIPE}"), |folder| {
        let venv = folder.join("venv");
        process::run(Command::new(&python).args(["-m", "venv"]).arg(&venv), "")?;
        let mut pip = Command::new(program(folder));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(PACKAGES);
        process::run(&mut pip, "").map(drop)
    })
}

/// Python itself, in the folder of [`python`].
pub(super) fn program(folder: &Path) -> PathBuf {
    folder.join("venv/bin/python")
}

/// Makes an authority, `authority.pem`, and a certificate of it for this machine with its key, `server.pem`, in
/// `folder`. Two, because clients such as rustls refuse an authority as a server's certificate.
pub(super) fn certificate(folder: &Path) -> Result<(), Error> {
    let openssl = process::in_path("openssl").ok_or(Error::Missing {
        program: "openssl",
        also: "",
        package: "openssl",
    })?;
    let make = |arguments: &[&str]| {
        let mut command = Command::new(&openssl);
        command
            .current_dir(folder)
            .args(["req", "-x509", "-days", "30", "-noenc"])
            .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(arguments);
        process::run(&mut command, "")
    };
    make(&[
        "-subj=/CN=authority of a test",
        "-keyout=authority.key",
        "-out=authority.pem",
        "-addext=keyUsage=critical,keyCertSign,cRLSign",
    ])?;
    make(&[
        "-subj=/CN=localhost",
        "-CA=authority.pem",
        "-CAkey=authority.key",
        "-keyout=server.key",
        "-out=server.crt",
        "-addext=basicConstraints=critical,CA:FALSE",
        "-addext=subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-addext=extendedKeyUsage=serverAuth",
    ])?;
    let mut whole = String::new();
    for part in ["server.key", "server.crt"] {
        let path = folder.join(part);
        whole += &std::fs::read_to_string(&path).map_err(Error::refused("read", &path))?;
    }
    let path = folder.join("server.pem");
    std::fs::write(&path, whole).map_err(Error::refused("write", &path))
}
