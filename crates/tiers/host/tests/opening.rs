//! Whatever does not fit together is an error by name before anything serves; whatever runs is stopped in reverse.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host::limits::STOP_MAX;
use host::{Background, Config, Modules, OpenError, Opened, Setup, SetupError};
use terrace::{CallError, CallErrorKind, Cx, Ref};
use world::memory::World;

/// Greets.
#[terrace::component(owner = "front-desk")]
pub trait Greeter {
    /// A greeting.
    #[call(read)]
    async fn greet(&self, cx: &Cx, name: String) -> Result<String, CallError>;
}

/// Addresses.
#[terrace::component]
pub trait Names {
    /// How to address somebody.
    #[call(read)]
    async fn address(&self, cx: &Cx, name: String) -> Result<String, CallError>;
}

/// Has the wire name of another.
#[terrace::component(name = "Names")]
pub trait Namesake {
    /// Something else.
    #[call(read)]
    async fn other(&self, cx: &Cx) -> Result<u64, CallError>;
}

struct Polite(Ref<dyn Names>);

impl Polite {
    async fn open(setup: &Setup) -> Result<Polite, SetupError> {
        Ok(Polite(setup.reference()))
    }

    async fn open_and_call(setup: &Setup) -> Result<Polite, SetupError> {
        let names: Ref<dyn Names> = setup.reference();
        names.address(&Cx::root(setup.env()), "Ada".to_owned()).await?;
        Ok(Polite(names))
    }
}

impl Greeter for Polite {
    async fn greet(&self, cx: &Cx, name: String) -> Result<String, CallError> {
        Ok(format!("Hello, {}", self.0.address(cx, name).await?))
    }
}

struct Plain;

impl Plain {
    async fn open(_: &Setup) -> Result<Plain, SetupError> {
        Ok(Plain)
    }

    async fn fail(_: &Setup) -> Result<Plain, SetupError> {
        Err("the book is not there".into())
    }

    async fn panic(_: &Setup) -> Result<Plain, SetupError> {
        panic!("a bug")
    }
}

impl Names for Plain {
    async fn address(&self, _: &Cx, name: String) -> Result<String, CallError> {
        Ok(name)
    }
}

impl Namesake for Plain {
    async fn other(&self, _: &Cx) -> Result<u64, CallError> {
        Ok(1)
    }
}

fn open(modules: Modules, text: &str) -> Result<Opened, OpenError> {
    let world = World::new(1);
    let config = Config::parse(text, Path::new("terrace.toml")).expect("it is right");
    world.run(modules.open(&world.node("one"), Arc::new(config)))
}

fn check(modules: Modules, text: &str, expected: &[&str]) {
    match open(modules, text).err().expect("it does not fit") {
        OpenError::Unfit { problems } => assert_eq!(problems, expected),
        failed => panic!("{failed}"),
    }
}

fn whole() -> Modules {
    let mut modules = Modules::default();
    modules.provide::<dyn Greeter>(None, Polite::open);
    modules.provide::<dyn Names>(None, Plain::open);
    modules
}

#[test]
fn a_missing_component_is_named_with_who_needs_it() {
    let mut modules = Modules::default();
    modules.provide::<dyn Greeter>(None, Polite::open);
    check(
        modules,
        "",
        &[
            "component `Names` is needed by `Greeter` and no module provides it; add `.provide::<dyn Names>(..)` to \
             `App`, or say where it runs: `at = \"host:port\"` in [components.Names]",
        ],
    );
}

#[test]
fn a_component_that_was_opened_later_is_reached() {
    let world = World::new(1);
    let env = world.node("one");
    let greeting = world.run(async {
        let opened = whole().open(&env, Arc::default()).await.expect("it fits");
        let greeter = opened.reference::<dyn Greeter>("test").expect("it is here");
        greeter.greet(&Cx::root(&env), "Ada".to_owned()).await
    });
    assert_eq!(greeting, Ok("Hello, Ada".to_owned()));
}

