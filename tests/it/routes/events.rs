//! A job's stream of events, resumed exactly.

use reqwest::Method;
use serde_json::json;

use crate::support::app::TestApp;

/// The names, ids and data of a stream's events.
fn events(text: &str) -> Vec<(String, Option<u64>, serde_json::Value)> {
    let blocks = text.split("\n\n").filter(|block| block.contains("event:"));
    blocks
        .map(|block| {
            let field =
                |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned());
            let data = serde_json::from_str(&field("data:").unwrap_or_default()).unwrap_or_default();
            (field("event:").unwrap_or_default(), field("id:").and_then(|id| id.parse().ok()), data)
        })
        .collect()
}

#[tokio::test]
async fn a_stream_ends_with_the_event_that_ends_the_job() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let job = client.post("/api/v1/images/generate", &json!({"prompt": "a cat"})).await.expect(202).json();
    let path = job["statusUrl"].as_str().expect("a link").to_owned();
    let (cancel_url, events_url) = (format!("{path}/cancel"), format!("{path}/events"));
    let none = json!({});
    let reading = client.get(&events_url);
    let (stream, _) = tokio::join!(reading, client.post(&cancel_url, &none));
    let stream = stream.expect(200);
    assert!(stream.header("content-type").starts_with("text/event-stream"));
    let found = events(&String::from_utf8_lossy(&stream.bytes));
    assert_eq!(found.first().map(|(name, id, _)| (name.as_str(), *id)), Some(("job.queued", Some(1))));
    let (name, last, data) = found.last().expect("an event");
    assert_eq!(name, "job.cancelled");
    assert_eq!(data["data"]["jobId"], job["jobId"]);
    assert_eq!(data["type"], "job.cancelled");
    let sequences: Vec<_> = found.iter().filter_map(|(_, id, _)| *id).collect();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "{sequences:?}");

    let resumed = client.request(Method::GET, &events_url).header("last-event-id", "1");
    let resumed = client.send(resumed).await.expect(200);
    let rest = events(&String::from_utf8_lossy(&resumed.bytes));
    assert_eq!(rest.first().and_then(|(_, id, _)| *id), Some(2));
    assert_eq!(rest.len(), found.len() - 1);

    let done = client.request(Method::GET, &events_url).header("last-event-id", last.unwrap_or(0).to_string());
    client.send(done).await.expect(204);
}

#[tokio::test]
async fn open_streams_do_not_hold_up_the_end() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let job = client.post("/api/v1/images/generate", &json!({"prompt": "a cat"})).await.expect(202).json();
    let url = job["eventsUrl"].as_str().expect("a link").to_owned();
    let reading = tokio::spawn(async move { client.get(&url).await });
    let stopping = app.stop();
    stopping.await;
    // Either the stream ended gently, or the server was gone before it began.
    drop(reading.await);
}
