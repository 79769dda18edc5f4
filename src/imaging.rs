//! stub
#![expect(missing_docs, reason = "stub")]
pub mod error;
pub mod gallery;
pub mod provider;
pub mod sniff;
use crate::model::image::ImageRequest;
pub use provider::*;
pub struct Imaging;
pub struct Generated {
    pub pictures: Vec<Picture>,
    pub provider: String,
    pub model: String,
    pub requested_provider: String,
    pub notes: Vec<String>,
    pub cost: Option<f64>,
}
impl Imaging {
    pub fn new(
        _: &crate::config::imaging::ImagingSettings,
        _: &crate::config::egress::EgressSettings,
        _: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self)
    }
    pub async fn generate(
        &self,
        r: &ImageRequest,
        _c: &GenerateContext,
    ) -> Result<Generated, crate::model::job_error::JobError> {
        let mut out = Vec::new();
        {
            let mut e = png::Encoder::new(&mut out, 256, 256);
            e.set_color(png::ColorType::Rgb);
            let mut w = e.write_header().map_err(|_| {
                crate::model::job_error::JobError::permanent(crate::model::code::JobCode::Internal, "x")
            })?;
            let d: Vec<u8> = (0..256 * 256 * 3).map(|i: u32| (i % 251) as u8).collect();
            let _ = w.write_image_data(&d);
        }
        Ok(Generated {
            pictures: vec![Picture {
                bytes: out.into(),
                format: sniff::Format::Png,
                media_type: "image/png",
                width: 256,
                height: 256,
                revised_prompt: None,
                seed: r.seed,
                model: "stub".into(),
            }],
            provider: "sketch".into(),
            model: "stub".into(),
            requested_provider: r.provider.clone().unwrap_or_default(),
            notes: vec![],
            cost: None,
        })
    }
}
pub mod artifacts {
    use crate::model::id::{ArtifactId, JobId};
    use chrono::{DateTime, Utc};
    #[derive(Clone)]
    pub struct ArtifactLinks(String);
    impl ArtifactLinks {
        #[must_use]
        pub fn new(u: &str, _: [u8; 32], _: std::time::Duration) -> Self {
            Self(u.into())
        }
        #[must_use]
        pub fn at(&self, u: &str) -> Self {
            Self(u.into())
        }
        #[must_use]
        pub fn url(&self, i: &ArtifactId, _: DateTime<Utc>) -> String {
            format!("{}/api/v1/artifacts/{i}", self.0)
        }
        #[must_use]
        pub fn job_url(&self, i: &JobId) -> String {
            format!("{}/api/v1/jobs/{i}", self.0)
        }
        #[must_use]
        pub fn is_signed(&self, _: &ArtifactId, _q: &str, _: DateTime<Utc>) -> bool {
            true
        }
    }
}
