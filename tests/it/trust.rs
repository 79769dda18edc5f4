//! Whose word counts: signatures, what an admin blocks, and what is paused because it crashes.

mod blocks;
mod quarantine;
mod signatures;
mod signing;
mod tools;
