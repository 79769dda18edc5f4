//! What pictures cost: prices are data of the configuration, sums are whole numbers.

use serde::{Deserialize, Serialize};

use crate::config::imaging::Price;
use crate::imaging::error::ProviderError;
use crate::imaging::provider::{Drawn, Picture};
use crate::model::image::ImageRequest;
use crate::net::NetError;
use crate::store::spend::Spent;

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

/// The most that the pictures of `request` may cost by the list: what is counted before they are made. `None` where that is
/// nothing, or the list has no entry that could fit.
#[must_use]
pub(crate) fn estimate(prices: &[Price], request: &ImageRequest) -> Option<Spent> {
    let may_fit = |price: &&Price| {
        let same = |wanted: Option<&String>, asked: Option<&String>| {
            wanted.is_none_or(|wanted| asked.is_none_or(|asked| asked == wanted))
        };
        same(price.model.as_ref(), request.model.as_ref())
            && price.quality.as_ref().is_none_or(|wanted| request.quality.as_ref() == Some(wanted))
            && price.size.is_none_or(|wanted| request.size.is_none_or(|asked| asked == wanted))
    };
    let most = prices.iter().filter(may_fit).map(|price| price.usd_micros).max().filter(|most| *most > 0)?;
    let pictures = u64::from(request.count.max(1));
    Some(Spent { usd_micros: most.saturating_mul(pictures), pictures })
}

/// What a call was worth, by how it ended: what may have been paid for is worth what was counted before.
pub(crate) fn spent(
    prices: &[Price],
    quality: Option<&str>,
    counted: Spent,
    answer: &Result<Drawn, ProviderError>,
) -> Spent {
    match answer {
        Ok(drawn) => Spent {
            usd_micros: of(prices, quality, &drawn.pictures).map_or(counted.usd_micros, |cost| cost.usd_micros),
            pictures: u64::try_from(drawn.pictures.len()).unwrap_or(u64::MAX),
        },
        Err(error) if may_be_paid(error) => counted,
        Err(_) => Spent::default(),
    }
}

/// Whether the provider may have done the work, and charged for it, though nothing came of it.
fn may_be_paid(error: &ProviderError) -> bool {
    match error {
        ProviderError::Answer { .. } | ProviderError::NotAPicture { .. } | ProviderError::Cancelled => true,
        // What never reached the provider cost nothing.
        ProviderError::Http { source, .. } => !matches!(
            source,
            NetError::Denied(_) | NetError::Connect(_) | NetError::Malformed { .. } | NetError::Setup(_)
        ),
        ProviderError::Refused { .. }
        | ProviderError::SlowDown { .. }
        | ProviderError::NoCredit
        | ProviderError::KeyRefused { .. }
        | ProviderError::Trouble { .. }
        | ProviderError::BadRequest { .. }
        | ProviderError::Internal(_)
        | ProviderError::Addon { .. } => false,
    }
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
