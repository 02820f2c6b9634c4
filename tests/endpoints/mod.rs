//! What each endpoint refuses, as tables: one row is one request, its status and its error.

mod registration;
