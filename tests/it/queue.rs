//! The queue against a real Redis: each test has a server of its own.

mod adding;
mod bench;
mod flows;
mod inspect;
mod locks;
mod outage;
mod retries;
mod schedule;
mod server;
mod stopping;
mod turns;
mod work;
mod worker;
