//! What things cost.

use std::collections::BTreeMap;

use terrace::{CallError, Cx};

/// Knows what things cost.
#[terrace::component(owner = "pricing")]
pub(crate) trait Prices {
    /// The price of `amount` times `item`, in cents.
    #[call(read)]
    async fn quote(&self, cx: &Cx, item: String, amount: u64) -> Result<u64, PriceError>;
}

/// Why there is no price.
#[terrace::data]
pub(crate) enum PriceError {
    Unknown { item: String },
    TooMany,
    Call(CallError),
}

impl From<CallError> for PriceError {
    fn from(error: CallError) -> PriceError {
        PriceError::Call(error)
    }
}

/// Prices in cents, by item. From ten on, everything is a tenth cheaper.
pub(crate) struct PriceBook {
    cents: BTreeMap<&'static str, u64>,
}

impl PriceBook {
    pub(crate) fn open() -> PriceBook {
        PriceBook {
            cents: BTreeMap::from([("coffee", 720), ("tea", 450)]),
        }
    }
}

impl Prices for PriceBook {
    async fn quote(&self, _: &Cx, item: String, amount: u64) -> Result<u64, PriceError> {
        let Some(cents) = self.cents.get(item.as_str()) else {
            return Err(PriceError::Unknown { item });
        };
        let cents = cents.checked_mul(amount).ok_or(PriceError::TooMany)?;
        Ok(if amount < 10 { cents } else { cents - cents / 10 })
    }
}
