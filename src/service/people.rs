//! What is known of all patients together: how many carry the code for enhanced review, and who comes of age. Derived
//! from their rows at every start.

use std::collections::{HashMap, HashSet};

use chrono::{Days, Months, NaiveDate};

use crate::record::{Flag, Patient, PatientId};

/// Above this share of the patients, in per cent, the code for enhanced review says nothing: some practices have coded
/// everybody.
const COMMON: usize = 5;
/// In a practice of fewer patients than this no share says anything.
const FEW: usize = 200;
/// How many days ahead birthdays are looked for at which who may read a record changes by itself.
const COMING: u64 = 90;

/// All patients.
#[derive(Debug, Default)]
pub struct People {
    born: HashMap<PatientId, Option<NaiveDate>>,
    /// Patients for whom enhanced review is indicated.
    enhanced: HashSet<PatientId>,
}

impl People {
    /// Takes in a patient's row.
    pub fn settle(&mut self, patient: &Patient) {
        self.born.insert(patient.id, patient.born);
        match patient.flags.contains(&Flag::EnhancedReview) {
            true => self.enhanced.insert(patient.id),
            false => self.enhanced.remove(&patient.id),
        };
    }

    /// Whether so many patients are coded for enhanced review that it says nothing of any of them.
    pub fn enhanced_review_is_common(&self) -> bool {
        self.born.len() >= FEW && self.enhanced.len() * 100 > self.born.len() * COMMON
    }

    /// How many patients there are.
    pub fn count(&self) -> usize {
        self.born.len()
    }

    /// Patients who turn 11 or 16 within the next 90 days: at 11 a parent's access ends by itself, at 16 the
    /// patient's own begins.
    pub fn coming_of_age(&self, today: NaiveDate) -> impl Iterator<Item = PatientId> {
        let until = today + Days::new(COMING);
        let comes = move |born: NaiveDate| {
            [11, 16].into_iter().any(|age| {
                let birthday = born.checked_add_months(Months::new(12 * age));
                birthday.is_some_and(|birthday| birthday > today && birthday <= until)
            })
        };
        self.born.iter().filter(move |(_, born)| born.is_some_and(comes)).map(|(patient, _)| *patient)
    }
}
