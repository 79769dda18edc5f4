//! The sandbox: what a guest can do, and what happens when it does more.

mod wit;
