//! A shop: `cargo run -p adopt --bin adopt-before` or `adopt-after`, then `curl http://127.0.0.1:8080/quote/tea/3`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program as teams have it"
)]

mod prices;

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::prices::{PriceBook, PriceError};

struct Shop {
    prices: PriceBook,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shop = Shop {
        prices: PriceBook::open(),
    };
    let router = Router::new()
        .route("/quote/{item}/{amount}", get(quote))
        .with_state(Arc::new(shop));
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn quote(
    State(shop): State<Arc<Shop>>,
    Path((item, amount)): Path<(String, u64)>,
) -> Result<String, (StatusCode, String)> {
    match shop.prices.quote(item, amount).await {
        Ok(cents) => Ok(format!("{cents} cents")),
        Err(PriceError::Unknown { item }) => Err((StatusCode::NOT_FOUND, format!("there is no {item}"))),
        Err(PriceError::TooMany) => Err((StatusCode::BAD_REQUEST, "nobody has so many".to_owned())),
    }
}
