//! The document view: a key, a JSON value and a version in each row, with indexed fields, by one contract on both engines.

mod collection;
mod find;
mod within;

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::collection::{Holds, Index};
pub use self::find::Find;
pub use self::within::Within;
use crate::database::Database;
use crate::document::collection::Collection;
use crate::error::Error;
use crate::transaction::Transaction;

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<T> {
    /// Its name in the collection.
    pub key: String,
    /// Changes with each `put`, and is never used for two values of the collection.
    pub version: i64,
    /// What it holds.
    pub value: T,
}

/// A collection of documents of one component. A clone is the same collection.
///
/// ```text
/// let notes = database.documents::<Note>("notes", &[Index { name: "owner", path: "owner", holds: Holds::Text }]).await?;
/// notes.put("7", &note).await?;
/// let hers = notes.find(&Find::by("owner").equal("ann").limit(20)).await?;
/// ```
pub struct Documents<T> {
    database: Database,
    collection: Arc<Collection>,
    holds: PhantomData<fn(T) -> T>,
}

impl Database {
    /// The documents `name`; their table and what it lacks of `indexes` are made where they are not there. An index that is
    /// no longer named stays until a migration drops it.
    pub async fn documents<T>(&self, name: &str, indexes: &[Index]) -> Result<Documents<T>, Error>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let collection = Collection::new(name, indexes, self.is_postgres())?;
        collection.install(self).await?;
        Ok(Documents {
            database: self.clone(),
            collection: Arc::new(collection),
            holds: PhantomData,
        })
    }
}

impl<T> Clone for Documents<T> {
    fn clone(&self) -> Documents<T> {
        Documents {
            database: self.database.clone(),
            collection: self.collection.clone(),
            holds: PhantomData,
        }
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Documents<T> {
    /// The same documents in a transaction, beside whatever else that does.
    pub fn within<'t>(&'t self, tx: &'t Transaction<'t>) -> Within<'t, T> {
        Within::new(tx, &self.collection)
    }

    /// The document `key`.
    pub async fn get(&self, key: &str) -> Result<Option<Document<T>>, Error> {
        let (sql, key) = (self.collection.get_sql(), collection::checked_key(key)?);
        let rows = self.database.query(&sql, (key,)).await?;
        rows.into_iter().map(within::document).next().transpose()
    }

    /// Puts `value` at `key`, whatever was there, and answers its version.
    pub async fn put(&self, key: &str, value: &T) -> Result<i64, Error> {
        let (sql, parameters) = (self.collection.put_sql(), within::parameters(key, value)?);
        let put = async move |tx: &Transaction<'_>| tx.query_one(&sql, &parameters[..]).await;
        self.database.transaction(put).await
    }

    /// Puts `value` at `key` if the version that is there is `version`, or nothing is there and `version` is `None`. Answers
    /// the new version, or `None` where something else is there.
    pub async fn put_if(&self, key: &str, version: Option<i64>, value: &T) -> Result<Option<i64>, Error> {
        let (collection, parameters) = (self.collection.clone(), within::parameters(key, value)?);
        let put = async move |tx: &Transaction<'_>| within::put_if(tx, &collection, version, &parameters).await;
        self.database.transaction(put).await
    }

    /// Removes the document `key`, and answers whether it was there.
    pub async fn delete(&self, key: &str) -> Result<bool, Error> {
        let (sql, key) = (self.collection.delete_sql(), collection::checked_key(key)?.to_owned());
        let removed = self.database.execute(&sql, (key,)).await?;
        Ok(removed > 0)
    }

    /// The documents whose indexed field is as `find` says.
    pub async fn find(&self, find: &Find) -> Result<Vec<Document<T>>, Error> {
        let (sql, parameters) = self.collection.find_sql(find)?;
        let rows = self.database.query(&sql, parameters).await?;
        rows.into_iter().map(within::document).collect()
    }

    /// At most `limit` documents whose keys begin with `prefix`, ordered by the bytes of their keys, behind the key `after`:
    /// the last key of one page begins the next.
    pub async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document<T>>, Error> {
        let (sql, parameters) = self.collection.list_sql(prefix, after, limit);
        let rows = self.database.query(&sql, parameters).await?;
        rows.into_iter().map(within::document).collect()
    }
}
