//! The rules of a manifest that a schema cannot say.

use std::collections::HashSet;

use serde_json::Value;

use crate::model::capability::{CapabilityKind, topic_fault};
use crate::model::contract::ContractRange;
use crate::model::cron::{self, Cron};
use crate::model::id::PartName;
use crate::model::manifest::fault::ManifestFault;
use crate::model::manifest::{MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH, Manifest};
use crate::model::topic;

/// Most characters of a description (`manifest.md`).
const MAX_DESCRIPTION_CHARS: usize = 280;
/// Most bytes of an icon, before base64.
const MAX_ICON_BYTES: usize = 64 * 1024;
/// Most actions, hooks, schedules or capabilities: more is a mistake or an attack.
const MAX_PARTS: usize = 64;

/// Every fault of a manifest whose shape is right.
pub(super) fn faults(manifest: &Manifest) -> Vec<ManifestFault> {
    let mut faults = Vec::new();
    about(manifest, &mut faults);
    parts(manifest, &mut faults);
    capabilities(manifest, &mut faults);
    schemas(manifest, &mut faults);
    faults
}

fn about(manifest: &Manifest, faults: &mut Vec<ManifestFault>) {
    if manifest.name.trim().is_empty() || manifest.name.chars().count() > 80 {
        faults.push(ManifestFault::at("/name", "must be 1-80 characters"));
    }
    let length = manifest.description.chars().count();
    if length == 0 || length > MAX_DESCRIPTION_CHARS {
        faults.push(ManifestFault::at(
            "/description",
            format!("must be 1-{MAX_DESCRIPTION_CHARS} characters, has {length}"),
        ));
    }
    if let Some(range) = &manifest.contract
        && let Err(error) = ContractRange::parse(range)
    {
        faults.push(ManifestFault::at("/contract", error.to_string()));
    }
    // Base64 is a third longer than what it carries.
    if manifest.icon.as_ref().is_some_and(|icon| icon.len() > MAX_ICON_BYTES * 4 / 3 + 64) {
        faults.push(ManifestFault::at("/icon", "must be at most 64 KiB"));
    }
}

fn parts(manifest: &Manifest, faults: &mut Vec<ManifestFault>) {
    if manifest.promised_exports().is_empty() {
        faults.push(ManifestFault::at("", "needs at least one of actions, hooks, schedules, events.handles, provider"));
    }
    for (pointer, count) in [
        ("/actions", manifest.actions.len()),
        ("/hooks", manifest.hooks.len()),
        ("/schedules", manifest.schedules.len()),
        ("/events/handles", manifest.handles().len()),
        ("/capabilities", manifest.capabilities.len()),
    ] {
        if count > MAX_PARTS {
            faults.push(ManifestFault::at(pointer, format!("has {count} entries, at most {MAX_PARTS} are allowed")));
        }
    }
    let mut seen = HashSet::new();
    for (index, action) in manifest.actions.iter().enumerate() {
        name(&format!("/actions/{index}/name"), &action.name, &mut seen, faults);
    }
    seen.clear();
    for (index, schedule) in manifest.schedules.iter().enumerate() {
        name(&format!("/schedules/{index}/name"), &schedule.name, &mut seen, faults);
    }
    signals(manifest, faults);
    let mut points = HashSet::new();
    for (index, hook) in manifest.hooks.iter().enumerate() {
        if !points.insert(hook.point) {
            faults.push(ManifestFault::at(
                format!("/hooks/{index}/point"),
                "stands twice; an addon has one hook a point",
            ));
        }
    }
}

/// What it is woken by: the clock, and events.
fn signals(manifest: &Manifest, faults: &mut Vec<ManifestFault>) {
    for (index, schedule) in manifest.schedules.iter().enumerate() {
        if let Err(error) = Cron::parse(&schedule.cron) {
            faults.push(ManifestFault::at(format!("/schedules/{index}/cron"), error.to_string()));
        }
        if let Some(zone) = schedule.timezone.as_deref().filter(|zone| *zone != "user" && !cron::is_timezone(zone)) {
            let message = format!("`{zone}` is neither `user` nor an IANA name such as Europe/Berlin");
            faults.push(ManifestFault::at(format!("/schedules/{index}/timezone"), message));
        }
    }
    let asks_for = |kind| manifest.capabilities.iter().any(|capability| capability.kind == kind);
    if !manifest.schedules.is_empty() && !asks_for(CapabilityKind::Schedule) {
        faults.push(ManifestFault::at("/schedules", "need the capability `schedule`, with a reason for the user"));
    }
    let mut seen = HashSet::new();
    for (index, handled) in manifest.handles().iter().enumerate() {
        let pointer = format!("/events/handles/{index}");
        let fault = topic_fault(handled).or_else(|| topic::handle_fault(handled));
        faults.extend(fault.map(|message| ManifestFault::at(&pointer, message)));
        if !seen.insert(handled) {
            faults.push(ManifestFault::at(pointer, "stands twice"));
        }
    }
    for (index, capability) in manifest.capabilities.iter().enumerate() {
        for (place, emitted) in capability.emits.iter().enumerate() {
            let fault = topic::emit_fault(emitted);
            let pointer = format!("/capabilities/{index}/emits/{place}");
            faults.extend(fault.map(|message| ManifestFault::at(pointer, message)));
        }
    }
}

