//! `semantest:addon` 1.x: generated from `wit/`, so that host and guests cannot disagree.
//!
//! Imports are bound once, for the baseline and the doors that this host opens.
//! Each export has a binding of its own, made from its one-export world, because
//! an addon exports only what it does.

pub(in crate::host) mod imports {
    wasmtime::component::bindgen!({
        path: "wit",
        inline: "
            package semantest:host;

            world offered {
                include semantest:addon/base@1.0.0;
                import semantest:addon/kv@1.0.0;
                import semantest:addon/kv-shared@1.0.0;
                import semantest:addon/events@1.0.0;
                import semantest:addon/secrets@1.0.0;
                import semantest:addon/secrets-reveal@1.0.0;
                import semantest:addon/images@1.0.0;
                import semantest:addon/jobs@1.0.0;
            }
        ",
        imports: {
            // These only touch the call's own state: a plain function costs less than a future.
            "semantest:addon/host": trappable,
            "semantest:addon/log": trappable,
            "semantest:addon/config": trappable,
            "semantest:addon/kv": trappable,
            "semantest:addon/kv-shared": trappable,
            "semantest:addon/kv-types.[drop]bucket": trappable,
            "semantest:addon/secrets": trappable,
            default: async | trappable,
        },
        with: {
            "semantest:addon/assets.asset": crate::host::resources::HostAsset,
            "semantest:addon/assets.asset-writer": crate::host::resources::HostAssetWriter,
            "semantest:addon/kv-types.bucket": crate::host::resources::HostBucket,
            "semantest:addon/secrets.secret": crate::host::resources::HostSecret,
        },
        trappable_error_type: {
            "semantest:addon/types.error" => crate::host::ports::PortError,
        },
        require_store_data_send: true,
    });
}

/// Binds one export interface through its one-export world.
macro_rules! export {
    ($module:ident, $world:literal) => {
        pub(in crate::host) mod $module {
            wasmtime::component::bindgen!({
                path: "wit",
                world: $world,
                exports: { default: async },
                with: { "semantest:addon": crate::host::api::v1::imports::semantest::addon },
                require_store_data_send: true,
            });
        }
    };
}

export!(lifecycle, "semantest:addon/with-lifecycle");
export!(config_handler, "semantest:addon/with-config-handler");
export!(migration, "semantest:addon/with-migration");
export!(actions, "semantest:addon/with-actions");
export!(before_prompt, "semantest:addon/with-before-prompt");
export!(after_reply, "semantest:addon/with-after-reply");
export!(before_image, "semantest:addon/with-before-image");
export!(after_image, "semantest:addon/with-after-image");
export!(event_handler, "semantest:addon/with-event-handler");
export!(schedule_handler, "semantest:addon/with-schedule-handler");
export!(image_provider, "semantest:addon/with-image-provider");
