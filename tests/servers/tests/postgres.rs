//! A PostgreSQL of its own: it answers, keeps what it committed, and goes with its owner.
#![expect(clippy::disallowed_methods, reason = "a test takes a port of the machine")]

use std::net::TcpListener;

use servers::postgres::Options;
use servers::{Error, Postgres};

fn quick() -> Postgres {
    let options = Options {
        fsync: false,
        settings: vec![("max_connections".to_string(), "17".to_string())],
    };
    Postgres::start_with(options).expect("PostgreSQL starts")
}

fn rows(server: &Postgres, sql: &str) -> String {
    server.psql(sql).expect("the statement works")
}

#[test]
fn a_server_is_durable_unless_asked_otherwise_and_takes_settings() {
    let durable = Postgres::start().expect("PostgreSQL starts");
    assert_eq!(rows(&durable, "SHOW fsync; SHOW full_page_writes;"), "on\non");
    let quick = quick();
    assert_eq!(rows(&quick, "SHOW fsync; SHOW max_connections;"), "off\n17");
}

#[test]
fn a_killed_server_comes_back_with_what_it_committed_and_nothing_else() {
    let server = Postgres::start().expect("PostgreSQL starts");
    let port = server.port();
    rows(&server, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7);");
    rows(&server, "BEGIN; INSERT INTO kept VALUES (8);");
    server.kill().expect("it is killed");
    let refused = server.psql("SELECT 1;").expect_err("nobody answers");
    assert!(refused.to_string().contains("refused"), "{refused}");
    assert!(
        matches!(server.kill(), Err(Error::State { .. })),
        "a killed server is stopped"
    );
    server.start_again().expect("it starts again");
    assert_eq!(server.port(), port);
    assert_eq!(rows(&server, "SELECT n FROM kept;"), "7");
    assert!(matches!(server.start_again(), Err(Error::State { .. })), "it runs");
}

#[test]
fn a_stopped_server_starts_again_on_its_port() {
    let server = quick();
    rows(&server, "CREATE TABLE kept (n int);");
    server.stop().expect("it stops");
    server.start_again().expect("it starts again");
    assert_eq!(rows(&server, "SELECT count(*) FROM kept;"), "0");
}

#[test]
fn a_port_taken_meanwhile_is_said_in_the_words_that_a_first_start_goes_by() {
    let server = quick();
    server.stop().expect("it stops");
    let taken = TcpListener::bind(("127.0.0.1", server.port())).expect("the port is free");
    let refused = server.start_again().expect_err("the port is taken");
    let words = "could not create any TCP/IP sockets";
    assert!(
        matches!(&refused, Error::Ended { log, .. } if log.contains(words)),
        "{refused}"
    );
    drop(taken);
    server.start_again().expect("the port is free again");
}

#[test]
fn two_servers_at_once_know_nothing_of_each_other() {
    let (one, two) = (quick(), quick());
    assert_ne!(one.port(), two.port());
    one.create_database("only here").expect("a name with a space is a name");
    let there = "SELECT count(*) FROM pg_database WHERE datname = 'only here';";
    assert_eq!((rows(&one, there).as_str(), rows(&two, there).as_str()), ("1", "0"));
    assert_eq!(
        one.psql_in("only here", "SELECT current_database();")
            .expect("it is there"),
        "only here"
    );
}

#[test]
fn a_wrong_password_is_refused_and_a_user_has_what_it_was_given() {
    let server = quick();
    server
        .create_user("maker", "it's", true)
        .expect("a quote is a character");
    server.create_user("plain", "other", false).expect("a user is made");
    let make = |user, password| server.psql_as(user, password, "postgres", "CREATE ROLE made_by_user;");
    let wrong = make("maker", "its").expect_err("the password is wrong");
    assert!(wrong.to_string().contains("password authentication failed"), "{wrong}");
    let plain = make("plain", "other").expect_err("it may make none");
    assert!(plain.to_string().contains("permission denied"), "{plain}");
    make("maker", "it's").expect("it may make users");
}

#[test]
fn a_failed_statement_says_why_and_stops_the_rest() {
    let server = quick();
    let failed = server
        .psql("CREATE TABLE before (n int); SELECT nothing; CREATE TABLE after (n int);")
        .expect_err("there is no such column");
    assert!(failed.to_string().contains("\"nothing\" does not exist"), "{failed}");
    let made = rows(
        &server,
        "SELECT relname FROM pg_class WHERE relname IN ('before', 'after');",
    );
    assert_eq!(made, "before");
}

#[test]
fn a_paused_server_answers_only_when_it_goes_on() {
    let server = quick();
    server.pause().expect("it runs");
    std::thread::scope(|scope| {
        let (answered, answers) = std::sync::mpsc::sync_channel(1);
        let asking = &server;
        scope.spawn(move || answered.send(rows(asking, "SELECT 1;")));
        let early = answers.recv_timeout(std::time::Duration::from_millis(300));
        server.resume().expect("it is there");
        assert!(early.is_err(), "a paused server answered");
        assert_eq!(answers.recv().expect("it answers"), "1");
    });
}

#[test]
fn a_paused_server_can_be_stopped_and_killed() {
    let server = quick();
    server.pause().expect("it runs");
    server.stop().expect("it stops");
    server.start_again().expect("it starts again");
    server.pause().expect("it runs");
    server.kill().expect("it is killed");
}

#[test]
fn a_setting_that_postgresql_refuses_is_shown_with_its_log() {
    let options = Options {
        settings: vec![("max_connections".to_string(), "many".to_string())],
        ..Options::default()
    };
    let refused = Postgres::start_with(options).expect_err("`many` is no number");
    assert!(matches!(refused, Error::Ended { .. }), "{refused:?}");
    assert!(refused.to_string().contains("invalid value for parameter"), "{refused}");
}

#[test]
fn the_shared_server_is_one_and_its_address_has_what_a_client_needs() {
    let shared = Postgres::shared();
    assert_eq!(shared.port(), Postgres::shared().port());
    let expected = format!(
        "postgres://{}:{}@127.0.0.1:{}/postgres",
        shared.superuser(),
        shared.password(),
        shared.port()
    );
    assert_eq!(shared.url("postgres"), expected);
    let me = shared.psql("SELECT current_user;").expect("it answers");
    assert_eq!(me, shared.superuser());
}
