//! A caller, a program that plays a script, and the component between them.

use std::time::Duration;

use terrace::{CallError, Client, Component, Cx, Env, Origin, Ref, Token, Whereabouts};
use world::memory::World;

use crate::peer::{Peer, Play};

/// Something in a shop.
#[terrace::data]
pub struct Line {
    pub name: String,
    pub cents: u64,
}

/// Why nothing is sold.
#[terrace::data]
pub enum ShopError {
    /// There is none of it.
    Missing {
        name: String,
        left: u32,
    },
    Call(CallError),
}

impl From<CallError> for ShopError {
    fn from(error: CallError) -> ShopError {
        ShopError::Call(error)
    }
}

/// A shop, whose program is not ours.
#[terrace::component(owner = "legacy-team")]
pub trait Shop {
    /// What there is.
    #[call(read)]
    async fn lines(&self, cx: &Cx, shelf: String) -> Result<Vec<Line>, ShopError>;
    /// Sells one.
    async fn sell(&self, cx: &Cx, name: String) -> Result<u64, ShopError>;
    /// Sells one, once.
    #[call(once)]
    async fn sell_once(&self, cx: &Cx, name: String) -> Result<u64, ShopError>;
    /// Has nothing to answer.
    #[call(idempotent)]
    async fn close(&self, cx: &Cx) -> Result<(), ShopError>;
}

/// A caller, and a program that plays `plays`, one for each request.
pub struct Scene {
    pub world: World,
    pub here: Env,
    pub peer: Peer,
    pub shop: Ref<dyn Shop>,
}

impl Scene {
    pub fn new(plays: Vec<Play>) -> Scene {
        let world = World::new(1);
        let (here, there) = (world.node("here"), world.node("there"));
        let peer = world.run(Peer::serve(&there, plays));
        let shop = external(&here, "http://there:80/api");
        Scene {
            world,
            here,
            peer,
            shop,
        }
    }

    /// A context with so much time.
    pub fn cx(&self, time: Duration) -> Cx {
        Cx::root(&self.here).within(time)
    }
}

pub fn external<C: Component + ?Sized>(env: &Env, url: &str) -> Ref<C> {
    let token = Token::new("open-sesame").expect("a token");
    let origin = Origin::new(url, Some(token)).expect("a URL");
    Client::external(env, Whereabouts::fixed(origin))
}

pub fn failed<T: std::fmt::Debug>(answer: Result<T, ShopError>) -> CallError {
    match answer {
        Err(ShopError::Call(error)) => error,
        other => panic!("the call did not fail: {other:?}"),
    }
}

pub const MINUTE: Duration = Duration::from_secs(60);
