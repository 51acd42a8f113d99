//! Tables of every kind: read, or named where nothing reads them.

use crate::kit::*;

const COMMON: &str = "RowIdentifier,IDOrganisationVisibleTo,DateEventRecorded,DateEvent,IDEvent,IDPatient,RemovedData";

/// A row with what all tables of records have, and what is given besides.
fn of(columns: &str, id: &str, besides: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("RowIdentifier", id),
        ("IDOrganisationVisibleTo", ORGANISATION),
        ("DateEventRecorded", "28 Feb 2026 09:30:00"),
        ("DateEvent", "28 Feb 2026 09:20:00"),
        ("IDPatient", "1"),
    ];
    fields.extend_from_slice(besides);
    row(columns, &fields)
}

#[test]
fn a_table_that_nothing_reads_is_named_with_the_number_of_its_rows() {
    let columns = "RowIdentifier,IDOrganisationVisibleTo,IDPatient,Detail";
    let detail =
        |id: &str, detail: &str| row(columns, &[("RowIdentifier", id), ("IDPatient", "1"), ("Detail", detail)]);
    let read = Batch::quiet()
        .with(
            "SRSafeguardingIncidentDetails",
            table(columns, &[detail("1", "two\r\nlines, \"quoted\""), detail("2", "x")]),
        )
        .with("SRSomethingElse", table(columns, &[detail("1", "x")]))
        // Nothing of patients is in these.
        .with("SREmptyOfRows", table(columns, &[]))
        .with("SRRoomBooking", table("RowIdentifier,Room", &["\"1\",\"Two\"".to_owned()]))
        .with("SREventLink", table(COMMON, &[of(COMMON, "1", &[])]))
        .read();
    assert_eq!(
        read.notices(),
        [
            "Not screened, because nothing here reads them: SRSafeguardingIncidentDetails (2 rows), SRSomethingElse (1 row); look \
          at them in SystmOne."
        ]
    );
    assert!(read.parts().is_empty());
}
