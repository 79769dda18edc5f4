//! Many tickets at once leave what BullMQ's own script leaves for each of them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use redis::aio::MultiplexedConnection;
use semantest::queue::producer::ReadyTicket;
use semantest::queue::tickets::{Invoke, Noop};
use semantest::queue::{AddOptions, Lane, Producer};
use serde_json::{Value, json};

use super::server::Server;
use super::worker::{producer, quick};

fn invoke() -> Invoke {
    Invoke {
        addon_id: String::from("acme.art"),
        action: String::from("draw"),
        params: json!({"text": "é \" \\ 漢"}),
        ..Invoke::default()
    }
}

fn options(priority: u32, timeout: Option<u64>) -> AddOptions {
    AddOptions { priority, timeout: timeout.map(Duration::from_millis), ..AddOptions::default() }
}

/// The same jobs, one of them twice: one call for each.
async fn one_by_one(producer: &Producer) -> Result<()> {
    producer.add("call_a", &invoke(), &options(5, None)).await?;
    producer.add("call_b", &Noop {}, &options(0, None)).await?;
    producer.add("call_c", &invoke(), &options(1, Some(250))).await?;
    producer.add("call_a", &invoke(), &options(1, None)).await?;
    producer.add("call_d", &Noop {}, &AddOptions { attempts: Some(9), ..options(10, None) }).await?;
    Ok(())
}

/// The same jobs, one of them twice: one call for all.
async fn all_at_once(producer: &Producer) -> Result<()> {
    let tickets = [
        producer.ready("call_a", &invoke(), &options(5, None))?,
        producer.ready("call_b", &Noop {}, &options(0, None))?,
        producer.ready("call_c", &invoke(), &options(1, Some(250)))?,
        producer.ready("call_a", &invoke(), &options(1, None))?,
        producer.ready("call_d", &Noop {}, &AddOptions { attempts: Some(9), ..options(10, None) })?,
    ];
    Ok(producer.add_many(&tickets.iter().map(ReadyTicket::placed).collect::<Vec<_>>()).await?)
}

/// Everything that Redis holds of the lane, without the times at which it was written.
async fn everything(redis: &mut MultiplexedConnection) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for key in redis::cmd("KEYS").arg("{test}:addon-calls:*").query_async::<Vec<String>>(redis).await? {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(redis).await?;
        let value = match kind.as_str() {
            "hash" => {
                let mut fields: BTreeMap<String, String> = redis::cmd("HGETALL").arg(&key).query_async(redis).await?;
                fields.remove("timestamp");
                let read = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
                json!(fields.into_iter().map(|(name, text)| (name, read(text))).collect::<BTreeMap<_, Value>>())
            }
            "zset" => {
                let range = redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).arg("WITHSCORES").to_owned();
                json!(range.query_async::<Vec<String>>(redis).await?)
            }
            "list" => json!(redis::cmd("LRANGE").arg(&key).arg(0).arg(-1).query_async::<Vec<String>>(redis).await?),
            "stream" => {
                let range = redis::cmd("XRANGE").arg(&key).arg("-").arg("+").to_owned();
                let entries: Vec<(String, Vec<String>)> = range.query_async(redis).await?;
                json!(entries.into_iter().map(|(_, fields)| fields).collect::<Vec<_>>())
            }
            _ => json!(redis::cmd("GET").arg(&key).query_async::<String>(redis).await?),
        };
        found.insert(key, value);
    }
    Ok(found)
}

async fn left_by(
    is_at_once: bool,
    prepare: impl AsyncFn(&Producer, &mut MultiplexedConnection) -> Result<()>,
) -> Result<BTreeMap<String, Value>> {
    let server = Server::start()?;
    let producer = producer(&server, &quick()).await?;
    let mut redis = server.connection().await?;
    prepare(&producer, &mut redis).await?;
    if is_at_once {
        all_at_once(&producer).await?;
    } else {
        one_by_one(&producer).await?;
    }
    everything(&mut redis).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tickets_at_once_leave_what_bullmq_leaves_for_each() -> Result<()> {
    let fresh = async |_: &Producer, _: &mut MultiplexedConnection| Ok(());
    let expected = left_by(false, fresh).await?;
    assert_eq!(expected.len(), 11, "four jobs, wait, prioritized, pc, id, marker, events, meta: {expected:#?}");
    assert_eq!(left_by(true, fresh).await?, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tickets_at_once_respect_a_paused_lane_and_jobs_that_are_there() -> Result<()> {
    let paused = async |producer: &Producer, _: &mut MultiplexedConnection| {
        producer.add("call_c", &Noop {}, &AddOptions::default()).await?;
        Ok(producer.pause(Lane::AddonCalls).await?)
    };
    let expected = left_by(false, paused).await?;
    assert_eq!(left_by(true, paused).await?, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tickets_at_once_wake_nobody_where_the_lane_works_as_much_as_it_may() -> Result<()> {
    let full = async |_: &Producer, redis: &mut MultiplexedConnection| {
        redis::cmd("HSET").arg("{test}:addon-calls:meta").arg("concurrency").arg(1).query_async::<()>(redis).await?;
        Ok(redis::cmd("LPUSH").arg("{test}:addon-calls:active").arg("other").query_async::<()>(redis).await?)
    };
    let expected = left_by(false, full).await?;
    assert!(!expected.contains_key("{test}:addon-calls:marker"), "{expected:#?}");
    assert_eq!(left_by(true, full).await?, expected);
    Ok(())
}
