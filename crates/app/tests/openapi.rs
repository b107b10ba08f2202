//! `describe --openapi` says what the HTTP face does: public tools validate the document, and every answer by it; and a client
//! that is made from it calls.
#![allow(
    clippy::disallowed_methods,
    reason = "a test writes the files that other programs read"
)]
#![allow(missing_docs, reason = "what is described is the document")]

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::{App, Console};
use bytes::Bytes;
use host::{Setup, SetupError};
use servers::OpenApi;
use terrace::{CallError, Cx, Foreign, Ref};

/// Something of each kind.
#[terrace::data]
pub struct Everything {
    switch: bool,
    small: i8,
    wide: i64,
    long: u64,
    huge: u128,
    ratio: f64,
    letter: char,
    text: String,
    bytes: Bytes,
    perhaps: Option<String>,
    #[serde(default)]
    counted: u32,
    list: Vec<u16>,
    by_number: BTreeMap<u32, String>,
    pair: (u8, String),
    three: [bool; 3],
    four: [u8; 4],
    nothing: (),
    wrapped: Wrapped,
    states: Vec<State>,
    level: Level,
    address: IpAddr,
    v4: Ipv4Addr,
    socket: SocketAddr,
    time: Duration,
    outcome: Result<u8, String>,
    other_outcome: Result<String, bool>,
    anything: Foreign<serde_json::Value>,
}

#[terrace::data]
pub struct Wrapped(String);

#[terrace::data]
#[serde(rename_all = "snake_case")]
pub enum State {
    Open,
    Due(u64),
    Both(u8, bool),
    Held { by: String, at: Option<u32> },
}

#[terrace::data]
pub enum Level {
    High,
    Low,
}

#[terrace::data]
pub struct Node {
    name: String,
    children: Vec<Node>,
}

#[terrace::data]
pub enum OddError {
    #[error(code = "not_found")]
    No {
        why: String,
    },
    Call(CallError),
}

impl From<CallError> for OddError {
    fn from(error: CallError) -> OddError {
        OddError::Call(error)
    }
}

/// Says things back. It has something of each kind.
#[terrace::component(owner = "odd-team")]
pub trait Odd {
    /// A value to begin with. With `extreme` it holds what is hardest to write.
    #[call(read)]
    async fn sample(&self, cx: &Cx, extreme: bool) -> Result<Everything, OddError>;
    async fn echo(&self, cx: &Cx, value: Everything) -> Result<Everything, OddError>;
    async fn grow(&self, cx: &Cx, tree: Node) -> Result<Node, OddError>;
    async fn nothing(&self, cx: &Cx) -> Result<(), OddError>;
    async fn perhaps(&self, cx: &Cx, number: Option<u32>) -> Result<Option<u32>, OddError>;
    async fn refuse(&self, cx: &Cx, why: String) -> Result<(), OddError>;
}

struct Echo;

impl Echo {
    async fn open(_: &Setup) -> Result<Echo, SetupError> {
        Ok(Echo)
    }
}

impl Odd for Echo {
    async fn sample(&self, _: &Cx, extreme: bool) -> Result<Everything, OddError> {
        Ok(Everything {
            switch: extreme,
            small: if extreme { i8::MIN } else { 1 },
            wide: if extreme { i64::MIN } else { -1 },
            long: if extreme { u64::MAX } else { 1 },
            huge: if extreme { u128::MAX } else { 1 },
            ratio: if extreme { f64::NEG_INFINITY } else { 0.5 },
            letter: if extreme { '🦀' } else { 'a' },
            text: "a \"text\"\n".to_owned(),
            bytes: Bytes::from_static(&[0, 255, 254]),
            perhaps: extreme.then(|| "perhaps".to_owned()),
            counted: 3,
            list: vec![1, u16::MAX],
            by_number: BTreeMap::from([(7, "seven".to_owned())]),
            pair: (1, "one".to_owned()),
            three: [true, false, true],
            four: [1, 2, 3, 4],
            nothing: (),
            wrapped: Wrapped("inside".to_owned()),
            states: vec![
                State::Open,
                State::Due(u64::MAX),
                State::Both(1, true),
                State::Held {
                    by: "Ada".to_owned(),
                    at: None,
                },
            ],
            level: if extreme { Level::High } else { Level::Low },
            address: IpAddr::V6(Ipv6Addr::LOCALHOST),
            v4: Ipv4Addr::LOCALHOST,
            socket: SocketAddr::from(([127, 0, 0, 1], 80)),
            time: Duration::from_millis(1500),
            outcome: if extreme { Ok(1) } else { Err("none".to_owned()) },
            other_outcome: Err(true),
            anything: Foreign(serde_json::json!({ "any": ["thing", null] })),
        })
    }

    async fn echo(&self, _: &Cx, value: Everything) -> Result<Everything, OddError> {
        Ok(value)
    }

    async fn grow(&self, _: &Cx, tree: Node) -> Result<Node, OddError> {
        Ok(Node {
            children: vec![tree.clone()],
            ..tree
        })
    }

    async fn nothing(&self, _: &Cx) -> Result<(), OddError> {
        Ok(())
    }

    async fn perhaps(&self, _: &Cx, number: Option<u32>) -> Result<Option<u32>, OddError> {
        Ok(number)
    }

    async fn refuse(&self, _: &Cx, why: String) -> Result<(), OddError> {
        assert_ne!(why, "panic", "it was asked to");
        Err(OddError::No { why })
    }
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn printed(arguments: &[&str]) -> Vec<u8> {
    let (out, error) = (Written::default(), Written::default());
    let arguments = ["odd"].iter().chain(arguments).map(Into::into).collect();
    let app = App::new("odd").version("1.2.3").provide::<dyn Odd>(Echo::open);
    let status = app.run_on(arguments, Console::new(out.clone(), error.clone()));
    let error = error.0.lock().expect("nobody panicked").clone();
    assert_eq!(status, 0, "{}", String::from_utf8_lossy(&error));
    let out = out.0.lock().expect("nobody panicked");
    out.clone()
}

#[test]
fn the_document_is_valid_and_says_what_the_face_does() {
    let tools = OpenApi::find().expect("the tools are found");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("openapi-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let document = folder.join("openapi.json");
    std::fs::write(&document, printed(&["describe", "--openapi"])).expect("the document is written");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let serving = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        terrace::serve(&Ref::<dyn Odd>::new(Echo), listener).expect("it serves")
    });
    let address = serving.address().to_string();
    let text = |path: &Path| path.to_str().expect("the path is text").to_owned();
    let (document, output) = (text(&document), text(&folder));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi/face.py");
    let said = tools
        .run(&script, &[&document, &address, &output])
        .expect("it conforms");
    assert_eq!(said.trim(), "it conforms");
    std::fs::remove_dir_all(&folder).expect("the folder is removed");
}
