//! Gatepass.

fn main() {}
