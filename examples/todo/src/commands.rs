//! What an operator does from the command line.

use std::fmt;

use serde::Serialize;
use terrace::{Argument, Command, CommandError, Invocation, Ref};

use crate::accounts::{Accounts, secret};

/// What the token of this command is called on the page of its owner.
const TOKEN_NAME: &str = "command line";

/// `todo user add EMAIL`.
pub fn add_user() -> Command {
    Command::new(
        "user add",
        "Makes a verified account, or finds it, and prints a new API token",
        add,
    )
    .argument(Argument::positional("email", "The person's e-mail address").required())
}

/// A token, on its way to whoever asked for it.
#[derive(Serialize)]
struct Granted {
    token: String,
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.token)
    }
}

async fn add(invocation: Invocation) -> Result<(), CommandError> {
    let accounts: Ref<dyn Accounts> = invocation.reference().await?;
    let cx = invocation.cx();
    let account = accounts.add(cx, invocation.text("email").to_owned()).await?;
    let token = secret::new(cx.env());
    accounts
        .add_token(cx, account.id, TOKEN_NAME.to_owned(), token.clone())
        .await?;
    let token = token.reveal().to_owned();
    invocation.print(&Granted { token })
}
