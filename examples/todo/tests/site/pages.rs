//! The pages, as a browser without a script has them.

use axum::http::{Method, header};

use crate::visit::{Answer, PASSWORD, Visit, visit};

/// A browser: it has a cookie, and a page.
pub(crate) struct Browser<'v> {
    site: &'v Visit,
    pub(crate) cookie: String,
}

impl<'v> Browser<'v> {
    pub(crate) fn new(site: &'v Visit) -> Browser<'v> {
        Browser {
            site,
            cookie: String::new(),
        }
    }

    fn keep(&mut self, answer: &Answer) {
        if let Some((pair, _)) = answer.header(header::SET_COOKIE).split_once(';') {
            self.cookie = pair.to_owned();
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let answer = self.site.ask(Method::GET, path, &[("cookie", &self.cookie)], "").await;
        self.keep(&answer);
        answer
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let answer = self.site.ask(Method::POST, path, &headers, form.join("&")).await;
        self.keep(&answer);
        answer
    }

    /// Signs up, and follows the link of the mail.
    pub(crate) async fn sign_up(&mut self, email: &str) {
        let csrf = self.get("/sign-up").await.is(200).hidden("csrf");
        let form = [("csrf", csrf.as_str()), ("email", email)];
        self.post("/sign-up", &form).await.is(200);
        let token = self.site.link(email, "verify").await;
        let page = self.get(&format!("/verify?token={token}")).await.is(200);
        let form = [
            ("csrf", page.hidden("csrf")),
            ("token", page.hidden("token")),
            ("password", PASSWORD.to_owned()),
            ("zone", "Europe/Berlin".to_owned()),
        ];
        let answer = self
            .post("/verify", &form.each_ref().map(|(name, value)| (*name, value.as_str())))
            .await;
        assert_eq!(answer.is(303).header(header::LOCATION), "/");
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn a_form_sent_twice_adds_one_to_do_and_what_was_done_is_taken_back() {
    visit("pages", async |site| {
        let mut ada = Browser::new(&site);
        ada.sign_up("ada@example.org").await;
        let page = ada.get("/").await.is(200);
        let (csrf, key) = (page.hidden("csrf"), page.hidden("key"));
        let form = [
            ("csrf", csrf.as_str()),
            ("key", &key),
            ("title", "<b>Milk</b> & \"honey\""),
            ("due", "2030-07-01T18:00"),
            ("tags", "home, #shop"),
        ];
        for _ in 0..2 {
            ada.post("/todos", &form).await.is(303);
        }
        let page = ada.get("/").await.is(200);
        assert_eq!(page.body.matches("data-todo=").count(), 1);
        assert!(
            page.body.contains("&lt;b&gt;Milk") && !page.body.contains("<b>Milk"),
            "{}",
            page.body
        );
        assert!(page.body.contains("datetime=\"2030-07-01T16:00:00"), "{}", page.body);
        let id = page
            .body
            .split_once("data-todo=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .expect("an id")
            .0;
        let plain = [("csrf", csrf.as_str())];
        let answer = ada.post(&format!("/todos/{id}/delete"), &plain).await.is(303);
        let page = ada.get(answer.header(header::LOCATION)).await.is(200);
        assert!(page.body.contains("Deleted.") && !page.body.contains("data-todo="));
        ada.post(&format!("/todos/{id}/undo"), &plain).await.is(303);
        let page = ada.get(&format!("/todos/{id}")).await.is(200);
        assert!(page.body.contains("value=\"2030-07-01T18:00\""), "{}", page.body);
        let form = [("csrf", csrf.as_str()), ("at", "2031-01-01T08:00")];
        ada.post(&format!("/todos/{id}/reminders"), &form).await.is(303);
        assert!(ada.get("/").await.body.contains("1 reminder<"));
        // Somebody else finds a page that says there is none.
        let mut eve = Browser::new(&site);
        eve.sign_up("eve@example.org").await;
        let nothing = eve.get(&format!("/todos/{id}")).await.is(404);
        assert!(
            nothing.header(header::CONTENT_TYPE).starts_with("text/html"),
            "{nothing:?}"
        );
    });
}

#[test]
fn what_no_form_of_this_session_sent_is_refused() {
    visit("foreign", async |site| {
        let mut ada = Browser::new(&site);
        ada.sign_up("ada@example.org").await;
        let csrf = ada.get("/").await.hidden("csrf");
        for wrong in ["", "nonsense", &csrf[1..]] {
            ada.post("/todos", &[("csrf", wrong), ("title", "a")]).await.is(403);
        }
        let headers = [
            ("cookie", ada.cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", "todo.example.org"),
            ("origin", "https://evil.example.org"),
        ];
        let body = format!("csrf={csrf}&title=a");
        site.ask(Method::POST, "/todos", &headers, body).await.is(403);
        assert!(!ada.get("/").await.body.contains("data-todo="));
        for (to, leads) in [
            ("//evil.example.org", "/"),
            ("https://evil.example.org", "/"),
            ("/account", "/account"),
        ] {
            let mut again = Browser::new(&site);
            let csrf = again.get("/sign-in").await.hidden("csrf");
            let form = [
                ("csrf", csrf.as_str()),
                ("email", "ada@example.org"),
                ("password", PASSWORD),
                ("next", to),
            ];
            assert_eq!(
                again.post("/sign-in", &form).await.is(303).header(header::LOCATION),
                leads
            );
        }
    });
}

#[test]
fn who_signs_out_everywhere_is_signed_out_in_every_browser() {
    visit("everywhere", async |site| {
        let (mut one, mut two) = (Browser::new(&site), Browser::new(&site));
        one.sign_up("ada@example.org").await;
        let csrf = two.get("/sign-in").await.hidden("csrf");
        let wrong = [
            ("csrf", csrf.as_str()),
            ("email", "ada@example.org"),
            ("password", "wrong password"),
        ];
        assert!(two.post("/sign-in", &wrong).await.is(401).body.contains("do not fit"));
        let right = [
            ("csrf", csrf.as_str()),
            ("email", "ada@example.org"),
            ("password", PASSWORD),
        ];
        two.post("/sign-in", &right).await.is(303);
        let page = two.get("/account").await.is(200);
        let csrf = page.hidden("csrf");
        let made = two
            .post("/account/tokens", &[("csrf", &csrf), ("name", "script")])
            .await
            .is(200);
        let token = made
            .body
            .split_once("class=\"token\">")
            .and_then(|(_, rest)| rest.split_once('<'));
        let token = token.expect("it is shown once").0;
        assert!(!two.get("/account").await.body.contains(token));
        two.post("/account/sign-out-everywhere", &[("csrf", &csrf)])
            .await
            .is(303);
        for browser in [&mut one, &mut two] {
            let answer = browser.get("/account").await.is(303);
            assert_eq!(answer.header(header::LOCATION), "/sign-in?next=%2Faccount");
            assert!(browser.get("/events").await.body.contains("event: signed-out"));
        }
        // A token is no session.
        site.api(token, Method::GET, "/api/todos", &serde_json::Value::Null)
            .await
            .is(200);
    });
}

#[test]
fn mistakes_on_pages_are_pages() {
    visit("mistakes", async |site| {
        for (method, path, status) in [
            (Method::GET, "/nothing", 404),
            (Method::PUT, "/", 405),
            (Method::POST, "/sign-in", 415),
            (Method::GET, "/static/..%2fCargo.toml", 404),
        ] {
            let answer = site.ask(method, path, &[], "").await.is(status);
            let kind = answer.header(header::CONTENT_TYPE);
            assert!(
                path.starts_with("/static") || kind.starts_with("text/html"),
                "{path}: {kind}"
            );
        }
        let page = site.ask(Method::GET, "/", &[], "").await.is(200);
        // A slash is written so in an attribute.
        let body = page.body.replace("&#x2f;", "/");
        let (_, after) = body.split_once("href=\"/static/app.css").expect("a style");
        let address = format!("/static/app.css{}", after.split_once('"').expect("an end").0);
        let style = site.ask(Method::GET, &address, &[], "").await.is(200);
        assert!(style.header(header::CACHE_CONTROL).contains("immutable"), "{style:?}");
    });
}
