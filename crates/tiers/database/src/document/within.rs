//! [`Within`]: documents in a transaction, and how rows and documents become each other.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::collection::{Collection, checked_key};
use super::{Document, Find};
use crate::error::Error;
use crate::transaction::Transaction;
use crate::value::Value;

/// The documents of a collection in a transaction.
pub struct Within<'t, T> {
    tx: &'t Transaction<'t>,
    collection: &'t Collection,
    holds: PhantomData<fn(T) -> T>,
}

impl<'t, T: Serialize + DeserializeOwned> Within<'t, T> {
    pub(super) fn new(tx: &'t Transaction<'t>, collection: &'t Collection) -> Within<'t, T> {
        Within {
            tx,
            collection,
            holds: PhantomData,
        }
    }

    /// As [`Documents::get`](super::Documents::get).
    pub async fn get(&self, key: &str) -> Result<Option<Document<T>>, Error> {
        let rows = self.tx.query(&self.collection.get_sql(), (checked_key(key)?,)).await?;
        rows.into_iter().map(document).next().transpose()
    }

    /// As [`Documents::put`](super::Documents::put).
    pub async fn put(&self, key: &str, value: &T) -> Result<i64, Error> {
        let parameters = parameters(key, value)?;
        self.tx.query_one(&self.collection.put_sql(), parameters).await
    }

    /// As [`Documents::put_if`](super::Documents::put_if).
    pub async fn put_if(&self, key: &str, version: Option<i64>, value: &T) -> Result<Option<i64>, Error> {
        put_if(self.tx, self.collection, version, &parameters(key, value)?).await
    }

    /// As [`Documents::delete`](super::Documents::delete).
    pub async fn delete(&self, key: &str) -> Result<bool, Error> {
        let removed = self
            .tx
            .execute(&self.collection.delete_sql(), (checked_key(key)?,))
            .await?;
        Ok(removed > 0)
    }

    /// As [`Documents::find`](super::Documents::find).
    pub async fn find(&self, find: &Find) -> Result<Vec<Document<T>>, Error> {
        let (sql, parameters) = self.collection.find_sql(find)?;
        self.tx
            .query(&sql, parameters)
            .await?
            .into_iter()
            .map(document)
            .collect()
    }

    /// As [`Documents::list`](super::Documents::list).
    pub async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Document<T>>, Error> {
        let (sql, parameters) = self.collection.list_sql(prefix, after, limit);
        self.tx
            .query(&sql, parameters)
            .await?
            .into_iter()
            .map(document)
            .collect()
    }
}

/// The row is held until the transaction ends, so that this is right in a transaction that sees what others keep, too.
pub(super) async fn put_if(
    tx: &Transaction<'_>,
    collection: &Collection,
    version: Option<i64>,
    parameters: &[Value],
) -> Result<Option<i64>, Error> {
    let Some(version) = version else {
        return tx.query_optional(&collection.create_sql(), parameters).await;
    };
    let there: Option<i64> = tx.query_optional(&collection.version_sql(), &parameters[..1]).await?;
    if there != Some(version) {
        return Ok(None);
    }
    tx.query_one(&collection.put_sql(), parameters).await.map(Some)
}

/// The parameters of a `put`.
pub(super) fn parameters<T: Serialize>(key: &str, value: &T) -> Result<Vec<Value>, Error> {
    let json = serde_json::to_value(value).map_err(|error| Error::Statement {
        message: format!("the document `{key}` cannot be written as JSON: {error}"),
        sql: String::new(),
    })?;
    Ok(vec![Value::Text(checked_key(key)?.to_owned()), Value::Json(json)])
}

/// A document of the columns `key, version, body`.
pub(super) fn document<T: DeserializeOwned>(
    (key, version, body): (String, i64, serde_json::Value),
) -> Result<Document<T>, Error> {
    match serde_json::from_value(body) {
        Ok(value) => Ok(Document { key, version, value }),
        Err(error) => Err(Error::Mismatch {
            column: "body".to_owned(),
            found: format!("a document `{key}` that does not fit ({error})"),
            wanted: std::any::type_name::<T>().to_owned(),
        }),
    }
}
