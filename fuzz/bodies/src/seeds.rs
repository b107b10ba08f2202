//! Where the fuzzers begin: real messages of every kind. `cargo run -p fuzz-bodies --example seeds` writes them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use terrace::{CallError, CallErrorKind};
use wire::frame::{HelloFrame, Kind, put};
use wire::head::{DESCRIBE, Head};
use wire::{Codec, Hello};

use crate::component::{Fault, hash, interface};
use crate::connection::TOKEN;
use crate::face::{headers, http2_frame};
use crate::values::{Buffered, Chain, Choice, Closed, Large, Marker, Pair, Rich, Spelled, Tree, Word, Wrapped};

/// An input for one target.
pub struct Seed {
    /// Which target.
    pub target: &'static str,
    /// The input.
    pub bytes: Vec<u8>,
}

/// All of them.
pub fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut add = |target, bytes| seeds.push(Seed { target, bytes });
    codecs(&mut add);
    frames(&mut add);
    interfaces(&mut add);
    face(&mut add);
    connection(&mut add);
    caller(&mut add);
    config(&mut add);
    seeds
}

type Add<'a> = &'a mut dyn FnMut(&'static str, Vec<u8>);

fn encoded(codec: Codec, choice: u8, value: &impl Serialize) -> Vec<u8> {
    let mut out = vec![choice];
    wire::encode(codec, value, &mut out).expect("a seed can be written");
    out
}

fn codecs(add: Add<'_>) {
    for (target, codec) in [
        ("positional", Codec::Positional),
        ("tagged", Codec::Tagged),
        ("json", Codec::Json),
    ] {
        add(target, encoded(codec, 0, &rich()));
        add(target, encoded(codec, 1, &spelled()));
        add(
            target,
            encoded(codec, 2, &vec![(choice(), tree()), (Choice::Unit, tree())]),
        );
        let large = [Large::Empty, Large::Full(Box::new(Large::Empty), [7; 32])];
        add(target, encoded(codec, 3, &large));
        add(
            target,
            encoded(codec, 3, &BTreeMap::from([("a", BTreeMap::from([(1_u8, large)]))])),
        );
        let chain = (0..3).fold(Chain { next: None }, |next, _| Chain {
            next: Some(Box::new(next)),
        });
        add(target, encoded(codec, 4, &(chain, Some(b"bytes".to_vec()))));
        add(
            target,
            encoded(codec, 4, &[("text", Some(u64::MAX), 0.1), ("", None, f64::NAN)]),
        );
        add(target, encoded(codec, 6, &vec![[(); 3]; 5]));
        if codec != Codec::Positional {
            let any = serde_json::json!({"a": [1, -2, 1e300, null, true, "text\u{1f980}"], "b": {"c": {}}});
            add(target, encoded(codec, 5, &any));
            add(target, encoded(codec, 6, &buffered(any)));
            let closed = Closed {
                name: "closed".to_string(),
                list: vec![None, Some((1, choice()))],
            };
            add(target, encoded(codec, 7, &(closed, Some(()), true)));
        }
    }
    add(
        "json",
        b"\x01{\"blob\":\"-__-AQ\",\"new\":[{}],\"by-choice\":{}}".to_vec(),
    );
    add(
        "json",
        b"\x04[[\"\\u00e9\\ud83e\\udd80\",\"18446744073709551615\",\"-Infinity\"]]".to_vec(),
    );
}

fn rich() -> Rich {
    Rich {
        unit: (),
        flags: (true, Some(false)),
        signed: (-1, -300, i32::MIN, i64::MIN, i128::MIN),
        unsigned: (1, 300, u32::MAX, u64::MAX, u128::MAX),
        floats: [0.5, f64::INFINITY, -0.0],
        single: 1.5,
        letter: '\u{1f980}',
        text: "text\n\"\u{e9}\"".to_string(),
        bytes: vec![0, 255],
        list: vec![None, Some("some".to_string())],
        by_name: BTreeMap::from([("a".to_string(), vec![1, 2]), (String::new(), Vec::new())]),
        by_number: BTreeMap::from([(1, choice()), (u64::MAX, Choice::Unit)]),
        set: [-1, 0, 1].into(),
        time: Duration::new(5, 6),
        addresses: (Ipv4Addr::LOCALHOST.into(), "[::1]:80".parse().expect("an address")),
        outcome: Err("why".to_string()),
        tree: tree(),
    }
}

fn choice() -> Choice {
    Choice::Named {
        left: Box::new(Choice::One(1)),
        right: Some(Box::new(Choice::Two(2, "two".to_string()))),
    }
}

fn tree() -> Tree {
    let leaf = |name: &str| Tree {
        name: name.to_string(),
        children: Vec::new(),
    };
    Tree {
        name: "root".to_string(),
        children: vec![leaf("left"), leaf("right")],
    }
}

fn spelled() -> Spelled {
    Spelled {
        blob: Bytes::from_static(&[0xfb, 0xff, 0xfe, 1]),
        marker: Marker,
        wrapped: Wrapped(vec![1, 2]),
        pair: Pair(1, Some(Box::new(Pair(2, None)))),
        by_choice: BTreeMap::from([(Word::First, 1 << 60), (Word::LastOfAll, -1)]),
        by_letter: BTreeMap::from([('a', u128::MAX)]),
        by_yes: BTreeMap::from([(i64::MIN, 0.1)]),
        maybe: Some("maybe".to_string()),
    }
}

fn buffered(any: serde_json::Value) -> Buffered {
    use crate::values::{Tagged, Untagged};
    Buffered {
        untagged: vec![
            Untagged::Number(1),
            Untagged::Float(0.5),
            Untagged::Text("a".to_string()),
            Untagged::List(vec![Untagged::Named {
                name: Box::new(Untagged::Number(-1)),
            }]),
        ],
        tagged: Some(Box::new(Tagged::Inner {
            value: Box::new(Tagged::Empty),
            numbers: vec![1, 2],
        })),
        rest: BTreeMap::from([("any".to_string(), any)]),
    }
}

fn greeting(token: &str, hash: u128) -> Vec<u8> {
    let said = Hello {
        interfaces: vec![(interface().name.clone(), hash), ("Other".to_string(), 5)],
    };
    let mut out = Vec::new();
    HelloFrame {
        features: 0,
        token: token.as_bytes().to_vec(),
        said: said.encode(),
    }
    .encode(&mut out);
    out
}

fn full_head(method: u32) -> Head<'static> {
    Head {
        codec: Codec::Tagged,
        method,
        hops: 3,
        attempt: 1,
        reading: true,
        remaining_micros: Some(50_000),
        call_id: Some(1 << 100),
        trace: Some((5, 6, true)),
        principal: Some("ada"),
        ..Head::default()
    }
}

