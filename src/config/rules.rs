//! Rules that look at more than one setting, or at the machine.

use std::net::IpAddr;
use std::path::Path;

use super::Mode;
use super::issuer::Issuer;
use super::keys::Keys;
use super::layers::{Layers, chmod, readable_by_everybody};
use super::server::Server;
use super::sign_in::SignIn;

pub(super) fn of_listeners(server: &Server, layers: &mut Layers) {
    let private = match server.management_listen.ip().to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    };
    if !private {
        let wrong = format!("the management listener would be public on {}", server.management_listen);
        layers.refuse("server.management_listen", wrong, "listen on 127.0.0.1 or on one private address");
    }
    if server.listen == server.management_listen && server.listen.port() != 0 {
        let wrong = "both listeners have one address";
        layers.refuse("server.management_listen", wrong, "give each its own port");
    }
}

pub(super) fn of_tls_files(server: &Server, layers: &mut Layers) {
    let (certificate, key) = (&server.tls_certificate_file, &server.tls_key_file);
    for (name, path) in [("server.tls_certificate_file", certificate), ("server.tls_key_file", key)] {
        if let Some(Err(error)) = path.as_ref().map(std::fs::File::open) {
            layers.refuse(
                name,
                format!("it cannot be read: {error}"),
                "name a PEM file that this user may read",
            );
        }
    }
    if certificate.is_some() != key.is_some() {
        let name = if key.is_none() { "server.tls_key_file" } else { "server.tls_certificate_file" };
        layers.refuse(name, "this must be set", "TLS needs both the certificate and the key");
    }
    if let Some(path) = key.as_deref().filter(|path: &&Path| readable_by_everybody(path)) {
        layers.refuse("server.tls_key_file", "everybody may read the private key", chmod(path));
    }
}

/// Who reaches us how: https from end to end or through a proxy that we know; plain http only at a
/// developer's own machine.
pub(super) fn of_transport(server: &Server, issuer: &Issuer, mode: Mode, layers: &mut Layers) {
    let tls = server.tls_certificate_file.is_some() || server.tls_key_file.is_some();
    match (issuer.url.is_https(), mode) {
        (false, Mode::Production) => {
            let wrong = format!("{} is not https", issuer.url);
            layers.refuse("issuer.url", wrong, "write an https URL; plain http is for `serve --dev` alone");
        }
        (false, Mode::Development) if tls => {
            let wrong = format!("{} is not https, but the listener speaks TLS", issuer.url);
            layers.refuse("issuer.url", wrong, "write an https URL");
        }
        (false, Mode::Development) if !issuer.url.is_loopback() || !server.listen.ip().is_loopback() => {
            let wrong = format!("plain http leaves this machine ({} on {})", issuer.url, server.listen);
            layers.refuse("issuer.url", wrong, "with --dev stay on 127.0.0.1, or write an https URL");
        }
        // Without the proxy's address every client would look like one, and one throttle would hold them all.
        (true, Mode::Production) if !tls && server.trusted_proxies.is_empty() => {
            let wrong = "the issuer is https, but nothing speaks TLS";
            let right = "set tls_certificate_file and tls_key_file, or list the proxy that speaks TLS";
            layers.refuse("server.trusted_proxies", wrong, right);
        }
        _ => {}
    }
}

pub(super) fn of_lifetimes(issuer: &Issuer, sign_in: &SignIn, keys: &Keys, layers: &mut Layers) {
    if issuer.refresh_idle() > issuer.refresh_absolute() {
        let wrong = format!("{} days are more than refresh_absolute_days", issuer.refresh_idle_days);
        layers.refuse("issuer.refresh_idle_days", wrong, "write at most refresh_absolute_days");
    }
    let idle = [
        ("sign_in.session_idle_hours", sign_in.session_idle()),
        ("sign_in.remember_idle_days", sign_in.remember_idle()),
    ];
    for (key, _) in idle.iter().filter(|(_, idle)| *idle > sign_in.session_absolute()) {
        let wrong = "this is more than session_absolute_days";
        layers.refuse(key, wrong, "write at most session_absolute_days");
    }
    if keys.retain() < issuer.access_token_lifetime().max(issuer.id_token_lifetime()) {
        let wrong = "tokens would outlive the key that verifies them";
        layers.refuse("keys.retain_hours", wrong, "write at least the longest life of a token");
    }
}

/// RFC 9106 §3.1: "Memory size m MUST be an integer number of kibibytes from 8*p to 2^(32)-1."
pub(super) fn of_hashing(sign_in: &SignIn, layers: &mut Layers) {
    if sign_in.argon2_memory_kib < 8 * sign_in.argon2_parallelism {
        let wrong = format!("{} is less than 8 KiB a lane", sign_in.argon2_memory_kib);
        layers.refuse("sign_in.argon2_memory_kib", wrong, "write at least 8 times argon2_parallelism");
    }
}
