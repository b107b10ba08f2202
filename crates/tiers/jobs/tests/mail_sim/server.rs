//! A mail server on a simulated node: as much of RFC 5321 as a client needs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sim::World;
use terrace::{Env, sometimes};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use world::{Address, ByteStream, Stream};

/// The node it is on: a loopback address for who speaks to it, so that no TLS is asked for, and a node's name for the
/// simulated network.
pub(crate) const NODE: &str = "127.0.0.2";
const PORT: u16 = 25;

/// Of so many answers one is lost, and one comes late.
const ANSWERS: u64 = 12;
const LATE_MS_MAX: u64 = 3_000;

/// Bytes of a line that are read, at most.
const LINE_BYTES_MAX: usize = 4_096;

/// What was accepted, in order. It is kept outside the world: what a mail server has accepted it does not lose.
#[derive(Clone, Default)]
pub(crate) struct Accepted(Arc<Mutex<Vec<Copy>>>);

/// A message that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    /// The envelope's sender.
    pub from: String,
    /// Headers and body.
    pub message: String,
    /// When, by true time.
    pub at: Duration,
    /// Whether the server loses its answer.
    pub answer_lost: bool,
}

impl Accepted {
    pub(crate) fn all(&self) -> Vec<Copy> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, copy: Copy) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(copy);
    }
}

/// How an answer is late or lost.
enum Mood {
    Lost,
    Late(Duration),
    Prompt,
}

impl Mood {
    fn draw(env: &Env) -> Mood {
        let mut random = env.random("answers");
        match random.below(ANSWERS) {
            0 => Mood::Lost,
            1 => Mood::Late(Duration::from_millis(random.below(LATE_MS_MAX))),
            _ => Mood::Prompt,
        }
    }
}

/// Where it listens.
pub(crate) fn url() -> String {
    format!("smtp://{NODE}:{PORT}")
}

/// Serves for as long as the node lives. Where it is `moody`, some answers to accepted messages are lost, and some late.
pub(crate) async fn serve(world: World, env: Env, accepted: Accepted, moody: bool) {
    let address = Address::new(format!("{NODE}:{PORT}"));
    let Ok(listener) = env.network().listen(&address).await else {
        return;
    };
    while let Ok(stream) = listener.accept().await {
        let (world, own, accepted) = (world.clone(), env.clone(), accepted.clone());
        drop(env.spawn("dialogue", async move {
            // A client that went away.
            let _gone = converse(&world, own, stream, &accepted, moody).await;
        }));
    }
}

async fn converse(
    world: &World,
    env: Env,
    stream: Arc<dyn Stream>,
    accepted: &Accepted,
    moody: bool,
) -> std::io::Result<()> {
    let mut stream = BufStream::new(ByteStream::new(stream, Bytes::new()));
    say(&mut stream, "220 ready").await?;
    let mut from = String::new();
    loop {
        let Some(line) = line(&mut stream).await? else {
            return Ok(());
        };
        match line.get(..4).unwrap_or(&line).to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => say(&mut stream, "250 simulated").await?,
            "MAIL" => {
                let address = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
                from = address.map(|(address, _)| address.to_owned()).unwrap_or_default();
                say(&mut stream, "250 ok").await?;
            }
            "RCPT" | "NOOP" | "RSET" => say(&mut stream, "250 ok").await?,
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                let mut message = String::new();
                loop {
                    let Some(line) = self::line(&mut stream).await? else {
                        return Ok(());
                    };
                    if line == "." {
                        break;
                    }
                    message.push_str(&line);
                    message.push('\n');
                }
                let mood = if moody { Mood::draw(&env) } else { Mood::Prompt };
                accepted.add(Copy {
                    from: from.clone(),
                    message,
                    at: world.now(),
                    answer_lost: matches!(mood, Mood::Lost),
                });
                match mood {
                    Mood::Lost => {
                        sometimes!(env, true, "an answer was lost");
                        return Ok(());
                    }
                    Mood::Late(by) => env.sleep(by).await,
                    Mood::Prompt => {}
                }
                say(&mut stream, "250 accepted").await?;
            }
            "QUIT" => return say(&mut stream, "221 bye").await,
            _ => say(&mut stream, "500 what?").await?,
        }
    }
}

async fn say(stream: &mut BufStream<ByteStream>, text: &str) -> std::io::Result<()> {
    stream.write_all(format!("{text}\r\n").as_bytes()).await?;
    stream.flush().await
}

/// The next line without its end; none at the end of the stream.
async fn line(stream: &mut BufStream<ByteStream>) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 || line.len() > LINE_BYTES_MAX || !line.ends_with("\r\n") {
        return Ok(None);
    }
    line.truncate(line.len() - 2);
    Ok(Some(line))
}
