//! `semantest.palette`: the dominant colours of every picture.

mod histogram;
mod picture;

use semantest_addon::{AfterImage, Asset, Call, Error, ImageRequest, PictureOutcome, config, log};
use serde::{Deserialize, Serialize};

use histogram::Colour;

#[derive(Deserialize)]
struct Settings {
    colours: usize,
}

#[derive(Serialize)]
struct Tags {
    colours: Vec<Colour>,
}

struct Palette;

impl AfterImage for Palette {
    fn run(_call: Call, _request: ImageRequest, image: Asset) -> Result<PictureOutcome, Error> {
        let Settings { colours } = config::get()?;
        let media_type = image.media_type();
        if media_type != "image/png" {
            log!(info, "left a picture untagged, it is no PNG"; media_type = media_type);
            return Ok(PictureOutcome::keep());
        }
        let histogram = picture::read(image.reader())?;
        PictureOutcome::keep().with_tags(&Tags { colours: histogram.dominant(colours) })
    }
}

semantest_addon::export!(Palette: AfterImage);
