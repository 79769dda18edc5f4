//! The contract's bindings: one module for everything a guest may import, one for each export.
//!
//! Nothing here reaches a component unless it is used: the linker drops imports
//! that nobody calls, and an export's section comes with `export!` only.
#![allow(missing_docs, clippy::too_many_lines, reason = "generated from wit/, where the documentation is")]
#![allow(
    unreachable_pub,
    clippy::pedantic,
    clippy::missing_safety_doc,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "generated code; which of these fire depends on the generator"
)]

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package semantest:sdk;
        world guest {
            include semantest:addon/base@1.0.0;
            import semantest:addon/kv@1.0.0;
            import semantest:addon/kv-shared@1.0.0;
            import semantest:addon/secrets@1.0.0;
            import semantest:addon/secrets-reveal@1.0.0;
            import semantest:addon/images@1.0.0;
            import semantest:addon/events@1.0.0;
            import semantest:addon/jobs@1.0.0;
            import wasi:http/outgoing-handler@0.2.12;
        }
    ",
    world: "semantest:sdk/guest",
    generate_all,
});

/// A world of one export, whose types are those of the imports above.
macro_rules! export_world {
    ($module:ident, $world:tt, $($interface:tt is $types:ident),+) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "../../wit",
                world: $world,
                pub_export_macro: true,
                with: { $($interface: crate::bindings::semantest::addon::$types),+ },
            });
        }
    };
}

export_world!(with_lifecycle, "with-lifecycle", "semantest:addon/types@1.0.0" is types);
export_world!(with_config_handler, "with-config-handler", "semantest:addon/types@1.0.0" is types);
export_world!(with_migration, "with-migration", "semantest:addon/types@1.0.0" is types);
export_world!(with_actions, "with-actions", "semantest:addon/types@1.0.0" is types, "semantest:addon/assets@1.0.0" is assets);
export_world!(with_before_prompt, "with-before-prompt", "semantest:addon/types@1.0.0" is types, "semantest:addon/chat-types@1.0.0" is chat_types);
export_world!(with_after_reply, "with-after-reply", "semantest:addon/types@1.0.0" is types, "semantest:addon/chat-types@1.0.0" is chat_types);
export_world!(with_before_image, "with-before-image", "semantest:addon/types@1.0.0" is types, "semantest:addon/image-types@1.0.0" is image_types);
export_world!(with_after_image, "with-after-image", "semantest:addon/types@1.0.0" is types, "semantest:addon/assets@1.0.0" is assets, "semantest:addon/image-types@1.0.0" is image_types);
export_world!(with_event_handler, "with-event-handler", "semantest:addon/types@1.0.0" is types);
export_world!(with_schedule_handler, "with-schedule-handler", "semantest:addon/types@1.0.0" is types);
export_world!(with_image_provider, "with-image-provider", "semantest:addon/types@1.0.0" is types, "semantest:addon/assets@1.0.0" is assets, "semantest:addon/image-types@1.0.0" is image_types);
