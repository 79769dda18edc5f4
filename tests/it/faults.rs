//! What happens when parts of a running platform die: real processes, real kills, bounded in number and time.

mod boundaries;
mod changes;
mod compiler;
mod cron;
mod dev;
mod kill_switch;
mod killed_worker;
mod platform;
mod processes;
pub(crate) mod provider;
mod receiver;
mod redis_outage;
mod starting;
mod starts;
mod stopping;
mod tripwire;
mod upkeep;
mod uploads;
