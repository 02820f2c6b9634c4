//! The log has a line for each request, with its id, and never what was sent.

use std::io;
use std::sync::{Arc, Mutex};

use gatepass::config::{Config, Mode, Sources};
use gatepass::http::log;

use super::listener::Listener;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn lines(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn config(format: &str, level: &str) -> Config {
    let environment = [("GATEPASS_LOG__FORMAT", format), ("GATEPASS_LOG__LEVEL", level)];
    let environment = environment.map(|(name, value)| (name.into(), value.into())).to_vec();
    let file = Some("/dev/null".into());
    Config::load(&Sources { file, environment, ..Sources::default() }, Mode::Development).unwrap()
}

async fn talk() -> String {
    let listener = Listener::open().await;
    listener.ask("GET /nowhere HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
    let answer = listener
        .ask(
            "POST /form?code=canary HTTP/1.1\r\nHost: HOST\r\nAuthorization: Basic canary\r\nCookie: canary\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nContent-Length: 8\r\n\r\na=canary",
        )
        .await;
    let id = answer.split("x-request-id: ").nth(1).unwrap();
    id.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_is_one_json_object_on_one_line() {
    let paper = Paper::default();
    let writer = paper.clone();
    let subscriber = log::subscriber(&config("json", "info").log, move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let id = talk().await;
    let lines = paper.lines();
    let line = lines.lines().find(|line| line.contains("/form")).expect(&lines);
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["method"], "POST");
    assert_eq!(line["path"], "/form");
    assert_eq!(line["status"], 200);
    assert_eq!(line["span"]["id"], id);
    assert!(line["ms"].is_number(), "{line}");
}

#[tokio::test]
async fn even_at_trace_nothing_that_was_sent_is_logged() {
    let paper = Paper::default();
    let writer = paper.clone();
    let subscriber = log::subscriber(&config("text", "trace").log, move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    talk().await;
    let lines = paper.lines();
    assert!(lines.contains("gatepass::access"), "{lines}");
    assert!(!lines.contains("canary"), "{lines}");
}