/// A request for each method, in each codec.
fn requests() -> Vec<Vec<u8>> {
    let mut requests = Vec::new();
    for codec in [Codec::Positional, Codec::Tagged, Codec::Json] {
        let mut add = |method: u32, name: &str, value: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            Head {
                codec,
                method,
                ..Head::default()
            }
            .encode(&mut out);
            match codec {
                Codec::Positional => value(&mut out),
                // By name, as the adapters write them.
                Codec::Json => {
                    out.extend_from_slice(format!("{{\"{name}\":").as_bytes());
                    value(&mut out);
                    out.push(b'}');
                }
                Codec::Tagged => {
                    out.extend_from_slice(&[0x81, 0xa0 | name.len() as u8]);
                    out.extend_from_slice(name.as_bytes());
                    value(&mut out);
                }
            }
            requests.push(out);
        };
        add(0, "value", &|out| put_value(codec, &rich(), out));
        add(1, "bytes", &|out| put_value(codec, &b"some bytes".to_vec(), out));
        add(3, "key", &|out| put_value(codec, "key", out));
        add(4, "fault", &|out| {
            let error = CallError::not_run(CallErrorKind::Unavailable, "gone");
            put_value(codec, &Fault::Call(error), out);
        });
        add(5, "wait_ms", &|out| put_value(codec, &20_u16, out));
        add(6, "bytes", &|out| put_value(codec, &70_000_u32, out));
    }
    let mut full = Vec::new();
    full_head(2).encode(&mut full);
    full.push(0x80);
    requests.push(full);
    let mut describe = Vec::new();
    Head {
        component: DESCRIBE,
        ..Head::default()
    }
    .encode(&mut describe);
    requests.push(describe);
    requests
}

