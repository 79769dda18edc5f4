//! `deliver`: tried again under the same id, and never where it must not go.

use semantest::config::egress::EgressSettings;
use semantest::config::webhooks::WebhookSettings;
use semantest::model::units::Span;
use semantest::queue::Lane;
use serde_json::json;

use crate::support::platform::Platform;
use crate::support::receiver::Receiver;
use crate::support::until;

const FIXTURE: &str = "semantest.fixture-misbehave";

fn quick() -> WebhookSettings {
    let waits = [0, 10, 10, 10].map(Span::millis).to_vec();
    WebhookSettings { schedule: waits, ..WebhookSettings::default() }
}

#[tokio::test]
async fn a_delivery_is_tried_again_under_the_same_id_until_it_is_taken() {
    let platform = Platform::with(|config| config.webhooks = quick()).await;
    platform.give("alice", FIXTURE).await;
    let receiver = Receiver::answering(&[500, 302, 204]).await;
    let body = json!({"params": {}, "webhookUrl": receiver.url()});
    platform.acme.leave("alice", FIXTURE, "echo", &body).await.expect(202);
    let arrived = receiver.arrived_at_least(3).await;
    platform.drained().await;
    assert_eq!(receiver.arrived().len(), 3);
    let ids: std::collections::BTreeSet<_> =
        arrived.iter().map(|arrived| arrived.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    platform.end().await;
}

#[tokio::test]
async fn a_receiver_that_never_takes_it_ends_among_the_dead_letters() {
    let platform = Platform::with(|config| config.webhooks = quick()).await;
    platform.give("alice", FIXTURE).await;
    let receiver = Receiver::answering(&[503]).await;
    let body = json!({"params": {}, "webhookUrl": receiver.url()});
    platform.acme.leave("alice", FIXTURE, "echo", &body).await.expect(202);
    receiver.arrived_at_least(4).await;
    let producer = platform.app.services.work.producer().clone();
    until("a dead letter", async || producer.depth(Lane::Webhooks).await.is_ok_and(|depth| depth.failed == 1)).await;
    assert_eq!(receiver.arrived().len(), 4);
    platform.end().await;
}

#[tokio::test]
async fn outside_dev_nothing_is_sent_to_a_private_address() {
    let platform = Platform::with_mode(false, |config| {
        config.webhooks = quick();
        config.egress = EgressSettings::default();
    })
    .await;
    platform.give("alice", FIXTURE).await;
    let receiver = Receiver::content().await;
    let port = receiver.port();
    for host in ["127.0.0.1", "127.1", "0x7f000001", "[::ffff:7f00:1]", "localhost"] {
        let body = json!({"params": {}, "webhookUrl": format!("http://{host}:{port}/hook")});
        let answer = platform.acme.leave("alice", FIXTURE, "echo", &body).await;
        // Refused at the door, or accepted and then given up by the delivery: never sent.
        assert!([202, 422].contains(&answer.status.as_u16()), "{host}: {:?}", answer.json());
    }
    platform.drained().await;
    assert_eq!(receiver.connections(), 0);
    platform.end().await;
}
