//! Forms and queries are read in one way only (RFC 6749 §3.1, §3.2 and appendix B).

use super::listener::Listener;

async fn post(kind: &str, body: &str) -> (String, String) {
    let listener = Listener::open().await;
    let length = body.len();
    let request = format!(
        "POST /form HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n{kind}Content-Length: {length}\r\n\r\n{body}"
    );
    let answer = listener.ask(request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_body_is_a_form_or_it_is_refused() {
    let form = "application/x-www-form-urlencoded";
    for (kind, status) in [
        (format!("Content-Type: {form}\r\n"), "200"),
        (format!("Content-Type: {};Charset=\"UTF-8\"\r\n", form.to_uppercase()), "200"),
        (format!("Content-Type: {form}; charset=iso-8859-1\r\n"), "415"),
        (format!("Content-Type: {form}\r\nContent-Type: {form}\r\n"), "415"),
        ("Content-Type: application/json\r\n".to_owned(), "415"),
        ("Content-Type: multipart/form-data; boundary=b\r\n".to_owned(), "415"),
        (String::new(), "415"),
    ] {
        assert_eq!(post(&kind, "a=b").await.0, status, "{kind}");
    }
    assert_eq!(post("", "").await, ("200".to_owned(), "None".to_owned()));
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_an_error_of_the_endpoint() {
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (body, description) in [
        ("a=%ff", "a parameter is not UTF-8"),
        ("a=%00", "a parameter contains a NUL character"),
        ("a=%4", "a percent sign is not followed by two hexadecimal digits"),
        (&"a=b&".repeat(101), "there are more than 100 parameters"),
    ] {
        assert_eq!(post(kind, body).await, ("400".to_owned(), description.to_owned()));
    }
}

#[tokio::test]
async fn a_query_is_read_like_a_body() {
    let listener = Listener::open().await;
    for (query, status, body) in [
        ("a=b+c%2B", "200", "Some(\"b c+\") None"),
        ("a=", "200", "None None"),
        ("", "200", "None None"),
        ("x=1&a=b&x=2", "200", "Some(\"b\") Some(\"x\")"),
        ("a=b&a=b", "200", "None Some(\"a\")"),
        ("a=%ff", "400", "a parameter is not UTF-8"),
        ("a=%00", "400", "a parameter contains a NUL character"),
    ] {
        let request = format!("GET /query?{query} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n");
        let answer = listener.ask(request).await;
        assert_eq!((&answer[9..12], answer.rsplit("\r\n\r\n").next().unwrap()), (status, body), "{query}");
    }
}
