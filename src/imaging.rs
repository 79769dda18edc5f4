//! stub
#![expect(missing_docs, reason="stub")]
pub mod error; pub mod gallery; pub mod provider; pub mod sniff;
pub use provider::*;
use crate::model::image::ImageRequest;
pub struct Imaging;
pub struct Generated { pub pictures: Vec<Picture>, pub provider: String, pub model: String, pub requested_provider: String, pub notes: Vec<String>, pub cost: Option<f64> }
impl Imaging { pub async fn generate(&self, _r: &ImageRequest, _c: &GenerateContext) -> Result<Generated, crate::model::job_error::JobError> { Err(crate::model::job_error::JobError::permanent(crate::model::code::JobCode::Internal,"x")) } }
pub mod artifacts { use chrono::{DateTime,Utc}; use crate::model::id::*;
#[derive(Clone)] pub struct ArtifactLinks; impl ArtifactLinks { pub fn new(_:&str,_:[u8;32],_:std::time::Duration)->Self{Self} pub fn at(&self,_:&str)->Self{Self} pub fn url(&self,_:&ArtifactId,_:DateTime<Utc>)->String{String::new()} pub fn job_url(&self,_:&JobId)->String{String::new()} } }
