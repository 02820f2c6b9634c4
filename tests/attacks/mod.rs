//! What attackers try, one file a heading of RFC 9700 §4 or of our own pages.

mod consent;
mod csrf;
mod logout;
mod pages;
mod session;

use crate::support::browser::Answer;

/// What the error page says in `#error-code`.
fn error_code(answer: &Answer) -> &str {
    let code = answer.body.split_once("id=\"error-code\">").and_then(|(_, rest)| rest.split_once('<'));
    code.unwrap_or_else(|| panic!("no error page: {} {}", answer.status, answer.body)).0
}
