//! Which language a page speaks (OIDC Core §3.1.2.1 ui_locales; RFC 9110 §12.5.4 Accept-Language).

/// A header can hold thousands of entries; nobody reads more languages than this.
const MOST_ENTRIES: usize = 10;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    Korean,
}

impl Language {
    pub const ALL: &[Language] = &[Language::English, Language::Korean];

    /// The client's wish first, because it knows which language its own pages speak; then the browser's.
    pub fn choose(ui_locales: Option<&str>, accept_language: Option<&str>) -> Self {
        ui_locales
            .and_then(|locales| locales.split(' ').take(MOST_ENTRIES).find_map(Language::of))
            .or_else(|| accept_language.and_then(Language::accepted))
            .unwrap_or_default()
    }

    /// The tag for `lang` (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Korean => "ko",
        }
    }

    fn of(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Language::ALL.iter().copied().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Language)> = None;
        for entry in header.split(',').take(MOST_ENTRIES) {
            let (tag, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let Some(language) = Language::of(tag) else { continue };
            let weight = match parameters.trim().strip_prefix("q=") {
                Some(weight) => weight.trim().parse().unwrap_or(0.0),
                None => 1.0,
            };
            if weight > 0.0 && best.is_none_or(|(before, _)| weight > before) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_asked_before_the_browser() {
        assert_eq!(Language::choose(Some("fr-CA ko en"), Some("en")), Language::Korean);
        assert_eq!(Language::choose(Some("fr"), Some("ko-KR,ko;q=0.9,en;q=0.8")), Language::Korean);
        assert_eq!(Language::choose(None, Some("en-US,en;q=0.9,ko;q=0.8")), Language::English);
        assert_eq!(Language::choose(None, Some("en;q=0.3, KO_kr;q=0.7")), Language::Korean);
        assert_eq!(Language::choose(None, Some("ko;q=0, *")), Language::English);
        assert_eq!(Language::choose(None, Some("ko;q=NaN")), Language::English);
        assert_eq!(Language::choose(None, None), Language::English);
    }

    #[test]
    fn ten_thousand_languages_are_as_good_as_ten() {
        let header = format!("{}ko", "xx;q=0.5,".repeat(10_000));
        assert_eq!(Language::choose(Some(&"xx ".repeat(20_000)), Some(&header)), Language::English);
    }
}