fn put_value<T: Serialize + ?Sized>(codec: Codec, value: &T, out: &mut Vec<u8>) {
    wire::encode(codec, value, out).expect("a seed can be written");
}

fn frames(add: Add<'_>) {
    for (number, request) in requests().into_iter().enumerate() {
        let mut out = vec![number as u8];
        put(Kind::Call, number as u64, &request, &mut out);
        put(Kind::Ping, 0, b"", &mut out);
        put(Kind::Error, 1, &[0, 1, 1, 0, b'w', b'h', b'y'], &mut out);
        add("frames", out);
        add("frames", [&[0], &request[..]].concat());
    }
    let mut parts = vec![3];
    for (more, body) in [(1, b"first"), (1, b"secon"), (0, b"third")] {
        let start = parts.len();
        put(Kind::Reply, 7, body, &mut parts);
        parts[start + 5] = more;
    }
    add("frames", parts);
    let greeting = greeting(TOKEN, 7);
    add("frames", [&[0], &greeting[2..]].concat());
    add("frames", [&[0], &greeting[18..]].concat());
    add("frames", [&[0], &greeting[28 + TOKEN.len()..]].concat());
}

fn interfaces(add: Add<'_>) {
    let ours = interface();
    add("interface", encoded(Codec::Tagged, 0, ours));
    add("interface", encoded(Codec::Positional, 1, ours));
    let mut small = ours.clone();
    small.methods.truncate(2);
    small.types.clear();
    for method in &mut small.methods {
        method.arguments.clear();
        method.output = wire::shape::TypeRef::Unit;
        method.error = wire::shape::TypeRef::Option(Box::new(wire::shape::TypeRef::Uint(8)));
    }
    add("interface", encoded(Codec::Tagged, 0, &small));
    add("interface", encoded(Codec::Positional, 1, &small));
}

