//! SQLite and redb, each client its own transaction, or batched by one writer.

use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use redb::{Database, TableDefinition};
use rusqlite::Connection;

use crate::{AUDIT, ENTRIES, ENTRY, Engine, entry_of};

/// An engine that can make several decisions durable together.
pub trait Peer: Send + 'static {
    fn decide_all(&mut self, numbers: &[u64]);
}

pub struct Sqlite(Connection);

impl Sqlite {
    pub fn create(path: &Path) -> Mutex<Self> {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE entry (key INTEGER PRIMARY KEY, value BLOB);
                 CREATE TABLE queue (key INTEGER PRIMARY KEY);
                 CREATE TABLE audit (seq INTEGER PRIMARY KEY, value BLOB);
                 BEGIN;",
            )
            .unwrap();
        for entry in 0..ENTRIES {
            connection.execute("INSERT INTO entry VALUES (?1, ?2)", (entry as i64, vec![0; ENTRY])).unwrap();
            connection.execute("INSERT INTO queue VALUES (?1)", [entry as i64]).unwrap();
        }
        connection.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
        Mutex::new(Self(connection))
    }
}

impl Peer for Mutex<Sqlite> {
    fn decide_all(&mut self, numbers: &[u64]) {
        self.get_mut().unwrap().decide_all(numbers);
    }
}

impl Sqlite {
    fn decide_all(&mut self, numbers: &[u64]) {
        let transaction = self.0.transaction().unwrap();
        for number in numbers {
            let (entry, value) = (entry_of(*number) as i64, vec![*number as u8; ENTRY]);
            let mut update = transaction.prepare_cached("UPDATE entry SET value = ?2 WHERE key = ?1").unwrap();
            update.execute((entry, value)).unwrap();
            let mut delete = transaction.prepare_cached("DELETE FROM queue WHERE key = ?1").unwrap();
            delete.execute([entry]).unwrap();
            let mut insert = transaction.prepare_cached("INSERT INTO audit (value) VALUES (?1)").unwrap();
            insert.execute([vec![0x5a; AUDIT]]).unwrap();
        }
        transaction.commit().unwrap();
    }
}

impl Engine for Mutex<Sqlite> {
    fn decide(&self, number: u64) {
        self.lock().unwrap().decide_all(&[number]);
    }
}

pub struct Redb(Database);

const ENTRY_TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("entry");
const QUEUE_TABLE: TableDefinition<u64, ()> = TableDefinition::new("queue");
const AUDIT_TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");

impl Redb {
    pub fn create(path: &Path) -> Self {
        let database = Database::create(path).unwrap();
        let transaction = database.begin_write().unwrap();
        {
            let mut entries = transaction.open_table(ENTRY_TABLE).unwrap();
            let mut queue = transaction.open_table(QUEUE_TABLE).unwrap();
            transaction.open_table(AUDIT_TABLE).unwrap();
            for entry in 0..ENTRIES {
                entries.insert(entry, [0; ENTRY].as_slice()).unwrap();
                queue.insert(entry, ()).unwrap();
            }
        }
        transaction.commit().unwrap();
        Self(database)
    }

    fn decide_all(&self, numbers: &[u64]) {
        let transaction = self.0.begin_write().unwrap();
        {
            let mut entries = transaction.open_table(ENTRY_TABLE).unwrap();
            let mut queue = transaction.open_table(QUEUE_TABLE).unwrap();
            let mut audit = transaction.open_table(AUDIT_TABLE).unwrap();
            for number in numbers {
                let entry = entry_of(*number);
                entries.insert(entry, [*number as u8; ENTRY].as_slice()).unwrap();
                queue.remove(entry).unwrap();
                audit.insert(*number, [0x5a; AUDIT].as_slice()).unwrap();
            }
        }
        // Durability::Immediate, the default: on the disk when it returns.
        transaction.commit().unwrap();
    }
}

impl Engine for Redb {
    fn decide(&self, number: u64) {
        self.decide_all(&[number]);
    }
}

impl Peer for Redb {
    fn decide_all(&mut self, numbers: &[u64]) {
        Redb::decide_all(self, numbers);
    }
}

/// One thread that puts all decisions that wait into one transaction.
pub struct Batched {
    sender: Option<Sender<(u64, SyncSender<()>)>>,
    writer: Option<JoinHandle<()>>,
}

impl Batched {
    pub fn new(mut peer: impl Peer) -> Self {
        let (sender, receiver) = channel::<(u64, SyncSender<()>)>();
        let writer = thread::spawn(move || {
            while let Ok(first) = receiver.recv() {
                let waiting: Vec<_> = std::iter::once(first).chain(receiver.try_iter().take(1023)).collect();
                let numbers: Vec<u64> = waiting.iter().map(|(number, _)| *number).collect();
                peer.decide_all(&numbers);
                for (_, done) in waiting {
                    let _ = done.send(());
                }
            }
        });
        Self { sender: Some(sender), writer: Some(writer) }
    }
}

impl Engine for Batched {
    fn decide(&self, number: u64) {
        let (done, wait) = sync_channel(1);
        self.sender.as_ref().unwrap().send((number, done)).unwrap();
        wait.recv().unwrap();
    }
}

impl Drop for Batched {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(writer) = self.writer.take() {
            writer.join().unwrap();
        }
    }
}
