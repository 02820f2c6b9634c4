//! The listener, spoken to through real sockets.

mod doze;
mod drain;
mod forms;
mod health;
mod hosts;
mod limits;
mod listener;
mod log;
mod patience;
mod tls;