#[test]
fn a_call_made_while_opening_names_both() {
    let mut modules = Modules::default();
    modules.provide::<dyn Names>(None, Plain::open);
    modules.provide::<dyn Greeter>(None, Polite::open_and_call);
    let error = open(modules, "").err().expect("it calls");
    assert_eq!(
        error.to_string(),
        "component `Greeter` could not be opened by its module `Polite`"
    );
    let source = std::error::Error::source(&error).expect("why").to_string();
    assert!(
        source.contains("`Greeter` called `Names` while modules are being opened"),
        "{source}"
    );
}

#[test]
fn an_open_that_fails_or_panics_is_named() {
    for (expected, failing) in [("the book is not there", true), ("the task panicked: a bug", false)] {
        let mut modules = Modules::default();
        match failing {
            true => modules.provide::<dyn Names>(None, Plain::fail),
            false => modules.provide::<dyn Names>(None, Plain::panic),
        }
        let error = open(modules, "").err().expect("it fails");
        assert_eq!(
            error.to_string(),
            "component `Names` could not be opened by its module `Plain`"
        );
        let source = std::error::Error::source(&error).expect("why").to_string();
        assert_eq!(source, expected);
    }
}

#[test]
fn two_modules_need_a_choice() {
    let two = |first: Option<&str>, second: Option<&str>| {
        let mut modules = Modules::default();
        modules.provide::<dyn Names>(first, Plain::open);
        modules.provide::<dyn Names>(second, Plain::open);
        modules
    };
    check(
        two(Some("one"), Some("two")),
        "",
        &[
            "component `Names` has 2 modules and nothing chooses one: `one`, `two`; write `module = \"one\"` in \
             [components.Names], or provide one of them by `.provide` and the others by `.provide_named`",
        ],
    );
    check(
        two(None, None),
        "",
        &["component `Names` has two modules called `Plain`; name one of them by `.provide_named(\"..\", ..)`"],
    );
    check(
        two(Some("one"), Some("two")),
        "\n[components.Names]\nmodule = \"twoo\"",
        &["terrace.toml:2:1: component `Names` has no module `twoo`; did you mean `two`?"],
    );
    let chosen = |modules: Modules, text: &str| {
        let opened = open(modules, text).expect("it fits");
        opened.describe().components[0].module.clone()
    };
    assert_eq!(chosen(two(None, Some("two")), "").as_deref(), Some("Plain"));
    let text = "[components.Names]\nmodule = \"two\"";
    assert_eq!(chosen(two(None, Some("two")), text).as_deref(), Some("two"));
    assert_eq!(chosen(two(Some("one"), Some("two")), text).as_deref(), Some("two"));
}

#[test]
fn two_traits_of_one_wire_name_are_refused() {
    let mut modules = Modules::default();
    modules.provide::<dyn Names>(None, Plain::open);
    modules.provide::<dyn Namesake>(None, Plain::open);
    let sentence = "two components have the wire name `Names`: dyn opening::Names and dyn opening::Namesake; give one \
                    of them another by `#[terrace::component(name = \"..\")]`";
    check(modules, "", &[sentence]);

    let mut modules = Modules::default();
    modules.provide::<dyn Namesake>(None, Plain::open);
    modules.provide::<dyn Greeter>(None, Polite::open);
    let sentence = "two components have the wire name `Names`: dyn opening::Namesake and dyn opening::Names; give one \
                    of them another by `#[terrace::component(name = \"..\")]`";
    check(modules, "", &[sentence]);
}

#[test]
fn a_configured_component_that_does_not_exist_is_refused() {
    check(
        whole(),
        "\n[components.Gretter]\n",
        &["terrace.toml:2:1: no component is called `Gretter`; did you mean `Greeter`?"],
    );
}

#[test]
fn a_provided_component_that_runs_elsewhere_is_known_though_nobody_here_calls_it() {
    open(whole(), "[components.Greeter]\nat = \"10.0.0.7:7001\"\n").expect("it fits");
}

