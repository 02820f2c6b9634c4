//! F9: clients that say nothing, or too little, for ever (slowloris), cost little and are given up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::bystanders;
use crate::crowd::{gather, make_room, peak, resident};
use crate::report::{Pass, Verdict};
use crate::rig::Layout;

/// The longest that the limits let anybody be slow: a body.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between that, and a machine that is busy with thousands.
const SLACK: Duration = Duration::from_secs(2);
const MEGABYTES: f64 = 64.0;

#[derive(Clone, Copy)]
enum Slow {
    Head,
    Body,
    Silent,
    Handshake,
}

impl Slow {
    fn opening(self, host: &str) -> Vec<u8> {
        match self {
            Slow::Head => format!("GET /jwks HTTP/1.1\r\nHost: {host}\r\nX: ").into_bytes(),
            Slow::Body => format!(
                "POST /token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: 10000\r\n\r\n"
            )
            .into_bytes(),
            Slow::Silent => Vec::new(),
            // A record that announces a ClientHello of 512 bytes, and the first of them (RFC 8446 §5.1).
            Slow::Handshake => vec![22, 3, 1, 2, 0, 1, 0],
        }
    }

    fn drips(self) -> bool {
        matches!(self, Slow::Head | Slow::Body)
    }
}

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    Ok(vec![plain(bench).await?, tls(bench).await?])
}

async fn plain(bench: &Bench) -> anyhow::Result<Verdict> {
    let each = bench.scale.choose(300, 1000);
    make_room(3 * each)?;
    let layout = Layout::sqlite();
    let profile = layout.profile();
    let rig = bench.rig(layout).await?;
    let (node, site) = (&rig.nodes[0], Arc::new(rig.site.clone()));
    let host = site.host()?;
    let calm = bystanders::served(&site, Duration::from_secs(5)).await?;
    let before = resident(node)?;
    let sockets = gather(3 * each, |_| open(&node.address)).await?;
    let kinds = [Slow::Head, Slow::Body, Slow::Silent].into_iter().cycle();
    let slow = join_all(sockets.into_iter().zip(kinds).map(|(socket, kind)| given_up(socket, kind, &host)));
    let work = async { tokio::join!(slow, bystanders::served(&site, PATIENCE)) };
    let (most, (lived, beside)) = peak(node, work).await?;
    let (longest, beside) = (lived.into_iter().max().unwrap_or_default(), beside?);
    let counted = format!("{each} slow heads, {each} slow bodies, {each} silent; {} served", beside.served());
    Verdict::of(profile, counted)
        .within("until the last of them was given up", longest, PATIENCE + SLACK)
        .mark("resident memory more, MB", most - before, Pass::AtMost(MEGABYTES))
        .slowed("p99 of others", beside.times(&calm, bench.scale), 2.0)
        .none("others that were not served", beside.unserved)
        .examined(&rig)
        .await
}

/// A listener that speaks TLS itself; its health is asked beside it.
async fn tls(bench: &Bench) -> anyhow::Result<Verdict> {
    let stalls = bench.scale.choose(100, 200);
    let folder = std::env::temp_dir().join(format!("gatepass-faults-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    std::fs::write(&certificate, cert.pem())?;
    std::fs::write(&key, signing_key.serialize_pem())?;
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let layout = Layout::sqlite()
        .with("GATEPASS_SERVER__TLS_CERTIFICATE_FILE", certificate.display())
        .with("GATEPASS_SERVER__TLS_KEY_FILE", key.display());
    let rig = bench.rig(layout).await?;
    let node = &rig.nodes[0];
    let before = resident(node)?;
    let sockets = gather(stalls, |_| open(&node.address)).await?;
    let slow = join_all(sockets.into_iter().map(|socket| given_up(socket, Slow::Handshake, "")));
    let (most, lived) = peak(node, slow).await?;
    let longest = lived.into_iter().max().unwrap_or_default();
    let ready = node.is_ready().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(Verdict::of("sqlite, TLS", format!("{stalls} handshakes that stall"))
        .within("until the last of them was given up", longest, PATIENCE)
        .mark("resident memory more, MB", most - before, Pass::AtMost(MEGABYTES))
        .none("nodes that are not ready afterwards", usize::from(!ready)))
}

async fn open(address: &str) -> anyhow::Result<TcpStream> {
    Ok(TcpStream::connect(address).await?)
}

/// How long one of them is put up with.
async fn given_up(mut socket: TcpStream, slow: Slow, host: &str) -> Duration {
    let began = Instant::now();
    let _ = socket.write_all(&slow.opening(host)).await;
    let (mut reader, mut writer) = socket.split();
    let mut buffer = [0; 1024];
    let closed = async { while reader.read(&mut buffer).await.is_ok_and(|count| count > 0) {} };
    let drip = async {
        while slow.drips() && writer.write_all(b"a").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = closed => {}
        () = drip => {}
        () = sleep(6 * PATIENCE) => {}
    }
    began.elapsed()
}
