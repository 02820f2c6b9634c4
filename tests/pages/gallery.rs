//! What holds for every page in every state.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use axum::body::to_bytes;
use gatepass::pages::language::Language;

use super::html::Document;
use super::samples::{FRIENDLY, Sample, Stranger, look, samples};

fn everything(stranger: Stranger<'_>) -> Vec<(Language, Vec<Sample>)> {
    let look = look();
    Language::ALL.iter().map(|&language| (language, samples(&look, language, stranger))).collect()
}

#[test]
fn a_strangers_string_bends_no_page() {
    let plain: Vec<_> = shapes(Stranger::saying("x"));
    let long = "x\"<>&".repeat(2_500);
    let hostile = [
        "\"><svg onload=alert(1)>",
        "'-alert(1)-'",
        "javascript:alert(1)",
        "{{7*7}}",
        "${7*7}",
        "%3Cscript%3E",
        "</title><script>alert(1)</script>",
        "\u{202E}gnp.exe",
        "a\u{2028}b\u{2029}c",
        "a\0b",
        "--><!--",
        "\r\nSet-Cookie: a=b",
        "🦀\u{200D}👩",
        &long,
    ];
    for text in hostile {
        for (plain, bent) in plain.iter().zip(shapes(Stranger::saying(text))) {
            assert_eq!(plain.name, bent.name);
            assert_eq!(plain.document.shape, bent.document.shape, "{} with {text:.40?}", bent.name);
            assert_eq!(plain.policy, bent.policy, "{} with {text:.40?}", bent.name);
            // What stands in a field is given back as it is.
            for (_, shown) in bent.document.texts.into_iter().filter(|(element, _)| element != "textarea") {
                assert!(!shown.contains(['\0', '\u{202E}', '\u{2028}']), "{}: {shown:.40?}", bent.name);
            }
        }
    }
}

struct Shape {
    name: String,
    document: Document,
    policy: String,
}

fn shapes(stranger: Stranger<'_>) -> Vec<Shape> {
    let gallery = everything(stranger).into_iter().flat_map(|(_, samples)| samples);
    gallery
        .map(|sample| Shape {
            document: Document::read(&sample.html),
            policy: without_nonce(&sample.headers["content-security-policy"]),
            name: sample.name,
        })
        .collect()
}

fn without_nonce(policy: &axum::http::HeaderValue) -> String {
    let policy = policy.to_str().unwrap();
    policy.split(';').filter(|directive| !directive.contains("nonce-")).collect()
}

#[test]
fn a_strangers_string_stands_alone_in_bdi() {
    for (language, gallery) in everything(Stranger::saying("§")) {
        for sample in gallery {
            for (element, text) in Document::read(&sample.html).texts {
                let isolated = ["bdi", "option", "textarea"].contains(&element.as_str())
                    || element == "span" && text == "•";
                assert!(
                    !text.contains('§') || isolated,
                    "{} in {language:?}: {text:?} in <{element}>",
                    sample.name
                );
            }
        }
    }
}

#[test]
fn long_names_are_cut() {
    let long = "x".repeat(10_000);
    let stranger = Stranger { email: "x", username: "x", text: "x", address: "x", ..Stranger::saying(&long) };
    for (_, gallery) in everything(stranger) {
        for sample in gallery {
            assert!(!sample.html.contains(&"x".repeat(101)) || is_field(&sample, &long), "{}", sample.name);
        }
    }
}

/// What stands in a field is given back whole, so that saving it does not cut it.
fn is_field(sample: &Sample, text: &str) -> bool {
    sample.html.matches(text).count() == sample.html.matches(&format!("value=\"{text}\"")).count()
}

#[test]
fn the_promised_ids_are_there() {
    for (_, gallery) in everything(FRIENDLY) {
        let promised: &[(&str, &[&str])] = &[
            ("sign_in", &["username", "password", "sign-in", "sign-in-cancel"]),
            ("sign_in_account", &["username", "password", "sign-in"]),
            ("consent", &["consent-allow", "consent-deny"]),
            ("logout", &["logout-confirm"]),
            ("error_MalformedRequest", &["error-code"]),
            (
                "account",
                &[
                    "device-s0",
                    "end-device-s1",
                    "end-other-devices",
                    "this-device",
                    "app-books",
                    "remove-app-books",
                    "sign-out",
                ],
            ),
        ];
        for (name, ids) in promised {
            let sample = gallery.iter().find(|sample| sample.name == *name).unwrap();
            let document = Document::read(&sample.html);
            for id in *ids {
                assert!(document.ids().contains(id), "{name} has no #{id}");
            }
        }
    }
}

#[test]
fn there_is_nothing_to_cancel_or_to_end_where_there_is_nothing() {
    for (_, gallery) in everything(FRIENDLY) {
        for (name, absent) in [("sign_in_account", "sign-in-cancel"), ("account_alone", "end-other-devices")]
        {
            let sample = gallery.iter().find(|sample| sample.name == name).unwrap();
            assert!(!Document::read(&sample.html).ids().contains(&absent), "{name} has #{absent}");
        }
    }
}

