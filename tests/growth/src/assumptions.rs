//! What is assumed of people and apps: one list, printed with every result.

/// Each with its sentence, its name and its default.
macro_rules! assumptions {
    ($($(#[doc = $sentence:literal])+ $name:ident = $default:literal;)+) => {
        #[derive(Clone, Debug, serde::Serialize)]
        pub struct Assumptions {
            $($(#[doc = $sentence])+ pub $name: f64,)+
        }

        impl Default for Assumptions {
            fn default() -> Self {
                Assumptions { $($name: $default,)+ }
            }
        }

        impl Assumptions {
            /// Name, value, sentence.
            pub fn listed(&self) -> Vec<(&'static str, f64, &'static str)> {
                vec![$((stringify!($name), self.$name, concat!($($sentence),+).trim()),)+]
            }

            fn field(&mut self, name: &str) -> Option<&mut f64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)+
                    _ => None,
                }
            }
        }
    };
}

assumptions! {
    /// Share of the users who come on a day.
    daily_active = 0.3;
    /// Hours of such a day in which they use something.
    visits = 2.5;
    /// Apps that they use in such an hour.
    apps_per_visit = 1.4;
    /// Apps that one person uses at all.
    apps_per_user = 4.0;
    /// Apps that there are.
    apps = 40.0;
    /// Of the apps, those in a page: they forget their tokens, authorize silently at each visit, then refresh.
    page_apps = 0.4;
    /// Of the apps, those on the device (offline_access): they keep their refresh token. The rest live on a server,
    /// authorize silently at each visit and never refresh.
    device_apps = 0.3;
    /// Browsers and devices of one person.
    devices = 2.0;
    /// Refreshes of an app in an hour of its use, with tokens of ten minutes.
    refreshes = 3.0;
    /// Share of the sign-ins with "keep me signed in".
    kept = 0.6;
    /// Wrong passwords for each sign-in.
    wrong_passwords = 0.15;
    /// Sign-in pages that are left, for each sign-in.
    abandoned = 0.1;
    /// Visits that end with a sign-out.
    sign_outs = 0.03;
    /// Visits in which an app revokes an access token.
    revoked_tokens = 0.02;
    /// Visits in which another device is ended.
    ended_devices = 0.0005;
    /// Visits in which an app is removed.
    removed_apps = 0.0005;
    /// Visits in which the password is changed.
    changed_passwords = 0.0003;
    /// Share of the apps that are told of sign-outs (Back-Channel Logout).
    listening_apps = 0.25;
    /// Share of the apps on a server that authenticate by private_key_jwt.
    asserting_apps = 0.3;
}

impl Assumptions {
    /// From `name=value`.
    pub fn assume(&mut self, text: &str) -> anyhow::Result<()> {
        let parts = text.split_once('=').and_then(|(name, value)| Some((name, value.parse().ok()?)));
        let (name, value): (&str, f64) = parts.ok_or_else(|| anyhow::anyhow!("{text}: write name=value"))?;
        let field = self.field(name).ok_or_else(|| anyhow::anyhow!("nothing is assumed about {name}"))?;
        anyhow::ensure!(value >= 0.0, "{name} cannot be {value}");
        *field = value;
        Ok(())
    }
}

/// How the visits of a day are spread over its hours: a country that sleeps, works and has evenings.
pub const HOURS: [f64; 24] = [
    1.5, 0.9, 0.6, 0.5, 0.5, 0.9, 2.0, 3.8, 5.5, 6.2, 6.0, 5.8, 5.9, 5.7, 5.5, 5.3, 5.2, 5.3, 5.8, 6.6, 7.2,
    6.8, 4.2, 2.3,
];
