//! A strict reader of the HTML that we write: whatever it does not expect is a defect.

#[derive(Debug, Default)]
pub struct Document {
    /// Every tag with the names of its attributes, in order: the shape that data must not bend.
    pub shape: Vec<String>,
    pub elements: Vec<Element>,
    /// Every text that stands between tags, unescaped, with the tag it stands in.
    pub texts: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct Element {
    pub name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    pub fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == attribute).map(|(_, value)| value.as_str())
    }
}

impl Document {
    pub fn read(html: &str) -> Document {
        let mut document = Document::default();
        let mut open: Vec<String> = Vec::new();
        let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a doctype comes first");
        while let Some(at) = rest.find('<') {
            document.text(&rest[..at], &open);
            let end = end_of_tag(&rest[at..]);
            document.tag(&rest[at + 1..at + end], &mut open);
            rest = &rest[at + end + 1..];
        }
        document.text(rest, &open);
        assert_eq!(open, Vec::<String>::new(), "every element is closed");
        document
    }

    pub fn ids(&self) -> Vec<&str> {
        self.elements.iter().filter_map(|element| element.get("id")).collect()
    }

    fn text(&mut self, text: &str, open: &[String]) {
        let within = open.last().cloned().unwrap_or_default();
        assert!(!text.contains('>') || within == "script", "a raw > in {text:?}");
        if !text.trim().is_empty() {
            self.texts.push((within, unescaped(text.trim())));
        }
    }

    fn tag(&mut self, tag: &str, open: &mut Vec<String>) {
        self.shape.push(shape(tag));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "elements are closed in order");
            return;
        }
        let (name, rest) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
        assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()), "not a tag: <{tag}>");
        if !["meta", "link", "img", "input"].contains(&name) {
            open.push(name.to_owned());
        }
        self.elements.push(Element { name: name.to_owned(), attributes: attributes(rest) });
    }
}

/// The `>` that is in no attribute's value.
fn end_of_tag(text: &str) -> usize {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'<' => assert!(at == 0, "a raw < inside a tag: {text:.80?}"),
            b'>' if !quoted => return at,
            _ => {}
        }
    }
    panic!("a tag has no end: {text:.80?}");
}

fn attributes(mut rest: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return found;
        }
        let end = rest.find([' ', '\n', '=']).unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "not an attribute: {name}");
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let end = quoted.find('"').expect("a value ends");
            value = unescaped(&quoted[..end]);
            rest = &quoted[end + 1..];
            assert!(rest.is_empty() || rest.starts_with([' ', '\n']), "no space after {name}: {rest:.40?}");
        }
        found.push((name, value));
    }
}

fn shape(tag: &str) -> String {
    let mut shape = String::new();
    for (position, part) in tag.split('"').enumerate() {
        if position % 2 == 0 {
            shape += part;
        }
    }
    shape
}

fn unescaped(text: &str) -> String {
    let mut text = text.to_owned();
    for (reference, meaning) in
        [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
    {
        text = text.replace(reference, meaning);
    }
    text
}
