//! The pages, as a browser has them.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use terrace::front::{Call, Sessions};
use terrace::{CallError, CallErrorKind, Cx, Env, Ref};
use tower::ServiceExt;

use application_name::items::{Item, ItemError, Items};
use application_name::site;

use crate::fixture::items;

/// Bytes of a page.
const PAGE_BYTES_MAX: usize = 1 << 20;

const SECRET: &str = "a secret of 32 bytes or more, for tests";

/// A browser, with the cookie and the text of the page it is on.
struct Browser {
    env: Env,
    router: Router,
    cookie: String,
    page: String,
}

impl Browser {
    async fn open(name: &str) -> Browser {
        let mut browser = Browser::over(items(name).await).await;
        assert_eq!(browser.get("/").await, 200);
        browser
    }

    async fn over(items: Ref<dyn Items>) -> Browser {
        let env = Env::production("test");
        let sessions = Sessions::open(&env, Some(SECRET)).await.expect("sessions");
        Browser {
            env,
            router: site::routes(items, sessions, None).expect("routes"),
            cookie: String::new(),
            page: String::new(),
        }
    }

    async fn get(&mut self, path: &str) -> u16 {
        self.ask(Request::get(path), Body::empty()).await
    }

    /// Sends a form.
    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> u16 {
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let form = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(form, fields.join("&").into()).await
    }

    /// The status of the answer, whose page is the browser's now.
    async fn ask(&mut self, request: axum::http::request::Builder, body: Body) -> u16 {
        let request = request
            .header(header::COOKIE, &self.cookie)
            .extension(Call::new(&self.env));
        let request = request.body(body).expect("a request");
        let Ok(answer) = self.router.clone().oneshot(request).await;
        if let Some(set) = answer.headers().get(header::SET_COOKIE) {
            let set = set.to_str().expect("text");
            self.cookie = set.split(';').next().unwrap_or_default().to_owned();
        }
        let status = answer.status().as_u16();
        let page = to_bytes(answer.into_body(), PAGE_BYTES_MAX).await;
        self.page = String::from_utf8(page.expect("a page").to_vec()).expect("text");
        status
    }

    /// The first hidden field of that name.
    fn hidden(&self, name: &str) -> String {
        let (_, rest) = self.page.split_once(&format!("name=\"{name}\" value=\"")).expect(name);
        rest.split('"').next().unwrap_or_default().to_owned()
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn a_form_sent_twice_adds_one_item_which_can_be_removed() {
    let mut browser = Browser::open("twice-sent").await;
    let (csrf, key) = (browser.hidden("csrf"), browser.hidden("key"));
    let form = [("csrf", csrf.as_str()), ("key", &key), ("text", "Milk")];
    for _ in 0..2 {
        assert_eq!(browser.post("/items", &form).await, 303);
    }
    assert_eq!(browser.get("/api/items").await, 200);
    assert_eq!(browser.page, r#"[{"id":1,"text":"Milk"}]"#);
    assert_eq!(browser.post("/items/1/remove", &form[..1]).await, 303);
    browser.get("/").await;
    assert!(browser.page.contains("Nothing is on the list."), "{}", browser.page);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let mut browser = Browser::open("forged").await;
    let form = [("csrf", "forged"), ("key", "1"), ("text", "Milk")];
    assert_eq!(browser.post("/items", &form).await, 403);
}

#[tokio::test]
async fn what_is_written_is_shown_as_text_and_an_empty_item_is_told_on_the_page() {
    let mut browser = Browser::open("written").await;
    let csrf = browser.hidden("csrf");
    let form = [("csrf", csrf.as_str()), ("key", "1"), ("text", "<b>Milk</b>")];
    assert_eq!(browser.post("/items", &form).await, 303);
    browser.get("/").await;
    assert!(browser.page.contains("&lt;b&gt;Milk"), "{}", browser.page);
    let form = [("csrf", csrf.as_str()), ("key", "2"), ("text", " ")];
    assert_eq!(browser.post("/items", &form).await, 422);
    assert!(browser.page.contains("1 to 200 characters, not 0"), "{}", browser.page);
}

/// A component that cannot be reached.
struct Away;

fn away() -> ItemError {
    CallError::not_run(CallErrorKind::Unavailable, "it is away").into()
}

impl Items for Away {
    async fn add(&self, _: &Cx, _: String) -> Result<Item, ItemError> {
        Err(away())
    }

    async fn list(&self, _: &Cx) -> Result<Vec<Item>, ItemError> {
        Err(away())
    }

    async fn remove(&self, _: &Cx, _: i64) -> Result<(), ItemError> {
        Err(away())
    }
}

#[tokio::test]
async fn a_component_that_cannot_be_reached_is_told_as_such() {
    let mut browser = Browser::over(Ref::fake(Away)).await;
    assert_eq!(browser.get("/").await, 503);
    assert!(
        !browser.page.contains("it is away"),
        "that is for the log: {}",
        browser.page
    );
}
