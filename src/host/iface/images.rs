//! `images`: pictures that the addon asks for.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::host::api::v1::imports::semantest::addon::{image_types, images};
use crate::host::ports::{ImagesPort, PortError};
use crate::host::state::GuestState;
use crate::model::image::{ImageRequest, Size};
use crate::model::job::JobStatus;

impl GuestState {
    /// The port, for one request.
    fn images_port(&mut self) -> Result<Arc<dyn ImagesPort>, PortError> {
        self.tally.door(&self.limits)?;
        self.ports.images.clone().ok_or_else(|| PortError::unavailable("no image queue is attached to this call"))
    }
}

impl images::Host for GuestState {
    async fn submit(
        &mut self,
        request: image_types::ImageRequest,
        then_action: Option<String>,
    ) -> Result<String, PortError> {
        let port = self.images_port()?;
        let request = read(request)?;
        port.submit(request, then_action.as_deref()).await
    }

    async fn state(&mut self, id: String) -> Result<images::ImageState, PortError> {
        Ok(match self.images_port()?.state(&id).await? {
            JobStatus::Pending | JobStatus::Queued => images::ImageState::Queued,
            JobStatus::Processing => images::ImageState::Processing,
            JobStatus::Completed => images::ImageState::Completed,
            JobStatus::Failed => images::ImageState::Failed,
            JobStatus::Cancelled => images::ImageState::Cancelled,
        })
    }

    async fn cancel(&mut self, id: String) -> Result<bool, PortError> {
        self.images_port()?.cancel(&id).await
    }
}

/// The request as the platform reads it, with everything at once that is wrong with it.
fn read(asked: image_types::ImageRequest) -> Result<ImageRequest, PortError> {
    let mut faults: Vec<(&'static str, String)> = Vec::new();
    let extra = asked.extra.and_then(|text| match serde_json::from_str::<Value>(&text) {
        Ok(extra) => Some(extra),
        Err(error) => {
            faults.push(("extra", format!("is no JSON: {error}")));
            None
        }
    });
    let size = asked.size.and_then(|size| match Size::parse(&format!("{}x{}", size.width, size.height)) {
        Ok(size) => Some(size),
        Err(error) => {
            faults.push(("size", error.to_string()));
            None
        }
    });
    let request = ImageRequest {
        prompt: asked.prompt,
        negative_prompt: asked.negative_prompt,
        provider: asked.provider,
        model: asked.model,
        size,
        quality: asked.quality,
        style: asked.style,
        count: asked.count,
        seed: asked.seed,
        image: asked.image,
        extra,
    };
    faults.extend(request.faults());
    if faults.is_empty() {
        return Ok(request);
    }
    let each = |(field, message): &(&str, String)| format!("`{field}` {message}");
    let message = faults.iter().map(each).collect::<Vec<_>>().join("; ");
    let listed: Vec<Value> =
        faults.iter().map(|(field, message)| json!({ "pointer": format!("/{field}"), "message": message })).collect();
    Err(PortError { details: Some(json!({ "faults": listed })), ..PortError::bad_input(message) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_all_its_faults() {
        let asked = |prompt: &str, side: u32, count: u32, extra: &str| image_types::ImageRequest {
            size: Some(image_types::Size { width: side, height: side }),
            count,
            extra: Some(extra.to_owned()),
            ..ImageRequest::of(prompt).into()
        };
        let good = read(asked("a garden", 64, 2, "{\"steps\":20}"));
        assert!(good.is_ok_and(|request| request.extra == Some(json!({ "steps": 20 })) && request.count == 2));
        let bad = read(asked(" ", 5, 9, "no")).map_err(|error| error.details);
        let pointers: Vec<String> = bad
            .err()
            .flatten()
            .and_then(|details| details.get("faults").and_then(Value::as_array).cloned())
            .into_iter()
            .flatten()
            .filter_map(|fault| fault.get("pointer").and_then(Value::as_str).map(str::to_owned))
            .collect();
        assert_eq!(pointers, ["/extra", "/size", "/prompt", "/count"]);
    }
}
