//! Holds what a machine can hold of the house rules.
