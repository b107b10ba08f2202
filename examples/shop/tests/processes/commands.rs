//! The commands, as a person types them.

use std::process::{Command, Output};
use std::time::Instant;

use crate::SOON;
use crate::place::Place;
use crate::shop::{SHOP, Shop};

/// Runs a command where the shop has its data; status, standard output, standard error.
pub(crate) fn run(place: &Place, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output: Output = Command::new(SHOP)
        .args(arguments)
        .current_dir(&place.folder)
        .output()
        .expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

pub(crate) fn says(place: &Place, arguments: &[&str], expected: &str) {
    let (status, out, error) = run(place, arguments);
    assert_eq!((status, out.as_str()), (Some(0), expected), "{arguments:?}: {error}");
}

fn refuses(place: &Place, arguments: &[&str], expected: &str) {
    let (status, out, error) = run(place, arguments);
    assert_eq!((status, out.as_str()), (Some(1), ""), "{arguments:?}: {error}");
    assert!(error.contains(expected), "{arguments:?}: {error}");
}

/// Asks until it is said.
fn says_soon(place: &Place, arguments: &[&str], expected: &str) {
    let begun = Instant::now();
    loop {
        let (_, out, error) = run(place, arguments);
        if out == expected {
            return;
        }
        assert!(begun.elapsed() < SOON, "{arguments:?}: {out}{error}");
    }
}

#[test]
fn an_order_that_is_placed_while_the_shop_is_closed_is_shipped_when_it_opens() {
    let place = Place::sqlite("closed");
    says(
        &place,
        &["accounts"],
        "the shop is empty: `fill` a shelf, and `deposit` some money\n",
    );
    says(&place, &["fill", "lamp", "10", "7"], "lamp: 10 left, 7 each\n");
    says(&place, &["deposit", "ada", "50"], "ada has 50\n");
    says(
        &place,
        &["order", "ada", "lamp", "2"],
        "order 1: 2 x lamp for ada, 14: open\n",
    );
    let shop = Shop::open(&place, None);
    let at = ["--at", &shop.address];
    says_soon(
        &place,
        &[&["status", "1"], &at[..]].concat(),
        "order 1: 2 x lamp for ada, 14: shipped\n",
    );
    says(
        &place,
        &[&["accounts"], &at[..]].concat(),
        "ada has 36\nlamp: 8 left, 7 each\norder 1: 2 x lamp sent to 1 Main Street\n",
    );
    shop.kill();
    place.remove();
}

#[test]
fn a_refused_order_says_which_component_refused_it_and_why() {
    let place = Place::sqlite("refused");
    says(&place, &["fill", "lamp", "10", "7"], "lamp: 10 left, 7 each\n");
    says(&place, &["deposit", "ada", "10"], "ada has 10\n");
    let shop = Shop::open(&place, None);
    for (number, arguments, why) in [
        (
            "1",
            &["order", "ada", "lamp", "11", "--at", &shop.address][..],
            "11 x lamp for ada, 77: refused (step `reserve` failed: there are 10 of `lamp`, and 11 are ordered)",
        ),
        (
            "2",
            &["order", "ada", "lamp", "2", "--at", &shop.address],
            "2 x lamp for ada, 14: refused (step `charge` failed: ada has 10, and 14 is to be paid)",
        ),
        (
            "3",
            &["order", "ada", "lamp", "--to", "nowhere", "--at", &shop.address],
            "1 x lamp for ada, 7: refused (step `ship` failed: `nowhere` is no address: it has a street and a number, and at most 200 bytes)",
        ),
    ] {
        assert_eq!(run(&place, arguments).0, Some(0), "{arguments:?}");
        says_soon(
            &place,
            &["status", number, "--at", &shop.address],
            &format!("order {number}: {why}\n"),
        );
    }
    shop.kill();
    place.remove();
}

#[test]
fn a_request_that_is_asked_for_twice_is_one_order() {
    let place = Place::sqlite("twice");
    says(&place, &["fill", "lamp", "10", "7"], "lamp: 10 left, 7 each\n");
    for _ in 0..2 {
        says(
            &place,
            &["order", "ada", "lamp", "2", "--request", "a"],
            "order 1: 2 x lamp for ada, 14: open\n",
        );
    }
    says(
        &place,
        &["order", "ada", "lamp", "3", "--request", "a"],
        "order 2: 3 x lamp for ada, 21: open\n",
    );
    place.remove();
}

#[test]
fn what_cannot_be_is_said_with_what_was_given() {
    let place = Place::sqlite("wrong");
    refuses(&place, &["order", "ada", "lamp"], "error: there is no item `lamp`\n");
    refuses(
        &place,
        &["order", "ada", "lamp", "0"],
        "error: an order is of one piece at least\n",
    );
    refuses(
        &place,
        &["order", "ada", "lamp", "70000"],
        "error: count cannot be `70000`: number too large",
    );
    refuses(
        &place,
        &["fill", "", "1", "1"],
        "error: the name of an item has 1 to 100 bytes, not 0\n",
    );
    refuses(&place, &["status", "7"], "error: there is no order 7\n");
    place.remove();
}

#[test]
fn data_that_another_process_has_is_asked_of_it_and_not_opened_a_second_time() {
    let place = Place::sqlite("held");
    let shop = Shop::open(&place, None);
    let held = format!("process {} has `data/Orders.sqlite`", shop.id());
    says(&place, &["fill", "lamp", "3", "20"], "lamp: 3 left, 20 each\n");
    assert_eq!(shop.ask("Stock/items")[0]["remaining"], 3);
    refuses(&place, &["up"], &held);
    shop.kill();
    says(&place, &["orders"], "");
    place.remove();
}

#[test]
fn a_server_that_does_not_run_is_named() {
    let place = Place::sqlite("absent");
    // Port 1 needs a privilege to listen on, and nobody has a server there.
    let database = "tiers.database=postgres://shop@127.0.0.1:1/shop";
    refuses(
        &place,
        &["orders", "--set", database],
        "no connection to PostgreSQL at 127.0.0.1:1",
    );
    place.remove();
}
