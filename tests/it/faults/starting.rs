//! What a role refuses when it starts, and how it says so.

use super::platform::Platform;
use crate::support::redis::TestRedis;

#[tokio::test]
async fn an_evicting_redis_is_refused_with_the_cure() {
    let platform = Platform::over(TestRedis::start());
    platform.redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    for role in ["api", "worker"] {
        let (code, said) = platform.run(&[role]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("`allkeys-lru`") && said.contains("CONFIG SET maxmemory-policy noeviction"), "{said}");
    }
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named() {
    let mut platform = Platform::over(TestRedis::start());
    let (code, said) = platform.run(&["config", "check"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the settings fit"), "{said}");

    platform.set("SEMANTEST_MASTER_KEY", "too short");
    let (code, said) = platform.run(&["worker"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("SEMANTEST_MASTER_KEY"), "{said}");

    platform.unset("SEMANTEST_MASTER_KEY");
    let (code, said) = platform.run(&["api"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("SEMANTEST_MASTER_KEY is not set") && said.contains("openssl rand -hex 32"), "{said}");

    let (code, said) = platform.run(&["worker", "--queues", "images"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("`images`") && said.contains("image-generation"), "{said}");

    platform.set("SEMANTEST_QUEUES__ADDONS__LOKC", "2s");
    for words in [&["config", "check"][..], &["worker"]] {
        let (code, said) = platform.run(words);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("lokc"), "{said}");
    }
}

#[tokio::test]
async fn without_redis_a_role_ends_at_once_and_says_why() {
    let mut platform = Platform::over(TestRedis::start());
    platform.redis.kill();
    let (code, said) = platform.run(&["worker"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("connecting to redis://127.0.0.1") && said.contains("SEMANTEST_REDIS_URL"), "{said}");
}
