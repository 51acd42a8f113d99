//! Words of the invented record. Our own; nobody in them exists.

/// Given names.
pub const GIVEN: &[&str] = &[
    "Ada", "Ben", "Cleo", "Dev", "Esi", "Finn", "Gita", "Hugo", "Ines", "Jon", "Kofi", "Lena", "Mo", "Nia", "Omar",
    "Pia", "Quin", "Rosa", "Sam", "Tess", "Uma", "Vik", "Wren", "Yusuf", "Zoe",
];

/// Family names.
pub const FAMILY: &[&str] = &[
    "Ashdown",
    "Brightwell",
    "Calloway",
    "Dunmore",
    "Eastbrook",
    "Farleigh",
    "Greenhill",
    "Hartwood",
    "Inglefield",
    "Jarrow",
    "Kestrel",
    "Lockridge",
    "Marlowe",
    "Northgate",
    "Oakhurst",
    "Penrose",
    "Quillan",
    "Ravenscar",
    "Southwell",
    "Thornbury",
    "Underhill",
    "Vexford",
    "Westlake",
    "Yarrow",
];

/// Staff: title, given name, family name.
pub const STAFF: &[(&str, &str, &str)] = &[
    ("Dr", "Alma", "Reed"),
    ("Dr", "Basil", "Stone"),
    ("Dr", "Cora", "Finch"),
    ("Nurse", "Dora", "Wells"),
    ("Ms", "Ezra", "Lamb"),
    ("Mr", "Flora", "Banks"),
];

/// Headings of consultations.
pub const TITLES: &[&str] =
    &["GP Surgery", "Telephone consultation", "Nurse clinic", "Home visit", "Administration", "Online consultation"];

/// A code's term, its SNOMED CT concept and its Read code.
pub const CODES: &[(&str, &str, &str)] = &[
    ("Anxiety", "48694002", "E200."),
    ("Asthma", "195967001", "H33.."),
    ("Backache", "161891005", "16C2."),
    ("Blood pressure reading", "163020007", "246.."),
    ("Body weight", "27113001", "22A.."),
    ("Cough", "49727002", "171.."),
    ("Diabetes mellitus type 2", "44054006", "C10F."),
    ("Eczema", "43116000", "M111."),
    ("Had a chat to patient", "", "8CB.."),
    ("Headache", "25064002", "1B1G."),
    ("Influenza vaccination", "86198006", "65E.."),
    ("Knee pain", "30989003", "1M10."),
    ("Patient reviewed", "", "6A..."),
    ("Sore throat", "162397003", "1C9.."),
];

/// Ordinary sentences.
pub const NOTES: &[&str] = &[
    "Feels well in himself, no new concerns today.",
    "Knee much better since the exercises.",
    "Cough for three days, chest clear, no fever.",
    "Repeat bloods in three months.",
    "Advised fluids and rest, will ring if worse.",
    "Blood pressure within target, continue as now.",
    "Discussed results, happy with the plan.",
    "Ear syringed, drum intact afterwards.",
    "Inhaler technique checked and corrected.",
    "Weight down two kilos since last visit, pleased.",
    "Rash settling with the cream.",
    "Flu jab given in the left arm, no reaction.",
    "Back at work on light duties from Monday.",
    "Wound clean and dry, sutures out next week.",
    "Sleep poor with the hot weather.",
    "Foot check done, pulses present.",
    "Would like to stop smoking, given leaflet.",
    "Travel vaccines discussed, trip in June.",
    "Hay fever again, usual tablets help.",
    "Appetite good, bowels regular.",
    "Form for the gym signed.",
    "Physio appointment arranged for the shoulder.",
    "Asked about the vitamin tablets, dose explained.",
    "Migraine less often since the new tablets.",
];

/// Measured values.
pub const VALUES: &[&str] = &["7.2", "128", "74.5", "41", "5.6", "98"];

/// Disclosures: what kind, and the words.
pub const DISCLOSURES: &[(&str, &str)] = &[
    ("domestic_abuse", "Says her partner hits her when he has been drinking, asked that he must not find out."),
    ("domestic_abuse", "Husband takes her phone and checks every message, she is afraid of him."),
    ("domestic_abuse", "Ex-partner follows her to work and has threatened to kill her. Referred to MARAC."),
    ("child_safeguarding", "Bruises of different ages on both arms, child frightened of going home."),
    ("child_safeguarding", "School worried about neglect, referral made to social services, child protection plan."),
    ("sexual_violence", "Disclosed that she was raped by her former boyfriend last summer."),
    ("adult_safeguarding", "Grandson takes her pension money and shouts at her, safeguarding adults referral made."),
    (
        "third_party_disclosure",
        "Neighbour rang in confidence, hears him screaming at her at night, asked not to be named.",
    ),
    (
        "honour_fgm_forced_marriage",
        "Fears that her family will make her marry abroad against her will, forced marriage.",
    ),
    (
        "exploitation_trafficking_radicalisation",
        "Works without pay, passport kept by the gangmaster, possible trafficking.",
    ),
    ("perpetrator", "Told us that he has hit his wife and is on a perpetrator programme."),
];