fn face(add: Add<'_>) {
    let name = &interface().name;
    let mut all = vec![0, 0];
    for (method, headers, body) in [
        ("echo", "", "{\"a\":1}"),
        ("body", "connect-timeout-ms: 50\r\nidempotency-key: k\r\n", "{}"),
        ("nothing", "connect-protocol-version: 1\r\n", ""),
        (
            "wait",
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
            "{}",
        ),
        (
            "fail",
            "origin: https://todo.example\r\nauthorization: Bearer secret\r\n",
            "{}",
        ),
        ("large", "content-encoding: identity\r\naccept-encoding: gzip\r\n", "{}"),
        ("none", "origin: http://evil.example\r\n", "{}"),
    ] {
        let length = body.len();
        let request = format!(
            "POST /{name}/{method} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        add("face", [&[0, 0], request.as_bytes()].concat());
        add("face", [&[2, 50], request.as_bytes()].concat());
        all.extend_from_slice(request.as_bytes());
    }
    add("face", all);
    let chunked = format!(
        "\0\0POST http://todo.example/{name}/echo HTTP/1.1\r\nhost: todo.example:80\r\ncontent-type: application/json; charset=utf-8\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n3;x=y\r\n{{ }}\r\n0\r\na: b\r\n\r\n"
    );
    add("face", chunked.into_bytes());
    add("face", b"\0\0GET / HTTP/1.0\r\n\r\n".to_vec());
    let mut http2 = b"\0\0PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    http2_frame(4, 0, 0, b"\0\x04\0\0\xff\xff", &mut http2);
    let mut made = vec![1, 0];
    for method in 0..interface().methods.len() as u8 {
        let stream = 1 + 2 * method;
        let mut block = Vec::new();
        headers(method, &mut block);
        http2_frame(1, 4, stream.into(), &block, &mut http2);
        http2_frame(0, 1, stream.into(), b"{}", &mut http2);
        made.extend_from_slice(&[16 | 1, 4, stream, 0, method, 0, 1, stream, 2, b'{', b'}']);
    }
    http2_frame(8, 0, 1, &[0, 0, 1, 0], &mut http2);
    http2_frame(3, 0, 1, &[0, 0, 0, 8], &mut http2);
    http2_frame(6, 0, 0, b"12345678", &mut http2);
    http2_frame(7, 0, 0, &[0; 8], &mut http2);
    add("face", http2);
    add("face", made);
    // A body in parts, past its limit, and a reset.
    add(
        "face",
        vec![1, 0, 17, 4, 1, 0, 0, 32, 0, 1, 40, 32, 0, 1, 40, 3, 0, 1, 4, 0, 0, 0, 8],
    );
}

fn connection(add: Add<'_>) {
    let mut all = [&[0, 0], &greeting("", hash())[..]].concat();
    for (number, request) in requests().into_iter().enumerate() {
        let mut one = [&[4, 100], &greeting(TOKEN, hash())[..]].concat();
        put(Kind::Call, 1, &request, &mut one);
        put(Kind::Cancel, 1, b"", &mut one);
        add("connection", one);
        put(Kind::Call, number as u64, &request, &mut all);
        if request.len() < 256 {
            let mut made = vec![1, 0, 2, 0, 1, request.len() as u8];
            made.extend_from_slice(&request);
            made.extend_from_slice(&[9, 0, 0, 0, 7, 0, 1, 0]);
            add("connection", made);
        }
    }
    put(Kind::Ping, 0, b"", &mut all);
    put(Kind::Goaway, 0, b"bye", &mut all);
    add("connection", all);
    // Heads that are made, and messages in several frames.
    add(
        "connection",
        vec![
            1,
            7,
            2,
            4,
            1,
            0,
            0,
            2,
            0xff,
            2,
            1 | 2 | 4,
            2,
            200,
            0,
            1,
            0,
            2,
            2,
            2,
            200,
        ],
    );
    let request = b"\0\0POST /Subject/nothing HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    add("connection", request.to_vec());
    add("connection", b"\0\0\x16\x03\x01".to_vec());
}

fn caller(add: Add<'_>) {
    let reply = |number: u8, body: &[u8]| [&[3, 0, number, body.len() as u8], body].concat();
    let mut answers = Vec::new();
    let error = [&[4, 0, 4, 7, 0, 1, 1, 0], &b"why"[..]].concat();
    for (number, body) in [&[0][..], &[0, 2, 1, 2], &[1, 3, 0], &[0, 1], &[0, 1], &[0, 1, 7]]
        .iter()
        .enumerate()
    {
        answers.extend(reply(number as u8 + 1, body));
    }
    add("caller", [&[1, 0, 0], &answers[..]].concat());
    add("caller", [&[1, 5, 20], &answers[..], &error].concat());
    let mut raw = [&[0, 0, 0], &greeting("", hash())[..]].concat();
    for number in 1..7 {
        put(Kind::Reply, number, &[0, 0], &mut raw);
        put(Kind::Pong, 0, b"", &mut raw);
    }
    put(Kind::Goaway, 0, b"bye", &mut raw);
    add("caller", raw);
    let mut refused = vec![0, 0, 0, 0xf7, 1];
    put(Kind::Goaway, 0, b"the token is missing or wrong", &mut refused);
    add("caller", refused);
    // Another shape, whose interface is asked for: the same one in truth.
    let mut described = [&[0, 0, 0], &greeting("", 9)[..]].concat();
    let mut answer = vec![0];
    interface().encode(&mut answer).expect("a seed can be written");
    put(Kind::Reply, 1, &answer, &mut described);
    for number in 2..8 {
        put(Kind::Reply, number, &[0, 0xc0], &mut described);
    }
    add("caller", described);
}

fn config(add: Add<'_>) {
    add("config", CONFIG.as_bytes().to_vec());
    for line in [
        "[servise]\n",
        "[service]\nlisten = 5\n",
        "[log]\nlevel = \"inof\"\n",
        "[components.A]\nat = \"x\"\nmodule = \"y\"\n",
    ] {
        add("config", line.as_bytes().to_vec());
    }
}

const CONFIG: &str = r#"
[service]
listen = "127.0.0.1:7001"
token = { env = "TERRACE_TOKEN" }
[face]
on = true
hosts = ["todo.example"]
origins = ["https://todo.example"]
request_bytes_max = 1_048_576
[log]
format = "json"
level = "info"
targets = { "terrace::wire" = "debug" }
[calls]
decoded_bytes_max = 67_108_864
[components.Greeter]
module = "loud"
config = { volume = 11 }
[components.Names]
at = "10.0.0.7:7001"
"#;
