//! Addons that draw, as image providers: asked in the sandbox, their pictures looked at like any other provider's.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::addons::draw::Painter;
use crate::addons::{Addons, CallContext};
use crate::config::imaging::Price;
use crate::host::ports::AssetFacts;
use crate::imaging::error::{Misfit, ProviderError};
use crate::imaging::gallery::Gallery;
use crate::imaging::provider::{AddonProvider, AddonProviders, Drawn, Provider};
use crate::imaging::sniff::{Caps, sniff};
use crate::imaging::{GenerateContext, Picture};
use crate::model::id::{ClientId, UserId};
use crate::model::image::{ImageRequest, MAX_COUNT};
use crate::model::job_error::JobError;
use crate::model::manifest::ProviderSpec;
use crate::ports::assets::is_made_by;

/// Makes the providers that addons are.
pub struct Painters {
    addons: Addons,
    gallery: Gallery,
    caps: Caps,
}

impl Painters {
    /// Providers over the addons and the gallery; their pictures stay within `caps`.
    #[must_use]
    pub const fn new(addons: Addons, gallery: Gallery, caps: Caps) -> Self {
        Self { addons, gallery, caps }
    }

    /// The providers that `user`'s addons are for one job, whose calls run in `context`.
    #[must_use]
    pub fn of(&self, client: &ClientId, user: &UserId, context: &CallContext) -> Arc<dyn AddonProviders> {
        Arc::new(UserPainters {
            addons: self.addons.clone(),
            studio: Studio {
                gallery: self.gallery.clone(),
                caps: self.caps,
                client: client.clone(),
                context: context.clone(),
            },
            user: user.clone(),
        })
    }
}

/// The addons of one user, as one job asks them.
struct UserPainters {
    addons: Addons,
    studio: Studio,
    user: UserId,
}

/// What every painter of one job needs.
#[derive(Clone)]
struct Studio {
    gallery: Gallery,
    caps: Caps,
    client: ClientId,
    context: CallContext,
}

impl std::fmt::Debug for UserPainters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserPainters").finish_non_exhaustive()
    }
}

#[async_trait]
impl AddonProviders for UserPainters {
    async fn find(&self, name: &str) -> Result<Option<AddonProvider>, JobError> {
        let painter = self.addons.painter((&self.studio.client, &self.user), name).await?;
        Ok(painter.map(|painter| AddonProvider {
            prices: prices(painter.spec()),
            provider: Arc::new(Easel { painter, studio: self.studio.clone() }),
        }))
    }
}

/// What the manifest says that a picture costs, in millionths; nothing where it says nothing, or nonsense.
fn prices(spec: &ProviderSpec) -> Vec<Price> {
    let micros = spec.price_per_image.map(|price| (price * 1_000_000.0).round());
    let micros = micros.filter(|micros| (0.0..=1e15).contains(micros));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number between 0 and 1e15")]
    let price = micros.map(|micros| Price { usd_micros: micros as u64, ..Price::default() });
    price.into_iter().collect()
}

/// One addon at work.
struct Easel {
    painter: Painter,
    studio: Studio,
}

#[async_trait]
impl Provider for Easel {
    fn check(&self, request: &ImageRequest) -> Result<(), Misfit> {
        misfit(self.painter.spec(), request).map_or(Ok(()), |why| Err(Misfit(why)))
    }

    async fn generate(&self, request: &ImageRequest, _cx: &GenerateContext) -> Result<Drawn, ProviderError> {
        let drawn = self.painter.draw(request, &self.studio.context).await;
        let assets = drawn.map_err(|error| ProviderError::Addon { error: Box::new(error) })?;
        let wanted = usize::try_from(request.count).unwrap_or(usize::MAX);
        if assets.is_empty() || assets.len() > wanted {
            let fault = format!("it made {} pictures, {wanted} were asked for", assets.len());
            return Err(ProviderError::Answer { fault });
        }
        let mut notes = Vec::new();
        if assets.len() < wanted {
            notes.push(format!("the provider made {} of {wanted} pictures", assets.len()));
        }
        let mut pictures = Vec::with_capacity(assets.len());
        for asset in &assets {
            pictures.push(self.take(asset).await?);
        }
        let model = pictures.first().map_or_else(|| self.painter.model(), |picture| picture.model.clone());
        Ok(Drawn { pictures, model, notes })
    }
}

