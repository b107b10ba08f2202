//! Items in a database: the module of [`Items`].

use terrace::database::{Database, Migrations, Transaction};
use terrace::{Cx, Setup, SetupError};

use super::{ITEMS_MAX, Item, ItemError, Items, TEXT_CHARS_MAX};

/// Its tables. What is to change later goes to a file with the next number.
pub const SCHEMA: Migrations = terrace::migrations!("migrations");

/// Items in a database.
pub struct Shelf {
    db: Database,
}

impl Shelf {
    /// Needs a database.
    pub async fn open(setup: &Setup) -> Result<Shelf, SetupError> {
        Ok(Shelf::new(setup.database(SCHEMA).await?))
    }

    /// Keeps items in `db`, which has the tables of [`SCHEMA`].
    pub fn new(db: Database) -> Shelf {
        Shelf { db }
    }
}

impl Items for Shelf {
    async fn add(&self, cx: &Cx, text: String) -> Result<Item, ItemError> {
        let text = text.trim().to_owned();
        let chars = text.chars().count();
        if chars == 0 || chars > TEXT_CHARS_MAX {
            return Err(ItemError::Text { chars: chars as u64 });
        }
        // What is done within happens once, however often the call is repeated.
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let there: i64 = tx.query_one("select count(*) from items", ()).await?;
                if there >= ITEMS_MAX {
                    return Err(ItemError::Full);
                }
                let sql = "insert into items (text) values ($1) returning id, text";
                Ok(tx.query_one(sql, (&text,)).await?)
            })
            .await
    }

    async fn list(&self, _: &Cx) -> Result<Vec<Item>, ItemError> {
        let sql = "select id, text from items order by id";
        Ok(self.db.query(sql, ()).await?)
    }

    async fn remove(&self, cx: &Cx, id: i64) -> Result<(), ItemError> {
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                match tx.execute("delete from items where id = $1", (id,)).await? {
                    0 => Err(ItemError::Unknown),
                    _ => Ok(()),
                }
            })
            .await
    }
}
