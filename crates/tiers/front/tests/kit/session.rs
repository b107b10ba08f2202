//! Sessions: kept, forged, cut, old; and forms of other sites.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use front::{DATA_BYTES_MAX, SESSION_LIFE, Session, SessionDataError, Sessions};
use proptest::prelude::*;
use world::Env;
use world::memory::World;

const SECRET: &str = "a secret of more than thirty-two bytes";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn run<F: Future<Output = ()>>(test: impl FnOnce(Env) -> F) {
    let world = World::new(1);
    let env = world.node("server");
    world.run(test(env));
}

async fn opened(env: &Env) -> Sessions {
    Sessions::open(env, Some(SECRET)).await.expect("sessions")
}

/// What a browser sends back of `Set-Cookie`.
fn pair(set: &HeaderValue) -> String {
    let text = set.to_str().expect("text");
    text.split(';').next().unwrap_or_default().to_owned()
}

fn with(cookie: &str) -> HeaderMap {
    headers(&[("cookie", cookie)])
}

fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let value = HeaderValue::from_str(value).expect("a value");
        headers.append(HeaderName::from_static(name), value);
    }
    headers
}

fn account(session: Option<Session>) -> Option<(Option<String>, i64)> {
    session.map(|session| (session.account, session.epoch))
}

fn ada() -> Option<(Option<String>, i64)> {
    Some((Some("ada".to_owned()), 7))
}

#[test]
fn a_session_comes_back_as_it_was_given() {
    run(async |env| {
        let sessions = opened(&env).await;
        for secure in [false, true] {
            let set = sessions.set_cookie(&sessions.signed_in("ada", 7), secure);
            assert_eq!(account(sessions.read(&with(&pair(&set)), secure)), ada());
            let set = sessions.set_cookie(&sessions.anonymous(), secure);
            assert_eq!(account(sessions.read(&with(&pair(&set)), secure)), Some((None, 0)));
        }
        assert!(sessions.read(&HeaderMap::new(), false).is_none());
    });
}

