//! Kinds of values: how each is written in TOML and in an environment variable.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use toml::Value;

/// A type that a setting can have.
pub(super) trait Kind: Sized {
    /// What an operator should write.
    const RIGHT: &'static str;

    /// A secret may also come from a file (`…_FILE`), and complaints do not repeat it.
    const SECRET: bool = false;

    /// From an environment variable or a flag.
    fn from_text(text: &str) -> Option<Self>;

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    /// What stands for a setting that nobody wrote; `None` if somebody must.
    fn absent() -> Option<Self> {
        None
    }

    /// Whether everybody who can read this text then knows a secret.
    fn discloses(_text: &str) -> bool {
        Self::SECRET
    }
}

macro_rules! whole_numbers {
    ($($number:ty)*) => {$(
        impl Kind for $number {
            const RIGHT: &'static str = "write a whole number";

            fn from_text(text: &str) -> Option<Self> {
                // `parse` would take a plus sign.
                text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
            }

            fn from_toml(value: &Value) -> Option<Self> {
                value.as_integer()?.try_into().ok()
            }
        }
    )*};
}

whole_numbers! { u32 u64 usize }

impl Kind for bool {
    const RIGHT: &'static str = "write true or false";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Kind for String {
    const RIGHT: &'static str = "write a text that is not empty";

    fn from_text(text: &str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| text.to_owned())
    }
}

impl Kind for SocketAddr {
    const RIGHT: &'static str = "write an IP address with a port, like \"127.0.0.1:8080\" or \"[::1]:8080\"";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Kind for PathBuf {
    const RIGHT: &'static str = "write a path";

    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty() && !text.contains('\0')).then(|| text.into())
    }
}

impl Kind for IpNet {
    const RIGHT: &'static str = "write an IP address or a network, like \"10.0.0.0/8\"";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into())).ok()
    }
}

impl<T: Kind> Kind for Option<T> {
    const RIGHT: &'static str = T::RIGHT;
    const SECRET: bool = T::SECRET;

    fn from_text(text: &str) -> Option<Self> {
        T::from_text(text).map(Some)
    }

    fn from_toml(value: &Value) -> Option<Self> {
        T::from_toml(value).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn discloses(text: &str) -> bool {
        T::discloses(text)
    }
}

/// In an environment variable the members of a list stand between commas.
impl Kind for Vec<IpNet> {
    const RIGHT: &'static str = "write a list of IP addresses or networks, like [\"10.0.0.0/8\", \"::1\"]";

    fn from_text(text: &str) -> Option<Self> {
        text.split(',').map(str::trim).filter(|member| !member.is_empty()).map(IpNet::from_text).collect()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(IpNet::from_toml).collect()
    }
}
