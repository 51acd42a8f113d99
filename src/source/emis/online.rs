//! Our own file beside the extract: who has online access.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;

use super::files::OneFile;
use crate::record::{AccessLevel, NhsNumber, Proxy};
use crate::source::outlet::Sink;
use crate::source::{OnlineAccess, SourceError, dates};

/// What the file says, by patient.
#[derive(Debug, Default)]
pub(super) struct Online {
    known: HashMap<NhsNumber, OnlineAccess>,
    /// Patients whose access went out with their other facts.
    used: HashSet<NhsNumber>,
}

impl Online {
    /// The access of a patient who is in the extract.
    pub(super) fn of(&mut self, number: &NhsNumber) -> Option<OnlineAccess> {
        let access = self.known.get(number).cloned()?;
        self.used.insert(number.clone());
        Some(access)
    }

    /// The access of the others, in the order of their numbers.
    pub(super) fn others(self) -> Vec<(NhsNumber, OnlineAccess)> {
        let Self { known, used } = self;
        let mut others: Vec<_> = known.into_iter().filter(|(number, _)| !used.contains(number)).collect();
        others.sort_by(|a, b| a.0.cmp(&b.0));
        others
    }
}

/// Reads the file: one row a patient, and a further row for each further proxy.
///
/// Where rows of one patient contradict each other, the wider access counts: what is thought to be
/// hidden and is not does the harm.
pub(super) fn read(file: &OneFile, sink: &mut Sink<'_>) -> Result<Online, SourceError> {
    let mut levels: HashMap<NhsNumber, AccessLevel> = HashMap::new();
    let mut online: HashMap<NhsNumber, OnlineAccess> = HashMap::new();
    file.read(
        "NhsNumber",
        |header| {
            (
                header.required("NhsNumber"),
                header.required("AccessLevel"),
                header.required("AccessFrom"),
                header.optional(&["ProxyName"]),
                header.optional(&["ProxyRelation"]),
            )
        },
        sink,
        |&(number, level, from, proxy_name, proxy_relation), row, outlet| {
            let number: NhsNumber = match row.get(number).parse() {
                Ok(number) => number,
                Err(why) => {
                    let why = format!("{why}: the row was left out; correct NhsNumber in this file");
                    return outlet.set_aside(row.number, why);
                }
            };
            let level = match row.get(level).to_ascii_lowercase().as_str() {
                "" => None,
                "none" => Some(AccessLevel::None),
                "summary" => Some(AccessLevel::Summary),
                "coded" => Some(AccessLevel::Coded),
                "full" => Some(AccessLevel::Full),
                _ => {
                    outlet.set_aside(
                        row.number,
                        "AccessLevel is none of none, summary, coded and full: full was assumed; correct it in this file",
                    )?;
                    Some(AccessLevel::Full)
                }
            };
            let from = match dates::day(row.get(from), NaiveDate::MAX) {
                Ok(from) => from,
                Err(why) => {
                    outlet.set_aside(
                        row.number,
                        format!(
                            "AccessFrom {why}: the practice’s go-live date counts instead; correct it in this file"
                        ),
                    )?;
                    None
                }
            };
            let before = level.and_then(|level| levels.insert(number.clone(), level));
            if let (Some(before), Some(level)) = (before, level)
                && before != level
            {
                outlet.set_aside(
                    row.number,
                    "AccessLevel differs from an earlier row of the same patient: the wider counts; correct it in this file",
                )?;
                levels.insert(number.clone(), before.max(level));
            }
            let access = online.entry(number.clone()).or_insert_with(|| OnlineAccess {
                level: AccessLevel::Full,
                from,
                proxies: Vec::new(),
            });
            access.level = levels.get(&number).copied().unwrap_or_default();
            access.from = [access.from, from].into_iter().flatten().min();
            let (name, relation) = (row.get(proxy_name), row.get(proxy_relation));
            if !name.is_empty() || !relation.is_empty() {
                // The file does not say what the proxy's own login shows.
                let proxy =
                    Proxy { name: name.to_owned(), relation: relation.to_owned(), access: AccessLevel::default() };
                if !access.proxies.contains(&proxy) {
                    access.proxies.push(proxy);
                }
            }
            Ok(())
        },
    )?;
    Ok(Online { known: online, used: HashSet::new() })
}
