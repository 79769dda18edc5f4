//! What a component exports, each interface bound on its own.

use wasmtime::component::InstancePre;

use crate::host::api::v1;
use crate::host::compile_error::CompileError;
use crate::host::export::Export;
use crate::host::state::GuestState;
use crate::model::contract::{CONTRACT_PACKAGE, HOST_CONTRACT};

/// The bindings of those exports that a component has.
pub(super) struct Exports {
    pub(super) instance: InstancePre<GuestState>,
    pub(super) lifecycle: Option<v1::lifecycle::WithLifecyclePre<GuestState>>,
    pub(super) config_handler: Option<v1::config_handler::WithConfigHandlerPre<GuestState>>,
    pub(super) migration: Option<v1::migration::WithMigrationPre<GuestState>>,
    pub(super) actions: Option<v1::actions::WithActionsPre<GuestState>>,
    pub(super) before_prompt: Option<v1::before_prompt::WithBeforePromptPre<GuestState>>,
    pub(super) after_reply: Option<v1::after_reply::WithAfterReplyPre<GuestState>>,
    pub(super) before_image: Option<v1::before_image::WithBeforeImagePre<GuestState>>,
    pub(super) after_image: Option<v1::after_image::WithAfterImagePre<GuestState>>,
    pub(super) event_handler: Option<v1::event_handler::WithEventHandlerPre<GuestState>>,
    pub(super) schedule_handler: Option<v1::schedule_handler::WithScheduleHandlerPre<GuestState>>,
    pub(super) image_provider: Option<v1::image_provider::WithImageProviderPre<GuestState>>,
}

impl Exports {
    /// Binds what is there; an export with other types than the contract's is an error.
    pub(super) fn bind(instance: &InstancePre<GuestState>) -> Result<Self, CompileError> {
        Ok(Self {
            instance: instance.clone(),
            lifecycle: bind(Export::Lifecycle, instance, v1::lifecycle::WithLifecyclePre::new)?,
            config_handler: bind(Export::ConfigHandler, instance, v1::config_handler::WithConfigHandlerPre::new)?,
            migration: bind(Export::Migration, instance, v1::migration::WithMigrationPre::new)?,
            actions: bind(Export::Actions, instance, v1::actions::WithActionsPre::new)?,
            before_prompt: bind(Export::BeforePrompt, instance, v1::before_prompt::WithBeforePromptPre::new)?,
            after_reply: bind(Export::AfterReply, instance, v1::after_reply::WithAfterReplyPre::new)?,
            before_image: bind(Export::BeforeImage, instance, v1::before_image::WithBeforeImagePre::new)?,
            after_image: bind(Export::AfterImage, instance, v1::after_image::WithAfterImagePre::new)?,
            event_handler: bind(Export::EventHandler, instance, v1::event_handler::WithEventHandlerPre::new)?,
            schedule_handler: bind(
                Export::ScheduleHandler,
                instance,
                v1::schedule_handler::WithScheduleHandlerPre::new,
            )?,
            image_provider: bind(Export::ImageProvider, instance, v1::image_provider::WithImageProviderPre::new)?,
        })
    }

    pub(super) const fn has(&self, export: Export) -> bool {
        match export {
            Export::Lifecycle => self.lifecycle.is_some(),
            Export::ConfigHandler => self.config_handler.is_some(),
            Export::Migration => self.migration.is_some(),
            Export::Actions => self.actions.is_some(),
            Export::BeforePrompt => self.before_prompt.is_some(),
            Export::AfterReply => self.after_reply.is_some(),
            Export::BeforeImage => self.before_image.is_some(),
            Export::AfterImage => self.after_image.is_some(),
            Export::EventHandler => self.event_handler.is_some(),
            Export::ScheduleHandler => self.schedule_handler.is_some(),
            Export::ImageProvider => self.image_provider.is_some(),
        }
    }
}

/// Binds one export where it is there.
fn bind<T>(
    export: Export,
    instance: &InstancePre<GuestState>,
    new: impl FnOnce(InstancePre<GuestState>) -> wasmtime::Result<T>,
) -> Result<Option<T>, CompileError> {
    if !is_in(export, instance) {
        return Ok(None);
    }
    new(instance.clone())
        .map(Some)
        .map_err(|error| CompileError::Export { export, source: error.into_boxed_dyn_error() })
}

/// Whether `instance` has `export`, in any version that is compatible with this host's.
fn is_in(export: Export, instance: &InstancePre<GuestState>) -> bool {
    let name = format!("{CONTRACT_PACKAGE}/{}@{HOST_CONTRACT}", export.as_str());
    instance.component().get_export_index(None, &name).is_some()
}
