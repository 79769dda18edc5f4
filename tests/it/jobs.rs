//! The whole platform in one process, asked as a client asks: one module a ticket, then what takes several.

mod bombs;
mod command;
mod deliver;
mod dispatch;
mod following;
mod foreign;
mod generate;
mod handover;
mod invoke;
mod load;
mod message;
mod misbehaving;
mod moving;
mod publish;
mod reconfigure;
mod refused;
mod rights;
mod schemas;
mod sources;
mod stopping;
mod tenants;
mod unload;
mod upgrade;
mod upkeep;
mod user_data;
