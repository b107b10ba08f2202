//! What `Items` promises, held by one function wherever the component runs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use terrace::front::Call;
use terrace::testing::{Executed, looped};
use terrace::{Client, Cx, Env, Ref};

use application_name::items::{Item, ItemError, Items, TEXT_CHARS_MAX};

use crate::fixture::{folder, items};

#[tokio::test]
async fn promises_hold_in_one_process() {
    hold(&items("direct").await).await;
}

#[tokio::test]
async fn promises_hold_behind_the_codecs() {
    let env = Env::production("test");
    hold(&looped(&env, &items("looped").await, Executed::Once)).await;
}

#[tokio::test]
async fn promises_hold_when_every_call_runs_twice() {
    let env = Env::production("test");
    hold(&looped(&env, &items("twice").await, Executed::Twice)).await;
}

#[tokio::test]
async fn promises_hold_over_a_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let serving = terrace::serve(&items("wire").await, listener.expect("a port"));
    let serving = serving.expect("it serves");
    let client = Client::<dyn Items>::connect(serving.address()).await;
    hold(&client.expect("it is there")).await;
}

#[tokio::test]
async fn promises_hold_in_another_process() {
    let program = Program::serve("process");
    let client = Client::<dyn Items>::connect(program.address.as_str()).await;
    hold(&client.expect("it is there")).await;
}

async fn hold(items: &Ref<dyn Items>) {
    assert_eq!(items.list(&Cx::for_test()).await, Ok(Vec::new()));
    let milk = add(items, &Cx::for_test(), " Milk ").await.expect("it is added");
    assert_eq!(milk.text, "Milk");

    // The same request twice, as after an answer that was lost.
    let bread = add(items, &request("bread"), "Bread").await.expect("it is added");
    let again = add(items, &request("bread"), "Bread").await;
    assert_eq!(again, Ok(bread.clone()));
    let both = Ok(vec![milk.clone(), bread.clone()]);
    assert_eq!(items.list(&Cx::for_test()).await, both);

    let nothing = add(items, &Cx::for_test(), "  ").await;
    assert_eq!(nothing, Err(ItemError::Text { chars: 0 }));
    let long = "é".repeat(TEXT_CHARS_MAX + 1);
    let chars = TEXT_CHARS_MAX as u64 + 1;
    assert_eq!(add(items, &Cx::for_test(), &long).await, Err(ItemError::Text { chars }));

    assert_eq!(items.remove(&Cx::for_test(), milk.id).await, Ok(()));
    let gone = items.remove(&Cx::for_test(), milk.id).await;
    assert_eq!(gone, Err(ItemError::Unknown));
    assert_eq!(items.list(&Cx::for_test()).await, Ok(vec![bread]));
}

async fn add(items: &Ref<dyn Items>, cx: &Cx, text: &str) -> Result<Item, ItemError> {
    items.add(cx, text.to_owned()).await
}

/// The request that somebody has called `key`: the same whenever it is made.
fn request(key: &str) -> Cx {
    Call::new(&Env::production("test")).keyed("somebody", "add", key)
}

/// The program, serving its components; it is killed with the test.
struct Program {
    child: Child,
    address: String,
}

impl Program {
    fn serve(name: &str) -> Program {
        let folder = folder(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_application-name"));
        command
            .args(["serve", "--service-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"])
            .args(["--log-level", "warn", "--data"])
            .arg(folder.join("data"))
            .current_dir(folder);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program runs");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let address = lines.find_map(|line| line.ok()?.strip_prefix("serving on ").map(str::to_owned));
        Program {
            address: address.expect("it says where it serves"),
            child,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
