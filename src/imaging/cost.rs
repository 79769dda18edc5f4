//! What pictures cost: prices are data of the configuration, sums are whole numbers.

use serde::{Deserialize, Serialize};

use crate::config::imaging::Price;
use crate::imaging::provider::Picture;

/// An amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cost {
    /// Millionths of a US dollar.
    pub usd_micros: u64,
}

/// The price of all `pictures`, or `None` when one of them has no entry in the list.
#[must_use]
pub(crate) fn of(prices: &[Price], quality: Option<&str>, pictures: &[Picture]) -> Option<Cost> {
    let mut usd_micros = 0_u64;
    for picture in pictures {
        let price = prices.iter().find(|price| fits(price, quality, picture))?;
        usd_micros = usd_micros.saturating_add(price.usd_micros);
    }
    Some(Cost { usd_micros })
}

fn fits(price: &Price, quality: Option<&str>, picture: &Picture) -> bool {
    price.model.as_ref().is_none_or(|model| *model == picture.model)
        && price.quality.as_deref().is_none_or(|wanted| quality == Some(wanted))
        && price.size.is_none_or(|size| (size.width, size.height) == (picture.width, picture.height))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::imaging::sniff::Format;
    use crate::model::image::Size;

    fn picture(width: u32) -> Picture {
        Picture {
            bytes: Bytes::new(),
            format: Format::Png,
            media_type: Format::Png.media_type(),
            width,
            height: 1024,
            revised_prompt: None,
            seed: None,
            model: String::from("m"),
        }
    }

    #[test]
    fn the_first_price_that_fits_counts_and_a_gap_is_unknown() {
        let square = Size { width: 1024, height: 1024 };
        let prices = [
            Price { quality: Some(String::from("high")), usd_micros: 170_000, ..Price::default() },
            Price { size: Some(square), usd_micros: 40_000, ..Price::default() },
        ];
        for (quality, widths, expected) in [
            (None, &[1024, 1024][..], Some(80_000)),
            (Some("high"), &[1536], Some(170_000)),
            (None, &[1024, 1536], None),
        ] {
            let pictures: Vec<Picture> = widths.iter().map(|width| picture(*width)).collect();
            assert_eq!(of(&prices, quality, &pictures).map(|cost| cost.usd_micros), expected);
        }
    }
}
