//! Instantiates a component and asks it: one function per export.

use serde_json::Value;
use wasmtime::Store;
use wasmtime::component::Resource;

use crate::host::api::v1::imports::semantest::addon::types;
use crate::host::export::Export;
use crate::host::exports::Exports;
use crate::host::facts::CallFacts;
use crate::host::invocation::{Invocation, Reply, StopReason};
use crate::host::outcome::CallFailure;
use crate::host::ports::AssetFacts;
use crate::host::resources::HostAsset;
use crate::host::state::GuestState;
use crate::host::translate::{self, OutputBudget};
use crate::model::chat::Message;
use crate::model::image::ImageRequest;

/// Why there is no reply.
pub(super) enum Unanswered {
    /// It is known already.
    Failure(CallFailure),
    /// The guest could not be started.
    Start(wasmtime::Error),
    /// wasmtime ended the guest, or could not read its answer.
    Call(wasmtime::Error),
}

impl From<wasmtime::Error> for Unanswered {
    fn from(error: wasmtime::Error) -> Self {
        Self::Call(error)
    }
}

impl From<CallFailure> for Unanswered {
    fn from(failure: CallFailure) -> Self {
        Self::Failure(failure)
    }
}

impl From<types::Error> for Unanswered {
    fn from(error: types::Error) -> Self {
        Self::Failure(CallFailure::reported(error.into()))
    }
}

type Answer = Result<Reply, Unanswered>;

/// Asks the guest in `store`.
pub(super) async fn ask(
    store: &mut Store<GuestState>,
    exports: &Exports,
    facts: CallFacts,
    invocation: Invocation,
) -> Answer {
    let call = record(facts, store.data());
    match invocation {
        Invocation::Start(_) => start(store, exports).await,
        Invocation::Activate => activate(store, exports, &call).await,
        Invocation::Deactivate(reason) => deactivate(store, exports, &call, reason).await,
        Invocation::Reconfigure => reconfigure(store, exports, &call).await,
        Invocation::Migrate { from_version } => migrate(store, exports, &call, &from_version).await,
        Invocation::Action { name, params } => act(store, exports, &call, name, params).await,
        Invocation::BeforePrompt { history } => before_prompt(store, exports, &call, history).await,
        Invocation::AfterReply { reply } => after_reply(store, exports, &call, reply).await,
        Invocation::BeforeImage { request } => before_image(store, exports, &call, request).await,
        Invocation::AfterImage { request, asset } => after_image(store, exports, &call, request, asset).await,
        Invocation::Handle { topic, payload } => handle(store, exports, &call, &topic, &payload).await,
        Invocation::Tick { schedule, due_ms } => tick(store, exports, &call, &schedule, due_ms).await,
        Invocation::Draw { request } => draw(store, exports, &call, request).await,
    }
}

fn record(facts: CallFacts, state: &GuestState) -> types::Call {
    types::Call {
        job_id: facts.job_id,
        attempt: facts.attempt,
        idempotency_key: facts.idempotency_key,
        subject: facts.subject,
        enablement: facts.enablement,
        time_left_ms: u64::try_from(state.limits.wall.as_millis()).unwrap_or(u64::MAX),
        traceparent: facts.traceparent,
        locale: facts.locale,
    }
}

fn missing(export: Export) -> Unanswered {
    Unanswered::Failure(CallFailure::ExportMissing { export })
}

fn budget(store: &Store<GuestState>) -> OutputBudget {
    OutputBudget::new(store.data().limits.output.as_u64())
}

async fn start(store: &mut Store<GuestState>, exports: &Exports) -> Answer {
    exports.instance.instantiate_async(store).await.map_err(Unanswered::Start)?;
    Ok(Reply::Done)
}

async fn activate(store: &mut Store<GuestState>, exports: &Exports, call: &types::Call) -> Answer {
    let binding = exports.lifecycle.as_ref().ok_or_else(|| missing(Export::Lifecycle))?;
    let guest = binding.instantiate_async(&mut *store).await.map_err(Unanswered::Start)?;
    let config = store.data().config.to_string();
    guest.semantest_addon_lifecycle().call_activate(store, call, &config).await??;
    Ok(Reply::Done)
}

async fn deactivate(
    store: &mut Store<GuestState>,
    exports: &Exports,
    call: &types::Call,
    reason: StopReason,
) -> Answer {
    let binding = exports.lifecycle.as_ref().ok_or_else(|| missing(Export::Lifecycle))?;
    let guest = binding.instantiate_async(&mut *store).await.map_err(Unanswered::Start)?;
    guest.semantest_addon_lifecycle().call_deactivate(store, call, reason.into()).await?;
    Ok(Reply::Done)
}

async fn reconfigure(store: &mut Store<GuestState>, exports: &Exports, call: &types::Call) -> Answer {
    let binding = exports.config_handler.as_ref().ok_or_else(|| missing(Export::ConfigHandler))?;
    let guest = binding.instantiate_async(&mut *store).await.map_err(Unanswered::Start)?;
    let config = store.data().config.to_string();
    guest.semantest_addon_config_handler().call_reconfigure(store, call, &config).await??;
    Ok(Reply::Done)
}

