//! Which browser on which system, for a list of devices. A hint for people: the header can claim anything.

use crate::pages::name::Name;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub browser: Option<Name>,
    pub system: Option<Name>,
    pub form: Form,
}

/// What the picture beside it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Computer,
    Phone,
    Tablet,
    Unknown,
}

/// Nearly every browser claims to be Chrome and Safari too, so the first match in this order counts.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Whale/", "Whale"),
    ("KAKAOTALK", "KakaoTalk"),
    ("NAVER(", "NAVER"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("UCBrowser/", "UC Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("Trident/", "Internet Explorer"),
];

/// Android says Linux, iPhones say Mac OS X: the first match in this order counts.
const SYSTEMS: &[(&str, &str, Form)] = &[
    ("iPhone", "iOS", Form::Phone),
    ("iPad", "iPadOS", Form::Tablet),
    ("Android", "Android", Form::Phone),
    ("Windows", "Windows", Form::Computer),
    ("CrOS", "ChromeOS", Form::Computer),
    ("Macintosh", "macOS", Form::Computer),
    ("Linux", "Linux", Form::Computer),
    ("FreeBSD", "FreeBSD", Form::Computer),
];

impl Device {
    pub fn of(user_agent: &str) -> Self {
        // No browser says what it is later than this.
        let text = &user_agent[..user_agent.floor_char_boundary(1024)];
        let browser = BROWSERS.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name);
        let system = SYSTEMS.iter().find(|(mark, ..)| text.contains(mark));
        let form = match system {
            // An Android tablet leaves the word "Mobile" out.
            Some((_, "Android", _)) if !text.contains("Mobile") => Form::Tablet,
            Some((.., form)) => *form,
            None => Form::Unknown,
        };
        Device {
            browser: browser.map(Name::from).or_else(|| product(text)),
            system: system.map(|(_, name, _)| Name::from(*name)),
            form,
        }
    }
}

/// The first product token (RFC 9110 §10.1.5) of something that is no browser: `curl` of `curl/8.5.0`.
fn product(text: &str) -> Option<Name> {
    let name = Name::new(text.split(['/', ' ', '(', ';']).next()?);
    (!name.is_empty() && name.as_str() != "Mozilla").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_that_pretend_are_told_apart() {
        let chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0";
        let cases = [
            (format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {chrome} Safari/537.36"), "Chrome/Windows"),
            (format!("Mozilla/5.0 (Windows NT 10.0) {chrome} Safari/537.36 Edg/142.0"), "Edge/Windows"),
            (format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {chrome} Safari/537.36"), "Chrome/ChromeOS"),
            (format!("Mozilla/5.0 (Linux; Android 16; K) {chrome} Mobile Safari/537.36"), "Chrome/Android"),
            (format!("Mozilla/5.0 (Windows NT 10.0) {chrome} Whale/4.33 Safari/537.36"), "Whale/Windows"),
            (
                format!(
                    "Mozilla/5.0 (Linux; Android 15; SM-S928N) SamsungBrowser/28.0 {chrome} Mobile Safari/537.36"
                ),
                "Samsung Internet/Android",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".into(),
                "Firefox/Linux",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/19.0 Safari/605.1.15"
                    .into(),
                "Safari/macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 \
                 Mobile/15E148 Safari/604.1"
                    .into(),
                "Safari/iOS",
            ),
            ("curl/8.5.0".into(), "curl/-"),
            ("Mozilla/5.0".into(), "-/-"),
            (String::new(), "-/-"),
        ];
        for (user_agent, expected) in cases {
            let device = Device::of(&user_agent);
            let part = |name: &Option<Name>| name.as_ref().map_or("-".to_owned(), |n| n.as_str().to_owned());
            assert_eq!(
                format!("{}/{}", part(&device.browser), part(&device.system)),
                expected,
                "{user_agent}"
            );
        }
    }

    #[test]
    fn a_tablet_is_no_phone() {
        assert_eq!(
            Device::of("Mozilla/5.0 (Linux; Android 15; SM-X910) Chrome/142 Safari/537.36").form,
            Form::Tablet
        );
        assert_eq!(
            Device::of("Mozilla/5.0 (Linux; Android 15) Chrome/142 Mobile Safari/537.36").form,
            Form::Phone
        );
    }

    #[test]
    fn a_hostile_header_is_only_a_name() {
        let device = Device::of(&format!("\"><svg\u{202E}{}", "x".repeat(60_000)));
        assert!(device.browser.unwrap().as_str().chars().count() <= 101);
        assert_eq!(Device::of(&"é".repeat(40_000)).form, Form::Unknown);
    }
}
