//! Where the server is, and where it listens.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Folder, MINIMAL, complaints, dev, production};

#[test]
fn an_issuer_that_was_set_does_not_follow_the_listener() {
    let mut config = dev("[issuer]\nurl = \"http://localhost:9/idp\"", &[]).unwrap();
    config.follow_listener(([127, 0, 0, 1], 41234).into());
    assert_eq!(config.issuer.url.as_str(), "http://localhost:9/idp");
}

#[test]
fn an_issuer_is_needed_and_is_https() {
    let listed = ("GATEPASS_SERVER__TRUSTED_PROXIES", "10.0.0.1");
    assert_eq!(complaints(production("", &[listed])), ["issuer.url (not set): this must be set"]);
    for bad in [
        "id.example.com",
        "ftp://id.example.com",
        "https://user@id.example.com",
        "https://id.example.com/#a",
        "https://ID.example.com",
        "https://id.example.com:443",
        "https://id.example.com/a/../b",
        "https://id.example.com/ ",
    ] {
        let said = complaints(production("", &[listed, ("GATEPASS_ISSUER__URL", bad)]));
        assert_eq!(said, [format!("issuer.url (GATEPASS_ISSUER__URL): \"{bad}\" will not do")]);
    }
    let said = complaints(production("", &[listed, ("GATEPASS_ISSUER__URL", "http://id.example.com")]));
    assert_eq!(said, ["issuer.url (GATEPASS_ISSUER__URL): http://id.example.com is not https"]);
    let said = complaints(dev("", &[("GATEPASS_ISSUER__URL", "http://id.example.com")]));
    assert_eq!(said.len(), 1);
    let said = complaints(dev("", &[("GATEPASS_SERVER__LISTEN", "0.0.0.0:8080")]));
    let expected =
        "issuer.url (not set): plain http leaves this machine (http://0.0.0.0:8080 on 0.0.0.0:8080)";
    assert_eq!(said, [expected]);
}

#[test]
fn an_issuer_is_kept_as_it_was_written() {
    for (url, base, path) in [
        ("https://id.example.com", "https://id.example.com", ""),
        ("https://id.example.com/", "https://id.example.com", ""),
        ("https://id.example.com:8443/tenant", "https://id.example.com:8443/tenant", "/tenant"),
        ("https://id.example.com/a/b/", "https://id.example.com/a/b", "/a/b"),
    ] {
        let config = production(MINIMAL, &[("GATEPASS_ISSUER__URL", url)]).unwrap();
        let issuer = config.issuer.url;
        assert_eq!((issuer.as_str(), issuer.base(), issuer.path()), (url, base, path));
    }
    let issuer = dev("", &[("GATEPASS_ISSUER__URL", "http://[::1]:8080")]).unwrap().issuer.url;
    assert_eq!((issuer.authority(), issuer.origin().as_str()), ("[::1]:8080", "http://[::1]:8080"));
}

#[test]
fn https_needs_certificates_or_a_listed_proxy() {
    let issuer = ("GATEPASS_ISSUER__URL", "https://id.example.com");
    let expected = "server.trusted_proxies (not set): the issuer is https, but nothing speaks TLS";
    assert_eq!(complaints(production("", &[issuer])), [expected]);

    let folder = Folder::new();
    let certificate = folder.file("tls.crt", "", 0o644).display().to_string();
    let key = folder.file("tls.key", "", 0o644).display().to_string();
    let certificate = ("GATEPASS_SERVER__TLS_CERTIFICATE_FILE", certificate.as_str());
    let expected = "server.tls_key_file (not set): this must be set";
    assert_eq!(complaints(production("", &[issuer, certificate])), [expected]);
    let key = ("GATEPASS_SERVER__TLS_KEY_FILE", key.as_str());
    let expected = "server.tls_key_file (GATEPASS_SERVER__TLS_KEY_FILE): everybody may read the private key";
    assert_eq!(complaints(production("", &[issuer, certificate, key])), [expected]);
    fs::set_permissions(key.1, fs::Permissions::from_mode(0o640)).unwrap();
    production("", &[issuer, certificate, key]).unwrap();
}

#[test]
fn the_management_listener_is_never_public() {
    for public in ["0.0.0.0:9090", "[::]:9090", "203.0.113.7:9090", "[2001:db8::1]:9090"] {
        let said = complaints(dev("", &[("GATEPASS_SERVER__MANAGEMENT_LISTEN", public)]));
        let wrong = format!("the management listener would be public on {public}");
        let expected = format!("server.management_listen (GATEPASS_SERVER__MANAGEMENT_LISTEN): {wrong}");
        assert_eq!(said, [expected]);
    }
    for private in ["[::1]:9090", "10.1.2.3:9090", "[fd00::1]:9090"] {
        dev("", &[("GATEPASS_SERVER__MANAGEMENT_LISTEN", private)]).unwrap();
    }
}
