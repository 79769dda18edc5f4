//! `generate`: hooks, provider, hooks, pictures that stay.

use std::time::Instant;

use serde_json::{Value, json};

use crate::addons::GivenAsset;
use crate::addons::hooks::Shown;
use crate::addons::hooks::trace::Trace;
use crate::imaging::gallery::NewArtifact;
use crate::imaging::sniff::sniff;
use crate::imaging::{GenerateContext, Generated, Picture};
use crate::jobs::{JobCx, JobResult};
use crate::model::code::JobCode;
use crate::model::id::{ArtifactId, UserId};
use crate::model::image::ImageRequest;
use crate::model::job_error::JobError;
use crate::queue::tickets::generate::Generate;
use crate::store::artifacts::Provenance;
use crate::work::progress::Found;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let mut hooks = Trace::default();
    // However it ends, who had a hand in it is shown.
    make(&cx, &mut hooks).await.map_err(|error| hooks.in_error(error))
}

async fn make(cx: &JobCx, hooks: &mut Trace) -> JobResult {
    let started = Instant::now();
    let ticket: Generate = cx.ticket()?;
    let user = cx.user();
    let asked = checked(ticket.image_request())?;
    let progress = &cx.call.progress;
    let request = progress.step("before-image", before(cx, &user, asked, hooks)).await?;
    progress.percent(20).await;
    let generated = progress.step("generate", provide(cx, &user, &request)).await?;
    progress.percent(75).await;
    let images = progress.step("after-image", after(cx, &user, &request, &generated, hooks)).await?;
    progress.percent(95).await;
    Ok(hooks.in_result(json!({
        "images": images,
        "provider": generated.provider,
        "requestedProvider": generated.requested_provider,
        "model": generated.model,
        "notes": generated.notes,
        "processingMs": u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "cost": generated.cost,
    })))
}

/// A foreign producer's request was never checked by the API.
fn checked(request: ImageRequest) -> Result<ImageRequest, JobError> {
    let faults = request.faults();
    if faults.is_empty() {
        return Ok(request);
    }
    let texts: Vec<String> = faults.into_iter().map(|(field, message)| format!("{field} {message}")).collect();
    Err(JobError::permanent(JobCode::TicketInvalid, texts.join("; ")))
}

async fn before(
    cx: &JobCx,
    user: &UserId,
    asked: ImageRequest,
    hooks: &mut Trace,
) -> Result<Found<ImageRequest>, JobError> {
    let client = &cx.record.facts.client;
    let request = cx.services.addons.before_image((client, user), asked, &cx.call, hooks).await?;
    Ok(Found::with(request, json!({ "hooks": hooks.lines().len() })))
}

async fn provide(cx: &JobCx, user: &UserId, request: &ImageRequest) -> Result<Found<Generated>, JobError> {
    let context = GenerateContext {
        cancel: cx.call.cancel.clone(),
        job_id: cx.call.job_id.clone(),
        is_dev: cx.services.is_dev,
        user_tag: cx.services.gallery.user_tag(&cx.record.facts.client, user),
        account: Some(cx.services.spending.account((&cx.record.facts.client, user), &cx.call.job_id)),
        addons: Some(cx.services.painters.of(&cx.record.facts.client, user, &cx.call)),
    };
    let generated = cx.services.imaging.generate(request, &context).await?;
    let evidence = json!({
        "provider": generated.provider, "model": generated.model, "pictures": generated.pictures.len(),
    });
    Ok(Found::with(generated, evidence))
}

async fn after(
    cx: &JobCx,
    user: &UserId,
    request: &ImageRequest,
    generated: &Generated,
    hooks: &mut Trace,
) -> Result<Found<Vec<Value>>, JobError> {
    let mut images = Vec::with_capacity(generated.pictures.len());
    for (index, picture) in (0..).zip(&generated.pictures) {
        images.push(keep(cx, user, (request, generated), (index, picture), hooks).await?);
    }
    let count = images.len();
    Ok(Found::with(images, json!({ "pictures": count })))
}

/// Shows one picture to the hooks, stores what they leave of it, and says where it is.
async fn keep(
    cx: &JobCx,
    user: &UserId,
    (request, generated): (&ImageRequest, &Generated),
    (index, picture): (u32, &Picture),
    hooks: &mut Trace,
) -> Result<Value, JobError> {
    let client = &cx.record.facts.client;
    let id = ArtifactId::fresh();
    let facts = json!({
        "width": picture.width, "height": picture.height, "seed": picture.seed, "model": picture.model,
    });
    let given = GivenAsset::of(id.to_string(), picture.media_type.to_owned(), picture.bytes.clone(), facts).await;
    let caps = cx.services.imaging.caps();
    let look = |bytes: &[u8]| match sniff(bytes, caps) {
        Ok(sniffed) => Ok(sniffed.format.media_type()),
        Err(error) => Err(error.to_string()),
    };
    let shown = Shown { index, picture: &given, look: &look };
    let verdict = cx.services.addons.after_image((client, user), request, shown, &cx.call, hooks).await?;
    let gallery = &cx.services.gallery;
    let replacement = match verdict.replacement {
        Some(asset) => gallery.find(client, &asset.id).await?,
        None => None,
    };
    let provenance = provenance(cx, generated, picture);
    let mut view = match replacement {
        Some(record) => gallery.picture_view(&gallery.mark(record, provenance).await?),
        None => {
            let new = NewArtifact {
                id,
                client: client.clone(),
                user: Some(user.clone()),
                job_id: Some(cx.call.job_id.clone()),
                media_type: given.media_type.clone(),
                metadata: given.metadata.clone(),
                provenance: Some(provenance),
            };
            gallery.keep_picture(new, picture).await?
        }
    };
    if let Some(members) = view.as_object_mut() {
        members.insert(String::from("tags"), Value::Object(verdict.tags));
        members.insert(
            String::from("metadata"),
            json!({ "revisedPrompt": picture.revised_prompt, "seed": picture.seed, "model": picture.model }),
        );
    }
    Ok(view)
}

/// What made a picture, for whoever has to mark it.
fn provenance(cx: &JobCx, generated: &Generated, picture: &Picture) -> Provenance {
    Provenance {
        digital_source_type: cx.services.imaging.source_type(&generated.provider).into(),
        provider: generated.provider.clone(),
        model: picture.model.clone(),
    }
}