#[test]
fn a_module_reads_its_own_configuration() {
    async fn titled(setup: &Setup) -> Result<Plain, SetupError> {
        let config: std::collections::BTreeMap<String, u8> = setup.config()?;
        match config.get("volume") {
            Some(11) => Ok(Plain),
            other => Err(format!("volume {other:?}").into()),
        }
    }
    let modules = || {
        let mut modules = Modules::default();
        modules.provide::<dyn Names>(None, titled);
        modules
    };
    open(modules(), "[components.Names.config]\nvolume = 11").expect("it is read");
    let error = open(modules(), "").err().expect("it is empty");
    assert_eq!(
        std::error::Error::source(&error).expect("why").to_string(),
        "volume None"
    );
    let error = open(modules(), "[components.Names]\nconfig = { a = 1,\n volume = \"x\" }")
        .err()
        .expect("it is wrong");
    let source = std::error::Error::source(&error).expect("why").to_string();
    assert!(
        source.starts_with("terrace.toml:3:11: `config` in [components.Names]: invalid type"),
        "{source}"
    );
}

#[test]
fn a_component_elsewhere_is_not_opened_here_and_is_reached_there() {
    let world = World::new(1);
    let here = world.node("here").with_transport(Arc::new(wire::Tcp::default()));
    let there = world.node("there");
    let config = "[components.Names]\nat = \"there:7001\"";
    let config = Arc::new(Config::parse(config, Path::new("terrace.toml")).expect("it is right"));
    let answers = world.run(async {
        let mut modules = Modules::default();
        modules.provide::<dyn Names>(None, Plain::open);
        let names = modules.open(&there, Arc::default()).await.expect("it fits");
        let listener = there.network().listen(&"there:7001".into()).await.expect("it is free");
        let token = terrace::Token::new("secret").ok();
        component::serve_with(&there, names.served(), listener, token.clone()).expect("it may");

        let mut modules = Modules::default();
        modules.provide::<dyn Greeter>(None, Polite::open);
        modules.provide::<dyn Names>(None, Plain::panic);
        let transport = Arc::new(wire::Tcp { token, face: None });
        let opened = modules
            .open(&here.with_transport(transport), config)
            .await
            .expect("it fits");
        let served: Vec<String> = opened
            .served()
            .iter()
            .map(|served| served.declared.name().to_owned())
            .collect();
        let greeter = opened.reference::<dyn Greeter>("test").expect("it is here");
        (served, greeter.greet(&Cx::root(&here), "Ada".to_owned()).await)
    });
    assert_eq!(answers, (vec!["Greeter".to_owned()], Ok("Hello, Ada".to_owned())));
}

#[test]
fn who_refers_to_whom_is_described() {
    let described = open(whole(), "").expect("it fits").describe();
    let edges: Vec<(&str, &str)> = described
        .calls
        .iter()
        .map(|edge| (edge.caller.as_str(), edge.callee.as_str()))
        .collect();
    assert_eq!(edges, [("Greeter", "Names")]);
    let greeter = &described.components[0];
    assert_eq!(
        (greeter.name.as_str(), greeter.owner.as_deref()),
        ("Greeter", Some("front-desk"))
    );
    let greet = &greeter.methods[0];
    assert_eq!(greet.signature, "greet(name: String) -> String");
    assert_eq!((greet.marks.join(" "), greet.codec), ("read".to_owned(), "positional"));
}

/// What happened, in order.
type Notes = Arc<Mutex<Vec<String>>>;

struct Clock {
    notes: Notes,
    name: &'static str,
    names: Ref<dyn Names>,
    stubborn: bool,
}

impl Background for Clock {
    async fn run(&self, cx: Cx) {
        let note = |what: &str| {
            let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            notes.push(format!("{} {what}", self.name));
        };
        let called = self.names.address(&cx, "Ada".to_owned()).await;
        note(if called.is_ok() && cx.deadline().is_none() {
            "runs"
        } else {
            "fails"
        });
        assert_eq!(cx.stopped().await, CallErrorKind::Cancelled);
        if self.stubborn {
            std::future::pending::<()>().await;
        }
        cx.env().sleep(Duration::from_millis(10)).await;
        note("stops");
    }
}

