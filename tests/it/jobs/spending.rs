//! What pictures cost: shown, counted, and bounded.

use semantest::config::imaging::{Price, ProviderSettings};
use semantest::config::spend::SpendLimits;
use serde_json::json;

use crate::support::platform::Platform;
use crate::support::tenant::steps;

const GENERATE: &str = "/api/v1/images/generate";

/// A platform whose pictures cost four cents.
async fn platform(limits: SpendLimits) -> Platform {
    Platform::with(|config| {
        let prices = vec![Price { usd_micros: 40_000, ..Price::default() }];
        config.imaging.providers.insert(String::from("sketch"), ProviderSettings { prices, ..Default::default() });
        config.spend.limits = limits;
    })
    .await
}

#[tokio::test]
async fn usage_tells_a_client_what_its_pictures_cost_and_an_admin_everybodys() {
    let platform = platform(SpendLimits { day_usd_micros: Some(1_000_000), ..SpendLimits::default() }).await;
    for (user, count) in [("alice", 2), ("bob", 1)] {
        let body = json!({"userId": user, "prompt": "A cat", "provider": "sketch", "size": "64x64", "count": count});
        let job = platform.acme.done(GENERATE, &body).await;
        assert_eq!(job["result"]["cost"]["usdMicros"], 40_000 * count, "{job}");
    }
    let usage = platform.acme.get("/api/v1/usage").await.expect(200).json();
    assert_eq!(usage["total"], json!({"usdMicros": 120_000, "pictures": 3}), "{usage}");
    assert_eq!((&usage["data"][0]["provider"], usage["data"].as_array().map(Vec::len)), (&json!("sketch"), Some(1)));
    assert_eq!(usage["today"], json!({"spentUsdMicros": 120_000, "limitUsdMicros": 1_000_000}), "{usage}");
    let alice = platform.acme.get("/api/v1/usage?userId=alice").await.expect(200).json();
    assert_eq!(alice["total"], json!({"usdMicros": 80_000, "pictures": 2}), "{alice}");
    assert_eq!(alice["userToday"]["spentUsdMicros"], 80_000, "{alice}");
    let before = platform.acme.get("/api/v1/usage?from=2026-01-01&to=2026-01-31").await.expect(200).json();
    assert_eq!(before["total"], json!({"usdMicros": 0, "pictures": 0}), "{before}");
    assert_eq!(platform.other.get("/api/v1/usage").await.expect(200).json()["total"]["pictures"], 0);
    let seen = platform.admin.get("/api/v1/admin/spend?clientId=acme").await.expect(200).json();
    assert_eq!(seen["total"], usage["total"]);
    platform.admin.get("/api/v1/admin/spend").await.expect_problem(422, "VALIDATION_ERROR");
    platform.acme.get("/api/v1/admin/spend?clientId=acme").await.expect_problem(403, "FORBIDDEN");
    platform.acme.get("/api/v1/usage?from=2026-01-01&to=2026-11-01").await.expect_problem(422, "VALIDATION_ERROR");
    platform.end().await;
}

#[tokio::test]
async fn a_job_that_would_exceed_a_limit_fails_before_any_provider_is_asked() {
    let platform = platform(SpendLimits { user_day_usd_micros: Some(100_000), ..SpendLimits::default() }).await;
    let ask = async |user: &str, count: u32| {
        let body = json!({"userId": user, "prompt": "A cat", "provider": "sketch", "size": "64x64", "count": count});
        platform.acme.done(GENERATE, &body).await
    };
    assert_eq!(ask("alice", 2).await["status"], "completed");
    let refused = ask("alice", 1).await;
    assert_eq!((&refused["status"], &refused["error"]["code"]), (&json!("failed"), &json!("QUOTA_EXCEEDED")));
    let details = &refused["error"]["details"];
    assert_eq!((&details["reached"], &details["allowed"]), (&json!(120_000), &json!(100_000)), "{refused}");
    assert!(refused["error"]["retryAt"].is_string(), "{refused}");
    assert!(refused["error"]["message"].as_str().is_some_and(|text| text.contains("0.10 USD")), "{refused}");
    assert_eq!(refused["attempts"]["made"], 1, "{refused}");
    assert_eq!(steps(&refused)["generate"], "failed");
    assert_eq!(ask("bob", 1).await["status"], "completed", "another user has a limit of his own");
    platform.end().await;
}

#[tokio::test]
async fn what_costs_nothing_is_not_counted_and_meets_no_limit() {
    let platform = Platform::with(|config| config.spend.limits.day_usd_micros = Some(0)).await;
    let job = platform.acme.done(GENERATE, &json!({"prompt": "A cat", "size": "64x64"})).await;
    assert_eq!(job["status"], "completed", "{job}");
    assert_eq!(platform.acme.get("/api/v1/usage").await.expect(200).json()["data"], json!([]));
    platform.end().await;
}
