//! A reader of `text/event-stream` (HTML Living Standard §9.2.6) that is bounded in what it keeps.

/// One event may name a few thousand identifiers. In bytes, of one event.
const LARGEST: usize = 1024 * 1024;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Empty for a nameless one.
    pub name: String,
    pub data: String,
    pub id: Option<String>,
}

/// The stream is longer between two empty lines than any event may be, or no UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable;

#[derive(Default)]
pub struct Parser {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The line before ended with a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    has_begun: bool,
    event: Event,
    has_data: bool,
    size: usize,
    /// Milliseconds, as the server last asked for.
    pub retry: Option<u64>,
}

impl Parser {
    /// Reads on, and appends the events that end in `bytes`.
    pub fn read(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Unreadable> {
        for &byte in bytes {
            let ends_a_return = std::mem::take(&mut self.after_return) && byte == b'\n';
            if ends_a_return {
                continue;
            }
            if byte == b'\n' || byte == b'\r' {
                self.after_return = byte == b'\r';
                self.end_line(events)?;
                continue;
            }
            self.size += 1;
            if self.size > LARGEST {
                return Err(Unreadable);
            }
            self.line.push(byte);
        }
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) -> Result<(), Unreadable> {
        let line = std::mem::take(&mut self.line);
        let mut text = std::str::from_utf8(&line).map_err(|_| Unreadable)?;
        if !std::mem::replace(&mut self.has_begun, true) {
            text = text.strip_prefix('\u{feff}').unwrap_or(text);
        }
        if text.is_empty() {
            self.size = 0;
            let event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) {
                events.push(event);
            }
        } else {
            self.field(text);
        }
        // The next line is likely as long; its buffer is kept.
        self.line = line;
        self.line.clear();
        Ok(())
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "id" => self.event.id = Some(value.to_owned()),
            "retry" => self.retry = value.parse().ok().or(self.retry),
            // A comment has an empty name; others are ignored by the specification's word.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &[u8]) -> Vec<Event> {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        parser.read(text, &mut events).unwrap();
        events
    }

    fn event(name: &str, data: &str, id: Option<&str>) -> Event {
        Event { name: name.to_owned(), data: data.to_owned(), id: id.map(str::to_owned) }
    }

    #[test]
    fn every_way_to_end_a_line_is_read_alike_however_it_is_cut() {
        let expected = [event("hello", "a\nb", Some("7")), event("", "c", None)];
        for end in ["\n", "\r\n", "\r"] {
            let lines = [
                "\u{feff}: comment",
                "event: hello",
                "data: a",
                "data:b",
                "id: 7",
                "",
                "data: c",
                "",
                "data: unfinished",
            ];
            let text = lines.join(end);
            assert_eq!(events(text.as_bytes()), expected);
            let (mut parser, mut found) = (Parser::default(), Vec::new());
            for byte in text.as_bytes() {
                parser.read(&[*byte], &mut found).unwrap();
            }
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn an_event_without_data_is_none() {
        assert_eq!(events(b"event: a\nid: 1\n\n\n\ndata\n\n"), [event("", "", None)]);
    }

    #[test]
    fn the_server_says_how_long_to_wait() {
        let mut parser = Parser::default();
        parser.read(b"retry: 250\nretry: soon\n", &mut Vec::new()).unwrap();
        assert_eq!(parser.retry, Some(250));
    }

    #[test]
    fn a_stream_without_end_is_not_kept() {
        for piece in ["data: x", "data: x\n", ": comment\n"] {
            let (mut parser, mut events) = (Parser::default(), Vec::new());
            let pieces = std::iter::repeat_n(piece.as_bytes(), 300_000);
            assert!(pieces.map(|piece| parser.read(piece, &mut events)).any(|read| read.is_err()), "{piece}");
            assert!(parser.event.data.len() <= LARGEST && parser.line.len() <= LARGEST);
        }
    }

    #[test]
    fn what_is_no_utf_8_is_unreadable() {
        assert_eq!(Parser::default().read(b"data: \xff\n", &mut Vec::new()), Err(Unreadable));
    }
}
