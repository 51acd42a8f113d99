//! Documents and what is attached to them.

use anteroom::record::Unreadable;
use anteroom::source::{Belongs, TEXT_LIMIT};
use base64::Engine;

use super::*;

#[test]
fn of_documents_text_is_read_and_the_rest_held() {
    let text = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let plain = text(CONFIDENTIAL.as_bytes());
    for (attachment, expected, unreadable) in [
        (json!({"contentType": "text/plain", "data": plain}), CONFIDENTIAL, None),
        (
            json!({"contentType": "text/plain; charset=UTF-8", "data": format!("{}\n{}", &plain[..8], &plain[8..])}),
            CONFIDENTIAL,
            None,
        ),
        (json!({"contentType": "text/plain;charset=iso-8859-1", "data": text(b"caf\xe9")}), "café", None),
        (json!({"contentType": "text/plain", "data": text(b"caf\xe9")}), "", Some(Unreadable::Damaged)),
        (json!({"contentType": "text/plain", "data": "not base64!"}), "", Some(Unreadable::Damaged)),
        (json!({"contentType": "text/plain;charset=utf-16", "data": plain}), "", Some(Unreadable::Format)),
        (json!({"contentType": "application/pdf", "data": plain}), "", Some(Unreadable::Format)),
        (json!({"contentType": "text/html", "data": text(b"<p>afraid of <b>going</b> home</p>")}), CONFIDENTIAL, None),
        (
            json!({"contentType": "text/html", "data": text(b"<p>afraid of going home</p><img src='x'>")}),
            CONFIDENTIAL,
            Some(Unreadable::Format),
        ),
        (json!({"data": plain}), "", Some(Unreadable::Format)),
        (json!({"contentType": "text/plain", "url": "https://example.org/Binary/1"}), "", Some(Unreadable::NotSent)),
        (
            json!({"contentType": "text/plain", "data": text(&vec![b'x'; TEXT_LIMIT + 1])}),
            "",
            Some(Unreadable::TooLarge),
        ),
    ] {
        let changes = read_resources(&[resource(
            "DocumentReference",
            "d",
            json!({
                "type": {"text": "Letter from cardiology"},
                "content": [{"attachment": attachment}],
                "context": {"encounter": [{"reference": "Encounter/e"}]},
            }),
        )]);
        let letter = facts(&changes, "DocumentReference/d");
        assert_eq!(letter.belongs, Belongs::To(key("DocumentReference/d")), "a document is its own entry");
        assert_eq!((letter.part.text.as_str(), letter.part.unreadable), (expected, unreadable), "{attachment}");
        assert_eq!(group(&changes, "DocumentReference/d").title, "Letter from cardiology");
        let damaged = [
            "export.ndjson, row 1: content.attachment.data cannot be decoded: the line was kept and is held unread; export it again",
        ];
        let too_large = [
            "export.ndjson, row 1: a text is longer than 1 MiB: the line is held without it; read it in the practice’s system",
        ];
        let expected = match unreadable {
            Some(Unreadable::Damaged) => damaged.as_slice(),
            Some(Unreadable::TooLarge) => too_large.as_slice(),
            _ => &[],
        };
        assert_eq!(said(&changes), expected);
    }
}

#[test]
fn one_unread_attachment_holds_the_document_and_keeps_the_others_words() {
    let data = base64::engine::general_purpose::STANDARD.encode("second");
    let changes = read_resources(&[resource(
        "DocumentReference",
        "d",
        json!({
            "description": "first",
            "content": [{"attachment": {"url": "https://example.org"}}, {"attachment": {"contentType": "text/plain", "data": data}}],
        }),
    )]);
    let letter = part(&changes, "DocumentReference/d");
    assert_eq!((letter.text.as_str(), letter.unreadable), ("first\n\nsecond", Some(Unreadable::NotSent)));
    let empty = read_resources(&[resource("DocumentReference", "d", json!({}))]);
    assert_eq!(part(&empty, "DocumentReference/d").unreadable, Some(Unreadable::NotSent));
}
