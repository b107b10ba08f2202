//! The prices as a process of their own: `cargo run -p adopt --bin adopt-prices`, then start the shop with
//! `PRICES_AT=127.0.0.1:7001`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program as teams have it"
)]

mod prices;

use std::error::Error;

use terrace::{Ref, serve};
use tokio::net::TcpListener;

use crate::prices::{PriceBook, Prices};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let prices: Ref<dyn Prices> = Ref::new(PriceBook::open());
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:7001".to_owned());
    let serving = serve(&prices, TcpListener::bind(address).await?)?;
    println!("listening on {}", serving.address());
    std::future::pending().await
}
