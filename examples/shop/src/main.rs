//! `cargo run -p shop -- serve --service-listen 127.0.0.1:7002` opens the shop, and in another terminal
//! `cargo run -p shop -- order ada lamp 2 --at 127.0.0.1:7002` orders. `deposit` and `fill` come first.

pub mod commands;
pub mod orders;
pub mod purse;
pub mod shipping;
pub mod stock;
pub mod stops;

use std::process::ExitCode;

use terrace::App;

use crate::orders::{Counter, Orders};
use crate::purse::{Purse, Till};
use crate::shipping::{Dispatch, Shipping};
use crate::stock::{Shelves, Stock};

fn main() -> ExitCode {
    let app = App::new("shop")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Reserves, charges and ships orders: three components, each with a database of its own.")
        .provide::<dyn Orders>(Counter::open)
        .provide::<dyn Stock>(Shelves::open)
        .provide::<dyn Purse>(Till::open)
        .provide::<dyn Shipping>(Dispatch::open);
    commands::all().into_iter().fold(app, App::command).run()
}
