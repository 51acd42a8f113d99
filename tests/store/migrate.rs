//! A view made anew in place of the one that is there, and stores of later forms.

use std::fs;

use anteroom::store::{EmbeddedStore, Store, migrate};

use crate::kit::{assert_holds, copy, decision, filled, master, open, options, temporary};

#[test]
fn a_migration_puts_an_equal_view_in_place_and_keeps_the_one_before() {
    let directory = temporary();
    let units = filled(directory.path(), 40);
    // What an interrupted one left behind is in nobody's way.
    copy(&directory.path().join("view"), &directory.path().join("view.new"));
    for _ in 0..2 {
        let done = migrate(directory.path(), &options(), &master()).unwrap();
        assert_eq!((done.frames, done.differed), (40, Vec::<String>::new()));
        assert!(directory.path().join("view.old/db").exists() && !directory.path().join("view.new").exists());
        let (store, opened) = open(directory.path());
        assert_eq!((opened.view_rebuilt, opened.created), (None, false));
        assert_holds(&store, &units);
    }
    // The view that was kept is whole.
    fs::remove_dir_all(directory.path().join("view")).unwrap();
    fs::rename(directory.path().join("view.old"), directory.path().join("view")).unwrap();
    let (store, opened) = open(directory.path());
    assert_eq!(opened.view_rebuilt, None);
    store.commit(decision(41)).unwrap();
}

#[test]
fn a_migration_of_a_store_in_use_is_refused() {
    let directory = temporary();
    let (_store, _) = open(directory.path());
    let refused = migrate(directory.path(), &options(), &master()).unwrap_err().to_string();
    assert!(refused.contains("already open"), "{refused}");
}

#[test]
fn a_store_of_a_later_form_or_of_none_is_refused_with_a_sentence_and_nothing_is_changed() {
    let directory = temporary();
    let units = filled(directory.path(), 3);
    let form = directory.path().join("format");
    assert_eq!(fs::read_to_string(&form).unwrap(), "2\n");
    for (text, sentence) in [("3\n", "use a newer program"), ("", "should hold the number"), ("two", "should hold")] {
        fs::write(&form, text).unwrap();
        let refused = EmbeddedStore::open(directory.path(), &options(), &master()).unwrap_err().to_string();
        assert!(refused.contains(sentence) && refused.to_lowercase().contains("nothing was changed"), "{refused}");
        assert_eq!(fs::read_to_string(&form).unwrap(), text);
    }
    // One from before there was the file is of form 2.
    fs::remove_file(&form).unwrap();
    assert_holds(&open(directory.path()).0, &units);
    assert!(form.exists());
}