fn clocks(notes: &Notes, stubborn: bool) -> Modules {
    let mut modules = Modules::default();
    for name in ["first", "second", "third"] {
        let notes = notes.clone();
        modules.background(name, move |setup: &Setup| {
            let clock = Clock {
                notes: notes.clone(),
                name,
                names: setup.reference(),
                stubborn: stubborn && name == "second",
            };
            async move { Ok(clock) }
        });
    }
    modules.provide::<dyn Names>(None, Plain::open);
    modules
}

#[test]
fn background_modules_run_when_all_are_open_and_stop_in_reverse() {
    for stubborn in [false, true] {
        let world = World::new(1);
        let env = world.node("one");
        let notes = Notes::default();
        let modules = clocks(&notes, stubborn);
        let took = world.run(async {
            let mut opened = modules.open(&env, Arc::default()).await.expect("it fits");
            opened.start();
            env.sleep(Duration::from_secs(60)).await;
            let began = env.now();
            opened.stop().await;
            env.now().saturating_duration_since(began)
        });
        let notes = notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stopped: Vec<&str> = notes.iter().map(String::as_str).skip(3).collect();
        assert_eq!(notes[..3], ["first runs", "second runs", "third runs"]);
        if stubborn {
            // All share one bound: what is stopped after it gets no time of its own.
            assert_eq!(stopped, ["third stops"]);
            assert_eq!(took, STOP_MAX);
        } else {
            assert_eq!(stopped, ["third stops", "second stops", "first stops"]);
            assert_eq!(took, Duration::from_millis(30));
        }
    }
}

struct Ticker;

impl Ticker {
    async fn open(_: &Setup) -> Result<Ticker, SetupError> {
        Ok(Ticker)
    }
}

impl Background for Ticker {
    async fn run(&self, _: Cx) {
        panic!("a bug")
    }
}

impl Names for Ticker {
    async fn address(&self, _: &Cx, name: String) -> Result<String, CallError> {
        Ok(format!("ticking {name}"))
    }
}

#[test]
fn a_component_that_panics_in_the_background_still_answers_and_stops() {
    let world = World::new(1);
    let env = world.node("one");
    let mut modules = Modules::default();
    modules.provide_running::<dyn Names>(None, Ticker::open);
    assert!(modules.has_background());
    let answer = world.run(async {
        let mut opened = modules.open(&env, Arc::default()).await.expect("it fits");
        opened.start();
        env.sleep(Duration::from_secs(1)).await;
        let names = opened.reference::<dyn Names>("test").expect("it is here");
        let answer = names.address(&Cx::root(&env), "Ada".to_owned()).await;
        opened.stop().await;
        answer
    });
    assert_eq!(answer, Ok("ticking Ada".to_owned()));
}

#[test]
fn what_a_front_serves_is_kept_until_it_is_asked_for_once() {
    let world = World::new(7);
    let env = world.node("app");
    world.run(async move {
        let mut modules = Modules::default();
        modules.provide::<dyn Names>(None, Plain::open);
        modules.front::<String>("Site", |setup: &Setup| {
            let at = format!("{} at {}", setup.component(), setup.public_url());
            async move { Ok(at) }
        });
        assert!(modules.has_front());
        let modules = modules.reached_at("http://127.0.0.1:4711/".to_owned());
        let opened = modules.open(&env, Arc::default()).await.expect("all is there");
        assert_eq!(opened.describe().fronts, ["Site"]);
        assert!(opened.take_fronts::<u32>().is_empty());
        let served = vec![("Site".to_owned(), "Site at http://127.0.0.1:4711".to_owned())];
        assert_eq!(opened.take_fronts::<String>(), served);
        assert!(opened.take_fronts::<String>().is_empty());
    });
}
