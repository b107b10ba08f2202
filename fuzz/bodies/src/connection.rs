//! The whole serving side: bytes from the first on into what `serve` serves.

use terrace::Ref;
use wire::frame::{Header, HelloFrame, Kind, MORE};
use wire::head::Head;
use wire::{Codec, Hello, Token};
use world::memory::World;
use world::{Address, Env};

use crate::component::{Answering, Subject, hash, interface};
use crate::cursor::{Cursor, pieces};
use crate::talk::{ADDRESS, NODE, over, talk};

/// The deployment's token, where there is one.
pub(crate) const TOKEN: &str = "secret";

const RAW: u8 = 0;

/// The first byte chooses: the bytes as they are, or a hello and frames made from them; with or without a token. The
/// second says in what pieces they arrive.
pub(crate) fn connection(data: &[u8]) -> usize {
    let mut cursor = Cursor(data);
    let choice = cursor.byte();
    let piece_bytes = cursor.byte();
    let token = (choice & 4 != 0).then(|| Token::new(TOKEN).expect("a token"));
    let bytes = match choice & 3 {
        RAW => cursor.rest().to_vec(),
        _ => framed(cursor, hash()),
    };
    let world = World::new(1);
    let env = world.node(NODE);
    world.run(served(&env, token, &bytes, piece_bytes));
    bytes.len()
}

async fn served(env: &Env, token: Option<Token>, bytes: &[u8], piece_bytes: u8) {
    let subject = Ref::<dyn Subject>::new(Answering);
    let listener = env.network().listen(&Address::new(ADDRESS)).await.expect("a listener");
    let served = subject.served().into_iter().collect();
    let serving = terrace::serve_with(env, served, listener, token).expect("loopback needs no token");
    talk(env, pieces(bytes, piece_bytes)).await;
    over(env, "the server", serving.drain()).await;
}

/// A hello that fits, then frames of which every field is the input's choice.
pub(crate) fn framed(mut cursor: Cursor<'_>, hash: u128) -> Vec<u8> {
    let mut out = Vec::new();
    let said = Hello {
        interfaces: vec![(interface().name.clone(), hash)],
    };
    HelloFrame {
        features: 0,
        token: TOKEN.as_bytes().to_vec(),
        said: said.encode(),
    }
    .encode(&mut out);
    while !cursor.is_empty() {
        frame(&mut cursor, &mut out);
    }
    out
}

/// Kinds are 1 to 10; 0 and 11 are none.
const KINDS: u8 = 12;
/// The body is long: as many times 256 zeros as it would have bytes.
const LONG: u8 = 2;
/// A head of a request for the component comes first.
const HEADED: u8 = 4;

fn frame(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) {
    let (kind, flags, number, length) = (cursor.byte(), cursor.byte(), cursor.byte(), cursor.byte());
    let mut body = Vec::new();
    if flags & HEADED != 0 {
        head(cursor, &mut body);
    }
    if flags & LONG != 0 {
        body.resize(body.len() + usize::from(length) * 256, 0);
    } else {
        body.extend_from_slice(cursor.take(length.into()));
    }
    let header = Header {
        length: body.len(),
        kind: Kind::Call,
        more: flags & MORE != 0,
        number: number.into(),
    };
    let mut header = header.encode();
    header[4] = kind % KINDS;
    out.extend_from_slice(&header);
    out.extend_from_slice(&body);
}

fn head(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) {
    let (codec, method, extras) = (cursor.byte(), cursor.byte(), cursor.byte());
    let has = |bit: u8| extras & bit != 0;
    Head {
        codec: [Codec::Positional, Codec::Tagged, Codec::Json][usize::from(codec % 3)],
        component: if has(1) {
            wire::head::DESCRIBE
        } else {
            u32::from(has(2))
        },
        method: method.into(),
        hops: extras,
        remaining_micros: has(4).then(|| u64::from(codec) << 8),
        call_id: has(8).then_some(1 << 100 | u128::from(codec)),
        trace: has(32).then_some((u128::from(codec), 1, true)),
        principal: has(64).then_some("ada"),
        ..Head::default()
    }
    .encode(out);
}
