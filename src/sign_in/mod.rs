//! Who is at the door.

pub mod assurance;
pub mod attempt;
pub mod hashing;
pub mod password;
