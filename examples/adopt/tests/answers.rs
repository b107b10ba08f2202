//! The shop answers the same before and after, and with its prices in another process.
#![allow(clippy::disallowed_methods, reason = "a test drives real processes from outside")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const BEFORE: &str = env!("CARGO_BIN_EXE_adopt-before");
const AFTER: &str = env!("CARGO_BIN_EXE_adopt-after");
const PRICES: &str = env!("CARGO_BIN_EXE_adopt-prices");

const PATHS: [&str; 6] = [
    "/quote/tea/3",
    "/quote/coffee/10",
    "/quote/milk/1",
    "/quote/tea/18446744073709551615",
    "/quote/tea/some",
    "/elsewhere",
];

/// A program that listens; it ends with the test.
struct Program {
    child: Child,
    address: String,
}

impl Program {
    fn start(path: &str, prices_at: Option<&str>) -> Program {
        let mut command = Command::new(path);
        command
            .arg("127.0.0.1:0")
            .env_remove("PRICES_AT")
            .stdout(Stdio::piped());
        command.envs(prices_at.map(|address| ("PRICES_AT", address)));
        let mut child = command.spawn().expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it says where it listens");
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .expect("an address")
            .to_owned();
        Program { child, address }
    }

    /// Status line and body.
    fn get(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_shop_answers_the_same_before_after_and_split() {
    let before = Program::start(BEFORE, None);
    let after = Program::start(AFTER, None);
    let prices = Program::start(PRICES, None);
    let split = Program::start(AFTER, Some(&prices.address));
    assert_eq!(
        before.get("/quote/coffee/10"),
        ("HTTP/1.1 200 OK".to_owned(), "6480 cents".to_owned())
    );
    for path in PATHS {
        let answer = before.get(path);
        assert_eq!(after.get(path), answer, "{path}, in one process");
        assert_eq!(split.get(path), answer, "{path}, in two");
    }
}

#[test]
fn a_shop_whose_prices_are_gone_says_so_and_goes_on() {
    let prices = Program::start(PRICES, None);
    let split = Program::start(AFTER, Some(&prices.address));
    assert_eq!(split.get("/quote/tea/3").1, "1350 cents");
    drop(prices);
    let (status, body) = split.get("/quote/tea/3");
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert!(body.starts_with("unavailable: "), "{body}");
    assert_eq!(split.get("/elsewhere").0, "HTTP/1.1 404 Not Found");
}
