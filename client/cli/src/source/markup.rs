//! The text of HTML or XHTML: what a person would read, without its tags.

use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use zeroize::Zeroizing;

/// Which of the two it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Markup {
    Html,
    /// In which `<script/>` ends at once.
    Xhtml,
}

/// A line each of its blocks; cells are separated by tabs. `None` if it has what would get lost.
pub(super) fn to_text(markup: &str, kind: Markup) -> Option<Zeroizing<String>> {
    if markup.contains("<![CDATA[") {
        return None;
    }
    let mut text = Text::default();
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| {
        text.event(event);
        None::<Infallible>
    });
    emitter.naively_switch_states(kind == Markup::Html);
    let Ok(()) = Tokenizer::new_with_emitter(markup, emitter).finish();
    let text = std::str::from_utf8(&text.out).ok()?;
    Some(Zeroizing::new(text.trim_end().replace('\u{a0}', " ")))
}

/// The text so far.
#[derive(Default)]
struct Text {
    out: Zeroizing<Vec<u8>>,
    /// Blanks came, and are one if anything follows on the line.
    blank: bool,
    /// How many `pre` are open.
    pre: usize,
    /// Within what has no text for a person.
    hidden: Option<Vec<u8>>,
    opened: Vec<u8>,
}

impl Text {
    fn event(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.opened = name.to_vec();
                self.start(name);
            }
            CallbackEvent::CloseStartTag { self_closing: true } => {
                let name = std::mem::take(&mut self.opened);
                self.end(&name);
            }
            CallbackEvent::EndTag { name } => self.end(name),
            CallbackEvent::String { value } if self.hidden.is_none() => self.push(value),
            _ => {}
        }
    }

    fn start(&mut self, name: &[u8]) {
        match name {
            _ if self.hidden.is_some() => {}
            b"script" | b"style" | b"title" => self.hidden = Some(name.to_vec()),
            b"br" => {
                self.blank = false;
                self.out.push(b'\n');
            }
            b"td" | b"th" => {
                self.blank = false;
                if !matches!(self.out.last(), None | Some(b'\n')) {
                    self.out.push(b'\t');
                }
            }
            _ if is_block(name) => self.line(),
            _ => {}
        }
        self.pre += usize::from(name == b"pre");
    }

    fn end(&mut self, name: &[u8]) {
        if let Some(hidden) = &self.hidden {
            if hidden == name {
                self.hidden = None;
            }
            return;
        }
        if name == b"pre" {
            self.pre = self.pre.saturating_sub(1);
        }
        if is_block(name) {
            self.line();
        }
    }

    fn push(&mut self, text: &[u8]) {
        for &byte in text {
            if self.pre > 0 {
                self.out.push(byte);
            } else if byte.is_ascii_whitespace() {
                self.blank = true;
            } else {
                let begins = matches!(self.out.last(), None | Some(b'\n' | b'\t'));
                if std::mem::take(&mut self.blank) && !begins {
                    self.out.push(b' ');
                }
                self.out.push(byte);
            }
        }
    }

    fn line(&mut self) {
        self.blank = false;
        if !matches!(self.out.last(), None | Some(b'\n')) {
            self.out.push(b'\n');
        }
    }
}

fn is_block(name: &[u8]) -> bool {
    const BLOCKS: &[&str] = &[
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "dd",
        "div",
        "dl",
        "dt",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ];
    BLOCKS.iter().any(|block| block.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_a_person_reads() {
        let of = |markup, kind| to_text(markup, kind).unwrap().to_string();
        let xhtml = "<div xmlns=\"http://www.w3.org/1999/xhtml\">\n <h1>Chest</h1>\n <p>A <b>clear</b>\n  lung &amp; 5&nbsp;&lt;&#160;6&#xe9;<br/>next</p>\
            <table><tr><th>a</th><td> 1 </td></tr><tr><td>b</td><td>2</td></tr></table><style/><p>end</p><!-- no --></div>";
        assert_eq!(
            of(xhtml, Markup::Xhtml),
            "Chest\nA clear lung & 5 < 6é\nnext\na\t1\nb\t2\nend"
        );
        let html = "<html><head><title>t</title><script>if (a < b) '<p>'</script></head><body><ul><li>one<li>two</ul><pre>a  b\n c</pre>d < e &copy";
        assert_eq!(of(html, Markup::Html), "one\ntwo\na  b\n c\nd < e ©");
        assert_eq!(of("wo<b>rd</b>s", Markup::Xhtml), "words");
        assert!(to_text("<div><![CDATA[lost]]></div>", Markup::Xhtml).is_none());
    }
}
