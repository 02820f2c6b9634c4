//! `[sign_in]`: sessions, throttling and passwords.

use std::time::Duration;

use super::section::section;

section! {
    /// Sessions in the browser, the brake on guessing, and passwords.
    SignIn as "sign_in" {
        /// A session that nobody uses for so long has ended.
        session_idle_hours: u64 = 12, within 1..=8760;
        /// A session ends so long after the sign-in, however much it is used.
        session_absolute_days: u64 = 14, within 1..=3650;
        /// What takes the place of session_idle_hours for somebody who asked to be kept signed in.
        remember_idle_days: u64 = 14, within 1..=3650;
        /// Wrong passwords for one account within account_window_minutes, before it has to wait.
        account_attempts: u32 = 5, within 1..=1000;
        /// The window in which they are counted, and how long the wait is at most.
        account_window_minutes: u64 = 15, within 1..=1440;
        /// Attempts from one address (for IPv6 one /64) a minute.
        address_attempts: u32 = 20, within 1..=100_000;
        /// In bytes after normalisation.
        password_min_length: usize = 8, within 8..=128;
        /// The memory of one Argon2id hash (RFC 9106 §4), of which every sign-in under way takes one.
        argon2_memory_kib: u32 = 19456, within 8..=4_194_304;
        /// Its passes over the memory.
        argon2_iterations: u32 = 2, within 1..=100;
        /// Its lanes.
        argon2_parallelism: u32 = 1, within 1..=64;
        /// Hashes computed at once; 0 is the number of cores.
        hash_permits: usize = 0, within 0..=1024;
        /// Tell apps of sign-outs also through frames on the signed-out page (OpenID Connect Front-Channel Logout). Many
        /// browsers keep an app's cookies from such frames; apps had better register a backchannel_logout_uri.
        frontchannel_logout: bool = false;
        /// Let apps ask in the browser whether somebody is still signed in (OpenID Connect Session Management). It needs
        /// a cookie that is sent to other sites and that scripts can read, worth nothing else.
        session_management: bool = false;
    }
}

impl SignIn {
    pub fn session_idle(&self) -> Duration {
        super::hours(self.session_idle_hours)
    }

    pub fn session_absolute(&self) -> Duration {
        super::days(self.session_absolute_days)
    }

    pub fn remember_idle(&self) -> Duration {
        super::days(self.remember_idle_days)
    }

    pub fn account_window(&self) -> Duration {
        super::minutes(self.account_window_minutes)
    }

    /// How many hashes may be computed at once: never 0.
    pub fn permits(&self) -> usize {
        match self.hash_permits {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            permits => permits,
        }
    }
}
