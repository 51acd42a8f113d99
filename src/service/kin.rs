//! Who is what to whom: proxies that are patients of the practice themselves, and relations that the source declares.
//!
//! A source names a proxy or a relative and does not say which patient that is. A name that one patient alone bears is taken
//! to be theirs; that only proposes where to look, and never shows or hides anything by itself.

use std::collections::{BTreeSet, HashMap};

use crate::record::{NhsNumber, Patient, PatientId, Relative};

/// Names, folded, who bears them, and who names them as proxies or relatives; and relations to somebody in particular.
#[derive(Debug, Default)]
pub struct Kin {
    bearers: HashMap<String, BTreeSet<PatientId>>,
    named_by: HashMap<String, BTreeSet<PatientId>>,
    declared: HashMap<PatientId, BTreeSet<Relative>>,
    declared_by: HashMap<Relative, BTreeSet<PatientId>>,
    number: HashMap<PatientId, NhsNumber>,
    of_number: HashMap<NhsNumber, BTreeSet<PatientId>>,
    names: HashMap<PatientId, Names>,
}

#[derive(Debug, Default, PartialEq)]
struct Names {
    own: String,
    others: Vec<String>,
}

impl Kin {
    /// Takes over what a patient's row says.
    pub fn settle(&mut self, patient: &Patient) {
        let id = patient.id;
        self.declare(patient);
        self.number(patient);
        let names = Names {
            own: folded(&format!("{} {}", patient.given_name, patient.family_name)),
            others: named(patient).map(folded).filter(|name| !name.is_empty()).collect(),
        };
        if self.names.get(&id) == Some(&names) {
            return;
        }
        if let Some(old) = self.names.remove(&id) {
            let forget = |map: &mut HashMap<String, BTreeSet<PatientId>>, name: &String| {
                if let Some(people) = map.get_mut(name) {
                    people.remove(&id);
                }
            };
            forget(&mut self.bearers, &old.own);
            old.others.iter().for_each(|name| forget(&mut self.named_by, name));
        }
        if !names.own.is_empty() {
            self.bearers.entry(names.own.clone()).or_default().insert(id);
        }
        for name in &names.others {
            self.named_by.entry(name.clone()).or_default().insert(id);
        }
        self.names.insert(id, names);
    }

    fn declare(&mut self, patient: &Patient) {
        let related = patient.related.iter().map(|relation| &relation.to);
        let now: BTreeSet<Relative> = related.filter(|to| !matches!(to, Relative::Named(_))).cloned().collect();
        let before = match now.is_empty() {
            true => self.declared.remove(&patient.id),
            false => self.declared.insert(patient.id, now.clone()),
        };
        for ended in before.unwrap_or_default().difference(&now) {
            if let Some(by) = self.declared_by.get_mut(ended) {
                by.remove(&patient.id);
            }
        }
        for other in now {
            self.declared_by.entry(other).or_default().insert(patient.id);
        }
    }

    fn number(&mut self, patient: &Patient) {
        let (id, now) = (patient.id, &patient.nhs_number);
        if self.number.get(&id) == now.as_ref() {
            return;
        }
        let before = match now {
            Some(now) => self.number.insert(id, now.clone()),
            None => self.number.remove(&id),
        };
        if let Some(bearers) = before.and_then(|before| self.of_number.get_mut(&before)) {
            bearers.remove(&id);
        }
        if let Some(now) = now {
            self.of_number.entry(now.clone()).or_default().insert(id);
        }
    }

    /// Those with whom a relation is declared, by either of the two.
    pub fn declared(&self, patient: PatientId) -> BTreeSet<PatientId> {
        let mut kin = BTreeSet::new();
        for to in self.declared.get(&patient).into_iter().flatten() {
            match to {
                Relative::Patient(other) => drop(kin.insert(*other)),
                Relative::Number(number) => kin.extend(self.of_number.get(number).into_iter().flatten()),
                Relative::Named(_) => {}
            }
        }
        let number = self.number.get(&patient).cloned().map(Relative::Number);
        for own in [Some(Relative::Patient(patient)), number].into_iter().flatten() {
            kin.extend(self.declared_by.get(&own).into_iter().flatten());
        }
        kin.remove(&patient);
        kin
    }

    /// Those whom a patient's row names, as readers of the record or as relatives, and those whose rows name the patient.
    pub fn of(&self, patient: PatientId) -> Vec<PatientId> {
        let Some(names) = self.names.get(&patient) else { return Vec::new() };
        let mut kin: Vec<PatientId> = names.others.iter().filter_map(|name| self.only(name)).collect();
        if self.only(&names.own) == Some(patient) {
            kin.extend(self.named_by.get(&names.own).into_iter().flatten());
        }
        kin
    }

    /// The one patient of that name.
    fn only(&self, name: &str) -> Option<PatientId> {
        let bearers = self.bearers.get(name)?;
        bearers.first().copied().filter(|_| bearers.len() == 1)
    }
}

/// Everybody whom a patient's row names.
fn named(patient: &Patient) -> impl Iterator<Item = &str> {
    let proxies = patient.proxies.iter().map(|proxy| proxy.name.as_str());
    let declared = patient.related.iter().filter_map(|relation| match &relation.to {
        Relative::Named(name) => Some(name.as_str()),
        Relative::Number(_) | Relative::Patient(_) => None,
    });
    proxies.chain(patient.relatives.iter().map(String::as_str)).chain(declared)
}

/// A name without title, case and order: `Mrs Jane Doe` and `DOE Jane` are one.
fn folded(name: &str) -> String {
    const TITLES: [&str; 7] = ["mr", "mrs", "ms", "miss", "mx", "dr", "prof"];
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '’'));
    let mut words: Vec<&str> = words.filter(|word| !word.is_empty() && !TITLES.contains(word)).collect();
    words.sort_unstable();
    words.join(" ")
}
