//! Customers who ask for what they want until they are answered, each under a key of its own.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::books::Wish;
use crate::shop::{Shop, post};
use crate::{SOON, Shared};

/// What a customer waits before it tries again.
const AGAIN: Duration = Duration::from_millis(5);

/// Everybody who knows where the shop is.
#[derive(Clone, Default)]
pub(crate) struct Customers {
    /// Where it is open, while it is.
    address: Shared<Option<String>>,
    /// How many orders were taken.
    taken: Shared<u64>,
}

impl Customers {
    /// The shop is open here now.
    pub(crate) fn told(&self, shop: &Shop) {
        *self.address.lock().unwrap() = Some(shop.address.clone());
    }

    /// Nobody needs to try for now.
    pub(crate) fn closed(&self) {
        *self.address.lock().unwrap() = None;
    }

    /// Begins to order; what they answer are wishes and the numbers of their orders.
    pub(crate) fn order(&self, wishes: &[Vec<Wish>]) -> Vec<JoinHandle<Vec<(Wish, i64)>>> {
        *self.taken.lock().unwrap() = 0;
        let begin = |wishes: &Vec<Wish>| {
            let (customers, wishes) = (self.clone(), wishes.clone());
            std::thread::spawn(move || {
                let number = |wish: Wish| {
                    let number = customers.place(&wish);
                    *customers.taken.lock().unwrap() += 1;
                    (wish, number)
                };
                wishes.into_iter().map(number).collect()
            })
        };
        wishes.iter().map(begin).collect()
    }

    /// Waits until an order of those that were begun last is taken.
    pub(crate) fn wait_for_one(&self) {
        let begun = Instant::now();
        while *self.taken.lock().unwrap() == 0 {
            assert!(begun.elapsed() < SOON, "no order is taken");
            std::thread::sleep(AGAIN);
        }
    }

    fn place(&self, wish: &Wish) -> i64 {
        let key = &wish.key;
        // What it needs, first; it happens once however often it is asked for.
        if let Some((item, count, price)) = wish.fills {
            let body = json!({ "item": item, "count": count, "price": price });
            self.ask("Stock/fill", &format!("{key}-fill"), &body);
        }
        if wish.deposits > 0 {
            let body = json!({ "customer": wish.customer, "amount": wish.deposits });
            self.ask("Purse/deposit", &format!("{key}-deposit"), &body);
        }
        let (customer, item, count, address) = (&wish.customer, wish.item, wish.count, wish.address);
        let body = json!({ "request": { "customer": customer, "item": item, "count": count, "address": address } });
        let number = self.ask("Orders/place", key, &body);
        number.as_i64().expect("the number of an order")
    }

    fn ask(&self, method: &str, key: &str, body: &Value) -> Value {
        let (begun, body) = (Instant::now(), body.to_string());
        let mut last = None;
        while begun.elapsed() < SOON {
            let address = self.address.lock().unwrap().clone();
            if let Some(address) = address {
                match post(&address, method, Some(key), &body) {
                    Ok((200, answer)) => return answer,
                    other => last = Some(other),
                }
            }
            std::thread::sleep(AGAIN);
        }
        panic!("{method} of {key} is not answered: {last:?}");
    }
}
