//! Stylesheets and the mark, served from the binary itself under names that hold a hash of their content.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

use crate::config::brand::Colour;
use crate::pages::accent;
use crate::secret;

#[derive(Clone, Debug)]
struct Asset {
    name: String,
    media_type: &'static str,
    content: String,
}

/// All there is below `/assets/`. Nothing is read from a disk, so no path leads anywhere else.
#[derive(Clone, Debug)]
pub struct Assets {
    style: Asset,
    brand: Asset,
    mark: Asset,
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: String) -> Self {
        let hash = secret::sha256(content.as_bytes());
        Asset { name: format!("{stem}.{}.{extension}", secret::base64url(&hash[..9])), media_type, content }
    }
}

impl Assets {
    pub fn new(accent: Colour) -> Self {
        let css = "text/css; charset=utf-8";
        Assets {
            style: Asset::new("style", "css", css, include_str!("assets/style.css").to_owned()),
            brand: Asset::new("brand", "css", css, accent::stylesheet(accent)),
            mark: Asset::new("mark", "svg", "image/svg+xml", accent::mark(accent)),
        }
    }

    pub fn style(&self) -> &str {
        &self.style.name
    }

    pub fn brand(&self) -> &str {
        &self.brand.name
    }

    pub fn mark(&self) -> &str {
        &self.mark.name
    }

    /// The asset of exactly this name. It never changes: another content has another name.
    pub fn answer(&self, name: &str) -> Option<Response> {
        let asset = [&self.style, &self.brand, &self.mark].into_iter().find(|asset| asset.name == name)?;
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
            (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        Some((headers, asset.content.clone()).into_response())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLUE: Colour = Colour { red: 0x3b, green: 0x5b, blue: 0xdb };

    #[test]
    fn only_an_exact_name_is_an_asset() {
        let assets = Assets::new(BLUE);
        assert!(assets.answer(assets.style()).is_some());
        for name in ["", "style.css", "../Cargo.toml", "..%2fCargo.toml", "mark.svg\0", "%00"] {
            assert!(assets.answer(name).is_none(), "{name}");
        }
    }

    #[test]
    fn another_colour_is_another_name() {
        let red = Assets::new(Colour { red: 0xb0, green: 0, blue: 0x20 });
        let ours = Assets::new(BLUE);
        assert_ne!(red.brand(), ours.brand());
        assert_ne!(red.mark(), ours.mark());
        assert_eq!(red.style(), ours.style());
    }
}
