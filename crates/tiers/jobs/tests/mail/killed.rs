//! The process is killed between the server's acceptance and our commit of it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use database::{Database, Migrations};
use jobs::mail::{Accepted, Carrier, Engine, Mail, Rendered, SendError, Smtp};
use jobs::{Jobs, State};
use world::production::Options;
use world::{BoxFuture, Env};

use crate::sent::config;

/// What the process that is killed is told: the folder of the data, and the mail server.
const FOLDER: &str = "TERRACE_TEST_MAIL_FOLDER";
const SERVER: &str = "TERRACE_TEST_MAIL_SERVER";

const PATIENCE: Duration = Duration::from_secs(60);

/// Has the server's answer, and does not come to tell it.
struct Stalls(Smtp);

impl Carrier for Stalls {
    fn send<'a>(&'a self, env: &'a Env, mail: &'a Rendered) -> BoxFuture<'a, Result<Accepted, SendError>> {
        Box::pin(async move {
            let answer = self.0.send(env, mail).await;
            env.sleep(PATIENCE).await;
            answer
        })
    }
}

async fn opened(folder: PathBuf, server: &str, stalls: bool) -> (Env, Database, Jobs, Mail) {
    let data = Some(folder);
    let options = Options {
        data,
        ..Options::default()
    };
    let env = Env::production_with("killed", options);
    let none = Migrations { list: &[] };
    let database = Database::open(&env, "Killed", &database::Config::default(), &none)
        .await
        .unwrap();
    let settings = jobs::Config {
        poll: Duration::from_millis(20),
        lease: Duration::from_secs(2),
        ..jobs::Config::default()
    };
    let jobs = Jobs::open(&env, &database, settings).await.unwrap();
    let mut config = config(server);
    if stalls {
        let smtp = Smtp::new(&format!("smtp://{server}")).unwrap();
        config.engine = Engine::Carrier(Arc::new(Stalls(smtp)));
    }
    let mail = Mail::open(&jobs, config).await.unwrap();
    (env, database, jobs, mail)
}

/// What the process does that is killed; nothing in an ordinary run of the tests.
#[tokio::test]
async fn child_that_is_killed() {
    let (Ok(folder), Ok(server)) = (std::env::var(FOLDER), std::env::var(SERVER)) else {
        return;
    };
    let (env, database, jobs, mail) = opened(folder.into(), &server, true).await;
    let message = crate::sent::message(&mail);
    let _worker = jobs.start().await.unwrap();
    let sent: Result<_, database::Error> = database
        .transaction(async move |tx: &database::Transaction<'_>| mail.send(tx, &message).await)
        .await;
    sent.unwrap();
    env.sleep(PATIENCE).await;
}

#[tokio::test]
async fn a_process_killed_before_its_commit_sends_the_same_message_again_and_counts_it() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("mail-killed-{}", std::process::id()));
    let server = servers::Smtp::start().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child_that_is_killed"])
        .env(FOLDER, &folder)
        .env(SERVER, server.address())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let waiting = Env::production("parent");
    let had = waiting.timeout(PATIENCE, async {
        while server.messages().is_empty() {
            waiting.sleep(Duration::from_millis(5)).await;
        }
    });
    let had = had.await;
    child.kill().unwrap();
    child.wait().unwrap();
    had.expect("the server had the message");
    let (env, _database, jobs, mail) = opened(folder.clone(), &server.address(), false).await;
    let id = jobs.list(&jobs::Filter::default(), 10).await.unwrap()[0].id;
    let worker = jobs.start().await.unwrap();
    let done = env.timeout(PATIENCE, async {
        while jobs.show(id).await.unwrap().state != State::Done {
            env.sleep(Duration::from_millis(5)).await;
        }
    });
    done.await.expect("it is sent again");
    let messages = server.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].data, messages[1].data);
    let posted = mail.posted(id).await.unwrap().unwrap();
    assert_eq!((posted.attempts, posted.repeats, posted.state.as_str()), (2, 1, "sent"));
    worker.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
