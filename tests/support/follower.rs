//! An API's side of the revocation feed, which knows nothing but the wire.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use super::relying_party::basic;
use super::{RelyingParty, World};

pub struct Follower {
    response: Response,
    heard: String,
}

/// One event (WHATWG HTML §9.2.6).
#[derive(Clone, Debug)]
pub struct Told {
    pub id: Option<i64>,
    pub name: String,
    pub data: Value,
}

impl Follower {
    /// Begins to follow at `node`, from after `position` or as a newcomer.
    pub async fn begin(api: &RelyingParty, node: &World, position: Option<i64>) -> Follower {
        let query = position.map(|after| format!("?after={after}")).unwrap_or_default();
        Follower::ask(api, node, &query).await
    }

    pub async fn ask(api: &RelyingParty, node: &World, query: &str) -> Follower {
        let secret = api.secret.as_ref().unwrap().reveal();
        let host = url::Url::parse(&node.issuer).unwrap().authority().to_owned();
        let request = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = request
            .get(format!("{}/revocations{query}", node.address))
            .header("host", host)
            .header("authorization", basic(api.id(), secret));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Follower { response, heard: String::new() }
    }

    /// The next event. `None`: the stream has ended.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((event, rest)) = self.heard.split_once("\n\n") {
                let told = read(event);
                self.heard = rest.to_owned();
                return Some(told);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(8), self.response.chunk()).await;
            let chunk = chunk.expect("a live feed says something every two seconds").ok()??;
            self.heard.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event that is no heartbeat.
    pub async fn next_news(&mut self) -> Told {
        // What was skipped never comes: a test that waits for it must fail, not hang.
        for _ in 0..8 {
            let told = self.next().await.expect("the feed goes on");
            if told.name != "heartbeat" {
                return told;
            }
        }
        panic!("nothing but heartbeats");
    }

    /// The next entry.
    pub async fn next_entry(&mut self) -> Told {
        let told = self.next_news().await;
        assert_eq!(told.name, "revocation", "{told:?}");
        told
    }

    /// All entries up to where nothing more had ended.
    pub async fn caught_up(&mut self) -> Vec<Told> {
        let mut entries = Vec::new();
        loop {
            let told = self.next_news().await;
            match told.name.as_str() {
                "hello" | "reset" => {}
                "revocation" => entries.push(told),
                _ => return entries,
            }
        }
    }
}

fn read(event: &str) -> Told {
    let field = |name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
    };
    Told {
        id: field("id").map(|id| id.parse().unwrap()),
        name: field("event").unwrap(),
        data: serde_json::from_str(&field("data").unwrap()).unwrap(),
    }
}
