//! A company's colour on our pages, readable whatever colour that is (WCAG 2.2 §1.4.3, §1.4.11).

use crate::config::brand::Colour;

const WHITE: Colour = Colour { red: 255, green: 255, blue: 255 };
const BLACK: Colour = Colour { red: 0, green: 0, blue: 0 };
/// What the accent stands on in `style.css`: of each theme the ground that comes nearest to it.
const LIGHT_GROUND: Colour = Colour { red: 0xf1, green: 0xf3, blue: 0xf7 };
const DARK_GROUND: Colour = Colour { red: 0x23, green: 0x27, blue: 0x31 };

/// WCAG's least contrast for text, and for the shapes of controls.
const TEXT: f64 = 4.5;
const CONTROL: f64 = 3.0;

/// The stylesheet that carries the accent into `style.css`: our policy allows no inline styles.
pub fn stylesheet(accent: Colour) -> String {
    let light = theme(accent, readable(accent, LIGHT_GROUND, BLACK, TEXT));
    let on_dark = readable(accent, DARK_GROUND, WHITE, CONTROL);
    let dark = theme(on_dark, readable(accent, DARK_GROUND, WHITE, TEXT));
    format!(":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n")
}

/// Our mark in the accent: a gate with a keyhole.
pub fn mark(accent: Colour) -> String {
    include_str!("assets/mark.svg")
        .replace("#000001", &accent.to_string())
        .replace("#000002", &text_on(accent).to_string())
}

fn theme(accent: Colour, ink: Colour) -> String {
    format!("--accent:{accent};--on-accent:{};--accent-ink:{ink}", text_on(accent))
}

/// Relative luminance (WCAG 2.2).
fn luminance(colour: Colour) -> f64 {
    let [red, green, blue] = [colour.red, colour.green, colour.blue].map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: Colour, other: Colour) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn mixed(colour: Colour, other: Colour, share: f64) -> Colour {
    let mix = |own: u8, other: u8| (f64::from(own) * (1.0 - share) + f64::from(other) * share).round() as u8;
    Colour {
        red: mix(colour.red, other.red),
        green: mix(colour.green, other.green),
        blue: mix(colour.blue, other.blue),
    }
}

/// `colour`, moved towards `direction` as little as needed to be told from `ground`.
fn readable(colour: Colour, ground: Colour, direction: Colour, least: f64) -> Colour {
    (0..=50)
        .map(|step| mixed(colour, direction, f64::from(step) / 50.0))
        .find(|moved| contrast(*moved, ground) >= least)
        .unwrap_or(direction)
}

/// What can be written on `colour`: white wherever it can be read.
fn text_on(colour: Colour) -> Colour {
    if contrast(colour, WHITE) >= TEXT { WHITE } else { BLACK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accent_is_readable_in_both_themes() {
        let channel = || (0..=255).step_by(51).map(|value: u16| value as u8);
        for (red, green, blue) in
            channel().flat_map(|r| channel().flat_map(move |g| channel().map(move |b| (r, g, b))))
        {
            let accent = Colour { red, green, blue };
            assert!(contrast(accent, text_on(accent)) >= TEXT, "text on {accent}");
            for (ground, direction) in [(LIGHT_GROUND, BLACK), (DARK_GROUND, WHITE)] {
                for least in [TEXT, CONTROL] {
                    let moved = readable(accent, ground, direction, least);
                    assert!(contrast(moved, ground) >= least, "{accent} on {ground}");
                }
            }
        }
    }

    #[test]
    fn an_accent_that_is_readable_stays_as_it_is() {
        let blue = Colour { red: 0x3b, green: 0x5b, blue: 0xdb };
        assert_eq!(readable(blue, LIGHT_GROUND, BLACK, TEXT), blue);
        assert_eq!(text_on(blue), WHITE);
    }
}
