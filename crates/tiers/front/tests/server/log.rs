//! The access log.

use std::sync::{Arc, Mutex};

use front::Config;
use telemetry::logs::{self, Format, Level, Logs};

use crate::peer::{get_of, post_of, run_from};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no test panics with it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The node that asks here, by which these lines are told from those of tests beside this one.
const PEER: &str = "logged";

/// The lines about [`PEER`] of what `run` does. The logger is the process's: one of a thread alone loses lines that another
/// thread, which has none, came by first.
fn logged(run: impl FnOnce()) -> Vec<serde_json::Value> {
    let lines = Lines::default();
    let writer = lines.clone();
    let logs = Logs {
        format: Format::Json,
        level: Level::Info,
        ..Logs::default()
    };
    let subscriber = logs::subscriber(&logs, move || writer.clone());
    tracing::subscriber::set_global_default(subscriber).expect("no other test sets one");
    run();
    let bytes = lines.0.lock().expect("no test panics with it").clone();
    let text = String::from_utf8(bytes).expect("UTF-8");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    lines.filter(|line| found(line, "peer") == PEER).collect()
}

#[test]
fn each_request_is_one_line_without_its_query_its_headers_or_its_body() {
    let lines = logged(|| {
        run_from(PEER, Config::default(), async |place| {
            let mut peer = place.connect().await;
            let secret = "authorization: Bearer secret\r\ncookie: s=secret\r\nx-request-id: abcdefgh\r\n";
            peer.ask(&get_of("/hello?token=secret", secret)).await;
            peer.ask(&get_of("/healthz", "")).await;
            peer.ask(&get_of("/panic", "")).await;
            let fault = peer.ask(&get_of("/fault", "")).await;
            assert!(!fault.body.contains("disk"), "{fault:?}");
            peer.ask(&get_of("/nothing", "")).await;
            peer.ask(&post_of("/echo", &"secret".repeat(1 << 20))).await;
            place.ask("GET /?secret HTTP/1.1\r\nsecret\r\n\r\n").await;
            place.pass(1).await;
        });
    });
    let text = |line: &serde_json::Value| line.to_string();
    assert!(!lines.iter().any(|line| text(line).contains("secret")), "{lines:#?}");
    let statuses: Vec<_> = lines.iter().map(|line| found(line, "status").as_u64()).collect();
    let expected = [200, 500, 500, 404, 413, 400].map(Some);
    assert_eq!(statuses, expected, "{lines:#?}");
    for (name, value) in [
        ("method", "GET"),
        ("path", "/hello"),
        ("peer", PEER),
        ("request_id", "abcdefgh"),
    ] {
        assert_eq!(found(&lines[0], name), value, "{lines:#?}");
    }
    assert_eq!(found(&lines[0], "bytes"), 12);
    assert!(found(&lines[1], "why").to_string().contains("fault"));
    assert_eq!(found(&lines[2], "why"), "the disk is full");
}

/// A field of a line, wherever the format puts it.
fn found<'a>(line: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    let inner = &line["fields"][name];
    if inner.is_null() { &line[name] } else { inner }
}
