//! What things cost.

use std::collections::BTreeMap;

/// Why there is no price.
pub(crate) enum PriceError {
    Unknown { item: String },
    TooMany,
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

impl PriceBook {
    pub(crate) async fn quote(&self, item: String, amount: u64) -> Result<u64, PriceError> {
        let Some(cents) = self.cents.get(item.as_str()) else {
            return Err(PriceError::Unknown { item });
        };
        let cents = cents.checked_mul(amount).ok_or(PriceError::TooMany)?;
        Ok(if amount < 10 { cents } else { cents - cents / 10 })
    }
}
