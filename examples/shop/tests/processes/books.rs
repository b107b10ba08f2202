//! What has to be in the books of a shop, whatever happened to it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::SOON;
use crate::shop::Shop;

/// What is put on the shelf, and what a customer has, before an order.
const LAMPS: i64 = 10;
const PRICE: i64 = 7;
const COINS: i64 = 50;

/// One order as a customer wants it, and what it needs before.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) key: String,
    pub(crate) customer: String,
    pub(crate) item: &'static str,
    pub(crate) count: i64,
    pub(crate) address: &'static str,
    /// Item, count and price.
    pub(crate) fills: Option<(&'static str, i64, i64)>,
    pub(crate) deposits: i64,
    /// A part of what is said when it is refused; nothing where it is shipped.
    refused: Option<&'static str>,
}

/// Everything that was ordered.
#[derive(Default)]
pub(crate) struct Books {
    begun: usize,
    orders: BTreeMap<i64, Wish>,
}

impl Books {
    /// Wishes of so many customers: each wants what can be had, and what is refused by each of the three components.
    pub(crate) fn next(&mut self, customers: usize) -> Vec<Vec<Wish>> {
        (0..customers)
            .map(|_| {
                self.begun += 1;
                wishes(self.begun)
            })
            .collect()
    }

    /// A wish that could be had, of somebody who does not want it any more before it is.
    pub(crate) fn unwanted(&mut self) -> Wish {
        self.begun += 1;
        let wish = wishes(self.begun).swap_remove(0);
        Wish {
            refused: Some("it was cancelled"),
            ..wish
        }
    }

    /// These orders were taken.
    pub(crate) fn add(&mut self, taken: impl Iterator<Item = (Wish, i64)>) {
        for (wish, number) in taken {
            let before = self.orders.insert(number, wish);
            assert!(before.is_none(), "two wishes are order {number}: {before:?}");
        }
    }

    /// Waits until nothing happens to orders any more; then money, stock, parcels and orders agree.
    pub(crate) fn check(&self, shop: &Shop, when: &str) {
        let orders = settled(shop, when);
        let numbers: Vec<i64> = orders.iter().map(|status| int(&status["order"]["number"])).collect();
        let taken: Vec<i64> = self.orders.keys().copied().collect();
        assert_eq!(
            numbers, taken,
            "{when}: each order that was taken is there once, and no other"
        );
        let (held, kept, sent) = (
            lines(shop, "Stock/reservations", "held", &["item", "count"]),
            lines(shop, "Purse/payments", "kept", &["customer", "amount"]),
            lines(shop, "Shipping/parcels", "sent", &["item", "count", "address"]),
        );
        for (status, (number, wish)) in orders.iter().zip(&self.orders) {
            let Wish {
                customer,
                item,
                count,
                address,
                ..
            } = wish;
            let (state, expected) = (
                &status["state"],
                if wish.refused.is_some() { "Refused" } else { "Shipped" },
            );
            assert_eq!(state, expected, "{when}: {wish:?}: {status}: {}", shop.said());
            let reason = status["reason"].as_str();
            let of_order = (held.get(number), kept.get(number), sent.get(number));
            match wish.refused {
                Some(why) => {
                    assert!(
                        reason.is_some_and(|reason| reason.contains(why)),
                        "{when}: {wish:?}: {status}"
                    );
                    assert_eq!(of_order, (None, None, None), "{when}: something is left of {wish:?}");
                }
                None => {
                    let expected = (
                        Some(&format!("{item} {count}")),
                        Some(&format!("{customer} {}", count * PRICE)),
                        Some(&format!("{item} {count} {address}")),
                    );
                    assert_eq!(of_order, expected, "{when}: {wish:?}");
                }
            }
        }
        self.sums(shop, when);
    }

    /// What there is and what is gone are what there was.
    fn sums(&self, shop: &Shop, when: &str) {
        let shipped: i64 = self.shipped().map(|wish| wish.count).sum();
        let filled: i64 = self.orders.values().filter_map(|wish| Some(wish.fills?.1)).sum();
        let items = shop.ask("Stock/items");
        assert_eq!(int(&items[0]["remaining"]), filled - shipped, "{when}: {items}");
        for account in shop.ask("Purse/accounts").as_array().expect("accounts") {
            let of_customer = |wish: &&Wish| account["customer"] == wish.customer;
            let paid: i64 = self.shipped().filter(of_customer).map(|wish| wish.count * PRICE).sum();
            let deposited: i64 = self.orders.values().filter(of_customer).map(|wish| wish.deposits).sum();
            assert_eq!(int(&account["balance"]), deposited - paid, "{when}: {account}");
        }
    }

    fn shipped(&self) -> impl Iterator<Item = &Wish> {
        self.orders.values().filter(|wish| wish.refused.is_none())
    }
}

fn wishes(number: usize) -> Vec<Wish> {
    let wish = |name: &str, count, address, refused| Wish {
        key: format!("{number}-{name}"),
        customer: "ada".to_owned(),
        item: "lamp",
        count,
        address,
        fills: None,
        deposits: 0,
        refused,
    };
    vec![
        Wish {
            fills: Some(("lamp", LAMPS, PRICE)),
            deposits: COINS,
            ..wish("shipped", 2, "1 Main Street", None)
        },
        wish("nowhere", 1, "nowhere", Some("`nowhere` is no address")),
        Wish {
            // Nobody else has the name, or the coins of all would be enough some day.
            customer: format!("bob-{number}"),
            deposits: 1,
            ..wish("poor", 1, "1 Main Street", Some("is to be paid"))
        },
        wish("too-many", 60_000, "1 Main Street", Some("60000 are ordered")),
    ]
}

/// The orders, by number, once none of them is open.
fn settled(shop: &Shop, when: &str) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let answer = shop.ask("Orders/newest");
        let orders = answer.as_array().expect("orders");
        if orders.iter().all(|status| status["state"] != "Open") {
            return orders.clone();
        }
        assert!(
            begun.elapsed() < SOON,
            "{when}: these are never settled: {answer}: {}",
            shop.said()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// By order, what stands in the lines of a book that are not taken back.
fn lines(shop: &Shop, method: &str, counts: &str, fields: &[&str]) -> BTreeMap<i64, String> {
    let answer = shop.ask(method);
    let lines = answer
        .as_array()
        .expect("lines")
        .iter()
        .filter(|line| line[counts] == true);
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    lines
        .map(|line| {
            let fields: Vec<String> = fields.iter().map(|field| shown(&line[*field])).collect();
            (int(&line["number"]), fields.join(" "))
        })
        .collect()
}

fn int(value: &Value) -> i64 {
    value.as_i64().expect("a number")
}
