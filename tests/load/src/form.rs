//! Just enough HTML to fill in the first form of a page as a person would.

use std::collections::BTreeMap;

#[derive(Debug, Default, PartialEq)]
pub struct Form {
    pub action: String,
    pub is_post: bool,
    /// Names and values of what would be sent, without buttons.
    pub fields: Vec<(String, String)>,
    pub has_password: bool,
    /// Names and values of its buttons.
    pub buttons: Vec<(String, String)>,
}

/// The form with a password field, else the first one that posts.
pub fn find(page: &str) -> Option<Form> {
    let mut forms = all(page);
    let wanted = forms.iter().position(|form| form.has_password);
    let wanted = wanted.or_else(|| forms.iter().position(|form| form.is_post))?;
    Some(forms.swap_remove(wanted))
}

/// The form that posts to `action`.
pub fn posting_to(page: &str, action: &str) -> Option<Form> {
    all(page).into_iter().find(|form| form.is_post && form.action == action)
}

fn all(page: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut inside = false;
    for tag in page.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else { continue };
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        match name.to_ascii_lowercase().as_str() {
            "form" => {
                let attributes = read(attributes);
                let value = |name: &str| attributes.get(name).cloned().unwrap_or_default();
                let is_post = value("method").eq_ignore_ascii_case("post");
                forms.push(Form { action: value("action"), is_post, ..Form::default() });
                inside = true;
            }
            "/form" => inside = false,
            "input" | "button" if inside => {
                let (attributes, is_button) = (read(attributes), name.eq_ignore_ascii_case("button"));
                let Some(form) = forms.last_mut() else { continue };
                add(form, &attributes, is_button);
            }
            _ => {}
        }
    }
    forms
}

fn add(form: &mut Form, attributes: &BTreeMap<String, String>, is_button: bool) {
    let Some(name) = attributes.get("name").cloned() else { return };
    let value = attributes.get("value").cloned();
    let kind = attributes.get("type").map_or("text", String::as_str);
    match kind {
        _ if is_button => form.buttons.push((name, value.unwrap_or_default())),
        "submit" => form.buttons.push((name, value.unwrap_or_default())),
        "checkbox" | "radio" if attributes.contains_key("checked") => {
            form.fields.push((name, value.unwrap_or_else(|| "on".to_owned())));
        }
        "checkbox" | "radio" => {}
        _ => {
            form.has_password |= kind == "password";
            form.fields.push((name, value.unwrap_or_default()));
        }
    }
}

fn read(mut text: &str) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if text.is_empty() {
            return attributes;
        }
        let end = text.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(text.len());
        let name = text[..end].to_ascii_lowercase();
        text = text[end..].trim_start();
        let Some(rest) = text.strip_prefix('=') else {
            attributes.insert(name, String::new());
            continue;
        };
        let rest = rest.trim_start();
        let (value, after) = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => rest[1..].split_once(quote).unwrap_or((&rest[1..], "")),
            _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        attributes.insert(name, unescape(value));
        text = after;
    }
}

fn unescape(text: &str) -> String {
    let named =
        [("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&#x2F;", "/"), ("&#38;", "&")];
    let mut plain = text.to_owned();
    for (entity, character) in named {
        plain = plain.replace(entity, character);
    }
    plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_with_the_password_is_filled_in() {
        let page = r#"<form method="post" action="/other"><button>No</button></form>
            <form method=post action="/login?a=1&amp;b=2"><input type=hidden name=csrf value='x&#39;y'>
            <input name="username"><input type="password" name="password">
            <button name="action" value="sign-in">Sign in</button></form>"#;
        let form = find(page).expect("a form");
        assert_eq!(form.action, "/login?a=1&b=2");
        assert_eq!(form.fields[0], ("csrf".to_owned(), "x'y".to_owned()));
        assert!(form.has_password);
        assert_eq!(form.buttons, [("action".to_owned(), "sign-in".to_owned())]);
    }

    #[test]
    fn a_page_without_a_form_has_none() {
        assert_eq!(find("<p>an error</p>"), None);
    }
}
