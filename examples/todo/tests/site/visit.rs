//! The whole application in one process, and somebody who asks it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use host::{Config, Modules, Opened};
use http_body_util::BodyExt;
use serde_json::Value;
use terrace::database::Database;
use terrace::front::Call;
use terrace::{Cx, Env, Ref};
use todo::accounts::{Accounts, Registry};
use todo::events::{Agenda, Events};
use todo::hidden::Hidden;
use todo::reminders::{Bell, Reminders};
use todo::todos::{Notebook, Todos};
use tower::ServiceExt;
use world::production::Options;

/// How long what runs beside a test may take to end.
const END_MAX: std::time::Duration = std::time::Duration::from_secs(2);

pub(crate) const PASSWORD: &str = "correct horse battery";

/// The application.
pub(crate) struct Visit {
    pub(crate) env: Env,
    pub(crate) accounts: Ref<dyn Accounts>,
    /// Where its databases are files.
    pub(crate) folder: PathBuf,
    router: Router,
    databases: Vec<Database>,
    mail: terrace::jobs::mail::Mail,
    _opened: Mutex<Opened>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{:?} {}", self.headers, self.body);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The problem it tells, with the field that is to blame.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, field: Option<&str>) {
        let answer = self.is(status);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(answer.json()["field"].as_str(), field, "{}", answer.body);
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The value of the first hidden field of that name.
    #[track_caller]
    pub(crate) fn hidden(&self, name: &str) -> String {
        let before = format!("name=\"{name}\" value=\"");
        let found = self.body.split_once(&before).and_then(|(_, rest)| rest.split_once('"'));
        found.unwrap_or_else(|| panic!("no {name}: {}", self.body)).0.to_owned()
    }
}

impl Visit {
    /// What a component keeps.
    pub(crate) fn database(&self, component: &str) -> &Database {
        let mut all = self.databases.iter();
        all.find(|database| database.component() == component)
            .expect("it has a database")
    }

    pub(crate) fn cx(&self) -> Cx {
        Cx::root(&self.env)
    }

    /// An API token of a new account.
    pub(crate) async fn token(&self, email: &str) -> String {
        let account = self
            .accounts
            .add(&self.cx(), email.to_owned())
            .await
            .expect("an account");
        let token = format!("{:0<40}", email.replace(['@', '.'], "-"));
        let (cx, name, hidden) = (self.cx(), "test".to_owned(), Hidden::new(token.clone()));
        let added = self.accounts.add_token(&cx, account.id, name, hidden).await;
        added.expect("a token");
        token
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .extension(Call::new(&self.env));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("it answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).expect("text"),
        }
    }

    /// JSON, by whoever has that token.
    pub(crate) async fn api(&self, token: &str, method: Method, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.ask(method, path, &headers, body).await
    }

    /// The token of the newest link to `path` in a mail.
    pub(crate) async fn link(&self, to: &str, path: &str) -> String {
        let before = format!("/{path}?token=");
        for _ in 0..2_000 {
            let all = self.mail.mailbox(200).await.expect("the mailbox");
            let theirs = all.into_iter().map(|received| received.message.into_draft());
            let texts = theirs.filter(|draft| draft.to == [to]).filter_map(|draft| draft.text);
            for text in texts {
                if let Some((_, rest)) = text.split_once(&before) {
                    return rest.split_whitespace().next().unwrap_or_default().to_owned();
                }
            }
            self.env.sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no link to {path}");
    }
}

/// Runs `test` with an application on fresh files.
pub(crate) fn visit<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Visit) -> F) {
    visit_configured(name, "", test);
}

/// The same, with more configuration.
pub(crate) fn visit_configured<F: Future<Output = ()>>(name: &str, more: &str, test: impl FnOnce(Visit) -> F) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("site-{name}-{}", std::process::id()));
    let data = Some(folder.clone());
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = Options {
            data,
            ..Options::default()
        };
        let env = Env::production_with("test", options);
        let mut modules = Modules::default();
        modules.provide::<dyn Accounts>(None, Registry::open);
        modules.provide::<dyn Todos>(None, Notebook::open);
        modules.provide::<dyn Reminders>(None, Bell::open);
        modules.provide::<dyn Events>(None, Agenda::open);
        modules.front("Site", todo::site::open);
        let config = format!("{more}\n[tiers]\njobs = {{ poll = \"20ms\" }}\n");
        let config = Config::parse(&config, Path::new("terrace.toml"));
        let config = Arc::new(config.expect("a configuration"));
        let mut opened = modules.open(&env, config).await.expect("it opens");
        opened.start_jobs().await.expect("jobs run");
        let (_, router) = opened.take_fronts::<Router>().pop().expect("a front");
        let mails = opened.mails().into_iter();
        let (_, mail) = mails.into_iter().find(|(name, _)| name == "Accounts").expect("mail");
        test(Visit {
            accounts: opened.reference("test").expect("it is here"),
            env,
            folder: folder.clone(),
            router,
            databases: opened.databases(),
            mail,
            _opened: Mutex::new(opened),
        })
        .await;
    });
    // Components that refer to each other are there until the process ends, with their connections to PostgreSQL; files are let go.
    runtime.shutdown_timeout(END_MAX);
    // What a failure left may be looked at.
    std::fs::remove_dir_all(folder).expect("nobody has it any more");
}
