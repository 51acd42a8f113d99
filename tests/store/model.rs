//! The store against a map in memory: random units, preconditions, repetitions and reopenings.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use anteroom::audit::Record;
use anteroom::store::{EmbeddedStore, Expect, Receipt, Store, StoreError, Table, Unit, UnitId};
use chrono::Datelike;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::kit::{Contents, assert_holds, expected, open, options, record, temporary};
use crate::sealed::sealed_with;

#[derive(Debug, Clone)]
enum Step {
    Commit(Unit),
    /// Commits again, under the id of an earlier unit, something else.
    Repeat(prop::sample::Index, Unit),
    Scan(Table, Vec<u8>, Option<Vec<u8>>, usize),
    Reopen,
    LoseView,
}

const YEARS: Range<i32> = 2020..2032;

fn table() -> impl Strategy<Value = Table> {
    select(vec![Table::Meta, Table::Entry, Table::Draft])
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(select(vec![0u8, 1, b'a', 0xff]), 0..3)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![8 => 0usize..50, 2 => 16_350usize..16_400, 1 => 30_000usize..400_000];
    (any::<u8>(), length).prop_map(|(byte, length)| vec![byte; length])
}

fn unit() -> impl Strategy<Value = Unit> {
    let expect = prop_oneof![Just(Expect::Absent), Just(Expect::Exists), (1u64..20).prop_map(Expect::At)];
    let pre = prop_oneof![2 => Just(Vec::new()), 1 => vec((table(), key(), expect), 1..3)];
    let writes = vec((table(), key(), prop::option::weighted(0.7, value())), 0..6);
    // The clock steps back and forward.
    (any::<[u8; 16]>(), pre, writes, YEARS).prop_map(|(id, pre, writes, year)| {
        let at = record().at.with_year(year).unwrap();
        Unit { id: UnitId(id), pre, writes, audit: vec![Record { at, ..record() }] }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => unit().prop_map(Step::Commit),
        2 => (any::<prop::sample::Index>(), unit()).prop_map(|(which, unit)| Step::Repeat(which, unit)),
        4 => (table(), key(), prop::option::of(key()), 0usize..6)
            .prop_map(|(table, prefix, after, limit)| Step::Scan(table, prefix, after, limit)),
        2 => Just(Step::Reopen),
        1 => Just(Step::LoseView),
    ]
}

/// What the store must be like.
#[derive(Default)]
struct Model {
    units: Vec<Unit>,
    rows: Contents,
    receipts: HashMap<UnitId, Receipt>,
    /// One for the year in which the store was opened, and for each later one when it first came.
    keys: BTreeSet<i32>,
}

impl Model {
    fn conflict(&self, unit: &Unit) -> bool {
        unit.pre.iter().any(|(table, key, expect)| {
            let seq = self.rows.get(&(*table, key.clone())).map(|(seq, _)| *seq);
            match expect {
                Expect::Absent => seq.is_some(),
                Expect::Exists => seq.is_none(),
                Expect::At(wanted) => seq != Some(*wanted),
            }
        })
    }

    fn commit(&mut self, store: &EmbeddedStore, unit: Unit) {
        let answer = store.commit(unit.clone());
        let year = unit.audit[0].at.year();
        if self.keys.last().is_some_and(|last| *last < year) {
            self.keys.insert(year);
        }
        if let Some(first) = self.receipts.get(&unit.id) {
            assert_eq!(answer.unwrap(), Receipt { replayed: true, ..*first });
        } else if self.conflict(&unit) {
            assert!(matches!(answer, Err(StoreError::Conflict(..))));
        } else {
            let receipt = answer.unwrap();
            assert_eq!((receipt.seq, receipt.replayed), (self.units.len() as u64 + 1, false));
            self.receipts.insert(unit.id, receipt);
            self.units.push(unit);
            self.rows = expected(&self.units);
        }
    }

    fn scan(&self, store: &EmbeddedStore, table: Table, prefix: &[u8], after: Option<&[u8]>, limit: usize) {
        let found = store.scan(table, prefix, after, limit).unwrap();
        let wanted = self
            .rows
            .iter()
            .filter(|((of, key), _)| {
                *of == table && key.starts_with(prefix) && after.is_none_or(|after| &key[..] > after)
            })
            .map(|((_, key), (seq, value))| (key, *seq, value))
            .take(limit);
        assert!(found.iter().map(|(key, row)| (key, row.seq, &row.value)).eq(wanted));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_a_map_in_memory_does(steps in vec(step(), 1..40)) {
        let directory = temporary();
        let mut model = Model { keys: BTreeSet::from([0, options().year]), ..Model::default() };
        let (mut store, _) = open(directory.path());
        for step in steps {
            match step {
                Step::Commit(unit) => model.commit(&store, unit),
                Step::Repeat(which, unit) => {
                    if !model.units.is_empty() {
                        let id = which.get(&model.units).id;
                        model.commit(&store, Unit { id, ..unit });
                    }
                }
                Step::Scan(table, prefix, after, limit) => model.scan(&store, table, &prefix, after.as_deref(), limit),
                Step::Reopen | Step::LoseView => {
                    drop(store);
                    let lose = matches!(step, Step::LoseView);
                    if lose {
                        std::fs::remove_dir_all(directory.path().join("view")).unwrap();
                    }
                    let opened;
                    (store, opened) = open(directory.path());
                    assert_eq!((opened.created, opened.tail_cut, opened.frames), (false, None, model.units.len() as u64));
                    assert_eq!(opened.view_rebuilt.is_some(), lose && !model.units.is_empty());
                }
            }
        }
        assert_holds(&store, &model.units);
        drop(store);
        let (keys, _) = sealed_with(directory.path());
        assert_eq!(keys, model.keys.into_iter().collect::<Vec<_>>());
    }
}
