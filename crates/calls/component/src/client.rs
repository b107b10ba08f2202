//! Adoption: a component in any tokio program, without `App`.

use std::marker::PhantomData;
use std::sync::Arc;

use wire::{CallError, Face, FaceLimits, Limits, ServeError, Tcp, Token, Trust, Whereabouts};
use world::{Address, BoxFuture, Door, Env, Listener, Transport};

use crate::component::Component;
use crate::reference::Ref;
use crate::remote::Channel;
use crate::server::{Offered, OfferedService, Served};

/// Connects to the component `C` of another process.
pub struct Client<C: Component + ?Sized> {
    component: PhantomData<fn() -> Box<C>>,
}

impl<C: Component + ?Sized> Client<C> {
    /// A handle to `C` at `address`, such as `127.0.0.1:7001`. It connects now, so that a peer that is missing or does
    /// not fit is known before the first call, and again by itself after a loss.
    pub async fn connect(address: impl Into<Address>) -> Result<Ref<C>, CallError> {
        let env = Env::production("client").with_transport(Arc::new(Tcp::default()));
        Client::connect_from(&env, address).await
    }

    /// The same where the callee wants the deployment's token, as on any address but loopback.
    pub async fn connect_with(address: impl Into<Address>, token: Token) -> Result<Ref<C>, CallError> {
        let tcp = Tcp {
            token: Some(token),
            face: None,
        };
        Client::connect_from(&Env::production("client").with_transport(Arc::new(tcp)), address).await
    }

    /// The same from a node whose transport is already there.
    pub async fn connect_from(env: &Env, address: impl Into<Address>) -> Result<Ref<C>, CallError> {
        let channel = Channel::new(env, address.into(), C::declared(), Limits::default());
        channel.connect().await?;
        Ok(Ref::remote(env.node(), channel))
    }

    /// A handle to `C` of a program in any language that serves the HTTP face there. It connects when it is called.
    pub fn external(env: &Env, whereabouts: Whereabouts) -> Ref<C> {
        let channel = Channel::external(env, whereabouts, C::declared(), Limits::default());
        Ref::remote(env.node(), channel)
    }
}

/// Serves `component`, on frames and on the HTTP face, to other processes of this machine until the returned [`Serving`]
/// is drained. On an address other than loopback callers need a token: use [`serve_all`].
pub fn serve<C: Component + ?Sized>(
    component: &Ref<C>,
    listener: tokio::net::TcpListener,
) -> Result<Serving, ServeError> {
    serve_all(vec![component.served().ok_or(ServeError::NotOpen)?], listener, None)
}

/// Serves several components, each as [`Ref::served`] gives it; callers have to state `token`, if there is one.
pub fn serve_all(
    served: Vec<Served>,
    listener: tokio::net::TcpListener,
    token: Option<Token>,
) -> Result<Serving, ServeError> {
    serve_with(
        &Env::production("server"),
        served,
        world::production::listener(listener),
        token,
    )
}

/// The same on a node that is already there.
pub fn serve_with(
    env: &Env,
    served: Vec<Served>,
    listener: Box<dyn Listener>,
    token: Option<Token>,
) -> Result<Serving, ServeError> {
    let offered = Offered::new(env, served, Limits::default());
    let trust = Trust {
        loopback: wire::face::is_loopback(&listener.address()),
        token: token.clone(),
        ..Trust::default()
    };
    let face = Face {
        interfaces: offered.interfaces(),
        dispatch: offered.dispatch(),
        trust,
        limits: FaceLimits::default(),
    };
    serve_on(
        env,
        offered,
        listener,
        Tcp {
            token,
            face: Some(Arc::new(face)),
        },
    )
}

/// Serves what is offered as `tcp` says.
pub fn serve_on(
    env: &Env,
    offered: Arc<Offered>,
    listener: Box<dyn Listener>,
    tcp: Tcp,
) -> Result<Serving, ServeError> {
    tcp.check(&listener.address())?;
    offered.check()?;
    let door = tcp.serve(env, listener, Arc::new(OfferedService(offered)));
    Ok(Serving { door })
}

/// Components that are being served. Dropping it does not stop them.
#[derive(Clone)]
pub struct Serving {
    door: Arc<dyn Door>,
}

impl Serving {
    /// The address they are served on, with the real port.
    pub fn address(&self) -> Address {
        self.door.address()
    }

    /// Stops accepting, and waits until requests that have begun are answered. The caller bounds the time.
    pub fn drain(&self) -> BoxFuture<'_, ()> {
        self.door.drain()
    }
}
