//! What is said before a removal: what goes along, what still points at it, what makes no sense any more, and who sees what.

use anteroom::record::{AccessLevel, Act, Code, RemovalTarget, Sex, Span, Style, sentences};
use anteroom::review::{Caution, RedactionError, cautions, fragments, pointers, render};

use super::{entry, line, marked, part, redact};

#[test]
fn a_removal_that_takes_care_along_asks_first() {
    use Caution::{Allergy, Dose, Negation};
    let table: &[(&str, &[Caution])] = &[
        ("Seen alone. ⟦He hits her.⟧ Plan.", &[]),
        ("⟦Takes 5 mg daily from him.⟧ Plan.", &[Dose]),
        ("⟦Takes 5mg.⟧ Plan.", &[Dose]),
        ("⟦Takes 2.5ml⟧ daily", &[Dose]),
        ("⟦BP 150/90 after he shouted.⟧ Plan.", &[Dose]),
        ("⟦sats 96%⟧ and well", &[Dose]),
        ("⟦Seen 3 times in 2026 by him.⟧ Plan.", &[]),
        ("⟦r/v 1/52.⟧ Plan.", &[]),
        ("⟦Allergic to penicillin.⟧ Plan.", &[Allergy]),
        ("⟦NKDA, says he.⟧ Plan.", &[Allergy]),
        ("She ⟦denies being⟧ hit", &[Negation]),
        ("She ⟦doesn't feel⟧ safe", &[Negation]),
        ("She ⟦doesn’t feel⟧ safe", &[Negation]),
        ("⟦She denies being hit.⟧ Plan.", &[]),
        ("⟦She denies being hit. He hits her.⟧ Plan.", &[]),
        ("⟦She denies being hit. He⟧ hits her. Plan.", &[]),
        ("She ⟦denies being hit. He⟧ hits her. Plan.", &[Negation]),
        ("She deni⟦es being⟧ hit", &[Negation]),
        ("Denies ⟦being hit, chest⟧ pain", &[Negation]),
        ("No fever. Denies ⟦being hit.⟧ Chest pain.", &[Negation]),
    ];
    for (text, expected) in table {
        let (plain, removals) = marked(text);
        let RemovalTarget::Text(span) = removals[0].target else { panic!() };
        assert_eq!(&cautions(&plain, span), expected, "{text:?}");
    }
    use Caution::{Drug, Result};
    for (text, expected) in [
        ("⟦Started sertraline after he left.⟧ Plan.", &[Drug][..]),
        ("⟦Takes amlodipine 5 mg.⟧ Plan.", &[Drug, Dose]),
        ("⟦Allergic to amoxicillin.⟧ Plan.", &[Allergy]),
        ("⟦Swab positive, says partner.⟧ Plan.", &[Result]),
        ("⟦Pam came along in April.⟧ Plan.", &[]),
    ] {
        let (plain, removals) = marked(text);
        let RemovalTarget::Text(span) = removals[0].target else { panic!() };
        assert_eq!(cautions(&plain, span), expected, "{text:?}");
    }
    assert_eq!(cautions("short", Span::new(2, 99)), []);
    assert_eq!(sentences("She denies it. He").len(), 2);
}

/// The pieces between ⟦ and ⟧ are removed; gives what is said of the rest.
fn after_removal(text: &str) -> (String, Vec<Span>) {
    let (plain, removals) = marked(text);
    let spans = removals.iter().filter_map(|removal| match removal.target {
        RemovalTarget::Text(span) => Some(span),
        RemovalTarget::Line => None,
    });
    (plain.clone(), spans.collect())
}

#[test]
fn a_remainder_that_makes_no_sense_is_pointed_out() {
    for (text, expected) in [
        ("Seen alone. ⟦He hits her.⟧ Plan.", &[][..]),
        ("Seen alone because ⟦he hits her.⟧ Plan.", &["Seen alone because"]),
        ("⟦He hits her⟧ and the children saw it. Plan.", &["and the children saw it."]),
        ("Came with ⟦her partner, who shouted,⟧ the baby. Plan.", &["Came with", "the baby."]),
        ("Slept badly for weeks ⟦since he left⟧. Plan.", &[]),
        ("Knee pain since the fall, ⟦pushed by him⟧, swollen and warm today. Plan.", &[]),
    ] {
        let (plain, removed) = after_removal(text);
        let found: Vec<&str> = fragments(&plain, &removed).iter().map(|span| span.of(&plain).unwrap()).collect();
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn sentences_that_still_point_at_the_removed_person_are_pointed_out() {
    for (sex, text, expected) in [
        (Sex::Female, "⟦Her partner hit her.⟧ He waits outside. She is well.", &["He waits outside."][..]),
        (Sex::Female, "Brother drove her. ⟦Her partner hit her.⟧ He waits outside.", &[]),
        (Sex::Female, "⟦Her partner hit her.⟧ Her son came too. He has a cough.", &[]),
        (Sex::Male, "⟦His wife hit him.⟧ He is well. She waits outside.", &["She waits outside."]),
        (Sex::Female, "He waits outside. ⟦Her partner hit her.⟧", &[]),
        (Sex::Unknown, "⟦Somebody rang.⟧ They asked not to be named.", &["They asked not to be named."]),
    ] {
        let (plain, removed) = after_removal(text);
        let found: Vec<&str> = pointers(&plain, &removed, sex).iter().map(|span| span.of(&plain).unwrap()).collect();
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn a_reader_sees_what_their_login_shows_and_never_more() {
    let whole =
        render(&entry(vec![part("a", "Cough", "quillwort"), part("b", "", "zanthorex")]), &Act::Approve).unwrap();
    assert_eq!(whole.at(AccessLevel::Full).as_ref(), Some(&whole));
    let coded = whole.at(AccessLevel::Coded).unwrap();
    assert_eq!(coded.lines().len(), 1);
    assert_eq!((coded.lines()[0].display.as_str(), coded.lines()[0].text.as_str()), ("Cough", ""));
    assert_eq!(whole.at(AccessLevel::Summary), None);
    assert_eq!(whole.at(AccessLevel::None), None);
}

#[test]
fn what_the_source_hides_from_the_patient_is_not_shown_here_either() {
    let mut secret = part("b", "Seen by IDVA", "zanthorex");
    secret.codes.push(Code::not_for_patient());
    let both = entry(vec![part("a", "Cough", "quillwort"), secret.clone()]);
    let without = entry(vec![part("a", "Cough", "quillwort")]);
    assert_eq!(render(&both, &Act::Approve), render(&without, &Act::Approve));
    let redacted = redact(vec![line("a")], Style::Marked);
    assert_eq!(render(&both, &redacted), render(&without, &redacted));
    assert_eq!(render(&entry(vec![secret]), &Act::Approve), Err(RedactionError::NothingLeft));
}
