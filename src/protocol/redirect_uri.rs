//! Comparing redirect URIs: byte for byte (RFC 9700 §2.1), with the one exception of a loopback port.

/// Whether `sent` is one of the registered URIs.
///
/// RFC 8252 §7.3: "The authorization server MUST allow any port to be specified at the time of the request for
/// loopback IP redirect URIs". A URI that was registered with a port means that port.
pub fn is_registered(sent: &str, registered: &[String]) -> bool {
    registered.iter().any(|own| own == sent || differs_in_loopback_port_only(sent, own))
}

const LOOPBACKS: [&str; 3] = ["http://127.0.0.1", "http://[::1]", "http://localhost"];

fn differs_in_loopback_port_only(sent: &str, registered: &str) -> bool {
    LOOPBACKS.iter().any(|origin| {
        let (Some(path), Some(rest)) = (registered.strip_prefix(origin), sent.strip_prefix(origin)) else {
            return false;
        };
        // Registered without a port: what follows the host is the path.
        let Some(with_port) = rest.strip_prefix(':') else { return false };
        let digits = with_port.bytes().take_while(u8::is_ascii_digit).count();
        let (port, sent_path) = with_port.split_at(digits);
        path.starts_with('/')
            && !port.starts_with('0')
            && port.parse::<u16>().is_ok_and(|port| port > 0)
            && sent_path == path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopback_port_may_differ() {
        let registered =
            ["http://127.0.0.1/cb", "http://[::1]/cb", "https://app.example/cb?tenant=a"].map(str::to_owned);
        for fine in [
            "http://127.0.0.1/cb",
            "http://127.0.0.1:5555/cb",
            "http://[::1]:1/cb",
            "https://app.example/cb?tenant=a",
        ] {
            assert!(is_registered(fine, &registered), "{fine}");
        }
        for bad in [
            "http://127.0.0.1:5555/other",
            "http://127.0.0.1:5555/cb?x",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:05/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "https://127.0.0.1:5555/cb",
            "http://localhost:5555/cb",
            "http://[::1]:1:2/cb",
            "https://app.example:443/cb?tenant=a",
            "https://app.example/cb",
            "https://app.example/cb?tenant=a&x=1",
            "https://app.example/cb/?tenant=a",
            "https://APP.example/cb?tenant=a",
            "https://app.example./cb?tenant=a",
        ] {
            assert!(!is_registered(bad, &registered), "{bad}");
        }
    }

    #[test]
    fn a_registered_port_is_that_port() {
        let registered = ["http://127.0.0.1:8081/callback".to_owned()];
        assert!(is_registered("http://127.0.0.1:8081/callback", &registered));
        assert!(!is_registered("http://127.0.0.1:8082/callback", &registered));
    }
}
