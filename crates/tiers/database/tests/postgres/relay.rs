//! A line that goes dead when the server has done what it was asked, and before it says so.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use database::Error;
use wire::Ran;

use crate::{Bed, config, open, until};

/// Stands between a component and its server.
struct Relay {
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Whether what the server says is kept from whoever asked.
    mute: AtomicBool,
    lines: Mutex<Vec<TcpStream>>,
}

impl Relay {
    fn to(server: String) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let shared = state.clone();
        thread::spawn(move || {
            for asking in listener.incoming() {
                let (asking, answering) = (asking.unwrap(), TcpStream::connect(&server).unwrap());
                let mut lines = shared.lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.extend([asking.try_clone().unwrap(), answering.try_clone().unwrap()]);
                let (back, forth) = (answering.try_clone().unwrap(), asking.try_clone().unwrap());
                thread::spawn(move || carry(forth, answering, None));
                let shared = shared.clone();
                thread::spawn(move || carry(back, asking, Some(&shared.mute)));
            }
        });
        Relay { address, state }
    }

    fn mute(&self) {
        self.state.mute.store(true, Ordering::SeqCst);
    }

    /// Ends every line there is; new ones carry everything.
    fn cut(&self) {
        let mut lines = self.state.lines.lock().unwrap_or_else(PoisonError::into_inner);
        for line in lines.drain(..) {
            // It may be gone already.
            let _ = line.shutdown(Shutdown::Both);
        }
        self.state.mute.store(false, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, mute: Option<&AtomicBool>) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        let is_mute = mute.is_some_and(|mute| mute.load(Ordering::SeqCst));
        if !is_mute && to.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_whose_commit_was_not_answered_may_have_been_kept_and_is_not_repeated() {
    let bed = Bed::new();
    let url = bed.server.url(&bed.database);
    let begin = url.find("127.0.0.1:").unwrap();
    let server = url[begin..].split(['/', '?']).next().unwrap().to_owned();
    let relay = Relay::to(server.clone());
    let db = open("Todos", &config(url.replace(&server, &relay.address)))
        .await
        .unwrap();
    let sql = "insert into items (id, amount) select 1 + count(*), 1 from items";
    // Now the connection has it prepared, so that its beginning, the statement and the commit are sent at once.
    assert_eq!(db.execute(sql, ()).await, Ok(1));
    relay.mute();
    let asked = db.clone();
    let asking = tokio::spawn(async move { asked.execute(sql, ()).await });
    until("the second one is kept", async || {
        bed.psql("select count(*) from todos.items") == "2"
    })
    .await;
    relay.cut();
    let done = asking.await.unwrap();
    assert!(
        matches!(done, Err(Error::Unavailable { ran: Ran::Maybe, .. })),
        "{done:?}"
    );
    assert_eq!(db.query_one::<i64>("select count(*) from items", ()).await, Ok(2));
}
