//! What a site keeps in sessions, read by other releases of it.

use http::HeaderMap;
use terrace::front::{SessionData, Sessions};
use world::Env;
use world::memory::World;

const SECRET: &str = "a secret of more than thirty-two bytes";

#[terrace::data]
#[derive(Default)]
struct Basket {
    things: Vec<String>,
}

/// A later release of it.
#[terrace::data]
#[derive(Default)]
struct Later {
    coupon: Option<String>,
    things: Vec<String>,
}

/// One that cannot read it.
#[terrace::data]
#[derive(Default)]
struct Otherwise {
    things: u32,
}

async fn sessions<D: SessionData>(env: &Env) -> Sessions<D> {
    Sessions::open(env, Some(SECRET)).await.expect("sessions")
}

/// What a browser sends back of `Set-Cookie`.
fn sent_back(set: &http::HeaderValue) -> HeaderMap {
    let text = set.to_str().expect("text").split(';').next().unwrap_or_default();
    HeaderMap::from_iter([(http::header::COOKIE, text.parse().expect("a value"))])
}

#[test]
fn what_a_site_keeps_in_a_session_comes_back_in_a_later_release_and_after_a_rollback() {
    let world = World::new(1);
    let env = world.node("server");
    world.run(async {
        let first = sessions::<Basket>(&env).await;
        let mut session = first.signed_in("ada", 7);
        assert_eq!(session.data(), &Basket::default());
        let things = vec!["pears".to_owned()];
        let basket = Basket { things: things.clone() };
        session.set_data(basket.clone()).expect("it is small");
        let cookie = sent_back(&first.set_cookie(&session, false));
        let same = first.read(&cookie, false).expect("its own");
        assert_eq!((same.account.as_deref(), same.data()), (Some("ada"), &basket));

        let later = sessions::<Later>(&env).await;
        let mut session = later.read(&cookie, false).expect("a session of the release before");
        assert_eq!((&session.data().things, &session.data().coupon), (&things, &None));
        let coupon = Some("spring".to_owned());
        session.set_data(Later { coupon, things }).expect("it is small");
        let again = first.read(&sent_back(&later.set_cookie(&session, false)), false);
        assert_eq!(again.expect("a rollback").data(), &basket);

        // It is known to no one, rather than somebody with an empty basket.
        assert!(sessions::<Otherwise>(&env).await.read(&cookie, false).is_none());
    });
}
