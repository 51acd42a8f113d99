#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::io::{Cursor, Write};

use proptest::prelude::*;

use super::*;

const WORD: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

fn whole(text: &str) -> Result<Letter, Unreadable> {
    Ok(Letter { text: text.to_owned(), unreadable: None })
}

fn partly(text: &str, unreadable: Unreadable) -> Result<Letter, Unreadable> {
    Ok(Letter { text: text.to_owned(), unreadable: Some(unreadable) })
}

fn docx(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, xml) in parts {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(xml.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn body(inner: &str) -> String {
    format!("<?xml version=\"1.0\"?><w:document xmlns:w=\"w\" xmlns:a=\"a\"><w:body>{inner}</w:body></w:document>")
}

#[test]
fn html_reads_as_it_shows() {
    let read = |html: &str| read("text/html; charset=utf-8", html.as_bytes());
    let page = "<html><head><title>Letter</title><style>p { color: red }</style></head><body>\r\n<!-- <p>not</p> -->\
        <p title=\"a > b\">Dear&nbsp;Dr &amp; team,</p><div>she is a<b>fra</b>id<br/>of &#8216;him&#x2019; &lt;ex&gt;</div>\
        <script>if (a < b) alert('x')</script><table><tr><td>BP</td><td>120</td></tr></table>&unknown; 5 < 6</body></html>";
    assert_eq!(read(page), whole("Dear Dr & team,\n\nshe is afraid\nof ‘him’ <ex>\n\nBP  120\n\n&unknown; 5 < 6"));
    assert_eq!(read("<p>words</p><img src=\"scan.png\">"), partly("words", Unreadable::Format));
    assert_eq!(read("<p><img src=\"scan.png\"></p>"), Err(Unreadable::Format));
    assert_eq!(read("<p>cut off in <b"), whole("cut off in <b"));
    assert_eq!(read("<p>a < b and <b>c</b>"), whole("a < b and c"));
    assert_eq!(super::read("text/html", b"<p>caf\xe9 \x93ok\x94</p>"), whole("café “ok”"));
}

#[test]
fn rtf_reads_as_it_shows() {
    let read = |rtf: &str| read("application/rtf", rtf.as_bytes());
    let letter = r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator Word;}{\info{\author Dr X}}\f0\fs20
She is a{\b fra}id\par of \lquote him\rquote , caf\'e9 \u8364? 5\~\{x\}\tab end{\*\shpinst{\shptxt in a box\par}}{\field{\*\fldinst HYPERLINK x}{\fldrslt a link}}{\*\annotation he reads this}}";
    assert_eq!(read(letter), whole("She is afraid\nof ‘him’, café € 5 {x} endin a box\na linkhe reads this"));
    assert_eq!(read(r"{\rtf1 words{\pict\pngblip 89504e47}}"), partly("words", Unreadable::Format));
    assert_eq!(read(r"{\rtf1{\*\shppict{\pict 89504e47}}}"), Err(Unreadable::Format));
    assert_eq!(read(r"{\rtf1\ansicpg1251 words \'e9}"), partly("words é", Unreadable::Format));
    assert_eq!(read(r"{\rtf1 cut off {\b here"), partly("cut off here", Unreadable::Damaged));
    assert_eq!(read(r"{\rtf1\uc2 a\u8217 ''b}"), whole("a’b"));
    assert_eq!(read(&"{".repeat(100_000).replacen('{', r"{\rtf1", 1)), Err(Unreadable::Damaged));
    assert_eq!(super::read("text/plain", br"{\rtf1 words}"), whole("words"), "whatever it is called");
}

#[test]
fn word_reads_as_it_shows() {
    let read = |parts: &[(&str, &str)]| read(WORD, &docx(parts));
    let letter = body(
        "<w:p><w:r><w:t>She is a</w:t></w:r><w:r><w:t xml:space=\"preserve\">fraid &amp; </w:t><w:tab/><w:t>alone&#8217;s</w:t></w:r></w:p>\
         <w:p><w:del><w:r><w:delText>he reads this</w:delText></w:r></w:del><w:instrText>PAGE</w:instrText></w:p>",
    );
    let note = "<w:ftr xmlns:w=\"w\" xmlns:a=\"a\"><w:p><w:r><w:t>In confidence</w:t></w:r><a:blip/></w:p></w:ftr>";
    assert_eq!(
        read(&[("word/document.xml", &letter), ("word/footer1.xml", note), ("word/styles.xml", "<x>no</x>")]),
        whole("She is afraid &  alone’s\nhe reads this\nIn confidence")
    );
    let scan = body("<w:p><w:r><w:t>see scan</w:t><a:blip/></w:r></w:p>");
    assert_eq!(read(&[("word/document.xml", &scan)]), partly("see scan", Unreadable::Format));
    assert_eq!(read(&[("word/document.xml", &body("<a:blip/>"))]), Err(Unreadable::Format));
    assert_eq!(read(&[("word/document.xml", "<w:document><w:p>")]), Err(Unreadable::Damaged));
    assert_eq!(read(&[("xl/workbook.xml", "<x/>")]), Err(Unreadable::Format));
    let bomb = body(&"<w:p/>".repeat(3 << 20));
    assert_eq!(read(&[("word/document.xml", &bomb)]), Err(Unreadable::TooLarge));
    let whole = docx(&[("word/document.xml", &letter)]);
    assert_eq!(super::read(WORD, &whole[..whole.len() / 2]), Err(Unreadable::Damaged));
    assert_eq!(super::read(WORD, b"\xd0\xcf\x11\xe0 with a password"), Err(Unreadable::Format));
}

#[test]
fn what_nobody_reads_is_held() {
    for kind in ["application/pdf", "image/tiff", "application/msword", "text/xml", ""] {
        assert_eq!(read(kind, b"II*\0 a scanned page"), Err(Unreadable::Format), "{kind}");
    }
    assert_eq!(read("text/html", &vec![b'x'; LETTER_LIMIT + 1]), Err(Unreadable::TooLarge));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_stop_a_reader(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..3usize) {
        let (media, start): (&str, &[u8]) = [("text/html", b"<p>".as_slice()), ("text/rtf", b"{\\rtf1"), (WORD, b"PK\x03\x04")][kind];
        let _ = read(media, &[start, &bytes].concat());
    }

    #[test]
    fn words_survive_whatever_stands_around_them(word in "[a-z]{6,12}", noise in "[<>&;{}\\\\ a-z0-9\"=/*!-]{0,40}") {
        // In front of any noise words are read, in both formats that people write by hand.
        let html = read("text/html", format!("<p>{word} {noise}").as_bytes());
        prop_assert!(html.unwrap().text.contains(&word));
        let rtf = read("text/rtf", format!("{{\\rtf1 {word} {noise}").as_bytes());
        prop_assert!(rtf.unwrap().text.contains(&word));
    }
}
