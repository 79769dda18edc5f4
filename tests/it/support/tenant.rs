//! What a client's program does: publish, enable, call, and look at its jobs.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use super::http::{Answer, Http};
use super::until;

/// The header value that waits for the end of a job.
const PATIENTLY: &str = "wait=15";

impl Http {
    /// Uploads a component and waits for the end of its job, where one is made.
    pub(crate) async fn publish(&self, component: Bytes) -> Answer {
        let request = self.request(Method::POST, "/api/v1/addons").header("content-type", "application/wasm");
        self.send(request.header("prefer", PATIENTLY).body(component)).await
    }

    /// Publishes a component that has to be good.
    pub(crate) async fn publish_well(&self, component: Bytes) -> Value {
        let job = self.publish(component).await.expect(200).json();
        assert_eq!(job["status"], "completed", "{job}");
        job["result"].clone()
    }

    /// Asks for an addon and waits for the end of its job, where one is made.
    pub(crate) async fn enable(&self, user: &str, addon: &str, body: &Value) -> Answer {
        let request = self.request(Method::PUT, &addon_path(user, addon)).header("prefer", PATIENTLY);
        self.send(request.json(body)).await
    }

    /// Enables an addon that has to be good.
    pub(crate) async fn enable_well(&self, user: &str, addon: &str, config: &Value) {
        let job = self.enable(user, addon, &json!({ "config": config })).await.expect(200).json();
        assert_eq!(job["result"]["state"], "enabled", "{job}");
    }

    /// Switches an addon off and waits for the end of the job.
    pub(crate) async fn disable(&self, user: &str, addon: &str, erase: bool) -> Value {
        let path = format!("{}?erase={erase}", addon_path(user, addon));
        let request = self.request(Method::DELETE, &path).header("prefer", PATIENTLY);
        self.send(request).await.expect(200).json()
    }

    /// Changes an addon that a user has.
    pub(crate) async fn change(&self, user: &str, addon: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, &addon_path(user, addon)).json(body)).await
    }

    /// What the three keys say to a use, asked beforehand.
    pub(crate) async fn explain(&self, user: &str, addon: &str, query: &str) -> Value {
        self.get(&format!("{}/explain?{query}", addon_path(user, addon))).await.expect(200).json()
    }

    /// Puts other ceilings in the place of those that hold, whatever they are.
    pub(crate) async fn bound(&self, ceilings: &Value, namespaces: &Value) {
        let policy = json!({ "approval": "auto", "ceilings": ceilings, "namespaces": namespaces });
        let request = self.request(Method::PUT, "/api/v1/admin/policy").header("if-match", "*").json(&policy);
        self.send(request).await.expect(200);
    }

    /// How an addon stands for a user.
    pub(crate) async fn enablement(&self, user: &str, addon: &str) -> Answer {
        self.get(&addon_path(user, addon)).await
    }

    /// Leaves a call of an action, with job options beside its parameters.
    pub(crate) async fn leave(&self, user: &str, addon: &str, action: &str, body: &Value) -> Answer {
        self.post(&format!("{}/actions/{action}", addon_path(user, addon)), body).await
    }

    /// Calls an action and answers the job when it is over.
    pub(crate) async fn call(&self, user: &str, addon: &str, action: &str, params: &Value) -> Value {
        let path = format!("{}/actions/{action}", addon_path(user, addon));
        self.post_with(&path, &json!({ "params": params }), "prefer", PATIENTLY).await.expect(200).json()
    }

    /// Sends a request for a job and answers the job when it is over.
    pub(crate) async fn done(&self, path: &str, body: &Value) -> Value {
        self.post_with(path, body, "prefer", PATIENTLY).await.expect(200).json()
    }

    /// A job as it is.
    pub(crate) async fn job(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/jobs/{id}")).await.expect(200).json()
    }

    /// Waits for a job's status.
    pub(crate) async fn reaches(&self, id: &str, status: &str) -> Value {
        until(&format!("{id} is {status}"), async || self.job(id).await["status"] == status).await;
        self.job(id).await
    }

    /// The lines of a job's log.
    pub(crate) async fn log(&self, id: &str) -> String {
        let page = self.get(&format!("/api/v1/jobs/{id}/logs?limit=200")).await.expect(200).json();
        page["data"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// A job's id from whatever names it.
pub(crate) fn id_of(job: &Value) -> String {
    job["jobId"].as_str().expect("a job id").to_owned()
}

/// The steps of a job and how each ended.
pub(crate) fn steps(job: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    job["steps"].as_array().into_iter().flatten().map(|step| (text(&step["name"]), text(&step["status"]))).collect()
}

/// The step that failed, and its code.
pub(crate) fn failed_step(job: &Value) -> (String, String) {
    let failed = job["steps"].as_array().into_iter().flatten().find(|step| step["status"] == "failed");
    let text = |name: &str| failed.and_then(|step| step[name].as_str()).unwrap_or_default().to_owned();
    (text("name"), text("code"))
}

fn addon_path(user: &str, addon: &str) -> String {
    format!("/api/v1/users/{user}/addons/{addon}")
}
