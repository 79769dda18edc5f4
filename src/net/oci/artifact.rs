//! The manifest of a component in a registry, read strictly: one component, perhaps one signature, nothing else.

use chrono::{DateTime, Utc};
use oci_spec::image::{Descriptor, ImageManifest, ImageManifestBuilder, MediaType};
use serde_json::{Value, json};

use super::OciError;
use crate::model::digest::Digest;
use crate::model::units::ByteSize;

/// Media type of the config that `wkg` writes (CNCF, “Wasm OCI artifact layout”).
const CONFIG_MEDIA_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// Media type of a component.
const COMPONENT_MEDIA_TYPE: &str = "application/wasm";
/// Media type of the layer that holds a signature: what the header `Semantest-Signature` would carry.
pub const SIGNATURE_MEDIA_TYPE: &str = "application/vnd.semantest.signature.v1";
/// Largest signature, in bytes: an Ed25519 signature with its statement has some hundred.
const MAX_SIGNATURE: ByteSize = ByteSize::kib(16);

/// Bytes in a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Their name.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
}

/// A component in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Of the manifest: what a tag pointed to.
    pub manifest: Digest,
    /// The component.
    pub component: Layer,
    /// Its signature, where it has one.
    pub signature: Option<Layer>,
}

impl Layer {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { digest: Digest::of(bytes), size: bytes.len() as u64 }
    }

    fn read(descriptor: &Descriptor) -> Result<Self, OciError> {
        if descriptor.urls().as_ref().is_some_and(|urls| !urls.is_empty()) {
            return Err(not_a_component("a layer lies outside of the registry"));
        }
        let digest = Digest::parse(descriptor.digest().as_ref())
            .map_err(|_| not_a_component("a layer is not named by its sha256"))?;
        Ok(Self { digest, size: descriptor.size() })
    }

    fn describe(&self, media_type: &str) -> Result<Descriptor, OciError> {
        let digest = self.digest.to_string().parse::<oci_spec::image::Digest>();
        let digest = digest.map_err(|_| OciError::Answer { what: "digest" })?;
        Ok(Descriptor::new(MediaType::Other(media_type.to_owned()), self.size, digest))
    }
}

impl Artifact {
    /// Reads a manifest.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, OciError> {
        let value: Value = serde_json::from_slice(bytes).map_err(|_| not_a_component("its manifest is not JSON"))?;
        if value.get("manifests").is_some() {
            return Err(not_a_component("the name stands for an index of several; name one of them by its digest"));
        }
        let manifest: ImageManifest =
            serde_json::from_value(value).map_err(|_| not_a_component("its manifest is no OCI image manifest"))?;
        if manifest.schema_version() != 2 {
            return Err(not_a_component("its manifest is not of schema version 2"));
        }
        let config = manifest.config().media_type().as_ref();
        if config != CONFIG_MEDIA_TYPE {
            return Err(not_a_component(format!("its config is `{}`, not `{CONFIG_MEDIA_TYPE}`", short(config))));
        }
        let (mut components, mut signatures) = (Vec::new(), Vec::new());
        for layer in manifest.layers() {
            match layer.media_type().as_ref() {
                COMPONENT_MEDIA_TYPE => components.push(Layer::read(layer)?),
                SIGNATURE_MEDIA_TYPE => signatures.push(Layer::read(layer)?),
                other => return Err(not_a_component(format!("it has a layer `{}`", short(other)))),
            }
        }
        let ([component], [] | [_]) = (components.as_slice(), signatures.as_slice()) else {
            let (components, signatures) = (components.len(), signatures.len());
            let found = format!("it has {components} layers `{COMPONENT_MEDIA_TYPE}` and {signatures} signatures");
            return Err(not_a_component(found));
        };
        let signature = signatures.first().copied();
        if signature.is_some_and(|layer| layer.size > MAX_SIGNATURE.as_u64()) {
            return Err(not_a_component(format!("its signature is larger than {MAX_SIGNATURE}")));
        }
        Ok(Self { manifest: Digest::of(bytes), component: *component, signature })
    }
}

