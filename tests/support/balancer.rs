//! A load balancer before the nodes: connections, not requests, are led to one of them, and can be cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::World;

/// Where the issuer's name leads. The nodes behind it call themselves by its address.
pub struct Balancer {
    pub url: String,
    line: watch::Sender<Line>,
}

#[derive(Clone, Copy)]
struct Line {
    node: Option<SocketAddr>,
    /// Connections that were made before a cut end with it.
    cuts: usize,
}

impl Balancer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let line = watch::Sender::new(Line { node: None, cuts: 0 });
        let mut changes = line.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let now = *changes.borrow_and_update();
                // Without a node the connection ends at once.
                if let Some(node) = now.node {
                    tokio::spawn(join(client, node, changes.clone(), now.cuts));
                }
            }
        });
        Balancer { url, line }
    }

    /// New connections go to this node.
    pub fn leads_to(&self, node: &World) {
        let address = node.address.trim_start_matches("http://").parse().unwrap();
        self.line.send_modify(|line| line.node = Some(address));
    }

    /// Every connection ends, and none can be made.
    pub fn is_cut(&self) {
        self.line.send_modify(|line| *line = Line { node: None, cuts: line.cuts + 1 });
    }
}

async fn join(mut client: TcpStream, node: SocketAddr, mut line: watch::Receiver<Line>, cuts: usize) {
    let Ok(mut node) = TcpStream::connect(node).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut node) => {}
        _ = line.wait_for(|line| line.cuts > cuts) => {}
    }
}