#[test]
fn a_cookie_is_for_the_server_alone() {
    run(async |env| {
        let sessions = opened(&env).await;
        let session = sessions.signed_in("ada", 7);
        let plain = sessions.set_cookie(&session, false);
        let (value, rest) = plain.to_str().expect("text").split_once("; ").expect("attributes");
        assert!(value.starts_with("session="), "{value}");
        assert_eq!(rest, "Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
        let secure = sessions.set_cookie(&session, true);
        let secure = secure.to_str().expect("text");
        assert!(
            secure.starts_with("__Host-session=") && secure.ends_with("; Secure"),
            "{secure}"
        );
        let cleared = sessions.clear_cookie(true);
        let said = "__Host-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure";
        assert_eq!(cleared, said);
        assert!(plain.is_sensitive(), "a header that is logged");
        let shown = format!("{sessions:?} {session:?}");
        assert!(!shown.contains("id") && !shown.contains("key"), "{shown}");
    });
}

#[test]
fn a_plain_cookie_is_none_by_its_secure_name_and_the_other_way_round() {
    run(async |env| {
        let sessions = opened(&env).await;
        let session = sessions.signed_in("ada", 7);
        let plain = pair(&sessions.set_cookie(&session, false));
        let secure = pair(&sessions.set_cookie(&session, true));
        let swapped = plain.replace("session=", "__Host-session=");
        assert!(sessions.read(&with(&swapped), true).is_none());
        let swapped = secure.replace("__Host-session=", "session=");
        assert!(sessions.read(&with(&swapped), false).is_none());
        let planted = pair(&sessions.set_cookie(&sessions.signed_in("mallory", 0), false));
        let both = format!("{planted}; {secure}");
        assert_eq!(account(sessions.read(&with(&both), true)), ada());
        assert!(sessions.read(&with(&planted), true).is_none());
    });
}

#[test]
fn a_cookie_that_was_touched_anywhere_is_none() {
    run(async |env| {
        let sessions = opened(&env).await;
        let cookie = pair(&sessions.set_cookie(&sessions.signed_in("ada", 7), false));
        let value = cookie.strip_prefix("session=").expect("its name");
        for at in 0..value.len() {
            for other in ['A', 'z', '.', '=', '+'] {
                let mut touched: Vec<char> = value.chars().collect();
                if touched[at] != other {
                    touched[at] = other;
                    let touched: String = touched.into_iter().collect();
                    assert!(
                        sessions.read(&with(&format!("session={touched}")), false).is_none(),
                        "{touched}"
                    );
                }
            }
            assert!(
                sessions
                    .read(&with(&format!("session={}", &value[..at])), false)
                    .is_none()
            );
            assert!(
                sessions
                    .read(&with(&format!("session={}", &value[at + 1..])), false)
                    .is_none()
            );
        }
        for odd in [
            "",
            ".",
            "..",
            "a.b",
            "=",
            "é",
            &"A".repeat(5000),
            &format!("{value}."),
            &format!("{value}="),
        ] {
            assert!(
                sessions.read(&with(&format!("session={odd}")), false).is_none(),
                "{odd}"
            );
        }
    });
}

#[test]
fn the_name_of_another_account_cannot_be_put_in() {
    run(async |env| {
        let sessions = opened(&env).await;
        let cookie = pair(&sessions.set_cookie(&sessions.signed_in("ada", 7), false));
        let (payload, signature) = cookie
            .strip_prefix("session=")
            .expect("its name")
            .split_once('.')
            .expect("two parts");
        let mut bytes = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        let at = bytes.windows(3).position(|part| part == b"ada").expect("the account");
        bytes[at..at + 3].copy_from_slice(b"eve");
        let forged = format!("session={}.{signature}", URL_SAFE_NO_PAD.encode(&bytes));
        assert!(sessions.read(&with(&forged), false).is_none());
    });
}

#[test]
fn a_session_of_another_key_is_none_and_of_the_same_is_one() {
    run(async |env| {
        let (one, same) = (opened(&env).await, opened(&env).await);
        let other = Sessions::open(&env, Some("another secret of more than thirty-two bytes")).await;
        let other = other.expect("sessions");
        let session = one.signed_in("ada", 7);
        let cookie = with(&pair(&one.set_cookie(&session, false)));
        assert_eq!(account(same.read(&cookie, false)), ada());
        assert!(other.read(&cookie, false).is_none());
        assert!(other.check_csrf(&session, &session.csrf(), &HeaderMap::new()).is_err());
        let error = Sessions::<()>::open(&env, Some("too short"))
            .await
            .expect_err("a secret that can be guessed");
        assert!(
            error.to_string().contains("has 9 bytes") && error.to_string().contains("give at least 32"),
            "{error}"
        );
    });
}

#[test]
fn a_session_ends_thirty_days_after_it_was_last_set() {
    run(async |env| {
        let sessions = opened(&env).await;
        let session = sessions.signed_in("ada", 7);
        let first = with(&pair(&sessions.set_cookie(&session, false)));
        env.sleep(SESSION_LIFE - DAY).await;
        let again = sessions.read(&first, false).expect("it is not over");
        let second = with(&pair(&sessions.set_cookie(&again, false)));
        env.sleep(2 * DAY).await;
        assert!(sessions.read(&first, false).is_none());
        let kept = sessions.read(&second, false).expect("it was set again");
        assert!(sessions.check_csrf(&kept, &session.csrf(), &HeaderMap::new()).is_ok());
    });
}

#[test]
fn a_key_is_made_once_and_outlives_a_crash() {
    let world = World::new(1);
    let env = world.node("server");
    let cookie = world.run(async {
        let sessions: Sessions = Sessions::open(&env, None).await.expect("sessions");
        pair(&sessions.set_cookie(&sessions.signed_in("ada", 7), false))
    });
    world.crash("server");
    let env = world.restart("server");
    world.run(async {
        let sessions: Sessions = Sessions::open(&env, None).await.expect("sessions");
        assert_eq!(account(sessions.read(&with(&cookie), false)), ada());
        let file = env.disk().open("session.key").await.expect("the key");
        file.truncate(31).await.expect("cut");
        let error = Sessions::<()>::open(&env, None).await.expect_err("half a key");
        assert!(
            error.to_string().contains("remove it, and everybody signs in anew"),
            "{error}"
        );
    });
}

#[test]
fn what_is_too_large_for_a_cookie_is_refused_and_what_was_there_stays() {
    run(async |env| {
        let sessions: Sessions<Vec<u8>> = Sessions::open(&env, Some(SECRET)).await.expect("sessions");
        let mut session = sessions.signed_in("a".repeat(front::ACCOUNT_BYTES_MAX), 7);
        let largest = vec![7; DATA_BYTES_MAX - 3];
        session.set_data(largest.clone()).expect("it fits");
        let error = session.set_data(vec![7; DATA_BYTES_MAX]).expect_err("it does not");
        assert!(matches!(error, SessionDataError::TooLarge { bytes } if bytes > DATA_BYTES_MAX));
        assert!(
            error
                .to_string()
                .contains("keep at most 768 there, and the rest in a database")
        );
        let set = sessions.set_cookie(&session, true);
        assert!(pair(&set).len() <= 4096, "{}", pair(&set).len());
        let read = sessions.read(&with(&pair(&set)), true).expect("the largest there is");
        assert_eq!(read.data(), &largest);
    });
}

#[test]
fn a_form_is_taken_from_a_page_of_this_site_and_session_only() {
    run(async |env| {
        let sessions = opened(&env).await;
        let (session, other) = (sessions.anonymous(), sessions.anonymous());
        let token = session.csrf();
        assert_ne!(token, session.csrf(), "a token looks different each time");
        let cut = &token[..token.len() - 1];
        let unmasked = URL_SAFE_NO_PAD.encode([0; 64]);
        for wrong in [
            "",
            "x",
            cut,
            &other.csrf(),
            &unmasked,
            &format!("{token}A"),
            &format!("{token}="),
        ] {
            let refused = sessions
                .check_csrf(&session, wrong, &HeaderMap::new())
                .expect_err(wrong);
            assert_eq!(refused.status.as_u16(), 403);
            assert!(refused.detail.contains("load the page again"));
        }
        for (given, taken) in [
            (&[][..], true),
            (&[("host", "todo.example"), ("origin", "https://todo.example")], true),
            (&[("host", "todo.example"), ("origin", "http://todo.example")], true),
            (
                &[("host", "todo.example:443"), ("origin", "https://todo.example")],
                true,
            ),
            (
                &[("host", "Todo.Example"), ("origin", "https://todo.example:443")],
                true,
            ),
            (&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")], true),
            (&[("host", "[::1]:8080"), ("origin", "http://[::1]:8080")], true),
            (&[("host", "todo.example"), ("sec-fetch-site", "same-origin")], true),
            (&[("host", "todo.example"), ("sec-fetch-site", "none")], true),
            (&[("host", "todo.example"), ("sec-fetch-site", "same-site")], false),
            (&[("host", "todo.example"), ("sec-fetch-site", "cross-site")], false),
            (
                &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
                false,
            ),
            (&[("host", "todo.example"), ("origin", "https://evil.example")], false),
            (
                &[
                    ("host", "todo.example"),
                    ("origin", "https://todo.example.evil.example"),
                ],
                false,
            ),
            (
                &[("host", "todo.example"), ("origin", "https://eviltodo.example")],
                false,
            ),
            (
                &[("host", "todo.example"), ("origin", "https://todo.example:8443")],
                false,
            ),
            (
                &[("host", "todo.example:8080"), ("origin", "http://todo.example")],
                false,
            ),
            (&[("host", "todo.example"), ("origin", "null")], false),
            (&[("host", "todo.example"), ("origin", "")], false),
            (&[("host", ""), ("origin", "https://")], false),
            (&[("host", "todo.example"), ("origin", "ftp://todo.example")], false),
            (&[("origin", "https://todo.example")], false),
            (
                &[
                    ("host", "a.example"),
                    ("origin", "https://a.example"),
                    ("origin", "https://b.example"),
                ],
                false,
            ),
        ] {
            let answer = sessions.check_csrf(&session, &token, &headers(given));
            assert_eq!(answer.is_ok(), taken, "{given:?}");
        }
    });
}

#[test]
fn what_an_account_is_called_can_end_no_cookie() {
    run(async |env| {
        let sessions = opened(&env).await;
        for name in ["a; Domain=evil", "a\r\nset-cookie: b", "é\0", "a,b=\"c\""] {
            let set = sessions.set_cookie(&sessions.signed_in(name, 0), true);
            let text = set.to_str().expect("text");
            assert_eq!(text.matches(';').count(), 5, "{text}");
            assert_eq!(
                account(sessions.read(&with(&pair(&set)), true)),
                Some((Some(name.to_owned()), 0))
            );
        }
    });
}

proptest! {
    #[test]
    fn any_cookie_and_token_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200), token in ".{0,120}") {
        run(async |env| {
            let sessions = opened(&env).await;
            for value in [URL_SAFE_NO_PAD.encode(&bytes), String::from_utf8_lossy(&bytes).into_owned()] {
                if let Ok(value) = HeaderValue::from_bytes(format!("session={value}").as_bytes()) {
                    let mut headers = HeaderMap::new();
                    headers.insert("cookie", value.clone());
                    assert!(sessions.read(&headers, false).is_none());
                    headers.insert("origin", value);
                    assert!(sessions.check_csrf(&sessions.anonymous(), &token, &headers).is_err());
                }
            }
        });
    }
}
