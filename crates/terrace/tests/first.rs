//! First light.
use terrace::{CallError, Client, Cx, Ref, serve};

#[terrace::data]
pub enum GreetError {
    Empty,
    Call(CallError),
}
impl From<CallError> for GreetError {
    fn from(error: CallError) -> Self {
        GreetError::Call(error)
    }
}

/// Greets.
#[terrace::component(owner = "front-desk")]
pub trait Greeter {
    /// Greets `name`.
    #[call(read)]
    async fn greet(&self, cx: &Cx, name: String) -> Result<String, GreetError>;
    /// Adds.
    #[call(once)]
    async fn add(&self, cx: &Cx, name: String, n: u64) -> Result<u64, GreetError>;
}

struct Polite;
impl Greeter for Polite {
    async fn greet(&self, _: &Cx, name: String) -> Result<String, GreetError> {
        if name.is_empty() { Err(GreetError::Empty) } else { Ok(format!("Hello, {name}")) }
    }
    async fn add(&self, cx: &Cx, _name: String, n: u64) -> Result<u64, GreetError> {
        cx.env().sleep(std::time::Duration::from_millis(n)).await;
        Ok(n)
    }
}

#[tokio::test]
async fn direct_and_remote() {
    let direct: Ref<dyn Greeter> = Ref::new(Polite);
    let cx = Cx::for_test();
    assert_eq!(direct.greet(&cx, "Ada".into()).await, Ok("Hello, Ada".into()));
    let serving = serve(&direct, tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    let remote = Client::<dyn Greeter>::connect(serving.address()).await.unwrap();
    assert_eq!(remote.greet(&cx, "Ada".into()).await, Ok("Hello, Ada".into()));
    assert_eq!(remote.greet(&cx, String::new()).await, Err(GreetError::Empty));
    assert_eq!(remote.add(&cx, String::new(), 20).await, Ok(20));
    let short = cx.within(std::time::Duration::from_millis(30));
    println!("{:?}", remote.add(&short, String::new(), 2000).await);
    serving.drain().await;
    println!("{:?}", remote.add(&cx, String::new(), 1).await);
}