#[test]
fn every_control_has_a_name_and_every_reference_an_end() {
    for (_, gallery) in everything(FRIENDLY) {
        for sample in gallery {
            let document = Document::read(&sample.html);
            let ids = document.ids();
            let unique: BTreeSet<_> = ids.iter().collect();
            assert_eq!(ids.len(), unique.len(), "{}: an id stands twice", sample.name);
            let labelled: BTreeSet<_> =
                document.elements.iter().filter_map(|element| element.get("for")).collect();
            for element in &document.elements {
                for attribute in ["for", "aria-describedby", "aria-labelledby"] {
                    for id in element.get(attribute).unwrap_or_default().split_whitespace() {
                        assert!(ids.contains(&id), "{}: {attribute} points to no #{id}", sample.name);
                    }
                }
                let hidden = element.get("type") == Some("hidden") || element.get("hidden").is_some();
                // The one checkbox stands inside its label.
                let inside = element.get("type") == Some("checkbox");
                if ["input", "select"].contains(&element.name.as_str()) && !hidden && !inside {
                    let id = element.get("id").unwrap();
                    assert!(labelled.contains(id), "{}: #{id} has no label", sample.name);
                    assert!(element.get("autocomplete").is_some(), "{}: #{id}", sample.name);
                }
                if element.name == "form" {
                    assert_eq!(element.get("method"), Some("post"), "{}", sample.name);
                }
                if element.name == "img" {
                    assert!(element.get("alt").is_some(), "{}", sample.name);
                }
            }
        }
    }
}

#[test]
fn every_form_of_ours_carries_the_csrf_token() {
    for (_, gallery) in everything(FRIENDLY) {
        for sample in gallery.iter().filter(|sample| !sample.name.ends_with("form_post")) {
            let forms = sample.html.matches("<form ").count();
            assert_eq!(sample.html.matches("name=\"csrf\"").count(), forms, "{}", sample.name);
        }
    }
}

#[test]
fn an_error_page_links_only_home() {
    for (_, gallery) in everything(Stranger::saying("https://evil.example/")) {
        for sample in gallery.iter().filter(|sample| sample.name.starts_with("error")) {
            for element in Document::read(&sample.html).elements {
                for link in
                    [element.get("href"), element.get("src"), element.get("action")].into_iter().flatten()
                {
                    assert!(link.starts_with("/base/"), "{}: {link}", sample.name);
                }
            }
        }
    }
}

#[test]
fn no_text_is_the_same_in_both_languages() {
    let mut galleries = everything(Stranger::saying("§")).into_iter().map(|(_, gallery)| gallery);
    let (english, korean) = (galleries.next().unwrap(), galleries.next().unwrap());
    for (english, korean) in english.iter().zip(&korean) {
        let words = |sample: &Sample| -> BTreeSet<String> {
            let texts = Document::read(&sample.html).texts.into_iter();
            texts.filter(|(element, text)| is_wording(element, text)).map(|(_, text)| text).collect()
        };
        let (english_words, korean_words) = (words(english), words(korean));
        assert!(!english_words.is_empty());
        let same: Vec<_> = english_words.intersection(&korean_words).collect();
        assert!(same.is_empty(), "{}: {same:?}", english.name);
        assert!(english.html.contains("<html lang=\"en\">") && korean.html.contains("<html lang=\"ko\">"));
    }
}

fn is_wording(element: &str, text: &str) -> bool {
    let is_name = ["Northwind", "English", "한국어", "N"].contains(&text)
        || text.ends_with(".example")
        || text.starts_with("com.example")
        || text == "127.0.0.1";
    let is_code = ["code", "script"].contains(&element);
    !is_name && !is_code && !text.contains('§') && text.chars().any(char::is_alphabetic)
}

#[test]
fn every_page_is_fenced_and_never_stored() {
    for (_, gallery) in everything(FRIENDLY) {
        for sample in gallery {
            let header = |name: &str| sample.headers[name].to_str().unwrap();
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; "), "{policy}");
            assert!(policy.ends_with("; frame-ancestors 'none'; base-uri 'none'"), "{policy}");
            assert_eq!(policy.contains("script-src"), sample.name == "form_post", "{}", sample.name);
            assert_eq!(policy.contains("https://cdn.example"), sample.name == "sign_in_logo");
            assert_eq!(header("cache-control"), "no-store");
            assert_eq!(header("x-frame-options"), "DENY");
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert_eq!(header("referrer-policy"), "no-referrer");
            assert_eq!(header("cross-origin-opener-policy"), "same-origin");
            assert_eq!(header("content-type"), "text/html; charset=utf-8");
            let waits = sample.headers.contains_key("retry-after");
            assert!(waits || sample.status != 429, "{}", sample.name);
        }
    }
}

#[test]
fn templates_escape_everything_and_style_nothing_inline() {
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for forbidden in ["|safe", "| safe", "escape", "style=", "onclick", "javascript:"] {
            assert!(!text.contains(forbidden), "{} holds {forbidden}", path.display());
        }
    }
}

/// The pages as files, to look at: `target/gallery/index.html`.
#[tokio::test]
async fn the_gallery_can_be_visited() {
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/gallery");
    let look = look();
    fs::create_dir_all(gallery.join("assets")).unwrap();
    for name in [look.assets().style(), look.assets().brand(), look.assets().mark()] {
        let answer = look.assets().answer(name).unwrap();
        let content = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        fs::write(gallery.join("assets").join(name), content).unwrap();
    }
    let mut index = String::from("<!DOCTYPE html><title>Gallery</title><ul>");
    for (language, samples) in everything(FRIENDLY) {
        for sample in samples {
            let file = format!("{}.{}.html", sample.name, language.tag());
            // A file has no server below it, and the form_post page would leave at once.
            let html =
                sample.html.replace("/base/assets/", "assets/").replace("document.forms[0].submit()", "");
            fs::write(gallery.join(&file), html).unwrap();
            index += &format!("<li><a href=\"{file}\">{file}</a>");
        }
    }
    fs::write(gallery.join("index.html"), index).unwrap();
    assert!(gallery.join("account.ko.html").exists());
}