fn name<'a>(pointer: &str, text: &'a str, seen: &mut HashSet<&'a str>, faults: &mut Vec<ManifestFault>) {
    if let Err(error) = PartName::parse(text) {
        faults.push(ManifestFault::at(pointer, error.to_string()));
    }
    if !seen.insert(text) {
        faults.push(ManifestFault::at(pointer, "stands twice"));
    }
}

fn capabilities(manifest: &Manifest, faults: &mut Vec<ManifestFault>) {
    let mut seen = HashSet::new();
    for (index, capability) in manifest.capabilities.iter().enumerate() {
        let pointer = format!("/capabilities/{index}");
        if capability.reason.trim().is_empty() {
            faults.push(ManifestFault::at(
                format!("{pointer}/reason"),
                "is missing; it is shown to the user who consents",
            ));
        }
        if capability.kind != CapabilityKind::Http && !seen.insert(capability.kind) {
            faults.push(ManifestFault::at(format!("{pointer}/kind"), "stands twice"));
        }
        for fault in capability.faults().into_iter().chain(capability.sweeping_places()) {
            faults.push(ManifestFault::at(format!("{pointer}/{}", fault.field), fault.message));
        }
        if capability.kind == CapabilityKind::Http && capability.hosts.is_empty() {
            faults.push(ManifestFault::at(format!("{pointer}/hosts"), "is missing; name each host"));
        }
    }
}

fn schemas(manifest: &Manifest, faults: &mut Vec<ManifestFault>) {
    if let Some(config) = &manifest.config {
        schema("/config/schema", &config.schema, faults);
    }
    for (index, action) in manifest.actions.iter().enumerate() {
        if let Some(params) = &action.params {
            schema(&format!("/actions/{index}/params"), params, faults);
        }
        if let Some(result) = &action.result {
            schema(&format!("/actions/{index}/result"), result, faults);
        }
    }
}

/// Checks that a publisher's schema is small, shallow, closed and compiles.
fn schema(pointer: &str, schema: &Value, faults: &mut Vec<ManifestFault>) {
    let size = schema.to_string().len();
    if size > MAX_SCHEMA_BYTES {
        faults.push(ManifestFault::at(
            pointer,
            format!("is {size} bytes of schema, at most {MAX_SCHEMA_BYTES} are allowed"),
        ));
        return;
    }
    let depth = depth(schema);
    if depth > MAX_SCHEMA_DEPTH {
        faults.push(ManifestFault::at(
            pointer,
            format!("is nested {depth} deep, at most {MAX_SCHEMA_DEPTH} are allowed"),
        ));
        return;
    }
    let before = faults.len();
    outside_references(pointer, schema, faults);
    if faults.len() > before {
        return;
    }
    if let Err(error) = crate::model::schema::compile(schema) {
        faults.push(ManifestFault::at(pointer, format!("is not a usable JSON Schema: {error}")));
    }
}

fn depth(value: &Value) -> usize {
    let below = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return 0,
    };
    below.unwrap_or(0).saturating_add(1)
}

/// A schema may point into itself and nowhere else: no file, no server.
fn outside_references(pointer: &str, value: &Value, faults: &mut Vec<ManifestFault>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                outside_references(&format!("{pointer}/{index}"), item, faults);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                let is_reference = matches!(key.as_str(), "$ref" | "$dynamicRef");
                if is_reference && member.as_str().is_some_and(|target| !target.starts_with('#')) {
                    faults.push(ManifestFault::at(
                        &pointer,
                        "points outside the schema; only local references (#/…) are allowed",
                    ));
                } else {
                    outside_references(&pointer, member, faults);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
