//! The traffic of the bench `simulate` on turmoil, as its users write it: a length, then the bytes, over its TCP streams.
//!
//! `bench-turmoil NODES SERVERS LANES PAUSE_MS TICK_MS SIMULATED_MS SEED` prints one line of JSON.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil::net::{TcpListener, TcpStream};

const BODY_BYTES: usize = 64;
const PORT: u16 = 7000;

/// As the simulator's model `synchronous` has it.
const LATENCY_MIN: Duration = Duration::from_millis(1);
const LATENCY_MAX: Duration = Duration::from_millis(10);

/// What is simulated.
#[derive(Clone, Copy)]
struct Traffic {
    nodes: usize,
    /// The first of the nodes serve. Where all of them do, all of them call as well; otherwise the others do.
    servers: usize,
    /// Requests that a caller has under way at once, each to the next server in turn.
    lanes: usize,
    /// What a lane waits before each request.
    pause: Duration,
    tick: Duration,
    simulated: Duration,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<u64> = std::env::args()
        .skip(1)
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?;
    let &[nodes, servers, lanes, pause, tick, simulated, seed] = numbers.as_slice() else {
        return Err("give NODES SERVERS LANES PAUSE_MS TICK_MS SIMULATED_MS SEED".into());
    };
    let traffic = Traffic {
        nodes: nodes as usize,
        servers: servers as usize,
        lanes: lanes as usize,
        pause: Duration::from_millis(pause),
        tick: Duration::from_millis(tick),
        simulated: Duration::from_millis(simulated),
    };
    let before = cpu_s()?;
    let (messages, simulated_s) = run(seed, traffic)?;
    let cpu_s = cpu_s()? - before;
    println!(r#"{{"messages":{messages},"simulated_s":{simulated_s},"cpu_s":{cpu_s}}}"#);
    Ok(())
}

/// Answers how many requests and replies arrived, and the simulated time.
fn run(seed: u64, traffic: Traffic) -> turmoil::Result<(u64, f64)> {
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000))
        .simulation_duration(traffic.simulated * 2)
        .tick_duration(traffic.tick)
        .min_message_latency(LATENCY_MIN)
        .max_message_latency(LATENCY_MAX)
        .build();
    let messages = Rc::new(Cell::new(0));
    for number in 0..traffic.nodes {
        let messages = messages.clone();
        sim.host(format!("n{number}"), move || node(number, traffic, messages.clone()));
    }
    while sim.elapsed() < traffic.simulated {
        sim.step()?;
    }
    Ok((messages.get(), sim.elapsed().as_secs_f64()))
}

async fn node(number: usize, traffic: Traffic, messages: Rc<Cell<u64>>) -> turmoil::Result {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let calls = number >= traffic.servers || traffic.servers == traffic.nodes;
    for lane in 0..if calls { traffic.lanes } else { 0 } {
        let messages = messages.clone();
        tokio::task::spawn_local(async move {
            // Every node must listen before the first connects.
            tokio::time::sleep(traffic.tick * 2).await;
            call(number, lane, traffic, messages).await.expect("nothing fails");
        });
    }
    loop {
        let (stream, _) = listener.accept().await?;
        let messages = messages.clone();
        tokio::task::spawn_local(async move { serve(stream, messages).await });
    }
}

async fn serve(mut stream: TcpStream, messages: Rc<Cell<u64>>) -> turmoil::Result {
    loop {
        let body = read(&mut stream).await?;
        messages.set(messages.get() + 1);
        write(&mut stream, &body).await?;
    }
}

async fn call(number: usize, lane: usize, traffic: Traffic, messages: Rc<Cell<u64>>) -> turmoil::Result {
    let others = (1..=traffic.servers).map(|step| (number + step) % traffic.servers);
    let mut streams: Vec<(usize, Option<TcpStream>)> = others
        .filter(|server| *server != number)
        .map(|server| (server, None))
        .collect();
    let mut at = lane % streams.len();
    loop {
        if !traffic.pause.is_zero() {
            tokio::time::sleep(traffic.pause).await;
        }
        let next = (at + 1) % streams.len();
        let (to, stream) = &mut streams[at];
        at = next;
        let stream = match stream {
            Some(stream) => stream,
            none => none.insert(TcpStream::connect((format!("n{to}"), PORT)).await?),
        };
        write(stream, &[7; BODY_BYTES]).await?;
        read(stream).await?;
        messages.set(messages.get() + 1);
    }
}

async fn write(stream: &mut TcpStream, body: &[u8]) -> std::io::Result<()> {
    let mut framed = Vec::with_capacity(4 + body.len());
    framed.extend_from_slice(&(body.len() as u32).to_le_bytes());
    framed.extend_from_slice(body);
    stream.write_all(&framed).await
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = stream.read_u32_le().await?;
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

/// Processor time of this process.
fn cpu_s() -> nix::Result<f64> {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
    Ok(time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9)
}
