//! What a person asks of the shop.

use std::fmt::{self, Display};

use serde::Serialize;
use terrace::{Argument, CallId, Command, CommandError, Component, Cx, Invocation, Ref, Root};

use crate::orders::{Orders, Request};
use crate::purse::{Account, Purse};
use crate::shipping::{Parcel, Shipping};
use crate::stock::{Item, Stock};

/// The commands.
pub fn all() -> Vec<Command> {
    let commands = [
        Command::new("fill", "Puts pieces of an item on the shelf", fill)
            .argument(Argument::positional("item", "What it is called").required())
            .argument(Argument::positional("count", "How many").required())
            .argument(Argument::positional("price", "What one costs, in coins").required()),
        Command::new("deposit", "Puts money on a customer's account", deposit)
            .argument(Argument::positional("customer", "Whose").required())
            .argument(Argument::positional("amount", "How many coins").required()),
        Command::new("order", "Places an order; a shop that is open ships it", order)
            .argument(Argument::positional("customer", "Who pays").required())
            .argument(Argument::positional("item", "What").required())
            .argument(Argument::positional("count", "How many").default("1"))
            .argument(Argument::option("to", "The address").default("1 Main Street"))
            .argument(Argument::option(
                "request",
                "A word for this order: asked for again with it, it is placed once",
            )),
        Command::new("status", "Says how an order stands", status)
            .argument(Argument::positional("order", "Its number").required()),
        Command::new("orders", "Says how the newest orders stand", orders),
        Command::new("accounts", "Says what money, stock and parcels there are", accounts),
    ];
    let at = || {
        Argument::option(
            "at",
            "Where an open shop listens, such as 127.0.0.1:7002; otherwise its data is opened",
        )
    };
    commands.into_iter().map(|command| command.argument(at())).collect()
}

/// A component of the shop that is open, or of this process.
async fn reach<C: Component + ?Sized + 'static>(invocation: &Invocation) -> Result<Ref<C>, CommandError> {
    match invocation.get("at") {
        Some(address) => invocation.connect(address).await,
        None => invocation.reference().await,
    }
}

fn number<T: std::str::FromStr<Err: Display>>(invocation: &Invocation, argument: &str) -> Result<T, CommandError> {
    let text = invocation.text(argument);
    let refused = |error| format!("{argument} cannot be `{text}`: {error}");
    Ok(text.parse().map_err(refused)?)
}

fn text(invocation: &Invocation, argument: &str) -> String {
    invocation.text(argument).to_owned()
}

async fn fill(invocation: Invocation) -> Result<(), CommandError> {
    let (count, price) = (number(&invocation, "count")?, number(&invocation, "price")?);
    let stock = reach::<dyn Stock>(&invocation).await?;
    let item = text(&invocation, "item");
    invocation.print(&stock.fill(invocation.cx(), item, count, price).await?)
}

async fn deposit(invocation: Invocation) -> Result<(), CommandError> {
    let amount = number(&invocation, "amount")?;
    let purse = reach::<dyn Purse>(&invocation).await?;
    let customer = text(&invocation, "customer");
    invocation.print(&purse.deposit(invocation.cx(), customer, amount).await?)
}

async fn order(invocation: Invocation) -> Result<(), CommandError> {
    let request = Request {
        customer: text(&invocation, "customer"),
        item: text(&invocation, "item"),
        count: number(&invocation, "count")?,
        address: text(&invocation, "to"),
    };
    let orders = reach::<dyn Orders>(&invocation).await?;
    let number = orders.place(&named(&invocation), request).await?;
    invocation.print(&orders.status(invocation.cx(), number).await?)
}

/// The request that the order is: one of its own, or the same whenever the same word is given. What is ordered is part of
/// the id of the call, so that the word with another order is another request.
fn named(invocation: &Invocation) -> Cx {
    let word = invocation.get("request");
    let root = Root {
        began: None,
        id: word.map(|word| CallId::from_parts(&[b"shop order", word.as_bytes()])),
        deadline: None,
        principal: None,
        trace: None,
    };
    Cx::from_root(invocation.cx().env(), root)
}

async fn status(invocation: Invocation) -> Result<(), CommandError> {
    let number = number(&invocation, "order")?;
    let orders = reach::<dyn Orders>(&invocation).await?;
    invocation.print(&orders.status(invocation.cx(), number).await?)
}

async fn orders(invocation: Invocation) -> Result<(), CommandError> {
    let orders = reach::<dyn Orders>(&invocation).await?;
    for status in orders.newest(invocation.cx()).await? {
        invocation.print(&status)?;
    }
    Ok(())
}

/// Money, stock and parcels, as `accounts` prints them.
#[derive(Serialize)]
struct Accounts {
    accounts: Vec<Account>,
    items: Vec<Item>,
    parcels: Vec<Parcel>,
}

impl Display for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accounts = self.accounts.iter().map(Account::to_string);
        let items = self.items.iter().map(Item::to_string);
        let parcels = self.parcels.iter().map(Parcel::to_string);
        let lines: Vec<String> = accounts.chain(items).chain(parcels).collect();
        match lines.is_empty() {
            true => f.write_str("the shop is empty: `fill` a shelf, and `deposit` some money"),
            false => f.write_str(&lines.join("\n")),
        }
    }
}

async fn accounts(invocation: Invocation) -> Result<(), CommandError> {
    let cx = invocation.cx();
    let purse = reach::<dyn Purse>(&invocation).await?;
    let stock = reach::<dyn Stock>(&invocation).await?;
    let shipping = reach::<dyn Shipping>(&invocation).await?;
    invocation.print(&Accounts {
        accounts: purse.accounts(cx).await?,
        items: stock.items(cx).await?,
        parcels: shipping.parcels(cx).await?,
    })
}
