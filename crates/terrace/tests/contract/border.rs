//! A request that names itself at a border: the same `Idempotency-Key` has one effect, and no other arguments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use terrace::once::{MemoryKeeper, once};
use terrace::{CallError, Cx, Ref, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Why nothing was added.
#[terrace::data]
pub enum AddError {
    /// The call failed.
    Call(CallError),
}

impl From<CallError> for AddError {
    fn from(error: CallError) -> AddError {
        AddError::Call(error)
    }
}

/// Adds up.
#[terrace::component]
pub trait Sum {
    /// Adds `number` once a call.
    #[call(once)]
    async fn add(&self, cx: &Cx, number: u64) -> Result<u64, AddError>;
}

struct Kept {
    keeper: Arc<MemoryKeeper>,
    sum: Arc<AtomicU64>,
}

impl Sum for Kept {
    async fn add(&self, cx: &Cx, number: u64) -> Result<u64, AddError> {
        let sum = self.sum.clone();
        once(self.keeper.clone(), cx, "add", move || async move {
            Ok(sum.fetch_add(number, Ordering::Relaxed) + number)
        })
        .await
    }
}

async fn post(address: &str, key: &str, number: u64) -> (String, String) {
    let body = format!("{{\"number\":{number}}}");
    let request = format!(
        "POST /Sum/add HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         idempotency-key: {key}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.expect("it is served");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    (head.lines().next().unwrap_or_default().to_string(), body.to_string())
}

#[tokio::test]
async fn one_key_has_one_effect_and_one_set_of_arguments() {
    let sum = Arc::new(AtomicU64::new(0));
    let kept: Ref<dyn Sum> = Ref::new(Kept {
        keeper: MemoryKeeper::new(),
        sum: sum.clone(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let serving = serve(&kept, listener).expect("loopback is served");
    let address = serving.address().to_string();

    let answers = at_once(&address, "a", 5, 20).await;
    assert!(
        answers
            .iter()
            .all(|(status, body)| status.contains("200") && body == "5"),
        "{answers:?}"
    );
    let (status, body) = post(&address, "a", 6).await;
    assert!(
        status.contains("403") && body.contains("call id reused"),
        "{status} {body}"
    );
    let (status, body) = post(&address, "b", 6).await;
    assert!(status.contains("200") && body == "11", "{status} {body}");
    assert_eq!(sum.load(Ordering::Relaxed), 11);
}

/// The same request so many times at once.
async fn at_once(address: &str, key: &'static str, number: u64, times: usize) -> Vec<(String, String)> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..times {
        let address = address.to_owned();
        tasks.spawn(async move { post(&address, key, number).await });
    }
    tasks.join_all().await
}