async fn migrate(store: &mut Store<GuestState>, exports: &Exports, call: &types::Call, from_version: &str) -> Answer {
    let binding = exports.migration.as_ref().ok_or_else(|| missing(Export::Migration))?;
    let guest = binding.instantiate_async(&mut *store).await.map_err(Unanswered::Start)?;
    guest.semantest_addon_migration().call_migrate(store, call, from_version).await??;
    Ok(Reply::Done)
}

async fn act(
    store: &mut Store<GuestState>,
    exports: &Exports,
    call: &types::Call,
    name: String,
    params: Value,
) -> Answer {
    let binding = exports.actions.as_ref().ok_or_else(|| missing(Export::Actions))?;
    let guest = binding.instantiate_async(&mut *store).await.map_err(Unanswered::Start)?;
    let output = guest.semantest_addon_actions().call_invoke(&mut *store, call, &name, &params.to_string()).await??;
    let mut budget = budget(store);
    Ok(Reply::Action(translate::action_output(output, store.data_mut(), &mut budget)?))
}

async fn before_prompt(
    store: &mut Store<GuestState>,
    exports: &Exports,
    call: &types::Call,
    history: Vec<Message>,
) -> Answer {
    let binding = exports.before_prompt.as_ref().ok_or_else(|| missing(Export::BeforePrompt))?;
    let guest = binding.instantiate_async(&mut *store).await.map_err(Unanswered::Start)?;
    let history: Vec<_> = history.into_iter().map(Into::into).collect();
    let verdict = guest.semantest_addon_before_prompt().call_run(&mut *store, call, &history).await??;
    Ok(Reply::BeforePrompt(translate::prompt_verdict(verdict, &mut budget(store))?))
}

async fn after_reply(store: &mut Store<GuestState>, exports: &Exports, call: &types::Call, reply: Message) -> Answer {
    let binding = exports.after_reply.as_ref().ok_or_else(|| missing(Export::AfterReply))?;
    let guest = binding.instantiate_async(&mut *store).await.map_err(Unanswered::Start)?;
    let verdict = guest.semantest_addon_after_reply().call_run(&mut *store, call, &reply.into()).await??;
    Ok(Reply::AfterReply(translate::reply_verdict(verdict, &mut budget(store))?))
}

async fn before_image(
    store: &mut Store<GuestState>,
    exports: &Exports,
    call: &types::Call,
    request: ImageRequest,
) -> Answer {
    let binding = exports.before_image.as_ref().ok_or_else(|| missing(Export::BeforeImage))?;
    let guest = binding.instantiate_async(&mut *store).await.map_err(Unanswered::Start)?;
    let verdict = guest.semantest_addon_before_image().call_run(&mut *store, call, &request.into()).await??;
    Ok(Reply::BeforeImage(translate::image_verdict(verdict, &mut budget(store))?))
}

async fn after_image(
    store: &mut Store<GuestState>,
    exports: &Exports,
    call: &types::Call,
    request: ImageRequest,
    asset: AssetFacts,
) -> Answer {
    let binding = exports.after_image.as_ref().ok_or_else(|| missing(Export::AfterImage))?;
    let guest = binding.instantiate_async(&mut *store).await.map_err(Unanswered::Start)?;
    let image: Resource<HostAsset> =
        store.data_mut().table.push(HostAsset(asset)).map_err(|error| Unanswered::Call(error.into()))?;
    let outcome = guest.semantest_addon_after_image().call_run(&mut *store, call, &request.into(), image).await??;
    let mut budget = budget(store);
    Ok(Reply::AfterImage(translate::picture_outcome(outcome, store.data_mut(), &mut budget)?))
}

async fn handle(
    store: &mut Store<GuestState>,
    exports: &Exports,
    call: &types::Call,
    topic: &str,
    payload: &Value,
) -> Answer {
    let binding = exports.event_handler.as_ref().ok_or_else(|| missing(Export::EventHandler))?;
    let guest = binding.instantiate_async(&mut *store).await.map_err(Unanswered::Start)?;
    guest.semantest_addon_event_handler().call_handle(store, call, topic, &payload.to_string()).await??;
    Ok(Reply::Done)
}

async fn tick(
    store: &mut Store<GuestState>,
    exports: &Exports,
    call: &types::Call,
    schedule: &str,
    due_ms: u64,
) -> Answer {
    let binding = exports.schedule_handler.as_ref().ok_or_else(|| missing(Export::ScheduleHandler))?;
    let guest = binding.instantiate_async(&mut *store).await.map_err(Unanswered::Start)?;
    guest.semantest_addon_schedule_handler().call_tick(store, call, schedule, due_ms).await??;
    Ok(Reply::Done)
}

async fn draw(store: &mut Store<GuestState>, exports: &Exports, call: &types::Call, request: ImageRequest) -> Answer {
    let binding = exports.image_provider.as_ref().ok_or_else(|| missing(Export::ImageProvider))?;
    let guest = binding.instantiate_async(&mut *store).await.map_err(Unanswered::Start)?;
    let pictures = guest.semantest_addon_image_provider().call_generate(&mut *store, call, &request.into()).await??;
    let mut budget = budget(store);
    Ok(Reply::Drawn(translate::assets(pictures, store.data_mut(), &mut budget)?))
}
