//! `serve --dev` as a developer starts it, commands beside it, and the small app that tries it out.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Operator;
use crate::support::Browser;

/// A process that ends with the test, and what it says meanwhile.
struct Running(Child, Lines<BufReader<ChildStdout>>);

impl Running {
    fn starts(operator: &Operator, arguments: &[&str]) -> Self {
        Running::started(operator.command(arguments))
    }

    fn started(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running(child, lines)
    }

    /// Waits for a line of its output.
    fn says(&mut self, text: &str) -> String {
        let mut lines = self.1.by_ref().map_while(Result::ok);
        lines.find(|line| line.contains(text)).unwrap_or_else(|| panic!("it never says {text}"))
    }

    /// Asked to by SIGTERM; returns the exit code.
    fn stops(mut self) -> Option<i32> {
        let kill = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(kill.success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until `serve --dev` has said what it has set up.
fn dev_server(operator: &Operator) -> (Running, Value) {
    let arguments = ["serve", "--dev", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"];
    let mut server = Running::starts(operator, &arguments);
    server.says("dev.json");
    let dev = std::fs::read_to_string(operator.data_dir.join("dev.json")).unwrap();
    (server, serde_json::from_str(&dev).unwrap())
}

#[test]
fn commands_work_beside_a_development_server() {
    let operator = Operator::new();
    let (server, dev) = dev_server(&operator);
    operator.adds_user("alice", "purple whales dance at noon");
    let users = operator.json(&["user", "list"]);
    assert_eq!((&users[0]["username"], &users[1]["username"]), (&"alice".into(), &dev["username"]));
    assert_eq!(operator.json(&["client", "list"])[0]["client_id"], dev["client_id"]);
    let health = operator.json(&["doctor", "--check"]);
    let bad: Vec<&Value> =
        health["findings"].as_array().unwrap().iter().filter(|finding| finding["verdict"] != "ok").collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!(server.stops(), Some(0));
    let health = operator.json(&["doctor"]);
    let last = health["findings"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["check"], &last["verdict"]), (&"issuer".into(), &"warning".into()));
}

#[test]
fn a_server_goes_on_when_nobody_reads_what_it_says() {
    let operator = Operator::new();
    let arguments = ["serve", "--dev", "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"];
    let mut server = operator.command(&arguments);
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(server.stdout.take());
    let began = Instant::now();
    while !operator.data_dir.join("dev.json").exists() && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.try_wait().unwrap().is_none(), "it serves");
    server.kill().unwrap();
    server.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shop_watches_its_api_refuse_and_puts_the_basket_back() {
    let operator = Operator::new();
    let (_server, dev) = dev_server(&operator);
    let mut app = Running::starts(&operator, &["try", "--json", "--listen", "127.0.0.1:0"]);
    let said: Value = serde_json::from_str(&app.says("issuer")).unwrap();
    let own = said["url"].as_str().unwrap().trim_end_matches('/').to_owned();
    let (username, password) = (dev["username"].as_str().unwrap(), dev["password"].as_str().unwrap());
    // The demo app is told at port 8081, which may be somebody else's here.
    let told_at = format!("{own}/backchannel-logout");
    operator.does(&["client", "update", "demo", "--backchannel-logout-uri", &told_at]);
    let (mut at_app, mut at_server) = (Browser::new(&own), Browser::new(dev["issuer"].as_str().unwrap()));
    let leaving = at_app.get("/sign-in").await;
    let answer = at_server.walk(leaving.location(), username, password).await;
    at_app.get(answer.location()).await;
    at_app.post("/basket", &[]).await;
    at_app.post("/basket", &[]).await;
    assert!(at_app.get("/").await.body.contains("Your basket: Tea, A teapot"));
    assert_eq!(at_app.post("/calls", &[]).await.location(), "/trace");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let page = at_app.get("/trace").await.body;
    assert!(page.contains("200 OK") && page.contains("http-equiv=\"refresh\"") && !page.contains("try-took"));

    let keys = at_server.get("/jwks").await.json();
    let kid = keys["keys"].as_array().unwrap().iter().find(|key| key["kty"] == "RSA").unwrap()["kid"].clone();
    let sid = operator.json(&["session", "list"])[0]["sid"].clone();
    let forged = [
        json!({ "typ": "logout+jwt", "alg": "RS256", "kid": kid }),
        json!({
            "iss": dev["issuer"], "aud": "demo", "exp": 99_999_999_999_u64, "sid": sid,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        }),
        json!("a signature of nobody"),
    ];
    let forged = forged.map(|part| gatepass::secret::base64url(part.to_string().as_bytes())).join(".");
    for token in [forged.as_str(), "e30.e30.AA", ""] {
        assert_eq!(at_app.post("/backchannel-logout", &[("logout_token", token)]).await.status, 400);
    }
    assert!(at_app.get("/").await.body.contains("You are signed in"));
    operator.does(&["session", "end", "--user", username, "--all"]);
    let began = Instant::now();
    let page = loop {
        let page = at_app.get("/trace").await.body;
        if page.contains("id=\"try-took\"") {
            break page;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{page}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let took = page.split_once("id=\"try-took\">").unwrap().1.split(' ').next().unwrap();
    assert!(took.parse::<u64>().unwrap() < 2000, "{took}");
    assert!(page.contains("401 Unauthorized"));
    while !at_app.get("/").await.body.contains("id=\"try-ended\"") {
        assert!(began.elapsed() < Duration::from_secs(15), "the shop is told by a logout token");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(at_app.get("/trace").await.body.contains("id=\"try-ended\""));
    assert_eq!(app.stops(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_small_app_signs_in_reads_refreshes_and_signs_out() {
    let operator = Operator::new();
    let (_server, dev) = dev_server(&operator);
    let began = Instant::now();
    let mut app = Running::starts(&operator, &["try", "--json"]);
    let said: Value = serde_json::from_str(&app.says("issuer")).unwrap();
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(said["issuer"], dev["issuer"]);
    let own = said["url"].as_str().unwrap().trim_end_matches('/').to_owned();
    let (username, password) = (dev["username"].as_str().unwrap(), dev["password"].as_str().unwrap());

    // Two browsers in one: cookies do not know ports.
    let (mut at_app, mut at_server) = (Browser::new(&own), Browser::new(dev["issuer"].as_str().unwrap()));
    let forged = at_app.get("/callback?code=1&state=1").await;
    assert!(forged.status == 400 && forged.body.contains("no sign-in under way"), "{}", forged.body);

    for (sound, bent, about) in [("state=", "state=x", "the state"), ("iss=", "iss=x", "does not come from")]
    {
        let leaving = at_app.get("/sign-in").await;
        let answer = at_server.walk(leaving.location(), username, password).await;
        let refused = at_app.get(&answer.location().replace(sound, bent)).await;
        assert!(refused.status == 400 && refused.body.contains(about), "{}", refused.body);
        let again = at_app.get(answer.location()).await;
        assert_eq!(again.status, 400, "an attempt is over after one answer");
    }

    let leaving = at_app.get("/sign-in").await;
    let answer = at_server.walk(leaving.location(), username, password).await;
    let before = at_app.cookies["gatepass-try"].clone();
    assert_eq!(at_app.get(answer.location()).await.location(), "/");
    assert_ne!(at_app.cookies["gatepass-try"], before, "a new cookie at every sign-in");
    let page = at_app.get("/").await.body;
    assert!(page.contains("You are signed in") && page.contains("auth_time"), "{page}");

    at_app.post("/userinfo", &[]).await;
    assert!(at_app.get("/").await.body.contains("demo@example.com"));
    at_app.post("/refresh", &[]).await;
    assert!(at_app.get("/").await.body.contains("The tokens are new"));

    operator.does(&["session", "end", "--user", username, "--all"]);
    at_app.post("/refresh", &[]).await;
    assert!(at_app.get("/").await.body.contains("invalid_grant"));

    let leaving = at_app.post("/sign-out", &[]).await;
    let back = at_server.get(leaving.location()).await;
    assert_eq!(back.location(), format!("{own}/"));
    assert!(at_app.get("/").await.body.contains("try-sign-in"));
    assert_eq!(app.stops(), Some(0));
}

#[test]
fn the_promise_is_kept_and_given_in_figures() {
    let operator = Operator::new();
    let (_server, dev) = dev_server(&operator);
    assert_eq!(dev["api"]["client_id"], "demo-api");
    let figures = operator.json(&["try", "--headless", "--endings", "3"]);
    assert_eq!(figures["endings"], 3);
    assert_eq!((&figures["accepted_after_receipt"], &figures["calls_to_server"]), (&0.into(), &0.into()));
    let (p50, p99) = (figures["p50_ms"].as_f64().unwrap(), figures["p99_ms"].as_f64().unwrap());
    assert!(0.0 < p50 && p50 <= p99 && p99 < 1000.0, "{figures}");
}

#[test]
fn the_small_app_says_what_it_needs() {
    let operator = Operator::new();
    assert_eq!(operator.refused(&["try"]).0, "not_found");
    let nobody = ["try", "--issuer", "http://127.0.0.1:1", "--client-id", "shop", "--listen", "127.0.0.1:0"];
    let (code, message) = operator.refused(&nobody);
    assert!(code == "failed" && message.contains("is the server running?"), "{message}");
}

/// Each connection takes a file descriptor: the server keeps some for itself, and idle connections give way.
#[test]
fn more_connections_than_file_descriptors_are_all_answered() {
    let operator = Operator::new();
    let serve = operator.command(&[
        "serve",
        "--dev",
        "--listen",
        "127.0.0.1:0",
        "--management-listen",
        "127.0.0.1:0",
    ]);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -n 300 && exec \"$0\" \"$@\""])
        .arg(serve.get_program())
        .args(serve.get_args());
    limited.env_clear().envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut server = Running::started(limited);
    server.says("dev.json");
    let dev = std::fs::read_to_string(operator.data_dir.join("dev.json")).unwrap();
    let dev: Value = serde_json::from_str(&dev).unwrap();
    let host = dev["issuer"].as_str().unwrap().strip_prefix("http://").unwrap();
    let get = format!("GET /.well-known/openid-configuration HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut kept = Vec::new();
    for _ in 0..600 {
        let mut connection = TcpStream::connect(host).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        connection.write_all(get.as_bytes()).unwrap();
        let mut status = [0; 12];
        connection.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        kept.push(connection);
    }
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.0.id())).unwrap().count();
    assert!(open < 150, "{open}: a file could still be opened");
    assert_eq!(server.stops(), Some(0));
}