impl Easel {
    /// The picture behind an asset that the addon made: its bytes are looked at, its facts are the addon's word.
    async fn take(&self, asset: &AssetFacts) -> Result<Picture, ProviderError> {
        let trouble = |error| ProviderError::Addon { error: Box::new(JobError::from(error)) };
        let Studio { gallery, client, caps, .. } = &self.studio;
        let record = gallery.find(client, &asset.id).await.map_err(trouble)?;
        let record = record.filter(|record| is_made_by(record, &self.painter.enablement()));
        let Some(record) = record else {
            return Err(ProviderError::Answer { fault: String::from("one of its pictures is not of its own making") });
        };
        let bytes = gallery.bytes(&record).await.map_err(trouble)?;
        let sniffed = sniff(&bytes, *caps)?;
        let formats = &self.painter.spec().formats;
        let format = sniffed.format.as_str();
        if !formats.is_empty() && !formats.iter().any(|declared| declared == format) {
            let fault = format!("it made a {format}, and its manifest declares {}", formats.join(", "));
            return Err(ProviderError::Answer { fault });
        }
        let text = |name: &str| record.metadata.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Picture {
            bytes,
            format: sniffed.format,
            media_type: sniffed.format.media_type(),
            width: sniffed.width,
            height: sniffed.height,
            revised_prompt: text("revisedPrompt"),
            seed: record.metadata.get("seed").and_then(Value::as_u64),
            model: text("model").unwrap_or_else(|| self.painter.model()),
        })
    }
}

/// Why a manifest says that a request cannot be met.
fn misfit(spec: &ProviderSpec, request: &ImageRequest) -> Option<String> {
    let most = spec.max_count.unwrap_or(MAX_COUNT).min(MAX_COUNT);
    if request.count > most {
        return Some(format!("it makes at most {most} pictures, {} were asked for", request.count));
    }
    let size = request.size.map(|size| size.to_string())?;
    let is_known = spec.sizes.is_empty() || spec.sizes.contains(&size);
    (!is_known).then(|| format!("it draws {}, not {size}", spec.sizes.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image::Size;

    fn spec(sizes: &[&str], max_count: Option<u32>, price: Option<f64>) -> ProviderSpec {
        let sizes = sizes.iter().map(|size| (*size).to_owned()).collect();
        ProviderSpec { sizes, max_count, formats: Vec::new(), price_per_image: price }
    }

    #[test]
    fn a_manifest_says_what_its_addon_draws() {
        let wide = Some(Size { width: 64, height: 32 });
        for (sizes, max_count, size, count, fits) in [
            (&[][..], None, wide, 4, true),
            (&["64x64"], None, None, 1, true),
            (&["64x64"], None, wide, 1, false),
            (&["64x64", "64x32"], Some(2), wide, 2, true),
            (&[], Some(2), None, 3, false),
            (&[], Some(99), None, 4, true),
        ] {
            let request = ImageRequest { size, count, ..ImageRequest::of("a garden") };
            assert_eq!(misfit(&spec(sizes, max_count, None), &request).is_none(), fits, "{sizes:?} {size:?} {count}");
        }
    }

    #[test]
    fn prices_are_whole_millionths() {
        for (price, expected) in
            [(None, None), (Some(0.02), Some(20_000)), (Some(-1.0), None), (Some(f64::NAN), None), (Some(0.0), Some(0))]
        {
            let found = prices(&spec(&[], None, price)).first().map(|price| price.usd_micros);
            assert_eq!(found, expected, "{price:?}");
        }
    }
}
