//! The shop, killed wherever it may stand: in the end every order is shipped, paid and taken from the shelf once, or
//! nothing is left of it and its job says why.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use servers::Postgres;
use world::Env;

use crate::books::Books;
use crate::commands::{run, says};
use crate::customers::Customers;
use crate::place::Place;
use crate::shop::Shop;

/// Every step, and every compensation.
const PARTS: [&str; 6] = ["reserve", "charge", "ship", "recall", "refund", "release"];

/// It was not asked for; its transaction is not kept; it is kept and nobody knows; who asked has not written it down.
const MOMENTS: [&str; 4] = ["before", "within", "kept", "after"];

/// Moments at which one shop is killed, one after the other.
const KILLS: usize = 1;
const KILLS_FULL: usize = 3;

/// Rounds of one shop that is killed at random moments.
const ROUNDS: u64 = 2;
const ROUNDS_FULL: u64 = 50;

/// Milliseconds after the first order of a round was taken, at most.
const KILL_MS_MAX: u64 = 300;

/// Shops that run at the same time: each waits most of its life for a lease to end.
const TOGETHER: usize = 6;

fn full() -> bool {
    std::env::var_os("TERRACE_FULL").is_some()
}

/// One shop whose customers order while it is killed at one point.
fn killed_at(point: &str, place: &Place) {
    let mut books = Books::default();
    let customers = Customers::default();
    let ordering = customers.order(&books.next(1));
    for _ in 0..if full() { KILLS_FULL } else { KILLS } {
        let shop = Shop::open(place, Some(point));
        customers.told(&shop);
        shop.stopped_at(point);
        customers.closed();
        shop.kill();
    }
    let shop = Shop::open(place, None);
    customers.told(&shop);
    books.add(
        ordering
            .into_iter()
            .flat_map(|ordering| ordering.join().expect("it ends")),
    );
    books.check(&shop, point);
}

/// Every point, a few at a time.
fn killed_everywhere(place: impl Fn(&str) -> Place + Send + Sync) {
    let of_steps = PARTS
        .iter()
        .flat_map(|part| MOMENTS.iter().map(move |moment| format!("{part}.{moment}")));
    let of_place = ["within", "kept"].map(|moment| format!("place.{moment}"));
    let points: Vec<String> = of_place.into_iter().chain(of_steps).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let place = place(point);
                    killed_at(point, &place);
                    place.remove();
                }
            });
        }
    });
}

/// One shop that is killed again and again, whatever it does.
fn killed_at_random(place: &Place) {
    let mut random = Env::production("test").random("kill");
    let (mut books, customers) = (Books::default(), Customers::default());
    for round in 0..if full() { ROUNDS_FULL } else { ROUNDS } {
        let shop = Shop::open(place, None);
        customers.told(&shop);
        let ordering = customers.order(&books.next(3));
        customers.wait_for_one();
        let wait_ms = random.below(KILL_MS_MAX);
        std::thread::sleep(Duration::from_millis(wait_ms));
        customers.closed();
        shop.kill();
        let shop = Shop::open(place, None);
        customers.told(&shop);
        books.add(
            ordering
                .into_iter()
                .flat_map(|ordering| ordering.join().expect("it ends")),
        );
        books.check(&shop, &format!("round {round}, {wait_ms} ms"));
        customers.closed();
        shop.kill();
    }
}

/// The parcel is sent, and the job does not know: what is taken back is more than was written down.
#[test]
fn an_order_that_is_cancelled_after_its_parcel_was_sent_is_taken_back() {
    let place = Place::sqlite("cancelled");
    let (mut books, customers) = (Books::default(), Customers::default());
    let wish = books.unwanted();
    let ordering = customers.order(&[vec![wish]]);
    let shop = Shop::open(&place, Some("ship.kept"));
    customers.told(&shop);
    books.add(
        ordering
            .into_iter()
            .flat_map(|ordering| ordering.join().expect("it ends")),
    );
    shop.stopped_at("ship.kept");
    shop.kill();
    let (_, jobs, _) = run(&place, &["jobs", "list", "--json"]);
    let jobs: serde_json::Value = serde_json::from_str(&jobs).expect("it is JSON");
    let id = jobs[0]["id"].as_str().expect("one job");
    says(
        &place,
        &["jobs", "cancel", id],
        &format!("job {id} is asked to stop; what its steps have done is taken back\n"),
    );
    let shop = Shop::open(&place, None);
    books.check(&shop, "cancelled");
    shop.kill();
    place.remove();
}

#[test]
fn money_and_stock_agree_wherever_a_shop_on_sqlite_is_killed() {
    killed_everywhere(Place::sqlite);
}

#[test]
fn money_and_stock_agree_wherever_a_shop_on_postgres_is_killed() {
    let server = Postgres::shared();
    killed_everywhere(|point| Place::postgres(server, point));
}

#[test]
fn money_and_stock_agree_whenever_a_shop_on_sqlite_is_killed() {
    let place = Place::sqlite("random");
    killed_at_random(&place);
    place.remove();
}

#[test]
fn money_and_stock_agree_whenever_a_shop_on_postgres_is_killed() {
    let place = Place::postgres(Postgres::shared(), "random");
    killed_at_random(&place);
    place.remove();
}