/// The config that goes with a component, as `wkg` writes it.
pub(super) fn config(component: &Layer, signature: Option<&Layer>, created: DateTime<Utc>) -> Vec<u8> {
    let digests: Vec<Digest> = std::iter::once(component).chain(signature).map(|layer| layer.digest).collect();
    json!({
        "created": created, "author": null, "architecture": "wasm", "os": "wasip2", "layerDigests": digests,
        "component": { "exports": [], "imports": [], "target": null },
    })
    .to_string()
    .into_bytes()
}

/// The manifest over config, component and signature.
pub(super) fn manifest(config: &Layer, component: &Layer, signature: Option<&Layer>) -> Result<Vec<u8>, OciError> {
    let mut layers = vec![component.describe(COMPONENT_MEDIA_TYPE)?];
    if let Some(signature) = signature {
        layers.push(signature.describe(SIGNATURE_MEDIA_TYPE)?);
    }
    let manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageManifest)
        .config(config.describe(CONFIG_MEDIA_TYPE)?)
        .layers(layers)
        .build();
    let manifest = manifest.map_err(|_| OciError::Answer { what: "manifest" })?;
    serde_json::to_vec(&manifest).map_err(|_| OciError::Answer { what: "manifest" })
}

fn not_a_component(found: impl Into<String>) -> OciError {
    OciError::NotAComponent { found: found.into() }
}

/// A stranger's text, short enough to be repeated.
fn short(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn written(signature: Option<&Layer>) -> Result<Vec<u8>, OciError> {
        let component = Layer::of(b"component");
        let config = Layer::of(&config(&component, signature, DateTime::UNIX_EPOCH));
        manifest(&config, &component, signature)
    }

    #[test]
    fn what_is_written_is_read_back() -> Outcome {
        let signature = Layer::of(b"signature");
        for signature in [None, Some(&signature)] {
            let bytes = written(signature)?;
            let artifact = Artifact::read(&bytes)?;
            assert_eq!((artifact.manifest, artifact.component), (Digest::of(&bytes), Layer::of(b"component")));
            assert_eq!(artifact.signature.as_ref(), signature);
        }
        Ok(())
    }

    #[test]
    fn a_manifest_is_written_as_wkg_writes_it() -> Outcome {
        let manifest: Value = serde_json::from_slice(&written(None)?)?;
        assert_eq!(manifest["schemaVersion"], 2);
        assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
        assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
        assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
        assert_eq!(manifest["layers"][0]["digest"], Digest::of(b"component").to_string());
        assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(1));
        Ok(())
    }

    #[test]
    fn everything_else_is_refused_by_name() -> Outcome {
        let good: Value = serde_json::from_slice(&written(None)?)?;
        let changed = |pointer: &str, value: Value| {
            let mut other = good.clone();
            if let Some(place) = other.pointer_mut(pointer) {
                *place = value;
            }
            other
        };
        let layer = good["layers"][0].clone();
        let mut elsewhere = layer.clone();
        elsewhere["urls"] = json!(["https://elsewhere.example/x"]);
        let zipped = "application/vnd.oci.image.layer.v1.tar+gzip";
        for (manifest, expected) in [
            (changed("/config/mediaType", json!("application/vnd.oci.image.config.v1+json")), "its config is"),
            (changed("/layers/0/mediaType", json!(zipped)), zipped),
            (changed("/layers", json!([layer, layer])), "2 layers"),
            (changed("/layers", json!([])), "0 layers"),
            (changed("/layers", json!([elsewhere])), "outside of the registry"),
            (changed("/layers/0/digest", json!(format!("sha512:{}", "0".repeat(128)))), "sha256"),
            (changed("/schemaVersion", json!(1)), "schema version"),
            (json!({"schemaVersion": 2, "manifests": []}), "index"),
            (json!({}), "no OCI image manifest"),
        ] {
            let error = Artifact::read(manifest.to_string().as_bytes()).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|text| text.contains(expected)), "{expected}: {error:?}");
        }
        Ok(())
    }
}
